using System.Net;
using System.Net.Sockets;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Whom a tunnel believes.</summary>
internal enum HostKeyStrictness
{
    /// <summary>Servers that are known.</summary>
    Yes,

    /// <summary>Also those that are not, the first time.</summary>
    AcceptNew,
}

/// <summary>What a command line of ssh(1) comes to.</summary>
/// <param name="Configuration">One tunnel, and the forwards that go through it.</param>
/// <param name="Level">What matters less is not logged; null: nothing is said about it.</param>
/// <param name="Notes">What the user should know of how it is taken, a line each.</param>
internal sealed record SshCommandLine(Configuration Configuration, LogLevel? Level, IReadOnlyList<string> Notes)
{
    /// <summary>What is to be printed instead of anything done (<c>-G</c>), a line each; null: nothing is.</summary>
    public IReadOnlyList<string>? Printout { get; init; }

    /// <summary>What a running one is to be told (<c>-O</c>); null: this one is to run.</summary>
    public string? Order { get; init; }

    /// <summary>The forwardings of that order, in pairs: the flag, and what stands behind it.</summary>
    public IReadOnlyList<string> OrderedForwardings { get; init; } = [];

    /// <summary>The socket of orders (<c>-S</c>); null: at the usual place. <c>none</c>: there is none.</summary>
    public string? ControlPath { get; init; }

    /// <summary>Whether it has to take orders (<c>-M</c>), so that it may have nothing to forward yet.</summary>
    public bool IsMaster { get; init; }

    /// <summary>The forward of a forwarding, as if it had been on this command line.</summary>
    public required Func<SshForwarding, SshValue, ForwardConfig> Forward { get; init; }
}

/// <summary>What is said of a server on a command line of ssh(1) and in files of ssh_config(5) so far. Null is what is not said; the first that is said holds.</summary>
internal sealed class SshDraft
{
    // OpenSSH's own number (SSH_MAX_IDENTITY_FILES) is 100; a server takes six keys.
    private const int LongestName = 63, MostOfEach = 100;

    /// <summary>Files of known hosts that count for every user.</summary>
    public static readonly ValueList<string> SystemKnownHosts = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

    /// <summary>The host as it was asked for.</summary>
    public string? Host { get; set; }

    public string? User { get; set; }

    public int? Port { get; set; }

    public SshValue? HostName { get; set; }

    public string? HostKeyAlias { get; set; }

    public string? Tag { get; set; }

    public List<SshValue> IdentityFiles { get; private set; } = [];

    public List<SshValue> CertificateFiles { get; private set; } = [];

    public bool? IdentitiesOnly { get; set; }

    public SshValue? IdentityAgent { get; set; }

    /// <summary>Empty for none at all.</summary>
    public List<SshValue>? KnownHosts { get; set; }

    /// <summary>Empty for none at all.</summary>
    public List<SshValue>? GlobalKnownHosts { get; set; }

    public bool? HashKnownHosts { get; set; }

    public bool? CheckHostIp { get; set; }

    public bool? UpdateHostKeys { get; set; }

    public HostKeyStrictness? StrictHostKeyChecking { get; set; }

    /// <summary>Servers on the way, not yet read, or <c>none</c>. Where it is said, nothing is said by <see cref="ProxyCommand"/>.</summary>
    public SshValue? ProxyJump { get; private set; }

    /// <summary>A command, or <c>none</c>. Where it is said, nothing is said by <see cref="ProxyJump"/>.</summary>
    public SshValue? ProxyCommand { get; private set; }

    /// <summary>Both families are <see cref="AddressFamily.Unspecified"/>.</summary>
    public AddressFamily? Family { get; set; }

    public IPAddress? BindAddress { get; set; }

    public string? BindInterface { get; set; }

    public TimeSpan? ConnectTimeout { get; set; }

    public TimeSpan? Keepalive { get; set; }

    public int? KeepaliveCount { get; set; }

    public bool? TcpKeepAlive { get; set; }

    public (long? Bytes, TimeSpan? Time)? RekeyLimit { get; set; }

    public AlgorithmList? Ciphers { get; set; }

    public AlgorithmList? Macs { get; set; }

    public AlgorithmList? KexAlgorithms { get; set; }

    public AlgorithmList? HostKeyAlgorithms { get; set; }

    public AlgorithmList? CaSignatureAlgorithms { get; set; }

    public AlgorithmList? PubkeyAcceptedAlgorithms { get; set; }

    public int? RequiredRsaBits { get; set; }

    public bool? BatchMode { get; set; }

    public bool? PasswordAuthentication { get; set; }

    public bool? PubkeyAuthentication { get; set; }

    public bool? KbdInteractiveAuthentication { get; set; }

    public ValueList<string>? PreferredAuthentications { get; set; }

    public bool? ExitOnForwardFailure { get; set; }

    public bool? GatewayPorts { get; set; }

    public bool? ClearAllForwardings { get; set; }

    public ValueList<DestinationPattern>? PermitRemoteOpen { get; set; }

    public List<(SshForwarding Forwarding, SshValue Of)> Forwardings { get; private set; } = [];

    public string? Order { get; set; }

