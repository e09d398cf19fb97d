using System.Globalization;
using System.Net;
using System.Text;

namespace Fairlead;

/// <summary>What a proxy understands.</summary>
public enum ProxyScheme
{
    /// <summary>SOCKS5; names are looked up on this machine, and the proxy is given addresses.</summary>
    Socks5,

    /// <summary>SOCKS5; names are looked up by the proxy.</summary>
    Socks5h,

    /// <summary>SOCKS4A: IPv4, and names that the proxy looks up; no passwords.</summary>
    Socks4a,

    /// <summary>HTTP CONNECT; names are looked up by the proxy.</summary>
    Http,
}

/// <summary>A proxy through which is dialled, as it is written: <c>SCHEME://[USER[:PASSWORD]@]HOST[:PORT]</c>.</summary>
/// <param name="Scheme">What it understands.</param>
/// <param name="Host">Its name, or its address without brackets.</param>
/// <param name="Port">Its port, from 1 to 65,535.</param>
public sealed record ProxyUrl(ProxyScheme Scheme, string Host, int Port)
{
    private const int SocksPort = 1080;

    private const string Choices = "socks5, socks5h, socks4a or http";

    /// <summary>Who logs in there; null: nobody.</summary>
    public string? User { get; init; }

    /// <summary>With which password; null: without.</summary>
    public Secret? Password { get; init; }

    /// <summary>Where it is: an <see cref="IPEndPoint"/>, or a <see cref="DnsEndPoint"/> for a name.</summary>
    internal EndPoint EndPoint => Destination.Read(Host, Port, out _) ?? new DnsEndPoint(Host, Port);

    /// <summary>Reads a proxy. A password <c>env:NAME</c> is taken from the environment, <c>file:PATH</c> from a file.</summary>
    /// <exception cref="FormatException">The text is not of that form; the message names the part and the remedy, and never shows the password.</exception>
    public static ProxyUrl Parse(string text) => Parse(text, "proxy", new ConfigurationFiles(static _ => null).ReadSecret);

    /// <param name="text">The text.</param>
    /// <param name="kind">What it is for: how errors begin.</param>
    /// <param name="readFile">Gives the text of a secret's file, or throws a <see cref="FormatException"/>.</param>
    internal static ProxyUrl Parse(string text, string kind, Func<string, string> readFile)
    {
        var read = new EndpointText(kind, WithoutPassword(text));
        var colon = text.IndexOf("://", StringComparison.Ordinal);
        if (colon < 0)
            throw read.Error($"has no scheme; write {Choices} before it, like socks5://10.0.0.5:1080");
        var scheme = text[..colon].ToLowerInvariant() switch
        {
            "socks5" => ProxyScheme.Socks5,
            "socks5h" => ProxyScheme.Socks5h,
            "socks4a" => ProxyScheme.Socks4a,
            "http" => ProxyScheme.Http,
            "socks4" => throw read.Error("scheme 'socks4' has no names; write socks4a, which a proxy of SOCKS4 takes for addresses too"),
            "ssh" => throw read.Error($"scheme 'ssh' is that of a tunnel, and no proxy's; write {Choices}"),
            var other => throw read.Error($"scheme '{Printable.Escape(other)}' is unknown; write {Choices}"),
        };

        // The last one, so that a password may have '@' and '/' in it as they are.
        var at = text.LastIndexOf('@');
        var (user, password) = at < colon ? (null, null) : Credentials(read, scheme, text[(colon + 3)..at], readFile);
        var (host, port) = HostAndPort(read, scheme, text[(Math.Max(at, colon + 2) + 1)..]);
        return new ProxyUrl(scheme, host, port) { User = user, Password = password };
    }

    /// <summary>The proxy as it is written, <c>***</c> for the password.</summary>
    public override string ToString()
    {
        var login = User is null ? "" : $"{Uri.EscapeDataString(User)}{(Password is null ? "" : ":***")}@";
        var host = Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        return string.Create(CultureInfo.InvariantCulture, $"{Scheme.ToString().ToLowerInvariant()}://{login}{host}:{Port}");
    }

