namespace Fairlead.Bench;

/// <summary>As many bytes as pass, one way.</summary>
sealed class BulkWork(Options options, int streams) : Work
{
    Workshop workshop = null!;
    Child? server;
    Lineup? lineup;

    public override string Name => $"bulk{streams}";
    public override string What => $"bytes one way by iperf3, {(streams == 1 ? "one stream" : $"{streams} streams")}, {options.WholeSeconds} s each";
    public override string Kind => "bulk";
    public override string? Missing => Iperf.Missing;

    public override IReadOnlyList<Metric> Metrics { get; } =
        [Metric.More("Gbit/s", "F2"), Metric.Less("CPU seconds a GB", "F3")];

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        var target = Loopback.NewEndPoint();
        server = Iperf.StartServer(workshop, target);
        lineup = new(peers, _ => [new(Loopback.NewEndPoint(), target)], workshop);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var forwarder = lineup![peer];
        var before = forwarder.ProcessorTime;
        var result = Iperf.Run(workshop, forwarder.Entries[0], options.WholeSeconds, streams);
        var used = forwarder.ProcessorTime - before;
        return [result.Gigabits, peer.HasProcesses ? used.TotalSeconds / result.Gigabytes : double.NaN];
    }

    public override void Dispose()
    {
        lineup?.Dispose();
        server?.Dispose();
    }
}
