namespace Fairlead;

/// <summary>The keys of tunnels and of the hub.</summary>
internal static class TunnelKeys
{
    // What stands for a server, and for a pin, that has an error.
    private static readonly SshTarget nowhere = new(null, "invalid");

    private static readonly HostKeyPin noPin = HostKeyPin.Of([]);

    private static readonly Kind<SshTarget> target = new TextKind<SshTarget>("`[USER@]HOST[:PORT]`", "alice@gw.example.com", """{"type":"string","minLength":1}""", (text, key, _) => SshTarget.Parse(text, key), target => target.ToString());

    private static readonly Kind<HostKeyPin> pin = new TextKind<HostKeyPin>("pin", "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3k", """{"type":"string","pattern":"^SHA256:[A-Za-z0-9+/]{43}=?$"}""", HostKeyPin.Parse, pin => pin.ToString());

    private static readonly Kind<string> file = new TextKind<string>("path", "~/.ssh/id_ed25519", """{"type":"string","minLength":1}""", (text, _, reading) => reading.Beside(HomePath.Expand(text)), text => text);

    private static readonly Kind<ValueList<string>> files = new ListKind<string>(file, "");

    private static readonly Kind<string> configFile = new TextKind<string>("`none`, `user`, or path", "user", """{"type":"string","minLength":1}""",
        (text, _, reading) => text is TunnelConfig.NoFile or TunnelConfig.UsersFiles ? text : reading.Beside(HomePath.Expand(text)), text => text);

    private static readonly Kind<string> agent = new TextKind<string>("`auto`, `off` or a path", TunnelConfig.AutoAgent, """{"type":"string","minLength":1}""",
        (text, _, reading) => text is TunnelConfig.AutoAgent or TunnelConfig.NoAgent ? text : reading.Beside(HomePath.Expand(text)), text => text);

    public static readonly Kind<string> Name = new TextKind<string>("name of a tunnel, or `ssh://` URL", "office", """{"type":"string","pattern":"^(ssh://.+|[a-z0-9-]{1,63})$"}""", (text, key, _) => ViaHop.TunnelName(text, key), name => name);

    public static readonly KeyTable<TunnelConfig> Tunnel = new("tunnel", () => new TunnelConfig { Name = "", Ssh = nowhere },
        new Key<TunnelConfig, SshTarget>("ssh", target, tunnel => tunnel.Ssh, (tunnel, value) => tunnel with { Ssh = value },
            "The server: who logs in (left out: the user who runs Fairlead), its name or address, and its port (22).", "ssh: alice@gw.example.com"),
        new Key<TunnelConfig, ValueList<string>>("identity", files, tunnel => tunnel.Identity, (tunnel, value) => tunnel with { Identity = value },
            "Files of private keys, tried in this order behind those of the agent; `~` is the user's home. A certificate stands beside its key, as `FILE-cert.pub`. Empty: `id_ed25519`, `id_ecdsa` and `id_rsa` in `~/.ssh`, as far as they are there."),
        new Key<TunnelConfig, Secret?>("passphrase", Kinds.Secret, tunnel => tunnel.Passphrase, (tunnel, value) => tunnel with { Passphrase = value },
            "What the private keys are encrypted with."),
        new Key<TunnelConfig, string>("agent", agent, tunnel => tunnel.Agent, (tunnel, value) => tunnel with { Agent = value },
            "The agent that keeps private keys, which are shown before those of files: the path of its socket, `auto` for the one that `SSH_AUTH_SOCK` names, or `off`."),
        new Key<TunnelConfig, Secret?>("password", Kinds.Secret, tunnel => tunnel.Password, (tunnel, value) => tunnel with { Password = value },
            "The user's password there, offered after the keys."),
        new Key<TunnelConfig, ValueList<string>>("known_hosts", files, tunnel => tunnel.KnownHosts, (tunnel, value) => tunnel with { KnownHosts = value },
            "Files of the keys that servers have, as `ssh` keeps them; a server that none of them knows is refused. Empty: `~/.ssh/known_hosts`."),
        new Key<TunnelConfig, ValueList<HostKeyPin>>("host_key", new ListKind<HostKeyPin>(pin, noPin), tunnel => tunnel.HostKey, (tunnel, value) => tunnel with { HostKey = value },
            "The keys that the server may have, as `SHA256:…` of each, which `ssh-keygen -lf FILE` shows; `known_hosts` are not asked then."),
        new Key<TunnelConfig, bool>("accept_new", Kinds.Truth, tunnel => tunnel.AcceptNew, (tunnel, value) => tunnel with { AcceptNew = value },
            "Whether a server that no file knows is believed the first time, and its key written into the first of `known_hosts`. A key that has changed is refused in any case."),
        new Key<TunnelConfig, ValueList<SshTarget>>("jump", new ListKind<SshTarget>(target, nowhere), tunnel => tunnel.Jump, (tunnel, value) => tunnel with { Jump = value },
            "Servers that are gone through on the way, from the nearest to the farthest."),
        new Key<TunnelConfig, string>("ssh_config", configFile, tunnel => tunnel.SshConfig, (tunnel, value) => tunnel with { SshConfig = value },
            "A file of ssh_config(5) that says what is not written here, of this server and of those on the way ([SSH](ssh.md#ssh_config)); `user` is `~/.ssh/config` and `/etc/ssh/ssh_config`. Its forwards are passed over."),
        new Key<TunnelConfig, TimeSpan>("keepalive", Kinds.Time, tunnel => tunnel.Keepalive, (tunnel, value) => tunnel with { Keepalive = value },
            "Silence after which the server is asked for a sign of life, and the gap between questions; after three unanswered ones the connection is dead, and made anew."),
        new Key<TunnelConfig, int>("connections", Kinds.Count, tunnel => tunnel.Connections, (tunnel, value) => tunnel with { Connections = value },
            "How many SSH connections there are, from 1 to 16: each channel goes over the one with the fewest. One carries what one processor encrypts, and all share its losses."))
    { Example = "{ ssh: alice@gw.example.com }" };

