namespace Fairlead.Bench;

/// <summary>socat: one listening process a route and transport, and one more for each connection or client.</summary>
sealed class SocatPeer : Peer
{
    public override string Name => "socat";
    public override bool ForksForEach => true;
    public override bool TakesUdp => true;
    public override string? Missing => Programs.Missing("socat", "socat");

    public override string Version(Workshop workshop) =>
        Ask(workshop, Programs.PathOf("socat"), "-V").Split('\n').FirstOrDefault(line => line.StartsWith("socat version", StringComparison.Ordinal)) is { } line
            ? line.Split(" on ")[0]
            : "socat";

    // Its buffer is 8 KiB by default.
    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop)
    {
        foreach (var route in routes)
        {
            if (route.Over.HasFlag(Transports.Tcp))
                yield return Socat($"TCP4-LISTEN:{route.Listen.Port},bind={route.Listen.Address},fork,reuseaddr,backlog=4096", $"TCP4:{route.Target}");
            if (route.Over.HasFlag(Transports.Udp))
                yield return Socat($"UDP4-LISTEN:{route.Listen.Port},bind={route.Listen.Address},fork,reuseaddr", $"UDP4:{route.Target}");
        }
    }

    static Command Socat(string from, string to) => new(Programs.PathOf("socat"), "-b262144", from, to);
}