    /// <summary>The forwardings of the command line itself, in pairs: the flag, and what stands behind it.</summary>
    public List<string> OrderedForwardings { get; } = [];

    public SshValue? ControlPath { get; set; }

    public bool IsMaster { get; set; }

    public LogLevel? Level { get; set; }

    /// <summary>Words that are passed over in files though nobody knows them.</summary>
    public PatternList? IgnoreUnknown { get; set; }

    /// <summary>The file to read (<c>-F</c>); null for the usual ones.</summary>
    public string? ConfigFile { get; set; }

    /// <summary>Whether only to print what holds (<c>-G</c>).</summary>
    public bool IsPrinted { get; set; }

    /// <summary>What the user should know of how it is taken, a line each.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>The files that were read, as absolute paths.</summary>
    public List<string> Files { get; } = [];

    /// <summary>The host that is connected to.</summary>
    /// <exception cref="SshConfigException"><see cref="HostName"/> has a token that stands for nothing.</exception>
    public string ResolvedHost
    {
        get
        {
            var host = HostName is { } name ? new SshTokens(this, Host!).Text(name, "h") : Host!;
            return IPAddress.TryParse(host, out _) ? host : host.ToLowerInvariant();
        }
    }

    /// <summary>The path of the socket of orders, or <c>none</c>; null: nothing is said of it.</summary>
    /// <exception cref="SshConfigException"><see cref="ControlPath"/> has something that stands for nothing.</exception>
    public string? ControlSocket => ControlPath is { Text: not "none" } path ? new SshTokens(this, ResolvedHost).Path(path) : ControlPath?.Text;

    /// <summary>Says a way to the server, if nothing is said of that yet (<c>parse_jump</c> in OpenSSH's readconf.c).</summary>
    /// <exception cref="FormatException">It is no way.</exception>
    public void SetProxy(SshValue? command = null, SshValue? jump = null)
    {
        if (ProxyCommand is not null || ProxyJump is not null)
            return;
        // What tokens stand for is not known yet.
        if (jump is { } servers && !servers.Text.Contains('%', StringComparison.Ordinal))
            SshKeywords.Jump(servers.Text, servers.Option);
        (ProxyCommand, ProxyJump) = (command, jump);
    }

    /// <summary>Adds a forwarding; one that is there already counts once.</summary>
    public void Add(SshValue value, SshForwarding forwarding)
    {
        if (!Forwardings.Exists(other => other.Forwarding == forwarding))
            Forwardings.Add((forwarding, value));
    }

    /// <summary>Says something to the user, once.</summary>
    public void Warn(string note)
    {
        if (!Notes.Contains(note) && Notes.Count < Findings.MostErrors)
            Notes.Add(note);
    }

    /// <summary>Another draft that says the same. Notes and files are those of both.</summary>
    public SshDraft Copy()
    {
        var copy = (SshDraft)MemberwiseClone();
        (copy.IdentityFiles, copy.CertificateFiles, copy.Forwardings) = ([.. IdentityFiles], [.. CertificateFiles], [.. Forwardings]);
        return copy;
    }

    /// <summary>A draft for a server on the way: what is said here holds there too, but for what is about the one server alone and its forwards.</summary>
    public SshDraft ForJump(SshTarget jump)
    {
        var own = Copy();
        (own.Host, own.User, own.Port) = (jump.Host, jump.User, jump.Port == SshTarget.DefaultPort ? null : jump.Port);
        (own.HostName, own.HostKeyAlias, own.ProxyJump, own.ProxyCommand, own.Tag, own.Forwardings) = (null, null, null, null, null, []);
        return own;
    }

    /// <summary>The tunnel that all this comes to, without servers on the way. What tunnels have to hold to is not looked at yet.</summary>
    /// <param name="name">How it is called.</param>
    /// <exception cref="FormatException">A path or a host cannot be had.</exception>
    public TunnelConfig Tunnel(string name)
    {
        var host = ResolvedHost;
        // Also what stands for the host is a word of its own there.
        if (HostText.Fault(host) is { } fault)
            throw HostName?.Error($"host {fault}") ?? new FormatException($"host {fault}");
        if (IdentityFiles.Count > MostOfEach || CertificateFiles.Count > MostOfEach)
            throw new FormatException($"there are more than {MostOfEach} files of keys, which is the most that are tried; name fewer");
        var tokens = new SshTokens(this, host);
        var tunnel = new TunnelConfig
        {
            Name = name,
            Ssh = new SshTarget(User, host, Port ?? SshTarget.DefaultPort),
            Identity = [.. IdentityFiles.Where(IsTyped).Select(tokens.Path).Distinct()],
            KnownHosts = KnownHosts is { Count: 0 } ? ["/dev/null"] : [.. (KnownHosts ?? []).Select(tokens.Path).Distinct()],
            AcceptNew = StrictHostKeyChecking == HostKeyStrictness.AcceptNew,
            Agent = AgentOf(tokens),
            Options = Options(tokens),
        };
        return Keepalive is { } keepalive ? tunnel with { Keepalive = keepalive } : tunnel;
    }

