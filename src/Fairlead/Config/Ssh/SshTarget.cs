using System.Globalization;
using System.Net;

namespace Fairlead;

/// <summary>A server of SSH, as it is written: <c>[USER@]HOST[:PORT]</c>, or the same behind <c>ssh://</c>.</summary>
/// <param name="User">Who logs in there; null: who runs this process.</param>
/// <param name="Host">Its name, or its address without brackets.</param>
/// <param name="Port">Its port, from 1 to 65,535.</param>
public sealed record SshTarget(string? User, string Host, int Port = SshTarget.DefaultPort)
{
    /// <summary>RFC 4253 section 4.1.</summary>
    public const int DefaultPort = 22;

    internal const string Scheme = "ssh://";

    // OpenSSH takes names of this length; a server that logs them has to keep them.
    private const int MostUserCharacters = 255;

    /// <summary>Who logs in there.</summary>
    internal string Login => User ?? Environment.UserName;

    /// <summary>Where it is: an <see cref="IPEndPoint"/>, or a <see cref="DnsEndPoint"/> for a name.</summary>
    internal EndPoint EndPoint => Destination.Read(Host, Port, out _) ?? new DnsEndPoint(Host, Port);

    /// <summary>The server as an URL, in its shortest form: two that say the same are the same.</summary>
    internal string Url => $"{Scheme}{this with { User = User is null ? null : Uri.EscapeDataString(User) }}";

    /// <summary>Reads a server.</summary>
    /// <exception cref="FormatException">The text is not of that form; the message names the part and the remedy.</exception>
    public static SshTarget Parse(string text) => Parse(text, "ssh");

    /// <param name="text">The text.</param>
    /// <param name="kind">What it is for: how errors begin.</param>
    internal static SshTarget Parse(string text, string kind)
    {
        var isUrl = text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);
        var rest = isUrl ? text[Scheme.Length..] : text;
        // The last one: a user may be called by an address of mail.
        var at = rest.LastIndexOf('@');
        var colon = at < 0 ? -1 : rest.IndexOf(':', 0, at);
        var read = new EndpointText(kind, colon < 0 ? text : $"{text[..^rest.Length]}{rest[..colon]}:***{rest[at..]}");
        if (colon >= 0)
            throw read.Error("has a password, which does not belong there; write it as the password of a tunnel, or log in by a key");
        if (isUrl && rest.EndsWith('/'))
            rest = rest[..^1];
        // RFC 3986 section 2.1, for URLs only.
        var user = at < 0 ? null : isUrl ? Uri.UnescapeDataString(rest[..at]) : rest[..at];
        if (user is not null && UserFault(user) is { } fault)
            throw read.Error(fault);
        if (read.Split(rest[(at + 1)..]) is not ({ Count: <= 2 } fields, null))
            throw read.Error("has too many parts; write [USER@]HOST[:PORT], with an IPv6 address in brackets, like alice@[2001:db8::5]:22");
        var host = fields[0] == "*" ? "" : read.Host(fields[0], "");
        if (host.Length == 0)
            throw read.Error("host is missing; write the name or the address of the server, like alice@gw.example.com");
        if (fields.Count == 1)
            return new SshTarget(user, host);
        var ports = read.Ports(fields[1], "");
        if (ports.Count > 1)
            throw read.Error($"has the ports {ports}; a server is connected to at one");
        return ports.First > 0 ? new SshTarget(user, host, ports.First) : throw read.Error("port 0 cannot be connected to; write the port that the server listens on");
    }

    /// <summary>What is wrong with the name of a user, as the end of a sentence; null if nothing is.</summary>
    internal static string? UserFault(string user)
    {
        if (user.Length == 0)
            return "user is missing; write it before the '@', or leave the '@' out";
        if (user.Any(char.IsControl))
            return "user has a control character; no server knows one";
        return user.Length > MostUserCharacters ? string.Create(CultureInfo.InvariantCulture, $"user is {user.Length} characters long; at most {MostUserCharacters} are sent") : null;
    }

    /// <summary>The server as it is written: IPv6 in brackets, the port left out where it is the usual one.</summary>
    public override string ToString()
    {
        var host = Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        return $"{(User is null ? "" : $"{User}@")}{host}{(Port == DefaultPort ? "" : string.Create(CultureInfo.InvariantCulture, $":{Port}"))}";
    }
}
