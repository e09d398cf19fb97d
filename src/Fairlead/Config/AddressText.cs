using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>How addresses and networks are written where names have no place: <c>10.0.0.0/8</c>, <c>2001:db8::1</c>, <c>10.0.0.1:4000-4999</c>.</summary>
internal static class AddressText
{
    private static readonly IPNetwork[] any = [new(IPAddress.Any, 0), new(IPAddress.IPv6Any, 0)];

    /// <summary>Reads a network, an address (a network of one), or <c>any</c>: both of the whole Internet.</summary>
    /// <exception cref="FormatException">The text is none of these; one with bits behind its prefix is told which network it is in.</exception>
    public static IReadOnlyList<IPNetwork> Networks(string text)
    {
        if (text == "any")
            return any;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var written = slash < 0 ? text : text[..slash];
        var address = Address(written) ?? throw Error(text, "is not a network; write one like 10.0.0.0/8, an address like 2001:db8::1, or any");
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = bits;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > bits))
            throw Error(text, $"has the prefix length '{Printable.Escape(text[(slash + 1)..])}'; write 0 to {bits}, like {Printable.Escape(written)}/{(bits == 32 ? 24 : 64)}");
        // A client that comes as ::ffff:10.0.0.1 is 10.0.0.1 here.
        if (address.IsIPv4MappedToIPv6)
        {
            if (length < 96)
                throw Error(text, "mixes IPv4 and IPv6; write the IPv4 network, like 10.0.0.0/8");
            (address, length) = (address.MapToIPv4(), length - 96);
        }
        var network = new IPNetwork(Masked(address, length), length);
        return network.BaseAddress.Equals(address) ? [network] : throw Error(text, $"has bits set behind its prefix; write {network} for the network, or {address} for the one address");
    }

    /// <summary>A network as it is written.</summary>
    public static string ToText(IPNetwork network)
    {
        return network.PrefixLength == (network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128) ? network.BaseAddress.ToString() : network.ToString();
    }

    /// <summary>Reads an address to dial from, with the ports to leave from if they matter.</summary>
    /// <exception cref="FormatException">The text is not of that form.</exception>
    public static DialSource Source(string text)
    {
        if (Address(text) is { } alone)
            return new DialSource(alone);
        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? text : text[..colon];
        if (host.Length > 2 && host[0] == '[' && host[^1] == ']' && host.Contains(':', StringComparison.Ordinal))
            host = host[1..^1];
        if (Address(host) is not { } address)
            throw Error(text, "is not an address of this machine; write one like 192.0.2.7, 192.0.2.7:4000-4999 or [2001:db8::7]:4000");
        if (colon < 0)
            return new DialSource(address);
        var ports = new EndpointText("source", text).Ports(text[(colon + 1)..], "");
        return ports.First > 0 ? new DialSource(address, ports.First, ports.Last) : throw Error(text, "has port 0; leave the port out for one that the system chooses");
    }

    /// <summary>Reads an address; IPv4 in the clothes of IPv6 becomes IPv4.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    public static IPAddress One(string text)
    {
        var address = Address(text) ?? throw Error(text, "is not an address; write one like 203.0.113.7 or 2001:db8::7");
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    private static IPAddress? Address(string text)
    {
        // Only four plain numbers are IPv4: the system's reader takes 10.1 and 010.0.0.1 too.
        var isNumber = text.Length > 0 && HostText.Fault(text) is null && !text.Contains('%', StringComparison.Ordinal);
        return isNumber && IPAddress.TryParse(text, out var address) && (address.AddressFamily == AddressFamily.InterNetworkV6 || char.IsAsciiDigit(text[^1])) ? address : null;
    }

    private static IPAddress Masked(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var kept = Math.Clamp(length - 8 * i, 0, 8);
            bytes[i] &= (byte)(0xFF << (8 - kept));
        }
        return new IPAddress(bytes);
    }

    private static FormatException Error(string text, string complaint) => new($"'{Printable.Escape(text)}' {complaint}");
}
