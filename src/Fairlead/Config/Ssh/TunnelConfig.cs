namespace Fairlead;

/// <summary>
/// A tunnel: an SSH connection that is kept alive, through which is dialled (<see cref="ForwardConfig.Tunnel"/>) and at whose far end is listened
/// (<see cref="ForwardConfig.At"/>). Immutable; each property's initial value is the default that the documentation gives.
/// </summary>
public sealed record TunnelConfig
{
    /// <summary>How it is called: the key before it, or for one that stands in a forward as an URL, that URL.</summary>
    public required string Name { get; init; }

    /// <summary>The server.</summary>
    public required SshTarget Ssh { get; init; }

    /// <summary>Files of private keys, tried in their order; empty: those of <c>id_ed25519</c>, <c>id_ecdsa</c> and <c>id_rsa</c> in the user's <c>~/.ssh</c> that are there.</summary>
    public ValueList<string> Identity { get; init; } = [];

    /// <summary>What the private keys are encrypted with; null: they are not, or who sits at a terminal is asked.</summary>
    public Secret? Passphrase { get; init; }

    /// <summary>The agent that keeps private keys: the path of its socket, <c>auto</c> for the one that <c>SSH_AUTH_SOCK</c> names, or <c>off</c>.</summary>
    public string Agent { get; init; } = AutoAgent;

    /// <summary>The user's password there; null: none is offered.</summary>
    public Secret? Password { get; init; }

    /// <summary>
    /// Files of the keys that servers have, in the form of sshd(8); the first is where new ones are written. Empty: the user's <c>~/.ssh/known_hosts</c>. None is asked where there is
    /// a <see cref="HostKey"/>.
    /// </summary>
    public ValueList<string> KnownHosts { get; init; } = [];

    /// <summary>The keys that the server may have, one or, while it is replaced, several. Empty: what <see cref="KnownHosts"/> say.</summary>
    public ValueList<HostKeyPin> HostKey { get; init; } = [];

    /// <summary>Whether a server of which no key is known is believed, and its key written down. One whose key is another than the known one is refused in any case.</summary>
    public bool AcceptNew { get; init; }

    /// <summary>Servers that are gone through on the way, the nearest first.</summary>
    public ValueList<SshTarget> Jump { get; init; } = [];

    /// <summary>Silence after which the server is asked for a sign of life, and the gap between questions; after three unanswered ones the connection is dead. <see cref="Timeout.InfiniteTimeSpan"/> is <c>off</c>.</summary>
    public TimeSpan Keepalive { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How many SSH connections there are, from 1 to 16; channels are spread over those that stand.</summary>
    public int Connections { get; init; } = 1;

    /// <summary>
    /// The file of ssh_config(5) that says what is not said here, of this server and of those on the way, but for its forwards: a path, <c>user</c> for <c>~/.ssh/config</c> and
    /// <c>/etc/ssh/ssh_config</c>, or <c>none</c>. It is read with the configuration.
    /// </summary>
    public string SshConfig { get; init; } = NoFile;

    /// <summary>Values of <see cref="SshConfig"/> that are no path.</summary>
    internal const string NoFile = "none", UsersFiles = "user";

    /// <summary>What <see cref="Agent"/> may be beside a path.</summary>
    internal const string AutoAgent = "auto", NoAgent = "off";

    /// <summary>The socket of the agent; null: none is asked.</summary>
    internal string? AgentPath => Agent switch { NoAgent => null, AutoAgent => Environment.GetEnvironmentVariable("SSH_AUTH_SOCK") is { Length: > 0 } path ? path : null, _ => Agent };

    /// <summary>What only <c>fairlead ssh</c> and files of ssh_config(5) can say.</summary>
    internal SshOptions Options { get; init; } = new();

    /// <summary>The same servers as <see cref="Jump"/>, where something else holds for each than for the tunnel: what files of ssh_config(5) say. Empty: nothing does.</summary>
    internal ValueList<TunnelConfig> Hops { get; init; } = [];

    /// <summary>What is logged in to, the nearest first: the servers on the way, each with what holds for it, and the tunnel's own.</summary>
    internal IReadOnlyList<TunnelConfig> Servers => Hops.Count > 0 ? [.. Hops, this]
        : [.. Jump.Select(jump => this with { Ssh = jump, Jump = [], HostKey = [], Password = null, Options = Options with { HostKeyAlias = null } }), this];

    /// <summary>The files of private keys; one that the user has not named may be missing.</summary>
    internal IReadOnlyList<string> IdentityFiles => Identity.Count + Options.OtherIdentities.Count > 0 ? [.. Identity.Union(Options.OtherIdentities)] : [.. ((string[])["id_ed25519", "id_ecdsa", "id_rsa"]).Select(HomePath.InSsh).OfType<string>()];

    /// <summary>The files of known keys; one that the user has not named may be missing.</summary>
    internal IReadOnlyList<string> KnownHostsFiles => KnownHosts.Count > 0 ? KnownHosts : [.. new[] { HomePath.InSsh("known_hosts") }.OfType<string>()];

    /// <summary>Whether it is one that stands in a forward as an URL.</summary>
    internal bool IsAnonymous => Name.StartsWith(SshTarget.Scheme, StringComparison.Ordinal);

    /// <summary>The tunnel that a forward names by an URL, with the defaults in everything else.</summary>
    internal static TunnelConfig Anonymous(string name) => new() { Name = name, Ssh = SshTarget.Parse(name) };

    /// <summary>The tunnels of a configuration: those that are written, and behind them those that forwards name by an URL.</summary>
    internal static ValueList<TunnelConfig> All(IEnumerable<TunnelConfig> written, IEnumerable<ForwardConfig> forwards)
    {
        var all = written.ToList();
        var known = all.Select(tunnel => tunnel.Name).ToHashSet();
        foreach (var name in forwards.SelectMany(forward => forward.Tunnels))
        {
            if (name.StartsWith(SshTarget.Scheme, StringComparison.Ordinal) && known.Add(name))
                all.Add(Anonymous(name));
        }
        return [.. all];
    }
}
