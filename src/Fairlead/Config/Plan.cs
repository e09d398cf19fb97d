using System.Globalization;

namespace Fairlead;

/// <summary>What a configuration comes to on this machine: where each listen leads, by which engine and why, and what each bound works out to.</summary>
/// <param name="Listens">Each listen, in the order of the forwards.</param>
/// <param name="Bounds">What differs from the defaults, in the order of the forwards.</param>
/// <param name="Sessions">How many sessions there may be at once.</param>
/// <param name="Arithmetic">How that number came about, in a line.</param>
/// <param name="Warnings">What does not fit this machine, a line each.</param>
public sealed record Plan(ValueList<PlannedForward> Listens, ValueList<PlannedBound> Bounds, int Sessions, string Arithmetic, ValueList<string> Warnings)
{
    /// <summary>Each tunnel, in the order of the configuration.</summary>
    public ValueList<PlannedTunnel> Tunnels { get; init; } = [];

    /// <summary>The hub; null if there is none.</summary>
    public PlannedHub? Hub { get; init; }

    /// <summary>
    /// Works out the plan of a configuration that has no errors. Raises the soft limit of descriptors to the hard one, as running would; nothing is bound or looked
    /// up.
    /// </summary>
    public static Plan Of(Configuration configuration) => Of(configuration, Environment.ProcessorCount);

    /// <summary>The same with so many event loops.</summary>
    internal static Plan Of(Configuration configuration, int loops) => Of(configuration, Descriptors.RaiseLimit(), Descriptors.AtStart, loops, OperatingSystem.IsLinux());

    internal static Plan Of(Configuration configuration, int descriptorLimit, int descriptorsAtStart, int loops, bool isLinux)
    {
        configuration = configuration with { Forwards = [.. FtpDataForwards.With(configuration.Forwards)] };
        var listens = configuration.Forwards.SelectMany(forward => ListensOf(forward, isLinux)).ToList();
        var needs = new Needs(configuration, descriptorLimit, descriptorsAtStart, loops, isLinux);
        var (sessions, arithmetic, warning) = Room(configuration.Limits.Connections, descriptorLimit, needs);
        if (descriptorLimit != int.MaxValue && configuration.Forwards.Any(forward => forward.Protocols.HasFlag(PortProtocols.Udp)))
            arithmetic += "; each has a place, and one of UDP uses one descriptor only";
        var bounds = configuration.Forwards.SelectMany(BoundsOf).ToList();
        var warnings = configuration.Forwards.Where(forward => forward.Limits.Connections > sessions)
            .Select(forward => string.Create(CultureInfo.InvariantCulture, $"forward {ForwardRules.Describe(forward)}: limits.connections is {forward.Limits.Connections}, and the process has room for {sessions} sessions in all"));
        return new Plan([.. listens], [.. bounds], sessions, arithmetic, [.. (warning is null ? [] : new[] { warning }).Concat(warnings)])
        {
            Tunnels = [.. configuration.Tunnels.Select(PlannedTunnel.Of)],
            Hub = configuration.Hub is { } hub ? PlannedHub.Of(hub) : null,
        };
    }

    private static IEnumerable<PlannedForward> ListensOf(ForwardConfig forward, bool isLinux)
    {
        var (engine, why) = forward.Engine switch
        {
            EngineKind.Auto when isLinux => ("native", "Linux"),
            EngineKind.Auto => ("portable", "not Linux"),
            EngineKind.Native => ("native", "as written"),
            _ => ("portable", "as written"),
        };
        foreach (var (listen, protocol) in forward.Listen.SelectMany(listen => ProtocolRules.Each(ForwardConfig.ProtocolsOf(listen)).Select(protocol => (listen, protocol))))
        {
            var shown = listen is PortEndpoint port ? port with { Protocols = protocol } : listen;
            var word = listen is UnixEndpoint ? "unix" : protocol == PortProtocols.Udp ? "udp" : "tcp";
            foreach (var (from, to, route) in forward.Routes.Select(route => (Clients(route), route.To, (RouteConfig?)route)).Append((Others(forward), forward.To, null)))
            {
                if (to.Count > 0 || from.Length > 0)
                    yield return new PlannedForward(forward.Name ?? "", shown.ToString()!, word, from, Describe(forward, to, protocol, Via(forward.WayOf(route))), engine, why) { At = forward.At ?? "" };
            }
        }
    }

