namespace Fairlead;

/// <summary>A file of a configuration, before its includes are read and its forwards are made.</summary>
internal sealed record ConfigurationFile
{
    public Configuration Configuration { get; init; } = new();

    public ValueList<string> Include { get; init; } = [];

    /// <summary>What every forward begins with.</summary>
    public ForwardConfig Defaults { get; init; } = new() { Listen = [] };

    /// <summary>The forwards as they are written; null where there are none.</summary>
    public YamlNode? Forwards { get; init; }
}

/// <summary>Every key of a configuration file.</summary>
internal static class ConfigurationKeys
{
    /// <summary>What stands for an endpoint that has an error: it neither meets nor leads anywhere.</summary>
    private static readonly Endpoint nowhere = new PortEndpoint("", default);

    private static readonly Kind<EngineKind> engine = new ChoiceKind<EngineKind>(
        word => word == "kernel" ? "not in this version, which has auto, native and portable" : null,
        ("auto", EngineKind.Auto), ("native", EngineKind.Native), ("portable", EngineKind.Portable));

    private static readonly Kind<LogStyle> style = new ChoiceKind<LogStyle>(("text", LogStyle.Text), ("json", LogStyle.Json));

    private static readonly Kind<int?> count = new OffKind<int>(Kinds.Count);

    private static readonly Kind<long?> rate = new OffKind<long>(Kinds.BytesPerSecond);

    private static readonly Kind<ValueList<Net.DialSource>> sources = new ListKind<Net.DialSource>(Kinds.Source, new Net.DialSource(System.Net.IPAddress.Any));

    private static readonly Kind<ValueList<UpstreamConfig>> upstreams;

    private static readonly Kind<ProxyHeader> header = new ChoiceKind<ProxyHeader>(("off", ProxyHeader.Off), ("v1", ProxyHeader.V1), ("v2", ProxyHeader.V2));

    private static readonly Kind<ViaWay> way = new ViaKind();

    private static readonly Kind<ValueList<DestinationPattern>> destinations = new ListKind<DestinationPattern>(Kinds.Destination, new DestinationPattern(null, null, null));

    private static readonly Kind<ValueList<string>> files = new ListKind<string>(Kinds.File, "");

    private static readonly Kind<ValueList<string>> protocols = new ListKind<string>(Kinds.Word, "");

    public static readonly KeyTable<TlsConfig> Tls = new("tls", () => new TlsConfig { Certificate = [], Key = [] },
        new Key<TlsConfig, ValueList<string>>("certificate", files, tls => tls.Certificate, (tls, value) => tls with { Certificate = value },
            "Files of certificates in PEM, each with those that lead to its authority. A client gets the first that is for the name that it asks for, else the first of all.", "certificate: /etc/fairlead/cert.pem"),
        new Key<TlsConfig, ValueList<string>>("key", files, tls => tls.Key, (tls, value) => tls with { Key = value },
            "Files of their keys in PEM, without a password: as many, in the same order.", "key: /etc/fairlead/key.pem"),
        new Key<TlsConfig, string?>("client_ca", new OptionalKind<string>(Kinds.File), tls => tls.ClientCa, (tls, value) => tls with { ClientCa = value },
            "A file of the authorities whose certificates alone let clients in, in PEM. Left out, clients need none."),
        new Key<TlsConfig, TlsVersion>("min", new ChoiceKind<TlsVersion>(("1.2", TlsVersion.Tls12), ("1.3", TlsVersion.Tls13)), tls => tls.Min, (tls, value) => tls with { Min = value }, "The oldest version that is spoken."),
        new Key<TlsConfig, ValueList<string>>("alpn", protocols, tls => tls.Alpn, (tls, value) => tls with { Alpn = value },
            "The applications' protocols that clients are offered, the best first; a client that knows none of them is turned away. Empty: nothing is said."))
    { Example = "tls: { certificate: /etc/fairlead/cert.pem, key: /etc/fairlead/key.pem }" };

