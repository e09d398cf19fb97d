namespace Fairlead.Bench;

/// <summary>rinetd: one process, one thread, no log unless it is asked for one.</summary>
sealed class RinetdPeer : Peer
{
    public override string Name => "rinetd";
    public override string? Missing => Programs.Missing("rinetd", "rinetd");
    public override string Version(Workshop workshop) => Ask(workshop, Programs.PathOf("rinetd"), "--version");

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop)
    {
        var text = $"pidlogfile {workshop.NewFile("rinetd.pid")}\n";
        foreach (var route in routes)
            text += $"{route.Listen.Address} {route.Listen.Port} {route.Target.Address} {route.Target.Port}\n";
        yield return new(Programs.PathOf("rinetd"), "-f", "-c", workshop.NewFile("rinetd.conf", text));
    }
}