    public static readonly KeyTable<HubConfig> Hub = new("hub", () => new HubConfig { AuthorizedKeys = "" },
        new Key<HubConfig, ValueList<Endpoint>>("listen", new ListKind<Endpoint>(Kinds.Endpoint, new PortEndpoint("", default)), hub => hub.Listen, (hub, value) => hub with { Listen = value },
            "Where clients connect."),
        new Key<HubConfig, ValueList<string>>("host_keys", files, hub => hub.HostKeys, (hub, value) => hub with { HostKeys = value },
            "Files of the hub's private keys. Empty: one is made at the first start, and kept in `$STATE_DIRECTORY`, `/var/lib/fairlead` or `~/.local/state/fairlead`."),
        new Key<HubConfig, string>("authorized_keys", file, hub => hub.AuthorizedKeys, (hub, value) => hub with { AuthorizedKeys = value },
            "The file of the keys that are let in, as `sshd` has it, with what each may do. Users' names are logged and decide nothing.", "authorized_keys: /etc/fairlead/authorized_keys"),
        new Key<HubConfig, bool>("gateway_ports", Kinds.Truth, hub => hub.GatewayPorts, (hub, value) => hub with { GatewayPorts = value },
            "Whether a key without `permitlisten` may listen beyond the loopback, and on ports below 1024."),
        new Key<HubConfig, int>("max_startups", Kinds.Count, hub => hub.MaxStartups, (hub, value) => hub with { MaxStartups = value },
            "Connections at once that have not logged in yet; more are closed."),
        new Key<HubConfig, int?>("max_startups_per_source", new OffKind<int>(Kinds.Count), hub => hub.MaxStartupsPerSource, (hub, value) => hub with { MaxStartupsPerSource = value },
            "The same of one address, so that nobody keeps others from logging in."),
        new Key<HubConfig, int?>("max_startups_per_prefix", new OffKind<int>(Kinds.Count), hub => hub.MaxStartupsPerPrefix, (hub, value) => hub with { MaxStartupsPerPrefix = value },
            "The same of one network, /24 of IPv4 and /56 of IPv6."),
        new Key<HubConfig, TimeSpan>("login_grace", Kinds.Time, hub => hub.LoginGrace, (hub, value) => hub with { LoginGrace = value },
            "For a client to log in."),
        new Key<HubConfig, TimeSpan>("login_penalty", Kinds.Time, hub => hub.LoginPenalty, (hub, value) => hub with { LoginPenalty = value },
            "What a login that fails costs its address (of IPv6 the /56): one that owes more than three is refused until it does not. At most 120 are owed, which is 10 minutes. `off` where all clients come by one address, as behind a proxy."),
        new Key<HubConfig, int>("max_connections", Kinds.Count, hub => hub.MaxConnections, (hub, value) => hub with { MaxConnections = value },
            "Connections at once."),
        new Key<HubConfig, int?>("max_connections_per_source", new OffKind<int>(Kinds.Count), hub => hub.MaxConnectionsPerSource, (hub, value) => hub with { MaxConnectionsPerSource = value },
            "Connections at once of one address."),
        new Key<HubConfig, int?>("max_connections_per_prefix", new OffKind<int>(Kinds.Count), hub => hub.MaxConnectionsPerPrefix, (hub, value) => hub with { MaxConnectionsPerPrefix = value },
            "The same of one network, /24 of IPv4 and /56 of IPv6."),
        new Key<HubConfig, int?>("max_connections_per_key", new OffKind<int>(Kinds.Count), hub => hub.MaxConnectionsPerKey, (hub, value) => hub with { MaxConnectionsPerKey = value },
            "Connections at once of one key."),
        new Key<HubConfig, int>("max_channels", Kinds.Count, hub => hub.MaxChannels, (hub, value) => hub with { MaxChannels = value },
            "Channels at once of one connection, which are its sessions."),
        new Key<HubConfig, int>("window", Kinds.Size, hub => hub.Window, (hub, value) => hub with { Window = value },
            "How far the window of a channel may grow, which is memory that its client may fill; the windows of a connection together by twice that."),
        new Key<HubConfig, int>("max_listens", Kinds.Count, hub => hub.MaxListens, (hub, value) => hub with { MaxListens = value },
            "Remote listens at once of one key."))
    { Example = "hub: { authorized_keys: /etc/fairlead/authorized_keys }" };
}