    public static readonly KeyTable<UpstreamTlsConfig> UpstreamTls = new("upstream tls", () => new UpstreamTlsConfig(),
        new Key<UpstreamTlsConfig, string?>("name", new OptionalKind<string>(Kinds.Word), tls => tls.Name, (tls, value) => tls with { Name = value },
            "The name that its certificate has to be for, and that it is asked for; left out: the host of its address."),
        new Key<UpstreamTlsConfig, string?>("ca", new OptionalKind<string>(Kinds.File), tls => tls.Ca, (tls, value) => tls with { Ca = value },
            "A file of the authorities that may have signed its certificate, in PEM; left out: the system's, or none beside `pin`."),
        new Key<UpstreamTlsConfig, ValueList<PublicKeyPin>>("pin", new ListKind<PublicKeyPin>(Kinds.Pin, Kinds.NoPin), tls => tls.Pin, (tls, value) => tls with { Pin = value },
            "The keys that its certificate may have, as `sha256//BASE64` of each; without `ca` nothing else of the certificate counts."),
        new Key<UpstreamTlsConfig, ValueList<string>>("alpn", protocols, tls => tls.Alpn, (tls, value) => tls with { Alpn = value }, "The applications' protocols that it is offered, the best first; empty: nothing is said."),
        new Key<UpstreamTlsConfig, string?>("certificate", new OptionalKind<string>(Kinds.File), tls => tls.Certificate, (tls, value) => tls with { Certificate = value },
            "A file of this end's certificate in PEM, for an upstream that asks for one."),
        new Key<UpstreamTlsConfig, string?>("key", new OptionalKind<string>(Kinds.File), tls => tls.Key, (tls, value) => tls with { Key = value }, "The file of its key in PEM, without a password."))
    { Example = "tls: { name: db.internal }" };

    public static readonly KeyTable<FtpConfig> Ftp = new("ftp", () => new FtpConfig(),
        new Key<FtpConfig, PortRange?>("ports", new OptionalValue<PortRange>(Kinds.Ports), ftp => ftp.Ports, (ftp, value) => ftp with { Ports = value },
            "Where clients connect for data in passive mode; left out, the system chooses a port. With `tls: pass` the passive ports of the server, which are carried one to one."),
        new Key<FtpConfig, System.Net.IPAddress?>("advertise", new OptionalKind<System.Net.IPAddress>(Kinds.Address), ftp => ftp.Advertise, (ftp, value) => ftp with { Advertise = value },
            "The IPv4 address that replies to PASV name: the outside of a router before this machine; left out: the one that the client has reached."),
        new Key<FtpConfig, FtpTls>("tls", new ChoiceKind<FtpTls>(("refuse", FtpTls.Refuse), ("pass", FtpTls.Pass), ("terminate", FtpTls.Terminate)), ftp => ftp.Tls, (ftp, value) => ftp with { Tls = value },
            "What becomes of a client that asks for TLS (AUTH): it is told that there is none; it talks TLS with the server, which needs `ports`; or with Fairlead, by the forward's `tls`."))
    { Example = "ftp: { ports: 40000-40100 }" };

    public static readonly KeyTable<UpstreamConfig> Upstream = new("upstream", () => new UpstreamConfig(nowhere),
        new Key<UpstreamConfig, Endpoint>("address", Kinds.Endpoint, upstream => upstream.Address, (upstream, value) => upstream with { Address = value },
            "Where it is.", "address: 10.0.0.5:80"),
        new Key<UpstreamConfig, int>("weight", Kinds.Count, upstream => upstream.Weight, (upstream, value) => upstream with { Weight = value },
            "How many clients it gets for each of one whose weight is 1, up to 1000; 0 gets none that is new."),
        new Key<UpstreamConfig, bool>("backup", Kinds.Truth, upstream => upstream.Backup, (upstream, value) => upstream with { Backup = value },
            "Whether it is for when all others are down."),
        new Key<UpstreamConfig, ValueList<Net.DialSource>>("source", sources, upstream => upstream.Source, (upstream, value) => upstream with { Source = value },
            "Which addresses its dials leave from; empty: what the forward says."),
        new Key<UpstreamConfig, UpstreamTlsConfig?>("tls", new OffMapKind<UpstreamTlsConfig>(UpstreamTls, new UpstreamTlsConfig()), upstream => upstream.Tls, (upstream, value) => upstream with { Tls = value },
            "How it is spoken to inside TLS; `tls: {}` verifies its certificate by the system's authorities and the host of its address."),
        new Key<UpstreamConfig, ProxyHeader?>("proxy_protocol", new OptionalValue<ProxyHeader>(header), upstream => upstream.ProxyProtocol, (upstream, value) => upstream with { ProxyProtocol = value },
            "Which header of the PROXY protocol it gets; left out: what the forward says."));

    public static readonly KeyTable<RouteConfig> Route;

    public static readonly KeyTable<HealthConfig> Health = new("health", () => new HealthConfig(),
        new Key<HealthConfig, TimeSpan>("interval", Kinds.Time, health => health.Interval, (health, value) => health with { Interval = value }, "How often an upstream is tried out."),
        new Key<HealthConfig, TimeSpan>("timeout", Kinds.Time, health => health.Timeout, (health, value) => health with { Timeout = value }, "How long a connection may take to stand."),
        new Key<HealthConfig, int>("rise", Kinds.Count, health => health.Rise, (health, value) => health with { Rise = value }, "After how many successes in a row one that was down is up."),
        new Key<HealthConfig, int>("fall", Kinds.Count, health => health.Fall, (health, value) => health with { Fall = value }, "After how many failures in a row one that was up is down."));

