namespace Fairlead.Bench;

/// <summary>Dante's server: a tree of processes, each for one step in the life of some connections; logs errors alone.</summary>
sealed class DantePeer : Peer
{
    const string Program = "danted";

    public override string Name => "dante";
    public override string? OnlyFor => "socks";
    public override bool Understands(Speech speech) => speech == Speech.Socks;
    public override string? Missing => Programs.Missing(Program, "dante-server");
    public override string Version(Workshop workshop) => Ask(workshop, Programs.PathOf(Program), "-v").Split(".  ")[0];

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop)
    {
        var listens = string.Concat(routes.Select(route => $"internal: {route.Listen.Address} port = {route.Listen.Port}\n"));
        // Keywords of a rule have lines of their own.
        var text =
            $$"""
            logoutput: stderr
            {{listens}}
            external: 127.0.0.1
            clientmethod: none
            socksmethod: none
            user.privileged: {{Environment.UserName}}
            user.unprivileged: {{(Environment.IsPrivilegedProcess ? "nobody" : Environment.UserName)}}
            client pass {
                from: 127.0.0.0/8 to: 127.0.0.0/8
                log: error
            }
            socks pass {
                from: 127.0.0.0/8 to: 127.0.0.0/8
                log: error
                command: connect
            }
            """;
        yield return new(Programs.PathOf(Program), "-f", workshop.NewFile("danted.conf", text), "-p", workshop.NewFile("danted.pid"));
    }
}
