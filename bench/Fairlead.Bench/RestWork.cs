namespace Fairlead.Bench;

/// <summary>What a forwarder takes before it has anything to do.</summary>
sealed class RestWork : Work
{
    static readonly TimeSpan rest = TimeSpan.FromSeconds(2);

    Workshop workshop = null!;
    EchoTarget? echo;

    public override string Name => "rest";
    public override string What => "resident memory two seconds after the start, one byte forwarded; Pss counts a page that n processes share as 1/n";
    public override bool WarmsUp => false;
    public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Less("VmRSS, MB", "F1"), Metric.Less("Pss, MB", "F1")];
    public override bool Takes(Peer peer) => base.Takes(peer) && peer.HasProcesses;

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        echo = new(onlyOnce: true);
    }

    public override double[] Measure(Peer peer, int round)
    {
        using var forwarder = peer.Launch([new(Loopback.NewEndPoint(), echo!.EndPoint)], workshop);
        FirstByte.Wait(forwarder);
        echo.CloseConnections();
        Thread.Sleep(rest);
        return [forwarder.Status("VmRSS") / 1e6, forwarder.Memory("Pss") / 1e6];
    }

    public override void Dispose() => echo?.Dispose();
}