    public static readonly KeyTable<ForwardLimits> Limits = new("limits", () => new ForwardLimits(),
        new Key<ForwardLimits, int?>("connections", count, limits => limits.Connections, (limits, value) => limits with { Connections = value },
            "Sessions at once. Beyond, clients wait in the kernel's backlog; for a client of UDP the oldest session ends that was never answered, and where there is none its datagrams are dropped."),
        new Key<ForwardLimits, int?>("connections_per_source", count, limits => limits.ConnectionsPerSource, (limits, value) => limits with { ConnectionsPerSource = value },
            "Sessions at once of one address. Beyond, clients are reset; datagrams are dropped."),
        new Key<ForwardLimits, int?>("connections_per_prefix", count, limits => limits.ConnectionsPerPrefix, (limits, value) => limits with { ConnectionsPerPrefix = value },
            "Sessions at once of one network: /24 of IPv4, /56 of IPv6. Beyond, clients are reset; datagrams are dropped."),
        new Key<ForwardLimits, int?>("accepts_per_second", count, limits => limits.AcceptsPerSecond, (limits, value) => limits with { AcceptsPerSecond = value },
            "TCP: new sessions a second. Beyond, clients wait in the kernel's backlog."),
        new Key<ForwardLimits, int?>("sessions_per_second", count, limits => limits.SessionsPerSecond, (limits, value) => limits with { SessionsPerSecond = value },
            "UDP: new sessions a second. Beyond, a datagram that belongs to no session is dropped before it costs a socket."),
        new Key<ForwardLimits, long?>("rate", rate, limits => limits.Rate, (limits, value) => limits with { Rate = value },
            "Bytes a second of all sessions together, each way. TCP waits; of UDP, what is too much is dropped."),
        new Key<ForwardLimits, long?>("rate_per_connection", rate, limits => limits.RatePerConnection, (limits, value) => limits with { RatePerConnection = value },
            "Bytes a second of one session, each way. TCP waits; of UDP, what is too much is dropped."));

    public static readonly KeyTable<ForwardTimeouts> Timeouts = new("timeouts", () => new ForwardTimeouts(),
        new Key<ForwardTimeouts, TimeSpan>("connect", Kinds.Time, timeouts => timeouts.Connect, (timeouts, value) => timeouts with { Connect = value },
            "For a connection to an upstream to stand, over at most three dials."),
        new Key<ForwardTimeouts, TimeSpan?>("idle", new OptionalValue<TimeSpan>(Kinds.Time), timeouts => timeouts.Idle, (timeouts, value) => timeouts with { Idle = value },
            "Silence in both directions after which a session ends: of TCP it is reset, of UDP forgotten. Left out, it is `off` for TCP, and `5m` for a session of UDP that was answered."),
        new Key<ForwardTimeouts, TimeSpan?>("unanswered", new OptionalValue<TimeSpan>(Kinds.Time), timeouts => timeouts.Unanswered, (timeouts, value) => timeouts with { Unanswered = value },
            "UDP: silence after which a session ends that was never answered. Left out, it is `60s`, or `idle` where that is shorter."),
        new Key<ForwardTimeouts, TimeSpan>("half_closed", Kinds.Time, timeouts => timeouts.HalfClosed, (timeouts, value) => timeouts with { HalfClosed = value },
            "TCP: silence after which a session is reset of which one direction has ended."),
        new Key<ForwardTimeouts, TimeSpan?>("unacknowledged", new OptionalValue<TimeSpan>(Kinds.Time, "15m"), timeouts => timeouts.Unacknowledged, (timeouts, value) => timeouts with { Unacknowledged = value },
            "TCP: how long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`). It counts a living peer's full window too, so it is never short. Left out, and with `off`, the system's retransmissions decide: about 15 minutes."),
        new Key<ForwardTimeouts, TimeSpan>("keepalive", Kinds.Time, timeouts => timeouts.Keepalive, (timeouts, value) => timeouts with { Keepalive = value },
            "TCP: silence after which the peers of both legs are probed, and the gap between probes; after four unanswered ones a peer is dead. Whole seconds, up to 32767s."),
        new Key<ForwardTimeouts, TimeSpan>("first_bytes", Kinds.Time, timeouts => timeouts.FirstBytes, (timeouts, value) => timeouts with { FirstBytes = value },
            "TCP: for what a client has to say, in 16 KiB at most, before it is known where it goes: a PROXY header, a name by TLS, what it wants of a proxy. It is waited for only where it is needed."),
        new Key<ForwardTimeouts, TimeSpan>("drain", Kinds.Time, timeouts => timeouts.Drain, (timeouts, value) => timeouts with { Drain = value },
            "How long sessions may go on after a stop was asked for."));