    private static string Clients(RouteConfig route)
    {
        var from = route.From.Count > 0 ? $"from {Shown(route.From)}" : "";
        return route.Sni.Count == 0 ? from : $"{from}{(from.Length > 0 ? " " : "")}for {string.Join(", ", route.Sni)}";
    }

    private static string Others(ForwardConfig forward) => forward.Routes.Count == 0 ? "" : forward.Routes.Any(route => route.Sni.Count > 0) ? "else" : "from elsewhere";

    private static string Shown(ValueList<System.Net.IPNetwork> networks)
    {
        return string.Join(", ", networks.Take(4).Select(AddressText.ToText)) + (networks.Count > 4 ? string.Create(CultureInfo.InvariantCulture, $" and {networks.Count - 4} more") : "");
    }

    private static string Describe(ForwardConfig forward, ValueList<UpstreamConfig> all, PortProtocols protocol, string via)
    {
        if (forward.IsDynamic)
            return $"where the client says (SOCKS, HTTP){via}";
        if (all.Count == 0)
            return protocol == PortProtocols.Udp ? "dropped" : "reset";
        var upstreams = all.Where(upstream => upstream.Takes(protocol)).ToList();
        var each = upstreams.Select(upstream => $"{upstream}{(upstream.Weight == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" ×{upstream.Weight}"))}{(upstream.Tls is null ? "" : " (TLS)")}{(upstream.Backup ? " (backup)" : "")}");
        return string.Join(", ", each) + (upstreams.Count > 1 ? $" {ConfigurationKeys.Forward.Keys.First(key => key.Name == "balance").Show(forward)}" : "") + via;
    }

    private static string Via((string? Tunnel, ValueList<ProxyUrl> Proxies) way)
    {
        if (way is { Tunnel: null, Proxies.Count: 0 })
            return "";
        // Of a tunnel alone, its far end does.
        var names = way.Proxies.Count == 0 || ProxyDialers.LookUpThere(way.Proxies) ? ", which looks names up and decides what they mean" : "";
        return $" via {new ViaWay(way.Tunnel, way.Proxies)}{names}";
    }

    private static IEnumerable<PlannedBound> BoundsOf(ForwardConfig forward)
    {
        var rows = ConfigurationKeys.Limits.Keys.Select(key => (Key: $"limits.{key.Name}", Value: key.Show(forward.Limits), Default: key.Show(ConfigurationKeys.Limits.Initial)))
            .Concat(ConfigurationKeys.Timeouts.Keys.Select(key => TimeoutOf(forward, key)));
        foreach (var (key, value, initial) in rows)
        {
            if (value != initial && ProtocolRules.Fits(key, forward.Protocols))
                yield return new PlannedBound(forward.Title, key, value, initial);
        }
        if (forward.Responses > 0)
            yield return new PlannedBound(forward.Title, "responses", forward.Responses.ToString(CultureInfo.InvariantCulture), "0");
        if (ConfigurationKeys.Defaults.Keys.First(key => key.Name == "resolve") is var resolve && resolve.Show(forward) is var interval && interval != resolve.Show(ConfigurationKeys.Defaults.Initial))
            yield return new PlannedBound(forward.Title, "resolve", interval, resolve.Show(ConfigurationKeys.Defaults.Initial));
    }

    // What is left out of these two differs by protocol.
    private static (string Key, string Value, string Default) TimeoutOf(ForwardConfig forward, Key<ForwardTimeouts> key)
    {
        var (timeouts, initial) = (forward.Timeouts, ConfigurationKeys.Timeouts.Initial);
        var (value, without) = key.Name switch
        {
            "unanswered" => (Duration.ToText(timeouts.DatagramUnanswered), Duration.ToText(initial.DatagramUnanswered)),
            "idle" when forward.Protocols == PortProtocols.Udp => (Duration.ToText(timeouts.DatagramIdle), Duration.ToText(initial.DatagramIdle)),
            "idle" when timeouts.Idle is not null && forward.Protocols.HasFlag(PortProtocols.Udp) => (key.Show(timeouts), $"off, {Duration.ToText(initial.DatagramIdle)} for UDP"),
            "idle" => (Duration.ToText(timeouts.StreamIdle), Duration.ToText(initial.StreamIdle)),
            _ => (key.Show(timeouts), key.Show(initial)),
        };
        return ($"timeouts.{key.Name}", value, without);
    }

