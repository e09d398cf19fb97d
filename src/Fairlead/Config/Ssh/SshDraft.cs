using System.Globalization;
using System.Net;
using System.Net.Sockets;

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
    /// <summary>What a running one is to be told (<c>-O</c>); null: this one is to run.</summary>
    public string? Order { get; init; }

    /// <summary>The forwardings of that order, in pairs: the flag, and what stands behind it.</summary>
    public IReadOnlyList<string> OrderedForwardings { get; init; } = [];

    /// <summary>The socket of orders (<c>-S</c>); null: at the usual place. <c>none</c>: there is none.</summary>
    public string? ControlPath { get; init; }

    /// <summary>Whether it has to take orders (<c>-M</c>), so that it may have nothing to forward yet.</summary>
    public bool IsMaster { get; init; }

    /// <summary>The forward of a forwarding, as if it had been on this command line.</summary>
    public required Func<SshForwarding, ForwardConfig> Forward { get; init; }
}

/// <summary>What a command line of ssh(1) has said so far. Null is what it has not said; the first that is said holds.</summary>
internal sealed class SshDraft
{
    private const int LongestName = 63;

    public string? Host { get; set; }

    public string? User { get; set; }

    public int? Port { get; set; }

    public string? HostName { get; set; }

    public string? HostKeyAlias { get; set; }

    public List<string> IdentityFiles { get; } = [];

    public bool? IdentitiesOnly { get; set; }

    public ValueList<string>? KnownHosts { get; set; }

    public bool? HashKnownHosts { get; set; }

    public HostKeyStrictness? StrictHostKeyChecking { get; set; }

    public ValueList<SshTarget>? Jump { get; set; }

    /// <summary>Both families are <see cref="AddressFamily.Unspecified"/>.</summary>
    public AddressFamily? Family { get; set; }

    public IPAddress? BindAddress { get; set; }

    public TimeSpan? ConnectTimeout { get; set; }

    public TimeSpan? Keepalive { get; set; }

    public int? KeepaliveCount { get; set; }

    public bool? TcpKeepAlive { get; set; }

    public (long? Bytes, TimeSpan? Time)? RekeyLimit { get; set; }

    public AlgorithmList? Ciphers { get; set; }

    public AlgorithmList? Macs { get; set; }

    public AlgorithmList? KexAlgorithms { get; set; }

    public AlgorithmList? HostKeyAlgorithms { get; set; }

    public bool? BatchMode { get; set; }

    public bool? PasswordAuthentication { get; set; }

    public bool? PubkeyAuthentication { get; set; }

    public ValueList<string>? PreferredAuthentications { get; set; }

    public bool? ExitOnForwardFailure { get; set; }

    public bool? GatewayPorts { get; set; }

    public bool? ClearAllForwardings { get; set; }

    public List<SshForwarding> Forwardings { get; } = [];

    public string? Order { get; set; }

    /// <summary>The forwardings of the command line itself, in pairs: the flag, and what stands behind it.</summary>
    public List<string> OrderedForwardings { get; } = [];

    public string? ControlPath { get; set; }

    public bool IsMaster { get; set; }

    public LogLevel? Level { get; set; }

    public List<string> Notes { get; } = [];

    /// <summary>What all that comes to. What forwards and tunnels have to hold to is not looked at yet.</summary>
    /// <exception cref="FormatException">A path or a host cannot be had.</exception>
    public SshCommandLine Finish()
    {
        var name = NameOf(Host!);
        var family = Family == AddressFamily.Unspecified ? null : Family;
        // Also what stands for the host is a word of its own there.
        var host = HostName is null ? Host! : SshWords.Tokens(HostName, new Dictionary<char, string> { ['h'] = Host! }, "-o HostName");
        if (HostText.Fault(host) is { } fault)
            throw new FormatException($"host {fault}");
        var target = new SshTarget(User, host, Port ?? SshTarget.DefaultPort);
        var tokens = new Dictionary<char, string>
        {
            ['d'] = HomePath.Expand("~"),
            ['h'] = host,
            ['k'] = HostKeyAlias ?? Host!,
            ['n'] = Host!,
            ['p'] = target.Port.ToString(CultureInfo.InvariantCulture),
            ['r'] = target.Login,
            ['u'] = Environment.UserName,
        };
        var tunnel = new TunnelConfig
        {
            Name = name,
            Ssh = target,
            Identity = [.. IdentityFiles.Select(path => PathOf(path, tokens, "-i")).Distinct()],
            KnownHosts = [.. (KnownHosts ?? []).Select(path => PathOf(path, tokens, "-o UserKnownHostsFile")).Distinct()],
            AcceptNew = StrictHostKeyChecking == HostKeyStrictness.AcceptNew,
            Jump = Jump ?? [],
            Options = Options(family),
        };
        if (Keepalive is { } keepalive)
            tunnel = tunnel with { Keepalive = keepalive };
        var forwardings = ClearAllForwardings == true ? [] : Forwardings;
        var configuration = new Configuration { Admin = null, AccessLog = null, Tunnels = [tunnel], Forwards = [.. forwardings.Select(forwarding => forwarding.Forward(name, GatewayPorts == true, family))] };
        return new SshCommandLine(configuration, Level, Notes)
        {
            Order = Order,
            OrderedForwardings = OrderedForwardings,
            ControlPath = ControlPath is null or "none" ? ControlPath : PathOf(ControlPath, tokens, "-S"),
            IsMaster = IsMaster,
            Forward = forwarding => forwarding.Forward(name, GatewayPorts == true, family),
        };
    }

    /// <summary>The name of a tunnel to a host: what a name may not have becomes a <c>-</c>.</summary>
    public static string NameOf(string host)
    {
        var words = string.Concat(host.ToLowerInvariant().Select(character => char.IsAsciiLetterOrDigit(character) ? character : '-')).Split('-', StringSplitOptions.RemoveEmptyEntries);
        var name = string.Join('-', words);
        return name.Length == 0 ? "tunnel" : name[..Math.Min(name.Length, LongestName)].TrimEnd('-');
    }

    private SshOptions Options(AddressFamily? family)
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
            HostKeyAlias = HostKeyAlias,
            HashKnownHosts = HashKnownHosts ?? options.HashKnownHosts,
            AddressFamily = family,
            BindAddress = BindAddress,
            TcpKeepAlive = TcpKeepAlive ?? options.TcpKeepAlive,
            IdentitiesOnly = IdentitiesOnly ?? options.IdentitiesOnly,
            BatchMode = BatchMode ?? options.BatchMode,
            PubkeyAuthentication = PubkeyAuthentication ?? options.PubkeyAuthentication,
            PasswordAuthentication = PasswordAuthentication ?? options.PasswordAuthentication,
            PreferredAuthentications = PreferredAuthentications ?? options.PreferredAuthentications,
        };
    }

    private static string PathOf(string path, Dictionary<char, string> tokens, string option)
    {
        try
        {
            return SshWords.Tokens(SshWords.Variables(HomePath.Expand(path), option), tokens, option);
        }
        catch (FormatException error) when (error.Message.StartsWith('\''))
        {
            throw new FormatException($"{option} {error.Message}");
        }
    }
}
