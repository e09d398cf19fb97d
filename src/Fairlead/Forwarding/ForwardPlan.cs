using Fairlead.Net;

namespace Fairlead;

/// <summary>How a forward deals with clients: what its configuration comes to, made once. Immutable; a reload makes another.</summary>
internal sealed class ForwardPlan
{
    private readonly AccessList? access;
    private readonly RouteTable streams, datagrams;

    /// <param name="config">The configuration.</param>
    /// <param name="network">Whose sockets it uses.</param>
    /// <param name="upstreamAt">The upstream of a target: of which port of its range, for which protocol, and dialled through which proxies.</param>
    /// <param name="tls">How its clients are answered inside TLS; null: in the clear.</param>
    /// <param name="dynamic">What sessions do whose clients say where to go; null where the configuration says it.</param>
    public ForwardPlan(ForwardConfig config, INetwork network, UpstreamAt upstreamAt, TlsServer? tls = null, DynamicProxy? dynamic = null)
    {
        Config = config;
        Network = network;
        Tls = tls;
        Dynamic = dynamic;
        if (config.Deny.Count > 0 || config.Allow is not null)
            access = new AccessList(config.Deny, config.Allow);
        if (config.ProxyProtocol.AcceptFrom.Count > 0)
            TellsClients = new AddressTable<bool>(config.ProxyProtocol.AcceptFrom.Select(network => (network, true)));
        streams = new RouteTable(config, PortProtocols.Tcp, upstreamAt);
        datagrams = new RouteTable(config, PortProtocols.Udp, upstreamAt);
        Upstreams = [.. streams.Upstreams.Concat(datagrams.Upstreams).Distinct()];
        TellsUpstreams = streams.Upstreams.Any(upstream => upstream.Header != ProxyHeader.Off);
    }

    public ForwardConfig Config { get; }

    public INetwork Network { get; }

    /// <summary>All its upstreams, those of routes first.</summary>
    public IReadOnlyList<Upstream> Upstreams { get; }

    /// <summary>Who begins with a header that says who the client is; null: nobody.</summary>
    public AddressTable<bool>? TellsClients { get; }

    /// <summary>How clients are answered inside TLS; null: in the clear.</summary>
    public TlsServer? Tls { get; }

    /// <summary>Whether an upstream is told who the client is.</summary>
    public bool TellsUpstreams { get; }

    /// <summary>What sessions do whose clients say where to go; null where the configuration says it.</summary>
    public DynamicProxy? Dynamic { get; }

    /// <summary>The server of SSH that its clients talk to; null: none.</summary>
    public Hub? Hub { get; init; }

    /// <summary>
    /// Says where the next session is lived: where a connection of the tunnel lives that it needs, so that this needs no lock. Null: where its client arrives, on any event loop or on the
    /// thread pool.
    /// </summary>
    public Func<SynchronizationContext>? HomeOf { get; init; }

    /// <summary>What that says; asked once a session.</summary>
    public SynchronizationContext? Home => HomeOf?.Invoke();

    /// <summary>The tunnel at whose far end it listens; null: here.</summary>
    public Tunnel? At { get; init; }

    /// <summary>What sessions do once their client is let in, where that is more than to dial an upstream; null: that.</summary>
    public Errand? Errand => field ??= Hub is { } hub ? hub.RunAsync : Dynamic is { } dynamic ? dynamic.RunAsync : null;

    public bool LimitsSources => Config.Limits.ConnectionsPerSource is not null || Config.Limits.ConnectionsPerPrefix is not null;

    /// <summary>Whether a client is let in by <c>deny</c> and <c>allow</c>.</summary>
    public bool Allows(AddressKey? client) => access is null || access.Allows(client);

    /// <summary>Whether a route that may take a client asks for the name that it wants.</summary>
    public bool AsksForName(AddressKey? client) => streams.AsksForName(client);

    /// <summary>The upstreams of a client's connection: of the first route that takes it, else of <c>to</c>; null where nothing does.</summary>
    /// <param name="client">The client's address; null for one of a Unix socket.</param>
    /// <param name="name">The name that it asks for by TLS; null where it asks for none, or no route asks.</param>
    public PoolSet? Route(AddressKey? client, string? name = null) => streams.Find(client, name);