    /// <summary>
    /// How many sockets are listened on: one a port and protocol, or one for each of its event loops as long as there are few. A name is taken for one address, and
    /// localhost for two.
    /// </summary>
    internal static long SocketsOf(IReadOnlyList<ForwardConfig> forwards, int descriptorLimit, int loops, bool isLinux)
    {
        var ports = forwards.Sum(PortsOf);
        var shared = Descriptors.SharesListens(ports, loops, descriptorLimit);
        return forwards.Sum(forward =>
            PortsOf(forward) * (shared || !IsNative(forward, isLinux) ? 1 : loops) + forward.LocalListens.Count(listen => listen is UnixEndpoint));
    }

    private static bool IsNative(ForwardConfig forward, bool isLinux) => isLinux && forward.Engine != EngineKind.Portable;

    private static long PortsOf(ForwardConfig forward) => forward.LocalListens.OfType<PortEndpoint>().Sum(SocketsOf);

    private static long SocketsOf(Endpoint listen) => listen is PortEndpoint port ? (long)port.Ports.Count * (port.Host == "localhost" ? 2 : 1) * ProtocolRules.Each(port.Protocols).Count() : 1;

    private static (int Sessions, string Arithmetic, string? Warning) Room(int? written, int limit, Needs needs)
    {
        if (limit == int.MaxValue)
            return (written ?? int.MaxValue / 2, written is null ? "no descriptor limit is known here" : "limits.connections", null);
        var room = Math.Max(0, Descriptors.Sessions(limit, needs.Own, needs.Sockets, needs.Pipes));
        var arithmetic = string.Create(CultureInfo.InvariantCulture,
            $"({limit} descriptors - {needs.Own} for the program{(needs.HasAdmin ? " and its admin API" : "")} - {needs.Sockets} listening - {Descriptors.Reserve(limit)} kept back - {2 * needs.Pipes} for {needs.Pipes} pipes) / 2 for each session = {room}");
        var warning = room < 1 ? Descriptors.NoRoom(limit, needs.Own, needs.Sockets)
            : written > room ? string.Create(CultureInfo.InvariantCulture, $"limits.connections is {written}, and the descriptor limit has room for {room}; raise it (ulimit -Hn, LimitNOFILE= in a unit)")
            : null;
        return written < room
            ? (written.Value, string.Create(CultureInfo.InvariantCulture, $"limits.connections; the descriptor limit has room for {room}"), null)
            : (room, arithmetic, warning);
    }

    /// <summary>What takes descriptors beside the sessions.</summary>
    private sealed class Needs(Configuration configuration, int limit, int atStart, int loops, bool isLinux)
    {
        private readonly bool isNative = configuration.Forwards.Any(forward => IsNative(forward, isLinux));

        public bool HasAdmin => configuration.Admin is not null;

        /// <summary>The program's own, with its event loops.</summary>
        public int Own => Descriptors.OfRun(atStart, HasAdmin) + (isNative ? Descriptors.OfLoops(loops) : 0) + configuration.Tunnels.Count;

        public long Sockets { get; } = SocketsOf(configuration.Forwards, limit, loops, isLinux) + (configuration.Hub?.Listen.Sum(SocketsOf) ?? 0);

        public int Pipes => isNative ? Descriptors.Pipes(limit) : 0;
    }
}

