using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Which path the bytes of a forward take.</summary>
public enum EngineKind
{
    /// <summary>Native where the system has it (Linux), else portable.</summary>
    Auto,

    /// <summary>Event loops over epoll, with splice. Linux only.</summary>
    Native,

    /// <summary>The sockets of .NET.</summary>
    Portable,
}

/// <summary>
/// A forward: where connections are listened for, and where they are sent. Immutable; each property's initial value is the
/// default that the documentation gives.
/// </summary>
public sealed record ForwardConfig
{
    /// <summary>Names the forward; without one it is called by its first listen.</summary>
    public string? Name { get; init; }

    /// <summary>Where connections and datagrams arrive. A port for which no protocol is written is one of TCP, and has it from here on. With <see cref="At"/> hosts are for the far end to read.</summary>
    public required ValueList<Endpoint> Listen
    {
        get;
        init => field = WithProtocols(value);
    }

    /// <summary>The tunnel at whose far end <see cref="Listen"/> is; null: this machine.</summary>
    public string? At { get; init; }

    /// <summary>
    /// Where they go whom no route takes; empty: they are reset. A range of ports has the length of every listen's range and maps one to one; a single
    /// port takes all. Of several, each takes the protocols that are written for it, or else all that are listened for. A single <see cref="DynamicEndpoint"/>: the
    /// client says where, by SOCKS or HTTP.
    /// </summary>
    public ValueList<UpstreamConfig> To { get; init; } = [];

    /// <summary>The tunnel whose far end dials upstreams, or the first of <see cref="Via"/>; null: this machine does.</summary>
    public string? Tunnel { get; init; }

    /// <summary>Proxies through which upstreams are dialled, the nearest first; empty: none.</summary>
    public ValueList<ProxyUrl> Via { get; init; } = [];

    /// <summary>Where clients of some networks go, or those who ask for some names; the first that fits a client takes it.</summary>
    public ValueList<RouteConfig> Routes { get; init; } = [];

    /// <summary>Networks whose clients are reset, before <see cref="Allow"/> is asked.</summary>
    public ValueList<IPNetwork> Deny { get; init; } = [];

    /// <summary>Networks whose clients alone are let in; null lets everybody in, and an empty list nobody.</summary>
    public ValueList<IPNetwork>? Allow { get; init; }

    /// <summary>Where clients may not go who say where themselves, before <see cref="AllowTo"/> is asked.</summary>
    public ValueList<DestinationPattern> DenyTo { get; init; } = [];

    /// <summary>Where alone such clients may go; null is everywhere, and an empty list nowhere.</summary>
    public ValueList<DestinationPattern>? AllowTo { get; init; }

    /// <summary>Who alone may say where to go; empty: everybody.</summary>
    public ValueList<ProxyUser> Users { get; init; } = [];

    /// <summary>The address that clients are told to connect to, where another port is opened for them; null: the one that they have reached.</summary>
    public IPAddress? Advertise { get; init; }

    /// <summary>The conversation that is understood.</summary>
    public ConversationKind Protocol { get; init; }

    /// <summary>What is done with the data connections and the TLS of FTP.</summary>
    public FtpConfig Ftp { get; init; } = new();

    /// <summary>Which of several upstreams a client gets.</summary>
    public BalanceKind Balance { get; init; }

    /// <summary>Whether upstreams are tried out while nobody needs them; null is <c>off</c>. Failed dials count in any case.</summary>
    public HealthConfig? Health { get; init; }

    /// <summary>Which addresses dials leave from; empty: as the system routes them.</summary>
    public ValueList<DialSource> Source { get; init; } = [];

    /// <summary>How much of everything there may be.</summary>
    public ForwardLimits Limits { get; init; } = new();

    /// <summary>What a UDP client keeps that comes back from another port.</summary>
    public AffinityKind Affinity { get; init; }

    /// <summary>After how many answers a UDP session ends; 0 for no limit.</summary>
    public int Responses { get; init; }

    /// <summary>How clients are answered inside TLS, which ends here; null: what they say is passed on as it is.</summary>
    public TlsConfig? Tls { get; init; }

    /// <summary>Which clients say by a header who they really are, and how upstreams are told.</summary>
    public ProxyProtocolConfig ProxyProtocol { get; init; } = new();

