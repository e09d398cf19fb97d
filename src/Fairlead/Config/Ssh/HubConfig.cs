namespace Fairlead;

/// <summary>Fairlead's own SSH server, for tunnels alone: no shell, no commands. Immutable; each property's initial value is the default that the documentation gives.</summary>
public sealed record HubConfig
{
    /// <summary>Where clients connect: ports of TCP, or Unix sockets.</summary>
    public ValueList<Endpoint> Listen
    {
        get;
        init => field = ForwardConfig.WithProtocols(value);
    } = [new PortEndpoint("", new PortRange(2022), PortProtocols.Tcp)];

    /// <summary>Files of the hub's own private keys; empty: one is made once and kept.</summary>
    public ValueList<string> HostKeys { get; init; } = [];

    /// <summary>The file of the keys that are let in, in the form of sshd(8), with what each may do.</summary>
    public required string AuthorizedKeys { get; init; }

    /// <summary>Whether keys without <c>permitlisten</c> may have listens beyond the loopback, and ports below 1024.</summary>
    public bool GatewayPorts { get; init; }

    /// <summary>Connections at once that have not logged in yet.</summary>
    public int MaxStartups { get; init; } = 100;

    /// <summary>The same from one address; null is <c>off</c>.</summary>
    public int? MaxStartupsPerSource { get; init; } = 10;

    /// <summary>The same from one network, /24 of IPv4 and /56 of IPv6; null is <c>off</c>.</summary>
    public int? MaxStartupsPerPrefix { get; init; } = 25;

    /// <summary>For a client to log in.</summary>
    public TimeSpan LoginGrace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// What a login that fails costs the address it comes from (of IPv6 the /56): as soon as it owes more than three of these, it is refused until it does not. No more than 120 are
    /// owed. <see cref="Timeout.InfiniteTimeSpan"/> is <c>off</c>.
    /// </summary>
    public TimeSpan LoginPenalty { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Connections at once.</summary>
    public int MaxConnections { get; init; } = 1000;

    /// <summary>Connections at once from one address; null is <c>off</c>.</summary>
    public int? MaxConnectionsPerSource { get; init; } = 100;

    /// <summary>The same from one network, /24 of IPv4 and /56 of IPv6; null is <c>off</c>.</summary>
    public int? MaxConnectionsPerPrefix { get; init; } = 250;

    /// <summary>Connections at once of one key; null is <c>off</c>.</summary>
    public int? MaxConnectionsPerKey { get; init; }

    /// <summary>Channels at once of one connection.</summary>
    public int MaxChannels { get; init; } = 1000;

    /// <summary>How many bytes the window of a channel may grow to, from <see cref="LeastWindow"/> up; all those of a connection together may grow by twice that.</summary>
    public int Window { get; init; } = 32 << 20;

    /// <summary>What the window of a channel begins with.</summary>
    internal const int LeastWindow = 512 << 10;

    /// <summary>Listens at once of one key.</summary>
    public int MaxListens { get; init; } = 32;
}
