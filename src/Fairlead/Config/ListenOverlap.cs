using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>Finds listens that take the same port of the same address, before the system refuses the second of them with less to say.</summary>
internal static class ListenOverlap
{
    private const int MostPairs = 100_000;

    /// <param name="Order">By order of writing.</param>
    /// <param name="Number">Which forward it is a listen of; <see cref="Fault.OfFile"/> for the hub.</param>
    /// <param name="Key">Where it is written.</param>
    /// <param name="Forward">That forward; null for the hub.</param>
    /// <param name="Endpoint">As it is written.</param>
    private sealed record Listen(int Order, int Number, string Key, ForwardConfig? Forward, Endpoint Endpoint);

    /// <returns>One fault for each listen that an earlier one, by order of writing and the hub's last, leaves no room.</returns>
    public static IEnumerable<Fault> Find(IEnumerable<(int Number, ForwardConfig Forward)> forwards, HubConfig? hub, Func<ForwardConfig, string> describe)
    {
        var listens = forwards.SelectMany(pair => pair.Forward.LocalListens.Select((endpoint, index) => (pair.Number, Key: $"listen[{index}]", Forward: (ForwardConfig?)pair.Forward, Endpoint: endpoint)))
            .Concat((hub?.Listen ?? []).Select((endpoint, index) => (Number: Fault.OfFile, Key: $"hub.listen[{index}]", Forward: (ForwardConfig?)null, Endpoint: endpoint)))
            .Select((listen, order) => new Listen(order, listen.Number, listen.Key, listen.Forward, listen.Endpoint)).ToList();

        var earlier = new Dictionary<int, Listen>();
        foreach (var (one, other) in PortPairs(listens).Concat(UnixPairs(listens)))
        {
            var (first, second) = one.Order < other.Order ? (one, other) : (other, one);
            if (!earlier.TryGetValue(second.Order, out var known) || first.Order < known.Order)
                earlier[second.Order] = first;
        }
        return earlier.OrderBy(pair => pair.Key).Select(pair => FaultOf(listens[pair.Key], pair.Value, describe));
    }

    /// <summary>
    /// Goes over the listens by their first port, and compares each with those only whose ports go on and whose host could be the same: ten thousand that do not meet
    /// cost no square.
    /// </summary>
    private static IEnumerable<(Listen, Listen)> PortPairs(List<Listen> listens)
    {
        // What a host is kept under, and what it is looked for under: see Hosts.
        var open = new Dictionary<string, List<(Listen Listen, PortEndpoint Endpoint)>>();
        var known = new HashSet<PortEndpoint>();
        var pairs = 0;
        foreach (var listen in listens.Where(listen => listen.Endpoint is PortEndpoint { Ports.First: > 0 }).OrderBy(listen => ((PortEndpoint)listen.Endpoint).Ports.First))
        {
            var one = (PortEndpoint)listen.Endpoint;
            var (kept, looked) = Hosts(one.Host);
            foreach (var others in looked.Select(host => open.GetValueOrDefault(host)).OfType<List<(Listen Listen, PortEndpoint Endpoint)>>())
            {
                others.RemoveAll(other => other.Endpoint.Ports.Last < one.Ports.First);
                foreach (var (other, endpoint) in others)
                {
                    if ((one.Protocols & endpoint.Protocols) == 0)
                        continue;
                    yield return (listen, other);
                    // Nobody reads more; and each is told once only, with the first that it meets.
                    if (++pairs >= MostPairs)
                        yield break;
                }
            }
            // The same once more meets what this one meets, so the first stands for all.
            if (!known.Add(one))
                continue;
            foreach (var host in kept)
            {
                if (!open.TryGetValue(host, out var others))
                    open.Add(host, others = []);
                others.Add((listen, one));
            }
        }
    }

    /// <summary>The words under which a host is kept while its ports go on, and those under which the hosts that it meets are kept.</summary>
    private static (IEnumerable<string> Kept, IEnumerable<string> Looked) Hosts(string host)
    {
        const string All = "all", Every = "every", All4 = "all IPv4", Every4 = "every IPv4";
        if (IsEvery(host))
            return ([All, Every], [All]);
        // What a name means shows when it is looked up; until then only the same name is known to mean the same.
        if (Addresses(host) is not { } addresses)
            return ([All, $"name {Name(host)}"], [Every, $"name {Name(host)}"]);
        if (addresses.Contains(IPAddress.Any))
            return ([All, All4, Every4], [Every, All4]);
        var words = addresses.Select(address => $"address {address}").ToList();
        return addresses.Any(address => address.AddressFamily == AddressFamily.InterNetwork)
            ? ([All, All4, .. words], [Every, Every4, .. words])
            : ([All, .. words], [Every, .. words]);
    }

