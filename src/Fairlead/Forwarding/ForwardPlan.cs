using Fairlead.Net;

namespace Fairlead;

/// <summary>How a forward deals with clients: what its configuration comes to, made once. Immutable; a reload makes another.</summary>
internal sealed class ForwardPlan
{
    private readonly AccessList? access;
    private readonly RouteTable streams, datagrams;

    public ForwardPlan(ForwardConfig config, INetwork network, Func<UpstreamConfig, int, PortProtocols, Upstream> upstreamAt)
    {
        Config = config;
        Network = network;
        if (config.Deny.Count > 0 || config.Allow is not null)
            access = new AccessList(config.Deny, config.Allow);
        streams = new RouteTable(config, PortProtocols.Tcp, upstreamAt);
        datagrams = new RouteTable(config, PortProtocols.Udp, upstreamAt);
        Upstreams = [.. streams.Upstreams.Concat(datagrams.Upstreams).Distinct()];
    }

    public ForwardConfig Config { get; }

    public INetwork Network { get; }

    /// <summary>All its upstreams, those of routes first.</summary>
    public IReadOnlyList<Upstream> Upstreams { get; }

    public bool LimitsSources => Config.Limits.ConnectionsPerSource is not null || Config.Limits.ConnectionsPerPrefix is not null;

    /// <summary>Whether a client is let in by <c>deny</c> and <c>allow</c>.</summary>
    public bool Allows(AddressKey? client) => access is null || access.Allows(client);

    /// <summary>The upstreams of a client's connection: of the first route that takes it, else of <c>to</c>; null where nothing does.</summary>
    public PoolSet? Route(AddressKey? client) => streams.Find(client);

    /// <summary>The upstreams of a client's datagrams, likewise.</summary>
    public PoolSet? RouteDatagrams(AddressKey client) => datagrams.Find(client);
}

/// <summary>Where the clients of a forward go by one protocol.</summary>
internal sealed class RouteTable
{
    private readonly AddressTable<PoolSet>? routes;
    private readonly PoolSet? everybodyElse;

    public RouteTable(ForwardConfig config, PortProtocols protocol, Func<UpstreamConfig, int, PortProtocols, Upstream> upstreamAt)
    {
        var upstreams = new List<Upstream>();
        var routed = new List<(System.Net.IPNetwork, PoolSet)>();
        foreach (var route in config.Routes)
        {
            if (PoolOf(route.To) is not { } pools)
                continue;
            foreach (var network in route.From)
                routed.Add((network, pools));
        }
        if (routed.Count > 0)
            routes = new AddressTable<PoolSet>(routed);
        everybodyElse = PoolOf(config.To);
        Upstreams = upstreams;

        PoolSet? PoolOf(IReadOnlyList<UpstreamConfig> targets)
        {
            if (!config.Protocols.HasFlag(protocol))
                return null;
            var own = targets.Where(target => target.Takes(protocol)).ToList();
            return own.Count == 0 ? null : PoolSet.Of(own, config.Balance, Make);
        }

        Upstream Make(UpstreamConfig target, int offset)
        {
            var upstream = upstreamAt(target, offset, protocol);
            upstreams.Add(upstream);
            return upstream;
        }
    }

    /// <summary>All of them, those of routes first.</summary>
    public IReadOnlyList<Upstream> Upstreams { get; }

    /// <summary>The pools of a client; null where nothing takes it.</summary>
    public PoolSet? Find(AddressKey? client)
    {
        return routes is not null && client is { } address && routes.TryFind(address, out var pools) ? pools : everybodyElse;
    }
}

/// <summary>The upstreams of a route, a pool for each port of a range, or one for all ports.</summary>
internal sealed class PoolSet(Pool[] pools)
{
    /// <summary>The pool of a listen's port.</summary>
    /// <param name="offset">Which port of its range the listen is, from 0.</param>
    public Pool At(int offset) => pools[Math.Min(offset, pools.Length - 1)];

    public static PoolSet Of(IReadOnlyList<UpstreamConfig> upstreams, BalanceKind balance, Func<UpstreamConfig, int, Upstream> upstreamAt)
    {
        var pools = new Pool[upstreams.Max(upstream => Width(upstream.Address))];
        for (var offset = 0; offset < pools.Length; offset++)
            pools[offset] = new Pool([.. upstreams.Select(upstream => new PoolMember(upstreamAt(upstream, Math.Min(offset, Width(upstream.Address) - 1)), upstream.Weight, upstream.Backup))], balance);
        return new PoolSet(pools);
    }

    /// <summary>How many ports a target has.</summary>
    public static int Width(Endpoint target) => target is PortEndpoint port ? port.Ports.Count : 1;
}
