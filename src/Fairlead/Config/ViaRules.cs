namespace Fairlead;

/// <summary>What can be dialled through proxies, and through which.</summary>
internal static class ViaRules
{
    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        foreach (var (key, via, pool) in Ways(forward))
        {
            if (via.Count == 0)
                continue;
            foreach (var fault in WayFaults(forward, key, via, pool))
                yield return fault;
        }
    }

    // The proxies of each pool, and where they are written.
    private static IEnumerable<(string Key, ValueList<ProxyUrl> Via, ValueList<UpstreamConfig> Pool)> Ways(ForwardConfig forward)
    {
        for (var i = 0; i < forward.Routes.Count; i++)
            yield return (forward.Routes[i].Via is null ? "via" : $"routes[{i}].via", forward.Routes[i].Via ?? forward.Via, forward.Routes[i].To);
        if (forward.To.Count > 0)
            yield return ("via", forward.Via, forward.To);
    }

    private static IEnumerable<Fault> WayFaults(ForwardConfig forward, string key, ValueList<ProxyUrl> via, ValueList<UpstreamConfig> pool)
    {
        if (pool.FirstOrDefault(upstream => upstream.Address is UnixEndpoint) is { } unix)
            yield return new Fault(key, $"{Printable.Escape(unix.ToString())} is a socket of this machine, and no proxy dials it; leave via out, or write another target");
        if (forward.Protocols.HasFlag(PortProtocols.Udp) && pool.Any(upstream => upstream.Takes(PortProtocols.Udp)) && via.FirstOrDefault(proxy => !ProxyDialers.CarryDatagrams([proxy])) is { } other)
            yield return new Fault(key, $"{other} does not carry UDP, which is listened on for; write socks5:// or socks5h://, or leave via out");
        foreach (var listen in forward.Listen.OfType<PortEndpoint>())
        {
            // Each connection would make another, until no descriptor is left.
            if (ListenOverlap.LeadsTo(new PortEndpoint(via[0].Host, new PortRange(via[0].Port)), via[0].Port, listen))
                yield return new Fault(key, $"leads to itself: the proxy {via[0]} is reached by listen {Printable.Escape(listen.ToString())}; write another proxy");
        }
    }
}