/// <summary>Where a listen leads.</summary>
/// <param name="Name">The forward's name; empty if it has none.</param>
/// <param name="Listen">The listen, as it is written; one of TCP and UDP stands here once for each.</param>
/// <param name="Protocol"><c>tcp</c>, <c>udp</c>, or <c>unix</c> for a stream of a Unix socket.</param>
/// <param name="From">Whose connections, where that matters: <c>from 10.0.0.0/8</c>, <c>from elsewhere</c>.</param>
/// <param name="To">Where they go; <c>reset</c> or <c>dropped</c> for nowhere.</param>
/// <param name="Engine"><c>native</c> or <c>portable</c>.</param>
/// <param name="Why">Why that engine.</param>
public sealed record PlannedForward(string Name, string Listen, string Protocol, string From, string To, string Engine, string Why)
{
    /// <summary>The tunnel at whose far end it is; empty for this machine.</summary>
    public string At { get; init; } = "";
}

/// <summary>A tunnel.</summary>
/// <param name="Name">How it is called.</param>
/// <param name="Server">Who logs in where: <c>alice@gw.example.com:22</c>.</param>
/// <param name="Jump">What is gone through on the way, the nearest first, in the same form; empty if nothing is.</param>
/// <param name="HostKey">By what the server is known: pins, or files of known hosts.</param>
/// <param name="Keepalive">When it is asked for a sign of life, and how often: <c>15s × 3</c>, or <c>off</c>.</param>
public sealed record PlannedTunnel(string Name, string Server, string Jump, string HostKey, string Keepalive)
{
    internal static PlannedTunnel Of(TunnelConfig tunnel)
    {
        // Servers on the way have their keys in the files.
        var files = $"known_hosts {string.Join(", ", tunnel.KnownHostsFiles)}{(tunnel.AcceptNew ? ", and new ones" : "")}";
        var hostKey = tunnel.HostKey.Count == 0 ? files : tunnel.Jump.Count == 0 ? tunnel.HostKey.ToString() : $"{tunnel.HostKey}; on the way {files}";
        var keepalive = tunnel.Keepalive == Timeout.InfiniteTimeSpan ? "off" : string.Create(CultureInfo.InvariantCulture, $"{Duration.ToText(tunnel.Keepalive)} × {tunnel.Options.KeepaliveCount}");
        return new PlannedTunnel(tunnel.Name, Shown(tunnel.Ssh), string.Join(", ", tunnel.Jump.Select(Shown)), hostKey, keepalive);
    }

    private static string Shown(SshTarget target) => string.Create(CultureInfo.InvariantCulture, $"{target with { User = target.Login, Port = SshTarget.DefaultPort }}:{target.Port}");
}

/// <summary>The hub.</summary>
/// <param name="Listen">Where clients connect.</param>
/// <param name="AuthorizedKeys">The file of the keys that are let in.</param>
/// <param name="HostKeys">The hub's own keys, or that one is made.</param>
/// <param name="RemoteListens">Where keys without <c>permitlisten</c> may listen.</param>
/// <param name="Limits">Its limits, each with its key.</param>
public sealed record PlannedHub(ValueList<string> Listen, string AuthorizedKeys, string HostKeys, string RemoteListens, string Limits)
{
    /// <summary>Where a key may listen that has no <c>permitlisten</c>, unless <c>gateway_ports</c> says otherwise.</summary>
    internal const string LoopbackOnly = "loopback, from 1024 up";

    internal static PlannedHub Of(HubConfig hub)
    {
        string[] bounds =
        [
            "max_startups", "max_startups_per_source", "max_startups_per_prefix", "login_grace", "login_penalty",
            "max_connections", "max_connections_per_source", "max_connections_per_prefix", "max_connections_per_key", "max_channels", "window", "max_listens",
        ];
        var limits = TunnelKeys.Hub.Keys.Where(key => bounds.Contains(key.Name)).Select(key => $"{key.Name} {key.Show(hub)}");
        return new PlannedHub([.. hub.Listen.Select(listen => listen.ToString()!)], hub.AuthorizedKeys, hub.HostKeys.Count == 0 ? "made once and kept" : hub.HostKeys.ToString(),
            hub.GatewayPorts ? "anywhere" : LoopbackOnly, string.Join(", ", limits));
    }
}

/// <summary>A bound of a forward that differs from the default.</summary>
/// <param name="Forward">The forward's title.</param>
/// <param name="Key">The key: <c>limits.rate</c>.</param>
/// <param name="Value">The value, as it is written.</param>
/// <param name="Default">The default.</param>
public sealed record PlannedBound(string Forward, string Key, string Value, string Default);
