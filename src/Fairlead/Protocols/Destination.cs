using System.Globalization;
using System.Net;

namespace Fairlead;

/// <summary>Where a client of a proxy wants to go, as he writes it.</summary>
internal static class Destination
{
    /// <summary>
    /// A host and port: an <see cref="IPEndPoint"/> where the host is an address, however it came, so that rules for addresses see it; else a
    /// <see cref="DnsEndPoint"/>.
    /// </summary>
    /// <param name="host">A name, or an address without brackets.</param>
    /// <param name="port">From 0 to 65,535.</param>
    /// <param name="fault">What is wrong with the host, as the end of a sentence that begins with "host"; null if nothing is.</param>
    /// <returns>Null if something is wrong.</returns>
    public static EndPoint? Read(string host, int port, out string? fault)
    {
        fault = host.Length == 0 ? "is empty" : HostText.Fault(host);
        if (fault is not null)
            return null;
        // "127.0.0.1." is a name to nobody but a rule for names.
        var written = host.EndsWith('.') ? host[..^1] : host;
        return (char.IsAsciiDigit(written[^1]) || written.Contains(':', StringComparison.Ordinal)) && IPAddress.TryParse(written, out var address)
            ? Of(address, port)
            : new DnsEndPoint(host, port);
    }

    /// <summary>An address and port; IPv4 in the clothes of IPv6 (<c>::ffff:a.b.c.d</c>) becomes IPv4.</summary>
    public static IPEndPoint Of(IPAddress address, int port) => new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);

    /// <summary>The destination as it is written: <c>host:80</c>, <c>10.0.0.5:80</c>, <c>[2001:db8::1]:80</c>; escaped.</summary>
    public static string ToText(EndPoint destination) => destination is DnsEndPoint name
        ? string.Create(CultureInfo.InvariantCulture, $"{Printable.Escape(name.Host)}:{name.Port}")
        : Printable.Escape(destination.ToString()!);
}