    public static readonly KeyTable<ProxyProtocolConfig> ProxyProtocol = new("proxy protocol", () => new ProxyProtocolConfig(),
        new Key<ProxyProtocolConfig, ValueList<System.Net.IPNetwork>>("accept_from", Kinds.Networks, header => header.AcceptFrom, (header, value) => header with { AcceptFrom = value },
            "TCP: whose connections begin with a header, of either version, and have to; it says who the client is for all other keys. From elsewhere none is believed."),
        new Key<ProxyProtocolConfig, ProxyHeader>("send", ConfigurationKeys.header, header => header.Send, (header, value) => header with { Send = value }, "Which header is sent to upstreams: version 1 is for TCP only."),
        new Key<ProxyProtocolConfig, ProxyDatagrams>("udp", new ChoiceKind<ProxyDatagrams>(("first", ProxyDatagrams.First), ("each", ProxyDatagrams.Each)),
            header => header.Udp, (header, value) => header with { Udp = value }, "UDP: which datagrams it stands before: the first that an upstream gets of a session, or each."))
    { Example = "proxy_protocol: { send: v2 }" };

    private static readonly Key<ForwardConfig>[] shared =
    [
        new Key<ForwardConfig, EngineKind>("engine", engine, forward => forward.Engine, (forward, value) => forward with { Engine = value },
            "Which path the bytes take: `native` is event loops over epoll, with splice, on Linux only; `portable` the sockets of .NET; `auto` is native where the system has it."),
        new Key<ForwardConfig, ForwardLimits>("limits", new MapKind<ForwardLimits>(Limits), forward => forward.Limits, (forward, value) => forward with { Limits = value },
            "How much of everything there may be."),
        new Key<ForwardConfig, ForwardTimeouts>("timeouts", new MapKind<ForwardTimeouts>(Timeouts), forward => forward.Timeouts, (forward, value) => forward with { Timeouts = value },
            "How long things may take."),
        new Key<ForwardConfig, TimeSpan>("resolve", Kinds.Time, forward => forward.Resolve, (forward, value) => forward with { Resolve = value },
            "How often names of upstreams are looked up again; at once after a failed dial."),
    ];

    public static readonly KeyTable<ForwardConfig> Defaults = new("defaults", () => new ForwardConfig { Listen = [] }, shared);

    public static readonly KeyTable<ForwardConfig> Forward;

    public static readonly KeyTable<AdminConfig> Admin = new("admin", () => new AdminConfig(),
        new Key<AdminConfig, Endpoint?>("listen", new OptionalKind<Endpoint>(Kinds.Endpoint), admin => admin.Listen, (admin, value) => admin with { Listen = value },
            "A Unix socket, or a TCP port of the loopback, for which `token` is needed. Left out: `/run/fairlead/NAME.sock` for root, else `$XDG_RUNTIME_DIR/fairlead/NAME.sock`."),
        new Key<AdminConfig, Secret?>("token", Kinds.Secret, admin => admin.Token, (admin, value) => admin with { Token = value },
            "What who asks over TCP must present."));

    public static readonly KeyTable<LogConfig> Log = new("log", () => new LogConfig(),
        new Key<LogConfig, LogStyle>("format", style, log => log.Format, (log, value) => log with { Format = value }, "`text` for people, or JSON lines."),
        new Key<LogConfig, LogLevel>("level", new ChoiceKind<LogLevel>(("debug", LogLevel.Debug), ("info", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error)),
            log => log.Level, (log, value) => log with { Level = value }, "What matters less is left out."));

    public static readonly KeyTable<AccessLogConfig> AccessLog = new("access log", () => new AccessLogConfig(),
        new Key<AccessLogConfig, string>("file", Kinds.Path, log => log.File, (log, value) => log with { File = value },
            "The file, which is appended to, and opened again on SIGHUP; `\"-\"` is standard output."),
        new Key<AccessLogConfig, LogStyle>("format", style, log => log.Format, (log, value) => log with { Format = value }, "`text` for people, or JSON lines."));

    public static readonly KeyTable<ProcessLimits> ProcessLimits = new("process limits", () => new ProcessLimits(),
        new Key<ProcessLimits, int?>("connections", new OptionalValue<int>(Kinds.Count), limits => limits.Connections, (limits, value) => limits with { Connections = value },
            "Sessions of all forwards at once. Left out, as many as the descriptor limit allows, which bounds them in any case; `fairlead check` prints the arithmetic."));

    public static readonly KeyTable<ConfigurationFile> File;

    /// <summary>The keys that an included file may have.</summary>
    public static readonly IReadOnlyList<string> Included = ["defaults", "forwards"];