    private static string Name(string host) => host.TrimEnd('.').ToLowerInvariant();

    private static IEnumerable<(Listen, Listen)> UnixPairs(List<Listen> listens)
    {
        foreach (var same in listens.Where(listen => listen.Endpoint is UnixEndpoint).GroupBy(listen => Path.GetFullPath(((UnixEndpoint)listen.Endpoint).Path)))
        {
            foreach (var again in same.Skip(1))
                yield return (same.First(), again);
        }
    }

    private static Fault FaultOf(Listen second, Listen first, Func<ForwardConfig, string> describe)
    {
        var (here, there) = (Printable.Escape(second.Endpoint.ToString()!), Printable.Escape(first.Endpoint.ToString()!));
        var owner = first.Forward is not { } forward ? "the hub" : ReferenceEquals(forward, second.Forward) ? "the same forward" : $"forward {describe(forward)}";
        var isUnix = second.Endpoint is UnixEndpoint;
        var remedy = isUnix ? "give one of them another path" : "give one of them another port or address";
        var reasons = isUnix ? [] : Reasons((PortEndpoint)second.Endpoint, (PortEndpoint)first.Endpoint);
        var why = reasons.Count == 0 ? "" : $" ({string.Join("; ", reasons)})";
        return new Fault(second.Key, $"{here} is listened on by {owner} already{(reasons.Count == 0 ? "" : $" as {there}{why}")}; {remedy}")
        {
            Forward = second.Number,
            Other = new Contradiction(first.Number, first.Key,
                other => $"{there} is listened on twice, here and {(reasons.Count == 0 ? "" : $"as {here} ")}at {other}{why}; {remedy}"),
        };
    }

    private static List<string> Reasons(PortEndpoint one, PortEndpoint other)
    {
        var reasons = new List<string>();
        if (one.Ports != other.Ports)
            reasons.Add(Common(one.Ports, other.Ports));
        if (Reach(one.Host, other.Host) is { } reach)
            reasons.Add(reach);
        return reasons;
    }

    private static string Common(PortRange one, PortRange other)
    {
        var common = new PortRange(Math.Max(one.First, other.First), Math.Min(one.Last, other.Last));
        return common.Count == 1 ? $"both have port {common}" : $"both have ports {common}";
    }

    private static string? Reach(string one, string other)
    {
        if (one.Equals(other, StringComparison.OrdinalIgnoreCase))
            return null;
        if (IsEvery(one) || IsEvery(other))
            return "every address includes this one";
        if (IPAddress.TryParse(one, out var address) && address.Equals(IPAddress.Any) || IPAddress.TryParse(other, out address) && address.Equals(IPAddress.Any))
            return "0.0.0.0 is every IPv4 address";
        return IsLocalhost(one) || IsLocalhost(other) ? "localhost is both 127.0.0.1 and ::1" : null;
    }

    /// <summary>Without a host, and with <c>::</c>, whose socket takes IPv4 too.</summary>
    private static bool IsEvery(string host) => host.Length == 0 || (IPAddress.TryParse(host, out var address) && address.Equals(IPAddress.IPv6Any));

    /// <summary>Whether connections to a target's port arrive at a listen, as far as both are written as addresses.</summary>
    public static bool LeadsTo(PortEndpoint target, int port, PortEndpoint listen)
    {
        return port >= listen.Ports.First && port <= listen.Ports.Last && IsLoopbackOrLiteralOf(target.Host, listen.Host);
    }

    // A listen on every address is reached by the loopback's; other addresses of this machine are not known here.
    private static bool IsLoopbackOrLiteralOf(string target, string listen)
    {
        if (Addresses(target) is not { } targets)
            return false;
        return targets.Any(address => IsEvery(listen) || listen == "0.0.0.0"
            ? IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)
            : Addresses(listen)?.Contains(address) == true);
    }

    private static bool IsLocalhost(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase);

    /// <summary>The addresses that a host stands for; null for a name, and for an address with a scope, whose number only this machine knows.</summary>
    private static IPAddress[]? Addresses(string host)
    {
        if (IsLocalhost(host))
            return [IPAddress.Loopback, IPAddress.IPv6Loopback];
        if (host.Contains('%', StringComparison.Ordinal) || !IPAddress.TryParse(host, out var address))
            return null;
        return [address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address];
    }
}