    /// <summary>What a reload does to sessions when something of their forward has changed.</summary>
    public OnChange OnChange { get; init; }

    /// <summary>Which path the bytes take.</summary>
    public EngineKind Engine { get; init; }

    /// <summary>How long things may take.</summary>
    public ForwardTimeouts Timeouts { get; init; } = new();

    /// <summary>How often a name of an upstream is looked up again; at once after a failed dial.</summary>
    public TimeSpan Resolve { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The hub that it is part of; null: none.</summary>
    internal HubConfig? OfHub { get; init; }

    /// <summary>The forward's name, or what it is called without one.</summary>
    public string Title => Name ?? (At is null ? Listen[0].ToString()! : $"{Listen[0]} at {At}");

    /// <summary>What it listens for; a Unix socket is a stream, as TCP is.</summary>
    internal PortProtocols Protocols => Listen.Aggregate(PortProtocols.None, (all, listen) => all | ProtocolsOf(listen));

    /// <summary>Whether the client says where to go.</summary>
    internal bool IsDynamic => To is [{ Address: DynamicEndpoint }];

    /// <summary>All its upstreams: those of its routes, then those of <see cref="To"/>.</summary>
    internal IEnumerable<UpstreamConfig> Upstreams => Routes.SelectMany(route => route.To).Concat(To);

    /// <summary>What is listened on at this machine.</summary>
    internal ValueList<Endpoint> LocalListens => At is null ? Listen : [];

    /// <summary>The tunnels that it needs, each once or more.</summary>
    internal IEnumerable<string> Tunnels => Routes.Select(route => route.Tunnel).Prepend(Tunnel).Prepend(At).OfType<string>();

    /// <summary>Where it goes, in few words, as it is written.</summary>
    internal string Destination => (Routes.Count, To.Count) switch
    {
        (0, _) => To.ToString(),
        (_, 0) => $"{Routes.Count} {(Routes.Count == 1 ? "route" : "routes")}",
        _ => $"{To} and {Routes.Count} {(Routes.Count == 1 ? "route" : "routes")}",
    };

    /// <summary>
    /// The command line's form, OpenSSH's with the protocol as Docker writes it:
    /// <c>[BIND:]PORT[-PORT]:HOST:PORT[-PORT][/tcp|/udp|/tcp+udp]</c>, with <c>unix:PATH</c> on either side.
    /// </summary>
    /// <exception cref="FormatException">The text is not of that form; the message names the part and the remedy.</exception>
    public static ForwardConfig Parse(string spec) => ForwardSpec.Parse(spec);

    /// <summary>What is listened for at one of <see cref="Listen"/>.</summary>
    internal static PortProtocols ProtocolsOf(Endpoint listen) => listen is PortEndpoint port ? port.Protocols : PortProtocols.Tcp;

    /// <summary>Listens, with TCP where no protocol is written.</summary>
    internal static ValueList<Endpoint> WithProtocols(ValueList<Endpoint> listens) =>
        [.. listens.Select(listen => listen is PortEndpoint { Protocols: PortProtocols.None } port ? port with { Protocols = PortProtocols.Tcp } : listen)];

    /// <summary>By whom the upstreams of a route are dialled, or without one those of <see cref="To"/>: the tunnel, and the proxies behind it.</summary>
    internal (string? Tunnel, ValueList<ProxyUrl> Via) WayOf(RouteConfig? route) => route is { Via: null, Tunnel: null } or null ? (Tunnel, Via) : (route.Tunnel, route.Via ?? []);
}

/// <summary>How long things may take. <see cref="Timeout.InfiniteTimeSpan"/> is <c>off</c>.</summary>
public sealed record ForwardTimeouts
{
    /// <summary>For a connection to the upstream to stand, over at most three dials.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Silence in both directions after which a session ends: one of TCP is reset, one of UDP forgotten. Null is <c>off</c> for TCP, and 5 minutes for UDP once the
    /// session was answered.
    /// </summary>
    public TimeSpan? Idle { get; init; }

    /// <summary>Silence after which a UDP session ends that was never answered; null is 60 seconds, or <see cref="Idle"/> where that is shorter.</summary>
    public TimeSpan? Unanswered { get; init; }