    private static readonly Dictionary<string, string> homes;

#pragma warning disable CA1810 // The order matters: tables name those that are within them.
    static ConfigurationKeys()
#pragma warning restore CA1810
    {
        upstreams = new ListKind<UpstreamConfig>(new UpstreamKind(), Upstream.Initial);
        Route = new("route", () => new RouteConfig { From = [], To = [] },
            new Key<RouteConfig, ValueList<System.Net.IPNetwork>>("from", Kinds.Networks, route => route.From, (route, value) => route with { From = value },
                "The networks of the clients that it is for; left out: all."),
            new Key<RouteConfig, ValueList<NamePattern>>("sni", new ListKind<NamePattern>(Kinds.Pattern, NamePattern.Parse("invalid")), route => route.Sni, (route, value) => route with { Sni = value },
                "TCP: the names that clients ask for by TLS which it is for, `example.com` or `*.example.com` for all below it; left out: any, and none. Where `tls` is not terminated here, what the client says is read and passed on."),
            new Key<RouteConfig, ValueList<UpstreamConfig>>("to", upstreams, route => route.To, (route, value) => route with { To = value },
                "Where they go.", "to: 10.0.0.5:80"),
            new Key<RouteConfig, ViaWay?>("via", new OptionalKind<ViaWay>(way), route => route.Via is null ? null : new ViaWay(route.Tunnel, route.Via), (route, value) => route with { Tunnel = value?.Tunnel, Via = value?.Proxies },
                "By whom they are dialled; left out: as the forward says, and `[]`: by this machine."))
        { Example = "{ from: 10.0.0.0/8, to: \"10.0.0.5:80\" }" };
        Forward = new("forward", () => new ForwardConfig { Listen = [] },
        [
            new Key<ForwardConfig, string?>("name", new OptionalKind<string>(Kinds.Name), forward => forward.Name, (forward, value) => forward with { Name = value },
                "What it is called, each by its own name: `a` to `z`, digits and `-`. Without one it is called by its first listen. At a reload, a forward is the same when its name is."),
            new Key<ForwardConfig, ValueList<Endpoint>>("listen", new ListKind<Endpoint>(Kinds.Endpoint, nowhere), forward => forward.Listen, (forward, value) => forward with { Listen = value },
                "Where connections arrive, and datagrams: `:53/udp`, `:53/tcp+udp`. Without a protocol it is TCP.", "listen: :8080"),
            new Key<ForwardConfig, string?>("at", new OptionalKind<string>(TunnelKeys.Name), forward => forward.At, (forward, value) => forward with { At = value },
                "The [tunnel](#tunnel) whose far end listens; left out: this machine. What `listen` means is then for the far end to say: no host is every address there, and port 0 one that it chooses."),
            new Key<ForwardConfig, ValueList<UpstreamConfig>>("to", new TargetsKind(), forward => forward.To, (forward, value) => forward with { To = value },
                "Where they go; beside `routes`, where those go whom no route takes (left out, they are reset). A range of ports has the length of every listen's range and maps one to one; a single port takes all. Without a protocol, a target takes all that are listened for. `dynamic`: where the client says, by SOCKS4, SOCKS4a, SOCKS5 or as an HTTP proxy ([proxies](proxy.md))."),
            new Key<ForwardConfig, ViaWay>("via", way, forward => new ViaWay(forward.Tunnel, forward.Via), (forward, value) => forward with { Tunnel = value.Tunnel, Via = value.Proxies },
                "By whom upstreams are dialled, from the nearest to the farthest: the far end of a [tunnel](#tunnel), by its name or as `ssh://[USER@]HOST[:PORT]`, which can only be the first; proxies, `socks5://[USER:PASSWORD@]HOST:PORT`, `socks5h://`, `socks4a://` or `http://`. UDP needs SOCKS5."),
            new Key<ForwardConfig, ValueList<RouteConfig>>("routes", new RoutesKind(), forward => forward.Routes, (forward, value) => forward with { Routes = value },
                "Where clients of some networks go, or those who ask for some names; the first that fits a client takes it."),
            new Key<ForwardConfig, ValueList<System.Net.IPNetwork>>("deny", Kinds.Networks, forward => forward.Deny, (forward, value) => forward with { Deny = value },
                "Networks whose clients are reset, and whose datagrams are dropped, before `allow` is asked."),
            new Key<ForwardConfig, ValueList<System.Net.IPNetwork>?>("allow", new OptionalKind<ValueList<System.Net.IPNetwork>>(Kinds.Networks, "any"), forward => forward.Allow, (forward, value) => forward with { Allow = value },
                "Networks whose clients alone are let in; `[]` lets nobody in."),
            new Key<ForwardConfig, ValueList<DestinationPattern>>("deny_to", destinations, forward => forward.DenyTo, (forward, value) => forward with { DenyTo = value },
                "`to: dynamic`: where clients may not go, before `allow_to` is asked: `NAME`, `*.NAME`, a network or `any`, and `:PORT[-PORT]` behind it; `:25` for a port anywhere."),
            new Key<ForwardConfig, ValueList<DestinationPattern>?>("allow_to", new OptionalKind<ValueList<DestinationPattern>>(destinations), forward => forward.AllowTo, (forward, value) => forward with { AllowTo = value },
                "`to: dynamic`: where alone clients may go. Left out: everywhere, but for clients of other machines not to loopback, link-local and metadata addresses nor to Fairlead's own listens, unless a network here names them."),
            new Key<ForwardConfig, ValueList<ProxyUser>>("users", new UsersKind(), forward => forward.Users, (forward, value) => forward with { Users = value },
                "`to: dynamic`: who alone may use the proxy, by the password of SOCKS5 or of HTTP (Basic); `file:PATH` has a line `NAME:PASSWORD` for each. SOCKS4, which knows no password, is refused then."),
            new Key<ForwardConfig, System.Net.IPAddress?>("advertise", new OptionalKind<System.Net.IPAddress>(Kinds.Address), forward => forward.Advertise, (forward, value) => forward with { Advertise = value },
                "`to: dynamic`: the address that clients of SOCKS are told where another port is opened for them (BIND, UDP ASSOCIATE); left out: the one that they have reached. For a machine behind a NAT."),
            new Key<ForwardConfig, ConversationKind>("protocol", new ChoiceKind<ConversationKind>(("tcp", ConversationKind.Tcp), ("ftp", ConversationKind.Ftp)), forward => forward.Protocol, (forward, value) => forward with { Protocol = value },
                "The conversation that is understood: `ftp` opens ports for data as they are agreed on ([FTP](ftp.md))."),
            new Key<ForwardConfig, FtpConfig>("ftp", new MapKind<FtpConfig>(Ftp), forward => forward.Ftp, (forward, value) => forward with { Ftp = value },
                "What is done with the data connections and the TLS of FTP."),
            new Key<ForwardConfig, BalanceKind>("balance", new ChoiceKind<BalanceKind>(("round-robin", BalanceKind.RoundRobin), ("least-connections", BalanceKind.LeastConnections), ("random", BalanceKind.Random), ("source-hash", BalanceKind.SourceHash), ("first", BalanceKind.First)),
                forward => forward.Balance, (forward, value) => forward with { Balance = value },
                "Which of several upstreams a client gets: one after the other; the one with the fewest sessions for its weight; any; the same for each address of a client; the first that is up."),
            new Key<ForwardConfig, HealthConfig?>("health", new OffMapKind<HealthConfig>(Health, new HealthConfig()), forward => forward.Health, (forward, value) => forward with { Health = value },
                "Whether upstreams of TCP are tried out while nobody needs them. Failed dials count in any case, and for UDP what ICMP says of a closed port."),
            new Key<ForwardConfig, ValueList<Net.DialSource>>("source", sources, forward => forward.Source, (forward, value) => forward with { Source = value },
                "Which addresses of this machine dials leave from, each upstream from those of its family; empty: as the system routes them."),
            new Key<ForwardConfig, AffinityKind>("affinity", new ChoiceKind<AffinityKind>(("off", AffinityKind.Off), ("source", AffinityKind.Source)), forward => forward.Affinity, (forward, value) => forward with { Affinity = value },
                "UDP: what a client keeps that comes back from another port, as behind a router that has given it another: nothing, or the upstream that its address has, as long as that is up."),
            new Key<ForwardConfig, int>("responses", Kinds.Count, forward => forward.Responses, (forward, value) => forward with { Responses = value },
                "UDP: after how many answers a session ends, which is for protocols of one question and one answer only; `0` for no limit."),
            new Key<ForwardConfig, TlsConfig?>("tls", new OffMapKind<TlsConfig>(Tls, Tls.Initial), forward => forward.Tls, (forward, value) => forward with { Tls = value },
                "How clients are answered inside TLS, which ends here ([TLS](tls.md)); `off`: what they say is passed on as it is."),
            new Key<ForwardConfig, ProxyProtocolConfig>("proxy_protocol", new MapKind<ProxyProtocolConfig>(ProxyProtocol), forward => forward.ProxyProtocol, (forward, value) => forward with { ProxyProtocol = value },
                "Who says by a header of the PROXY protocol who the client is, and how upstreams are told."),
            new Key<ForwardConfig, OnChange>("on_change", new ChoiceKind<OnChange>(("keep", OnChange.Keep), ("close", OnChange.Close)), forward => forward.OnChange, (forward, value) => forward with { OnChange = value },
                "What a reload does to sessions when something of their forward has changed, or the forward has gone: they go on as they began, or are reset."),
            .. shared,
        ])
        { Example = "{ listen: \":8080\", to: \"10.0.0.5:80\" }" };
        File = new("file", () => new ConfigurationFile(),
            new Key<ConfigurationFile, string>("name", Kinds.Name, file => file.Configuration.Name, (file, value) => file with { Configuration = file.Configuration with { Name = value } },
                "Names the admin socket."),
            new Key<ConfigurationFile, ValueList<string>>("include", new ListKind<string>(Kinds.Glob, ""), file => file.Include, (file, value) => file with { Include = value },
                "Further files, relative to this one, in the order of the patterns and of their names. They have `forwards`, and `defaults` for them on top of this file's; nothing else, and no `include`."),
            new Key<ConfigurationFile, ForwardConfig>("defaults", new MapKind<ForwardConfig>(Defaults), file => file.Defaults, (file, value) => file with { Defaults = value },
                "What every forward begins with: merged key by key, so that a forward's `limits: { rate: 1MB/s }` leaves the other limits as they are here."),
            new Key<ConfigurationFile, bool>("watch", Kinds.Truth, file => file.Configuration.Watch, (file, value) => file with { Configuration = file.Configuration with { Watch = value } },
                "Whether a changed file is loaded without being told. SIGHUP and `fairlead reload` always do."),
            new Key<ConfigurationFile, YamlNode?>("forwards", new ForwardsKind(), file => file.Forwards, (file, value) => file with { Forwards = value },
                "What is forwarded."),
            new Key<ConfigurationFile, ValueList<TunnelConfig>>("tunnels", new TunnelsKind(), file => file.Configuration.Tunnels, (file, value) => file with { Configuration = file.Configuration with { Tunnels = value } },
                "SSH connections that are kept alive, through which forwards dial (`via`), and at whose far end they listen (`at`)."),
            new Key<ConfigurationFile, HubConfig?>("hub", new OffMapKind<HubConfig>(TunnelKeys.Hub, TunnelKeys.Hub.Initial), file => file.Configuration.Hub, (file, value) => file with { Configuration = file.Configuration with { Hub = value } },
                "An SSH server for the tunnels of others."),
            new Key<ConfigurationFile, AdminConfig?>("admin", new OffMapKind<AdminConfig>(Admin, new AdminConfig()), file => file.Configuration.Admin, (file, value) => file with { Configuration = file.Configuration with { Admin = value } },
                "Where the running process takes orders."),
            new Key<ConfigurationFile, LogConfig>("log", new MapKind<LogConfig>(Log), file => file.Configuration.Log, (file, value) => file with { Configuration = file.Configuration with { Log = value } },
                "What is logged to standard error."),
            new Key<ConfigurationFile, AccessLogConfig?>("access_log", new OffMapKind<AccessLogConfig>(AccessLog, new AccessLogConfig()), file => file.Configuration.AccessLog, (file, value) => file with { Configuration = file.Configuration with { AccessLog = value } },
                "Where ended sessions are written, a line each."),
            new Key<ConfigurationFile, ProcessLimits>("limits", new MapKind<ProcessLimits>(ProcessLimits), file => file.Configuration.Limits, (file, value) => file with { Configuration = file.Configuration with { Limits = value } },
                "Limits of the whole process."))
        { Example = "forwards: with each forward behind a '-'" };
        homes = HomesOf(("timeouts", Names(Timeouts)), ("limits", Names(Limits)), ("health", Names(Health)), ("proxy_protocol", Names(ProxyProtocol)), ("a forward", Names(Forward)),
            ("a tunnel", Names(TunnelKeys.Tunnel)), ("hub", Names(TunnelKeys.Hub).Except(["listen"])), ("the file itself", Names(File)));
    }

