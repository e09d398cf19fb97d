namespace Fairlead.Bench;

/// <summary>Small requests and answers over connections that stay.</summary>
class RequestsWork(Options options) : Work
{
    Workshop workshop = null!;
    Child? server;
    Lineup? lineup;

    public override string Name => "requests";
    public override string What => Load;
    protected string Load => $"HTTP keep-alive, wrk with {Wrk.Connections} connections to nginx, {options.WholeSeconds} s each";
    public override string? Missing => Wrk.Missing;

    public override IReadOnlyList<Metric> Metrics { get; } =
        [Metric.More("requests a second", "N0"), Metric.Less("p50, ms", "F2"), Metric.Less("p99, ms", "F2"), Metric.Less("CPU µs a request", "F1")];

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        var target = Loopback.NewEndPoint();
        server = Nginx.StartTarget(workshop, [target]);
        lineup = new(peers, _ => [new(Loopback.NewEndPoint(), target)], workshop);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var forwarder = lineup![peer];
        var before = forwarder.ProcessorTime;
        var result = Wrk.Run(workshop, forwarder.Entries[0], options.WholeSeconds);
        var used = forwarder.ProcessorTime - before;
        return [result.PerSecond, result.Median, result.P99, peer.HasProcesses ? used.TotalMicroseconds / result.Requests : double.NaN];
    }

    public override void Dispose()
    {
        lineup?.Dispose();
        server?.Dispose();
    }
}