/// <summary>Tunnels: a map of their names.</summary>
internal sealed class TunnelsKind : Kind<ValueList<TunnelConfig>>
{
    public override string Form => $"a map of names, each with a map of {TunnelKeys.Tunnel.Link}";

    public override string Schema => $$$"""{"type":"object","propertyNames":{"pattern":"^[a-z0-9-]{1,63}$"},"additionalProperties":{{{TunnelKeys.Tunnel.Reference}}}}""";

    public override ValueList<TunnelConfig> Read(YamlNode node, string key, ValueList<TunnelConfig> current, Reading reading)
    {
        if (node is not YamlMap map)
        {
            if (node is not YamlFault)
                reading.Error(node, $"{key} {(node is YamlText { IsMissing: true } ? "has no value" : $"is {YamlReader.Describe(node)}")}, and a map is expected; write {key}: {{ office: {TunnelKeys.Tunnel.Example} }}");
            return current;
        }
        var tunnels = new List<TunnelConfig>();
        foreach (var (name, value) in map.Entries)
        {
            if (EndpointRules.NameFault(name.Text) is { } fault)
                reading.Error(name, $"the name of the tunnel '{Printable.Escape(name.Text)}' {fault}");
            else
                tunnels.Add(ReadOne(name.Text, value, reading));
        }
        return [.. tunnels];
    }

    private static TunnelConfig ReadOne(string name, YamlNode node, Reading reading)
    {
        var before = reading.ErrorCount;
        var tunnel = TunnelKeys.Tunnel.Read(node, $"tunnel '{name}'", TunnelKeys.Tunnel.Initial with { Name = name }, reading);
        if (reading.ErrorCount > before || tunnel.SshConfig == TunnelConfig.NoFile || node is not YamlMap map || map["ssh_config"] is not { } file)
            return tunnel;
        try
        {
            var (complete, notes, files) = SshTunnel.Complete(tunnel);
            foreach (var note in notes)
                reading.Warning(note);
            foreach (var path in files)
                reading.Watch(path);
            return complete;
        }
        catch (FormatException error)
        {
            // When it is mended, this is worth another try.
            if (tunnel.SshConfig != TunnelConfig.UsersFiles)
                reading.Watch(Path.GetFullPath(tunnel.SshConfig));
            foreach (var line in error.Message.Split('\n'))
                reading.Error(file, $"ssh_config {line}");
            return tunnel;
        }
    }

    public override string Show(ValueList<TunnelConfig> value) => value.Count == 0 ? "{}" : "{…}";
}
