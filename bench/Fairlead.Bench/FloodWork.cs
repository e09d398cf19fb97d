namespace Fairlead.Bench;

/// <summary>As many datagrams as pass, one way. What counts is what arrives: the sender waits for nobody.</summary>
sealed class FloodWork(Options options, int size) : IperfUdpWork(options)
{
    readonly Options options = options;

    public override string Name => $"flood{size}";
    public override string What => $"datagrams of {size} bytes one way by iperf3, one flow, as fast as it sends, {options.WholeSeconds} s each; delivered is what the iperf3 server counts";

    public override IReadOnlyList<Metric> Metrics { get; } =
        [Metric.More("delivered a second", "N0"), Metric.Less("CPU µs a datagram delivered", "F2"), Metric.More("delivered, % of those sent", "F1")];

    public override double[] Measure(Peer peer, int round)
    {
        var (result, cpu) = Run(peer, size, perSecond: 0);
        return [result.Delivered / result.Seconds, cpu, 100 * result.Delivered / result.Sent];
    }
}
