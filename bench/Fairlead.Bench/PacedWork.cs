namespace Fairlead.Bench;

/// <summary>A steady flow of datagrams that each peer can carry: who loses some of it all the same.</summary>
sealed class PacedWork(Options options) : IperfUdpWork(options)
{
    const int Size = 200;
    const int PerSecond = 50_000;

    readonly Options options = options;

    public override string Name => "paced";
    public override string What => $"{PerSecond} datagrams of {Size} bytes a second one way by iperf3, one flow, sent in bursts a millisecond apart, {options.WholeSeconds} s each; lost are the gaps that the iperf3 server sees, without what is still queued at the end";

    public override IReadOnlyList<Metric> Metrics { get; } =
        [Metric.Less("lost, %", "F3"), Metric.More("delivered a second", "N0"), Metric.Less("CPU µs a datagram delivered", "F2")];

    public override double[] Measure(Peer peer, int round)
    {
        var (result, cpu) = Run(peer, Size, PerSecond);
        return [100 * result.Lost / (result.Lost + result.Delivered), result.Delivered / result.Seconds, cpu];
    }
}