    /// <summary>The forwards that go through a tunnel.</summary>
    /// <exception cref="FormatException">A path cannot be had.</exception>
    public IReadOnlyList<ForwardConfig> Forwards(string tunnel) => ClearAllForwardings == true ? [] : [.. Forwardings.Select(one => Forward(tunnel, one.Forwarding, one.Of))];

    /// <summary>The forward of one forwarding.</summary>
    /// <param name="tunnel">What it goes through.</param>
    /// <param name="forwarding">What was read of it.</param>
    /// <param name="value">As it was written.</param>
    /// <exception cref="FormatException">A path cannot be had.</exception>
    public ForwardConfig Forward(string tunnel, SshForwarding forwarding, SshValue value)
    {
        var tokens = new SshTokens(this, ResolvedHost);
        var family = Family == AddressFamily.Unspecified ? null : Family;
        var forward = forwarding.WithTokens(path => tokens.Text(value with { Text = path }, SshTokens.All)).Forward(tunnel, GatewayPorts == true, family);
        var permitted = PermitRemoteOpen is [{ IsAny: true, Ports: null }] ? null : PermitRemoteOpen;
        return forward.At is not null && forward.IsDynamic ? forward with { AllowTo = permitted } : forward;
    }

    /// <summary>The name of a tunnel to a host: what a name may not have becomes a <c>-</c>.</summary>
    public static string NameOf(string host)
    {
        var words = string.Concat(host.ToLowerInvariant().Select(character => char.IsAsciiLetterOrDigit(character) ? character : '-')).Split('-', StringSplitOptions.RemoveEmptyEntries);
        var name = string.Join('-', words);
        return name.Length == 0 ? "tunnel" : name[..Math.Min(name.Length, LongestName)].TrimEnd('-');
    }

    private static bool IsTyped(SshValue value) => value.Place is null;

    // A variable that is not set is none, as it is for SSH_AUTH_SOCK.
    private string AgentOf(SshTokens tokens) => IdentityAgent is not { } agent ? TunnelConfig.AutoAgent : agent.Text switch
    {
        "none" => TunnelConfig.NoAgent,
        "SSH_AUTH_SOCK" => TunnelConfig.AutoAgent,
        ['$', .. var name] when !name.StartsWith('{') => Environment.GetEnvironmentVariable(name) is { Length: > 0 } path ? path : TunnelConfig.NoAgent,
        _ => tokens.Path(agent),
    };

    private SshOptions Options(SshTokens tokens)
    {
        var options = new SshOptions();
        return options with
        {
            ExitOnForwardFailure = ExitOnForwardFailure ?? options.ExitOnForwardFailure,
            KeepaliveCount = KeepaliveCount ?? options.KeepaliveCount,
            ConnectTimeout = ConnectTimeout,
            RekeyBytes = RekeyLimit?.Bytes,
            RekeyAfter = RekeyLimit?.Time,
            Ciphers = Ciphers,
            Macs = Macs,
            KexAlgorithms = KexAlgorithms,
            HostKeyAlgorithms = HostKeyAlgorithms,
            CaSignatureAlgorithms = CaSignatureAlgorithms,
            PubkeyAcceptedAlgorithms = PubkeyAcceptedAlgorithms,
            RequiredRsaBits = RequiredRsaBits,
            HostKeyAlias = HostKeyAlias?.ToLowerInvariant(),
            HashKnownHosts = HashKnownHosts ?? options.HashKnownHosts,
            CheckHostIp = CheckHostIp ?? options.CheckHostIp,
            UpdateHostKeys = UpdateHostKeys,
            MayLackKnownHosts = KnownHosts is not null && !KnownHosts.TrueForAll(IsTyped),
            GlobalKnownHosts = GlobalKnownHosts is { } global ? [.. global.Select(value => value.Text)] : SystemKnownHosts,
            AddressFamily = Family == System.Net.Sockets.AddressFamily.Unspecified ? null : Family,
            BindAddress = BindAddress,
            BindInterface = BindAddress is null ? BindInterface : null,
            ProxyCommand = ProxyCommand is { } command && command.Text != "none" ? tokens.Command(command, SshTokens.OfProxies) : null,
            TcpKeepAlive = TcpKeepAlive ?? options.TcpKeepAlive,
            OtherIdentities = [.. IdentityFiles.Where(value => !IsTyped(value)).Select(tokens.Path).Distinct()],
            IdentitiesOnly = IdentitiesOnly ?? options.IdentitiesOnly,
            CertificateFiles = [.. CertificateFiles.Where(IsTyped).Select(tokens.Path).Distinct()],
            OtherCertificates = [.. CertificateFiles.Where(value => !IsTyped(value)).Select(tokens.Path).Distinct()],
            BatchMode = BatchMode ?? options.BatchMode,
            PubkeyAuthentication = PubkeyAuthentication ?? options.PubkeyAuthentication,
            PasswordAuthentication = PasswordAuthentication ?? options.PasswordAuthentication,
            KbdInteractiveAuthentication = KbdInteractiveAuthentication ?? options.KbdInteractiveAuthentication,
            PreferredAuthentications = PreferredAuthentications ?? options.PreferredAuthentications,
        };
    }
}
