using System.Diagnostics;

namespace Fairlead.Bench;

/// <summary>From the start of the program to the first byte that has been to the target and back.</summary>
sealed class StartWork : Work
{
    const int LeastRounds = 9;

    Workshop workshop = null!;
    EchoTarget? echo;

    public override string Name => "start";
    public override string What => "from exec to the first byte forwarded and answered; includes a millisecond or so of starting any program from here";
    public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Less("ms", "F1")];
    public override int RoundsFor(Options options) => Math.Max(LeastRounds, options.Rounds);
    public override bool Takes(Peer peer) => base.Takes(peer) && peer.HasProcesses;

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        echo = new(onlyOnce: true);
    }

    public override double[] Measure(Peer peer, int round)
    {
        Route[] routes = [new(Loopback.NewEndPoint(), echo!.EndPoint)];
        var begin = Stopwatch.GetTimestamp();
        using var forwarder = peer.Launch(routes, workshop);
        FirstByte.Wait(forwarder);
        var taken = Stopwatch.GetElapsedTime(begin);
        echo.CloseConnections();
        return [taken.TotalMilliseconds];
    }

    public override void Dispose() => echo?.Dispose();
}