    /// <summary>Silence after which a session is reset of which one direction has ended.</summary>
    public TimeSpan HalfClosed { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For what a client has to say before it is known where it goes: a PROXY header, a name by TLS, what it wants of a proxy.</summary>
    public TimeSpan FirstBytes { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long sessions may go on after a stop was asked for.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Silence after which the peers of both legs are probed, and the gap between probes; after four unanswered ones a peer is dead. Whole seconds.</summary>
    public TimeSpan Keepalive { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long sent bytes may stay unacknowledged (<c>TCP_USER_TIMEOUT</c>), which counts a living peer's full window too. Null leaves it to the system's
    /// retransmissions, about 15 minutes; anything else also takes the place of the count of keepalive's probes (tcp(7)).
    /// </summary>
    public TimeSpan? Unacknowledged { get; init; }

    /// <summary>Silence after which a TCP session is reset.</summary>
    internal TimeSpan StreamIdle => Idle ?? Timeout.InfiniteTimeSpan;

    /// <summary>Silence after which a UDP session ends that was answered.</summary>
    internal TimeSpan DatagramIdle => Idle ?? TimeSpan.FromMinutes(5);

    /// <summary>Silence after which a UDP session ends that was never answered: short, since whoever forges addresses makes sessions that nobody answers.</summary>
    internal TimeSpan DatagramUnanswered
    {
        get
        {
            var most = TimeSpan.FromSeconds(60);
            return Unanswered ?? (DatagramIdle != Timeout.InfiniteTimeSpan && DatagramIdle < most ? DatagramIdle : most);
        }
    }

    /// <summary>The options of the sockets of both legs.</summary>
    internal SocketTuning Tuning => new(
        Keepalive == Timeout.InfiniteTimeSpan ? TimeSpan.FromSeconds(15) : Keepalive,
        Keepalive == Timeout.InfiniteTimeSpan ? 0 : 4,
        Unacknowledged is { } limit && limit != Timeout.InfiniteTimeSpan ? limit : TimeSpan.Zero);
}

/// <summary>One of the places where a forward sends connections.</summary>
/// <param name="Address">Where it is.</param>
public sealed record UpstreamConfig(Endpoint Address)
{
    /// <summary>How many clients it gets for each of one whose weight is 1; 0 gets none that is new.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Whether it is for when all others are down.</summary>
    public bool Backup { get; init; }

    /// <summary>Which addresses its dials leave from; empty: what the forward says.</summary>
    public ValueList<DialSource> Source { get; init; } = [];

    /// <summary>How it is spoken to inside TLS; null: what clients say is passed on as it is.</summary>
    public UpstreamTlsConfig? Tls { get; init; }

    /// <summary>Which header it gets; null: what the forward says.</summary>
    public ProxyHeader? ProxyProtocol { get; init; }

    /// <summary>The address as it is written.</summary>
    public override string ToString() => Address is PortEndpoint { Protocols: PortProtocols.Tcp } ? $"{Address}/tcp" : Address.ToString()!;

    /// <summary>Whether it takes what is listened for with this protocol.</summary>
    internal bool Takes(PortProtocols protocol) => Address is PortEndpoint port ? port.Protocols == PortProtocols.None || port.Protocols.HasFlag(protocol) : protocol == PortProtocols.Tcp;
}

/// <summary>Where clients of some networks go, or those who ask for some names.</summary>
public sealed record RouteConfig
{
    /// <summary>The networks; empty: all.</summary>
    public ValueList<IPNetwork> From { get; init; } = [];

    /// <summary>The names that clients ask for by TLS (RFC 6066 section 3); empty: any or none.</summary>
    public ValueList<NamePattern> Sni { get; init; } = [];

    /// <summary>Where they go.</summary>
    public required ValueList<UpstreamConfig> To { get; init; }

    /// <summary>The tunnel whose far end dials them, or the first of <see cref="Via"/>; null beside a <see cref="Via"/>: this machine does.</summary>
    public string? Tunnel { get; init; }

    /// <summary>Proxies through which they are dialled; null without a <see cref="Tunnel"/>: as the forward says.</summary>
    public ValueList<ProxyUrl>? Via { get; init; }
}

/// <summary>Who may use a proxy.</summary>
/// <param name="Name">At most 255 bytes, without a colon.</param>
/// <param name="Password">The password.</param>
public sealed record ProxyUser(string Name, Secret Password);

/// <summary>A conversation that is understood, beyond bytes that pass.</summary>
public enum ConversationKind
{
    /// <summary>None: bytes pass as they are.</summary>
    Tcp,

    /// <summary>FTP (RFC 959), of which the ports for data are opened as they are agreed on.</summary>
    Ftp,
}

/// <summary>Which of several upstreams a client gets.</summary>
public enum BalanceKind
{
    /// <summary>One after the other, as often as their weights say.</summary>
    RoundRobin,

    /// <summary>The one with the fewest sessions for its weight.</summary>
    LeastConnections,

    /// <summary>Any, as often as their weights say.</summary>
    Random,

    /// <summary>The same for each address of a client, as long as it is up.</summary>
    SourceHash,

    /// <summary>The first that is up.</summary>
    First,
}

/// <summary>What a UDP client keeps that comes back from another port, as behind a router that has given it another.</summary>
public enum AffinityKind
{
    /// <summary>Nothing: it is a new client.</summary>
    Off,

    /// <summary>The upstream that its address has, as long as that is up.</summary>
    Source,
}

/// <summary>Who says by a header of the PROXY protocol who the client really is.</summary>
public sealed record ProxyProtocolConfig
{
    /// <summary>Whose connections begin with a header, and have to; of others none is believed.</summary>
    public ValueList<IPNetwork> AcceptFrom { get; init; } = [];

    /// <summary>Which header is sent.</summary>
    public ProxyHeader Send { get; init; }

    /// <summary>Which datagrams of a UDP session it stands before.</summary>
    public ProxyDatagrams Udp { get; init; }
}

/// <summary>Which header of the PROXY protocol upstreams get.</summary>
public enum ProxyHeader
{
    /// <summary>None.</summary>
    Off,

    /// <summary>Version 1, a line of text.</summary>
    V1,

    /// <summary>Version 2, the binary one.</summary>
    V2,
}

/// <summary>Which datagrams of a session carry a header of the PROXY protocol.</summary>
public enum ProxyDatagrams
{
    /// <summary>The first that an upstream gets of it.</summary>
    First,

    /// <summary>All.</summary>
    Each,
}

/// <summary>How upstreams are tried out: a connection that stands is a success.</summary>
public sealed record HealthConfig
{
    /// <summary>How often.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a connection may take to stand.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>After how many successes in a row one that was down is up.</summary>
    public int Rise { get; init; } = 2;

    /// <summary>After how many failures in a row one that was up is down.</summary>
    public int Fall { get; init; } = 3;
}

/// <summary>How much of everything there may be; null is <c>off</c>.</summary>
public sealed record ForwardLimits
{
    /// <summary>
    /// Sessions at once. Beyond, clients of TCP wait in the kernel's backlog; for one of UDP the oldest session ends that was never answered, and where there is none
    /// its datagrams are dropped.
    /// </summary>
    public int? Connections { get; init; }

    /// <summary>Sessions at once of one address. Beyond, clients are reset; datagrams are dropped.</summary>
    public int? ConnectionsPerSource { get; init; }

    /// <summary>Sessions at once of one network: /24 of IPv4, /56 of IPv6. Beyond, clients are reset; datagrams are dropped.</summary>
    public int? ConnectionsPerPrefix { get; init; }

    /// <summary>New TCP sessions a second. Beyond, clients wait in the kernel's backlog.</summary>
    public int? AcceptsPerSecond { get; init; }

    /// <summary>New UDP sessions a second. Beyond, a datagram that belongs to no session is dropped before it costs a socket.</summary>
    public int? SessionsPerSecond { get; init; } = 5000;

    /// <summary>Bytes a second of all sessions together, each way: TCP waits, what is too much of UDP is dropped.</summary>
    public long? Rate { get; init; }

    /// <summary>Bytes a second of one session, each way: TCP waits, what is too much of UDP is dropped.</summary>
    public long? RatePerConnection { get; init; }

    /// <summary>New UDP sessions a second; null for no limit.</summary>
    internal int? DatagramSessionsPerSecond => SessionsPerSecond;
}

/// <summary>What a reload does to sessions when something of their forward has changed, or the forward has gone.</summary>
public enum OnChange
{
    /// <summary>They go on as they began.</summary>
    Keep,

    /// <summary>They are reset.</summary>
    Close,
}