    /// <summary>Where a key belongs that was written elsewhere; empty if it is unknown everywhere, or near at hand in more than one place.</summary>
    public static string Elsewhere(string key) => homes.TryGetValue(key, out var home) ? $"; it belongs to {home}" : "";

    private static IEnumerable<string> Names<T>(KeyTable<T> table) => table.Keys.Select(key => key.Name);

    private static Dictionary<string, string> HomesOf(params (string Home, IEnumerable<string> Keys)[] tables)
    {
        return tables.SelectMany(table => table.Keys.Select(key => (key, table.Home))).GroupBy(pair => pair.key)
            .Where(group => group.Count() == 1).ToDictionary(group => group.Key, group => group.Single().Home);
    }

    /// <summary>An upstream: its address, or a map.</summary>
    private sealed class UpstreamKind : Kind<UpstreamConfig>
    {
        public override string Form => $"endpoint, or a map of {Upstream.Link}";

        public override string Schema => $$"""{"anyOf":[{{Kinds.Endpoint.Schema}},{{Upstream.Reference}}]}""";

        public override UpstreamConfig Read(YamlNode node, string key, UpstreamConfig current, Reading reading)
        {
            // Whether it may stand there is for the rules to say.
            return node is YamlText { Text: DynamicEndpoint.Word } ? Upstream.Initial with { Address = new DynamicEndpoint() }
                : node is YamlMap ? Upstream.Read(node, key, Upstream.Initial, reading) : Upstream.Initial with { Address = Kinds.Endpoint.Read(node, key, Upstream.Initial.Address, reading) };
        }

