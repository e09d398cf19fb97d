namespace Fairlead.Bench;

/// <summary>A server of SSH by itself.</summary>
/// <param name="fairlead">The program.</param>
/// <param name="isHub">Whether it is `fairlead run` with a hub, and not sshd.</param>
sealed class SshServerPeer(string fairlead, bool isHub) : Peer
{
    /// <summary>The kind of work that these are for.</summary>
    public const string Kind = "ssh-tunnels";

    /// <summary>OpenSSH's, which the other is set against.</summary>
    public const string Stock = "sshd";

    public override string Name => isHub ? "hub" : Stock;
    public override string Family => isHub ? "fairlead" : "openssh";
    public override string? OnlyFor => Kind;

    /// <summary>sshd has two processes for each connection.</summary>
    public override bool ForksForEach => !isHub;

    public override string? Missing =>
        Programs.Missing("ssh-keygen", "openssh-client")
        ?? (!isHub ? Programs.Missing("sshd", "openssh-server") : File.Exists(fairlead) ? null : $"fairlead is left out: there is no {fairlead} (./build makes it)");

    public override string Version(Workshop workshop) => isHub ? Ask(workshop, fairlead, "--version").Split('\n')[0] : Ask(workshop, Programs.PathOf("ssh"), "-V");

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop) =>
        [isHub ? SshServers.Hub(fairlead, routes[0].Listen, workshop) : SshServers.Sshd(routes[0].Listen, workshop, SshPeer.Cipher)];
}
