namespace Fairlead;

/// <summary>What forwards have to hold to, alone and together. Pure: nothing is bound or looked up.</summary>
public static class ForwardRules
{
    /// <summary>Checks forwards that are to run in one process.</summary>
    /// <returns>Every error, in the order of the forwards, each naming its forward and the remedy; empty if there is none.</returns>
    public static IReadOnlyList<string> Check(IReadOnlyList<ForwardConfig> forwards)
    {
        return [.. Find(forwards).Select(fault => $"forward {Describe(forwards[fault.Forward])}: {fault.Message}")];
    }

    /// <summary>Every fault: each forward's own, in their order, and then what two cannot share.</summary>
    /// <param name="forwards">The forwards.</param>
    /// <param name="hub">The hub that listens beside them; null: none.</param>
    internal static IReadOnlyList<Fault> Find(IReadOnlyList<ForwardConfig> forwards, HubConfig? hub = null)
    {
        var faults = new List<Fault>();
        var bound = new List<(int, ForwardConfig)>();
        var names = new Dictionary<string, int>();
        for (var number = 0; number < forwards.Count; number++)
        {
            var forward = forwards[number];
            var hasListens = true;
            foreach (var fault in Faults(forward))
            {
                faults.Add(fault with { Forward = number, Other = fault.Other is { } other ? other with { Forward = number } : null });
                hasListens &= !fault.Key.StartsWith("listen", StringComparison.Ordinal);
            }
            if (forward.Name is { } name && !names.TryAdd(name, number))
            {
                faults.Add(new Fault("name", "another forward has this name; give each its own")
                {
                    Forward = number,
                    Other = new Contradiction(names[name], "name", other => $"the name '{Printable.Escape(name)}' is given twice, here and at {other}; give each forward its own"),
                });
            }
            if (hub is not null && forward.Name is HubForwards.Connections or HubForwards.Channels)
                faults.Add(new Fault("name", $"the name '{forward.Name}' is the hub's; give the forward another") { Forward = number });
            // Faulty listens are left out, so that one slip is not reported twice.
            if (hasListens)
                bound.Add((number, forward));
        }
        faults.AddRange(ListenOverlap.Find(bound, hub, Describe));
        faults.AddRange(AtRules.Find(forwards));
        return faults;
    }

    /// <summary>What is wrong with one forward by itself.</summary>
    internal static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        return EndpointRules.Faults(forward).Concat(ProtocolRules.Faults(forward)).Concat(UpstreamRules.Faults(forward)).Concat(DynamicRules.Faults(forward)).Concat(ViaRules.Faults(forward)).Concat(AtRules.Faults(forward)).Concat(TlsFaults(forward)).Concat(FtpRules.Faults(forward)).Concat(ClientRules.Faults(forward)).Concat(BoundRules.Faults(forward));
    }

    private static IEnumerable<Fault> TlsFaults(ForwardConfig forward)
    {
        var own = forward.Tls is null ? [] : TlsRules.Faults(forward.Tls);
        if (forward.Tls is not null && forward.Protocols.HasFlag(PortProtocols.Udp))
            own = own.Append(new Fault("tls", "tls is for TCP, and UDP is listened on for too; leave it out, or make two forwards of it"));
        foreach (var (key, upstream) in UpstreamsOf(forward))
        {
            if (upstream.Tls is not null && forward.Protocols.HasFlag(PortProtocols.Udp) && upstream.Address is PortEndpoint && upstream.Takes(PortProtocols.Udp))
                own = own.Append(new Fault($"{key}.tls", "tls is for TCP, and the upstream takes UDP too; write /tcp behind its port, or leave tls out"));
        }
        return own.Concat(UpstreamsOf(forward).Where(pair => pair.Upstream.Tls is not null).SelectMany(pair => TlsRules.Faults(pair.Upstream.Tls!, pair.Upstream.Address, $"{pair.Key}.tls")));
    }

    /// <summary>How a forward is called: by its name, else by where it listens and goes.</summary>
    internal static string Describe(ForwardConfig forward)
    {
        if (forward.Name is { } name)
            return $"'{Printable.Escape(name)}'";
        var listen = forward.Listen.Count == 0 ? "" : $"{Printable.Escape(forward.Listen[0].ToString()!)} {(forward.At is { } at ? $"at {Printable.Escape(at)} " : "")}";
        return $"{listen}to {Printable.Escape(forward.Destination)}";
    }

    /// <summary>All upstreams of a forward with the paths of their keys: those of its routes, then the others.</summary>
    internal static IEnumerable<(string Key, UpstreamConfig Upstream)> UpstreamsOf(ForwardConfig forward) => PoolsOf(forward).SelectMany(pool => pool.Upstreams.Select((upstream, i) => ($"{pool.Key}[{i}]", upstream)));

    /// <summary>The upstreams among which a client's is chosen, with the paths of their keys.</summary>
    internal static IEnumerable<(string Key, ValueList<UpstreamConfig> Upstreams)> PoolsOf(ForwardConfig forward)
    {
        for (var i = 0; i < forward.Routes.Count; i++)
            yield return ($"routes[{i}].to", forward.Routes[i].To);
        if (forward.To.Count > 0)
            yield return ("to", forward.To);
    }

    /// <summary>Each pool with the way that its upstreams are dialled.</summary>
    internal static IEnumerable<PoolWay> WaysOf(ForwardConfig forward)
    {
        for (var i = 0; i < forward.Routes.Count; i++)
        {
            var route = forward.Routes[i];
            var (tunnel, via) = forward.WayOf(route);
            yield return new PoolWay($"routes[{i}].to", route is { Via: null, Tunnel: null } ? "via" : $"routes[{i}].via", route.To, tunnel, via);
        }
        if (forward.To.Count > 0)
            yield return new PoolWay("to", "via", forward.To, forward.Tunnel, forward.Via);
    }
}

/// <summary>Upstreams and by whom they are dialled.</summary>
/// <param name="Key">Where the upstreams are written, as a path.</param>
/// <param name="ViaKey">Where the way is written, as a path.</param>
/// <param name="Upstreams">The upstreams.</param>
/// <param name="Tunnel">The tunnel whose far end dials; null: this machine.</param>
/// <param name="Via">The proxies behind it, the nearest first.</param>
internal sealed record PoolWay(string Key, string ViaKey, ValueList<UpstreamConfig> Upstreams, string? Tunnel, ValueList<ProxyUrl> Via);