        public override string Show(UpstreamConfig value) => value.ToString();
    }

    /// <summary>Upstreams, or a word that says that the client names its own.</summary>
    private sealed class TargetsKind : Kind<ValueList<UpstreamConfig>>
    {
        public override string Form => $"{upstreams.Form}, or `{DynamicEndpoint.Word}`";

        public override string Schema => $$"""{"anyOf":[{{upstreams.Schema}},{"const":"{{DynamicEndpoint.Word}}"}]}""";

        public override ValueList<UpstreamConfig> Read(YamlNode node, string key, ValueList<UpstreamConfig> current, Reading reading)
        {
            return upstreams.Read(node, key, current, reading);
        }

        public override string Show(ValueList<UpstreamConfig> value) => upstreams.Show(value);
    }

    /// <summary>Users: a map of names and secrets, or a file of lines.</summary>
    private sealed class UsersKind : Kind<ValueList<ProxyUser>>
    {
        private const string File = "file:", Remedy = "write users: { alice: env:ALICE_PASSWORD }, or users: file:/path";

        public override string Form => "a map of names and secrets, or `file:PATH`";

        public override string Schema => """{"anyOf":[{"type":"object","additionalProperties":{"type":"string","minLength":1}},{"type":"string","pattern":"^file:.+"}]}""";

