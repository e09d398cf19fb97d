namespace Fairlead.Bench;

/// <summary>No forwarder at all: the client connects to the target, which is the most that any of them can reach.</summary>
sealed class DirectPeer : Peer
{
    public override string Name => "direct";
    public override bool HasProcesses => false;
    public override bool TakesUdp => true;
    public override string? Missing => null;
    public override string Version(Workshop workshop) => "";
    public override Forwarder Launch(IReadOnlyList<Route> routes, Workshop workshop) => new([], [.. routes.Select(route => route.Target)]);
    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop) => [];
}