    private static (string? User, Secret? Password) Credentials(EndpointText read, ProxyScheme scheme, string text, Func<string, string> readFile)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var user = Decoded(read, colon < 0 ? text : text[..colon], "user");
        var password = colon < 0 ? null : ReadPassword(read, Decoded(read, text[(colon + 1)..], "password"), readFile);
        if (user.Length == 0)
            throw read.Error("user is missing; write USER:PASSWORD before the '@', or leave it out");
        if (user.Contains('\0', StringComparison.Ordinal))
            throw read.Error("user has a NUL character; no proxy takes one");
        switch (scheme)
        {
            case ProxyScheme.Socks4a when password is not null:
                throw read.Error("has a password, and SOCKS4 knows none; write socks5h, or leave the password out");
            case ProxyScheme.Http when user.Contains(':', StringComparison.Ordinal):
                throw read.Error("user has a ':', which HTTP takes for its end; use another user");
        }
        if (Encoding.UTF8.GetByteCount(user) is var length and > Socks5Login.MostTextBytes)
            throw read.Error($"user is {length} bytes long; at most {Socks5Login.MostTextBytes} can be sent");
        if (scheme != ProxyScheme.Http && password?.Reveal().Length > Socks5Login.MostTextBytes)
            throw read.Error($"password is longer than the {Socks5Login.MostTextBytes} bytes that SOCKS5 can send; use a shorter one");
        return (user, password);
    }

    private static Secret ReadPassword(EndpointText read, string text, Func<string, string> readFile)
    {
        try
        {
            return text.Length == 0 ? new Secret("") : Kinds.ReadSecret(text, readFile);
        }
        catch (FormatException e)
        {
            throw read.Error($"password {e.Message}");
        }
    }

    private static (string Host, int Port) HostAndPort(EndpointText read, ProxyScheme scheme, string text)
    {
        if (text.EndsWith('/'))
            text = text[..^1];
        if (text.AsSpan().IndexOfAny("/?#") is var tail and >= 0)
            throw read.Error($"has '{Printable.Escape(text[tail..])}' behind the host; a proxy has no path");
        if (read.Split(text) is not ({ Count: <= 2 } fields, null))
            throw read.Error("has too many parts; write HOST:PORT, with an IPv6 address in brackets, like socks5://[::1]:1080");
        var host = read.Host(fields[0], "");
        if (host.Length == 0)
            throw read.Error("host is missing; write the proxy's name or address");
        if (fields.Count == 1)
            return scheme == ProxyScheme.Http ? throw read.Error("has no port; write one, like http://10.0.0.5:3128") : (host, SocksPort);
        var ports = read.Ports(fields[1], "");
        if (ports.Count > 1)
            throw read.Error($"has the ports {ports}; a proxy has one");
        return ports.First > 0 ? (host, ports.First) : throw read.Error("port 0 cannot be connected to; write the port that the proxy listens on");
    }

    // RFC 3986 section 2.1.
    private static string Decoded(EndpointText read, string text, string part)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
            return text;
        var bytes = new MemoryStream();
        for (var i = 0; i < text.Length;)
        {
            var plain = text.IndexOf('%', i) is var percent and >= 0 ? percent - i : text.Length - i;
            bytes.Write(Encoding.UTF8.GetBytes(text.Substring(i, plain)));
            i += plain;
            if (i == text.Length)
                break;
            if (i + 2 >= text.Length || !byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
                throw read.Error($"{part} has a '%' that two hexadecimal digits do not follow; write %25 for the character itself");
            bytes.WriteByte(value);
            i += 3;
        }
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.ToArray());
        }
        catch (DecoderFallbackException)
        {
            throw read.Error($"{part} is not UTF-8; write each of its bytes as %XX");
        }
    }

    // For errors, which show the whole text.
    private static string WithoutPassword(string text)
    {
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        var start = scheme < 0 ? 0 : scheme + 3;
        var at = text.LastIndexOf('@');
        var colon = at < start ? -1 : text.IndexOf(':', start, at - start);
        return colon < 0 ? text : $"{text[..(colon + 1)]}***{text[at..]}";
    }
}
