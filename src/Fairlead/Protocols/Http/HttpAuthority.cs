using System.Globalization;
using System.Net;

namespace Fairlead;

/// <summary>A host and a port as HTTP writes them (RFC 9110 section 4.2.1), without a user.</summary>
/// <param name="Host">A name or an address as it was written, without brackets.</param>
/// <param name="Port">From 1 to 65,535.</param>
/// <param name="EndPoint">The same as a destination: an <see cref="IPEndPoint"/> or a <see cref="DnsEndPoint"/>.</param>
internal sealed record HttpAuthority(string Host, int Port, EndPoint EndPoint)
{
    private const int HttpPort = 80;

    /// <summary>Reads <c>host:port</c>, <c>[address]:port</c> and, where there is a default port, the same without a port.</summary>
    /// <param name="text">The text.</param>
    /// <param name="defaultPort">The port if none is written; 0: one must be.</param>
    /// <param name="fault">What is wrong, as the end of a sentence that begins with who it is; null if nothing is.</param>
    public static HttpAuthority? Read(string text, int defaultPort, out string? fault)
    {
        if (text.Contains('@', StringComparison.Ordinal))
        {
            // RFC 9110 section 4.2.4: a user in front of the host mostly makes it look like another one.
            fault = "has a user in it";
            return null;
        }
        var hostEnd = text.StartsWith('[') ? text.IndexOf(']', StringComparison.Ordinal) + 1
            : text.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0 ? colon
            : text.Length;
        var host = text[..hostEnd];
        var isBracketed = host.StartsWith('[');
        if (isBracketed)
            host = host[1..^1];
        fault = hostEnd == 0 ? "has no host"
            : isBracketed != host.Contains(':', StringComparison.Ordinal) ? "has brackets around what is no IPv6 address"
            : host.Contains('%', StringComparison.Ordinal) ? "has a scope, which means nothing to another machine"
            : null;
        var port = defaultPort;
        if (fault is null && hostEnd < text.Length)
            port = ReadPort(text.AsSpan(hostEnd));
        if (fault is null && port is < 1 or > 65535)
            fault = hostEnd == text.Length ? "has no port" : "has a port that is no number from 1 to 65535";
        if (fault is not null || Destination.Read(host, port, out fault) is not { } endPoint)
        {
            fault = fault!.StartsWith("has ", StringComparison.Ordinal) ? fault : $"is no host: {fault}";
            return null;
        }
        return new HttpAuthority(host, port, endPoint);
    }

    /// <summary>Whether both are the same place, however they are written.</summary>
    public bool IsSameAs(HttpAuthority other) => Port == other.Port
        && ((EndPoint, other.EndPoint) is (IPEndPoint one, IPEndPoint two) ? one.Equals(two) : Host.Equals(other.Host, StringComparison.OrdinalIgnoreCase));

    /// <summary>What stands in <c>Host</c>: without the port that <c>http</c> has by itself.</summary>
    public string ToHostField() => Port == HttpPort ? ToText(Host) : ToString();

    /// <summary><c>host:port</c>, with an IPv6 address in brackets.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{ToText(Host)}:{Port}");

    private static string ToText(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;

    private static int ReadPort(ReadOnlySpan<char> colonAndPort)
    {
        return colonAndPort[0] == ':' && colonAndPort.Length <= 6 && int.TryParse(colonAndPort[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : -1;
    }
}
