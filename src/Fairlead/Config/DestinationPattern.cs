using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Destinations that a rule is about: a name, a network or anything, on some ports or all.</summary>
/// <param name="Name">Names; null where it is about addresses, or about anything.</param>
/// <param name="Network">Addresses; null where it is about names, or about anything.</param>
/// <param name="Ports">The ports; null for all.</param>
public sealed record DestinationPattern(NamePattern? Name, IPNetwork? Network, PortRange? Ports)
{
    private const string Remedy = "write a name like *.example.com, a network like 10.0.0.0/8, or any, and ports behind it, like example.com:443 or :25";

    /// <summary>
    /// Reads <c>NAME[:PORTS]</c>, <c>NETWORK[:PORTS]</c>, <c>any[:PORTS]</c> or <c>:PORTS</c>; IPv6 before ports stands in brackets, <c>[2001:db8::/32]:443</c>.
    /// </summary>
    /// <exception cref="FormatException">The text is not of that form; the message names the part and the remedy.</exception>
    public static DestinationPattern Parse(string text)
    {
        var read = new EndpointText("destination", text);
        var (host, ports) = Split(text, read);
        var range = ports is null ? (PortRange?)null : read.Ports(ports, "");
        if (range is { First: 0 })
            throw read.Error("port 0 is none; write a number from 1 to 65535, or leave it out for all ports");
        if (host is "" or "any" or "*")
            return host.Length > 0 || range is not null ? new DestinationPattern(null, null, range) : throw read.Error($"is empty; {Remedy}");
        if (host.Contains('/', StringComparison.Ordinal) || IPAddress.TryParse(host, out _))
            return new DestinationPattern(null, NetworkOf(host, read), range);
        return new DestinationPattern(NamePattern.Parse(host), null, range);
    }

    /// <summary>Whether it is about everything but perhaps ports.</summary>
    internal bool IsAny => Name is null && Network is null;

    internal bool HasPort(int port) => Ports is not { } ports || (port >= ports.First && port <= ports.Last);

    /// <summary>Whether it is about a name; one about anything is.</summary>
    /// <param name="name">In lower case, without a dot at its end.</param>
    /// <param name="port">The port.</param>
    internal bool HoldsName(string name, int port) => HasPort(port) && (IsAny || Name?.Matches(name) == true);

    /// <summary>Whether it is about an address; one about anything is.</summary>
    internal bool HoldsAddress(AddressKey address, int port) => HasPort(port) && (IsAny || (Network is { } network && Holds(network, address)));

    /// <summary>Whether it names an address itself, and not everything.</summary>
    internal bool NamesAddress(AddressKey address, int port) => HasPort(port) && Network is { PrefixLength: > 0 } network && Holds(network, address);

    /// <summary>As it is written.</summary>
    public override string ToString()
    {
        var host = Name?.ToString() ?? (Network is { } network ? AddressText.ToText(network) : Ports is null ? "any" : "");
        return Ports is not { } ports ? host : host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{ports}" : $"{host}:{ports}";
    }

    private static bool Holds(IPNetwork network, AddressKey address)
    {
        var key = AddressKey.Of(network.BaseAddress)!.Value;
        return address.IsIn(key, network.PrefixLength - (key.IsV4 && network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? 96 : 0));
    }

    private static (string Host, string? Ports) Split(string text, EndpointText read)
    {
        if (text.StartsWith('['))
        {
            var end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0)
                throw read.Error("has a '[' without ']'; IPv6 before ports stands in brackets, like [2001:db8::/32]:443");
            var rest = text[(end + 1)..];
            return rest.Length == 0 || rest.StartsWith(':') ? (text[1..end], rest.Length == 0 ? null : rest[1..]) : throw read.Error($"has '{Printable.Escape(rest)}' behind its brackets; {Remedy}");
        }
        var colon = text.LastIndexOf(':');
        return colon < 0 || text.IndexOf(':', StringComparison.Ordinal) != colon ? (text, null) : (text[..colon], text[(colon + 1)..]);
    }

    private static IPNetwork NetworkOf(string text, EndpointText read)
    {
        try
        {
            return AddressText.Networks(text)[0];
        }
        catch (FormatException wrong)
        {
            throw read.Error(wrong.Message);
        }
    }
}
