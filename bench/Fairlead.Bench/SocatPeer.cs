namespace Fairlead.Bench;

/// <summary>socat: one listening process a route, and one more for each connection.</summary>
sealed class SocatPeer : Peer
{
    public override string Name => "socat";
    public override bool ForksForEach => true;
    public override string? Missing => Programs.Missing("socat", "socat");

    public override string Version(Workshop workshop) =>
        Ask(workshop, Programs.PathOf("socat"), "-V").Split('\n').FirstOrDefault(line => line.StartsWith("socat version", StringComparison.Ordinal)) is { } line
            ? line.Split(" on ")[0]
            : "socat";

    // Its buffer is 8 KiB by default.
    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop) => routes.Select(route => new Command(
        Programs.PathOf("socat"), "-b262144",
        $"TCP4-LISTEN:{route.Listen.Port},bind={route.Listen.Address},fork,reuseaddr,backlog=4096", $"TCP4:{route.Target}"));
}