        public override ValueList<ProxyUser> Read(YamlNode node, string key, ValueList<ProxyUser> current, Reading reading)
        {
            switch (node)
            {
                case YamlMap map:
                    return [.. map.Entries.Select(entry => new ProxyUser(entry.Key.Text, Kinds.Secret.Read(entry.Value, "password", null, reading) ?? new Secret("invalid")))];
                case YamlText { IsMissing: false } text when text.Text.StartsWith(File, StringComparison.Ordinal):
                    try
                    {
                        return UserFile.Parse(reading.ReadSecret(text.Text[File.Length..]));
                    }
                    catch (FormatException error)
                    {
                        reading.Error(node, $"{key} {error.Message}");
                        return current;
                    }
                case YamlList { Items.Count: 0 }:
                    return [];
                case YamlFault:
                    return current;
                default:
                    reading.Error(node, $"{key} {(node is YamlText { IsMissing: true } ? "has no value" : $"is {YamlReader.Describe(node)}")}, and a map is expected; {Remedy}");
                    return current;
            }
        }

        public override string Show(ValueList<ProxyUser> value) => value.Count == 0 ? "[]" : $"{{ {string.Join(", ", value.Select(user => $"{Printable.Escape(user.Name)}: ***"))} }}";
    }

    private sealed class RoutesKind : Kind<ValueList<RouteConfig>>
    {
        public override string Form => $"a list of maps of {Route.Link}";

        public override string Schema => $$"""{"type":"array","items":{{Route.Reference}}}""";

        public override ValueList<RouteConfig> Read(YamlNode node, string key, ValueList<RouteConfig> current, Reading reading)
        {
            if (node is YamlList list)
                return [.. list.Items.Select(item => Route.Read(item, "route", Route.Initial, reading))];
            if (node is not YamlFault)
                reading.Error(node, $"{key} {(node is YamlText { IsMissing: true } ? "has no value" : $"is {YamlReader.Describe(node)}")}, and a list is expected; write {key}: [{{ from: 10.0.0.0/8, to: 10.0.0.5:80 }}]");
            return current;
        }

        public override string Show(ValueList<RouteConfig> value) => value.Count == 0 ? "[]" : "[…]";
    }

    /// <summary>Forwards are made when the defaults and includes are known, which may stand behind them.</summary>
    private sealed class ForwardsKind : Kind<YamlNode?>
    {
        public override string Form => $"a list of maps of {Forward.Link}";

        public override string Schema => $$"""{"type":"array","items":{{Forward.Reference}}}""";

        public override YamlNode? Read(YamlNode node, string key, YamlNode? current, Reading reading)
        {
            if (node is not YamlList and not YamlFault)
                reading.Error(node, $"{key} {(node is YamlText { IsMissing: true } ? "has no value" : $"is {YamlReader.Describe(node)}")}, and a list is expected; write [] for none, or each forward with a '-' before it");
            return node;
        }

        public override string Show(YamlNode? value) => "";
    }
}