    /// <summary>The upstreams of a client's datagrams, likewise.</summary>
    public PoolSet? RouteDatagrams(AddressKey client) => datagrams.Find(client, null);
}

/// <summary>The upstream of a target.</summary>
/// <param name="target">The target.</param>
/// <param name="offset">Which port of its range, from 0.</param>
/// <param name="protocol">Connections and datagrams to one port are two upstreams.</param>
/// <param name="tunnel">The tunnel whose far end dials it, or the first proxy; null: this machine.</param>
/// <param name="via">Proxies through which it is dialled.</param>
internal delegate Upstream UpstreamAt(UpstreamConfig target, int offset, PortProtocols protocol, string? tunnel, ValueList<ProxyUrl> via);

/// <summary>Where the clients of a forward go by one protocol.</summary>
internal sealed class RouteTable
{
    // By the client's address alone, all routes are one table; a name makes them a list to be gone through.
    private readonly AddressTable<PoolSet>? routes;
    private readonly List<NamedRoute>? named;
    private readonly PoolSet? everybodyElse;

    public RouteTable(ForwardConfig config, PortProtocols protocol, UpstreamAt upstreamAt)
    {
        var upstreams = new List<Upstream>();
        var routed = new List<(System.Net.IPNetwork, PoolSet)>();
        if (config.Routes.Any(route => route.Sni.Count > 0))
            named = [];
        foreach (var route in config.Routes)
        {
            if (PoolOf(route.To, config.WayOf(route)) is not { } pools)
                continue;
            named?.Add(new NamedRoute(route.From.Count == 0 ? null : new AddressTable<bool>(route.From.Select(network => (network, true))), route.Sni, pools));
            foreach (var network in route.From)
                routed.Add((network, pools));
        }
        if (routed.Count > 0 && named is null)
            routes = new AddressTable<PoolSet>(routed);
        everybodyElse = config.IsDynamic ? null : PoolOf(config.To, config.WayOf(null));
        Upstreams = upstreams;

        PoolSet? PoolOf(IReadOnlyList<UpstreamConfig> targets, (string? Tunnel, ValueList<ProxyUrl> Via) way)
        {
            if (!config.Protocols.HasFlag(protocol))
                return null;
            var own = targets.Where(target => target.Takes(protocol)).ToList();
            return own.Count == 0 ? null : PoolSet.Of(own, config.Balance, (target, offset) => Make(target, offset, way));
        }

        Upstream Make(UpstreamConfig target, int offset, (string? Tunnel, ValueList<ProxyUrl> Via) way)
        {
            var upstream = upstreamAt(target, offset, protocol, way.Tunnel, way.Via);
            upstreams.Add(upstream);
            return upstream;
        }
    }

    /// <summary>All of them, those of routes first.</summary>
    public IReadOnlyList<Upstream> Upstreams { get; }

    /// <summary>Whether, of the routes that may take a client, one that asks for a name comes before one that does not.</summary>
    public bool AsksForName(AddressKey? client) => named is not null && named.Find(route => route.Holds(client)) is { Names.Count: > 0 };

    /// <summary>The pools of a client; null where nothing takes it.</summary>
    public PoolSet? Find(AddressKey? client, string? name)
    {
        if (named is not null)
            return named.Find(route => route.Holds(client) && route.Means(name))?.Pools ?? everybodyElse;
        return routes is not null && client is { } address && routes.TryFind(address, out var pools) ? pools : everybodyElse;
    }

    /// <summary>A route among some that ask for names.</summary>
    /// <param name="From">Whom it is for; null: everybody.</param>
    /// <param name="Names">The names; empty: any or none.</param>
    /// <param name="Pools">Where they go.</param>
    private sealed record NamedRoute(AddressTable<bool>? From, ValueList<NamePattern> Names, PoolSet Pools)
    {
        public bool Holds(AddressKey? client) => From is null || (client is { } address && From.TryFind(address, out _));

        public bool Means(string? name) => Names.Count == 0 || (name is not null && Names.Any(pattern => pattern.Matches(name)));
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
