namespace Fairlead;

/// <summary>What can be dialled through tunnels and proxies, and through which.</summary>
internal static class ViaRules
{
    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        foreach (var way in ForwardRules.WaysOf(forward))
        {
            foreach (var fault in (way.Tunnel is { } tunnel ? TunnelFaults(forward, way, tunnel) : []).Concat(way.Via.Count > 0 ? ProxyFaults(forward, way) : []))
                yield return fault;
        }
        // One that some upstreams are dialled from means nothing for the others.
        if (forward.Source.Count > 0 && ForwardRules.WaysOf(forward).ToList() is { Count: > 0 } ways && ways.TrueForAll(way => way.Tunnel is not null))
            yield return new Fault("source", SourceMessage(ways[0].Tunnel!));
    }

    private static IEnumerable<Fault> TunnelFaults(ForwardConfig forward, PoolWay way, string tunnel)
    {
        if (TunnelRules.ReferenceFault(tunnel) is { } fault)
            yield return new Fault($"{way.ViaKey}[0]", $"via {fault}");
        for (var i = 0; i < way.Upstreams.Count; i++)
        {
            if (way.Upstreams[i].Source.Count > 0)
                yield return new Fault($"{way.Key}[{i}].source", SourceMessage(tunnel));
        }
    }

    private static IEnumerable<Fault> ProxyFaults(ForwardConfig forward, PoolWay way)
    {
        var (key, via, pool) = (way.ViaKey, way.Via, way.Upstreams);
        if (pool.FirstOrDefault(upstream => upstream.Address is UnixEndpoint) is { } unix)
            yield return new Fault(key, $"{Printable.Escape(unix.ToString())} is a socket of {(way.Tunnel is null ? "this machine" : "the far end")}, and no proxy dials it; leave {(way.Tunnel is null ? "via" : "the proxies")} out, or write another target");
        if (forward.Protocols.HasFlag(PortProtocols.Udp) && pool.Any(upstream => upstream.Takes(PortProtocols.Udp)) && via.FirstOrDefault(proxy => !ProxyDialers.CarryDatagrams([proxy])) is { } other)
            yield return new Fault(key, $"{other} does not carry UDP, which is listened on for; write socks5:// or socks5h://, or leave via out");
        // What the far end of a tunnel dials is elsewhere.
        foreach (var listen in way.Tunnel is null ? forward.LocalListens.OfType<PortEndpoint>() : [])
        {
            // Each connection would make another, until no descriptor is left.
            if (ListenOverlap.LeadsTo(new PortEndpoint(via[0].Host, new PortRange(via[0].Port)), via[0].Port, listen))
                yield return new Fault(key, $"leads to itself: the proxy {via[0]} is reached by listen {Printable.Escape(listen.ToString())}; write another proxy");
        }
    }

    private static string SourceMessage(string tunnel) => $"source says which addresses of this machine dials leave from, and the far end of the tunnel {Printable.Escape(tunnel)} dials; leave it out";
}
