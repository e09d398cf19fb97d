using System.Globalization;

namespace Fairlead;

/// <summary>The transport protocols that a port endpoint can name: <c>/tcp</c>, <c>/udp</c>, <c>/tcp+udp</c>.</summary>
[Flags]
public enum PortProtocols
{
    /// <summary>None is written: TCP where it is listened on, and what is listened for where it is sent to.</summary>
    None = 0,

    /// <summary>TCP.</summary>
    Tcp = 1,

    /// <summary>UDP.</summary>
    Udp = 2,
}

/// <summary>
/// Where connections are listened for or sent, as it is written: <c>[HOST]:PORT[-PORT][/tcp|/udp|/tcp+udp]</c> or <c>unix:PATH</c>.
/// </summary>
public abstract record Endpoint
{
    /// <summary>
    /// Reads an endpoint. Whether it can be listened on or sent to is for <see cref="ForwardRules"/> to say: a host may be missing, and port 0 stand alone.
    /// </summary>
    /// <exception cref="FormatException">The text is not of that form; the message names the part and the remedy.</exception>
    public static Endpoint Parse(string text) => Parse(text, "endpoint");

    /// <param name="text">The text.</param>
    /// <param name="kind">What it is for: how errors begin.</param>
    internal static Endpoint Parse(string text, string kind)
    {
        var read = new EndpointText(kind, text);
        if (text.StartsWith(EndpointText.UnixPrefix, StringComparison.Ordinal))
            return read.Unix(text, "");
        switch (read.Split(text))
        {
            case ({ Count: 2 } fields, null):
                var host = read.Host(fields[0], "");
                var (ports, protocols) = read.PortsAndProtocols(fields[1], "");
                return new PortEndpoint(host, ports, protocols);
            case ({ Count: 1 } fields, null) when fields[0].Length > 0 && fields[0].AsSpan().IndexOfAnyExceptInRange('0', '9') < 0:
                throw read.Error($"has no colon; write :{Printable.Escape(fields[0])} for the port on every address, or HOST:PORT");
            case ({ Count: 1 }, null):
                throw read.Error("has no port; write HOST:PORT, like 10.0.0.5:80, or unix:PATH");
            default:
                throw read.Error("has too many parts; write HOST:PORT, with an IPv6 address in brackets, like [::1]:80");
        }
    }
}

/// <summary>A port, or a range of ports, of a host.</summary>
/// <param name="Host">A name, an address without brackets, or empty: every address, IPv4 and IPv6 (listening only). <c>localhost</c> is both loopbacks.</param>
/// <param name="Ports">The ports, both ends included.</param>
/// <param name="Protocols">The transport protocols, as far as they are written.</param>
public sealed record PortEndpoint(string Host, PortRange Ports, PortProtocols Protocols = PortProtocols.None) : Endpoint
{
    /// <summary>The endpoint as a listen is written: IPv6 in brackets, <c>/tcp</c> left out.</summary>
    public override string ToString()
    {
        var host = Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        var suffix = Protocols switch
        {
            PortProtocols.Udp => "/udp",
            PortProtocols.Tcp | PortProtocols.Udp => "/tcp+udp",
            _ => "",
        };
        return $"{host}:{Ports}{suffix}";
    }
}

/// <summary>A Unix stream socket.</summary>
/// <param name="Path">Its path, as written; a relative one is relative to the working directory.</param>
public sealed record UnixEndpoint(string Path) : Endpoint
{
    /// <summary>The endpoint as it is written.</summary>
    public override string ToString() => $"unix:{Path}";
}

/// <summary>Wherever the client says, by SOCKS or HTTP; for <see cref="ForwardConfig.To"/> only.</summary>
public sealed record DynamicEndpoint : Endpoint
{
    /// <summary>How it is written.</summary>
    public const string Word = "dynamic";

    /// <summary><c>dynamic</c>.</summary>
    public override string ToString() => Word;
}

/// <summary>One or more consecutive ports.</summary>
/// <param name="First">The first port, 0 to 65535. Port 0 stands alone: the system chooses (listening only).</param>
/// <param name="Last">The last port, included; not below <paramref name="First"/>.</param>
public readonly record struct PortRange(int First, int Last)
{
    /// <summary>A range of one port.</summary>
    public PortRange(int port)
        : this(port, port)
    {
    }

    /// <summary>How many ports there are.</summary>
    public int Count => Last - First + 1;

    /// <summary><c>80</c> or <c>8000-8010</c>.</summary>
    public override string ToString()
    {
        return First == Last
            ? First.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}");
    }
}
