namespace Fairlead.Bench;

/// <summary>What a bulk transfer does to an interactive connection on the same forwarder.</summary>
/// <remarks>With two loops or threads, chance decides whether the two connections meet on one; the variants with one make
/// sure of it.</remarks>
sealed class MixedWork(Options options) : Work
{
    /// <summary>iperf3 has begun to send by then.</summary>
    static readonly TimeSpan lead = TimeSpan.FromMilliseconds(400);

    Workshop workshop = null!;
    EchoTarget? echo;
    Child? server;
    Lineup? lineup;

    public override string Name => "mixed";
    public override string What => $"64 bytes to and fro on one connection for {options.Seconds} s, alone and beside one iperf3 stream";
    public override string? Missing => Iperf.Missing;

    public override IReadOnlyList<Metric> Metrics { get; } =
    [
        Metric.Less("p99 alone, µs", "N0"), Metric.Less("p99 beside bulk, µs", "N0"), Metric.Less("beside / alone", "F1"),
        Metric.More("bulk beside, Gbit/s", "F2"),
    ];

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        echo = new(onlyOnce: false);
        var bulk = Loopback.NewEndPoint();
        server = Iperf.StartServer(workshop, bulk);
        lineup = new(peers, _ => [new(Loopback.NewEndPoint(), echo.EndPoint), new(Loopback.NewEndPoint(), bulk)], workshop);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var forwarder = lineup![peer];
        var length = TimeSpan.FromSeconds(options.Seconds);
        using var pingPong = new PingPong(forwarder.Entries[0]);
        var alone = pingPong.P99(length);

        var seconds = (int)Math.Ceiling((lead + length).TotalSeconds);
        using var client = workshop.Start(Iperf.Client(forwarder.Entries[1], seconds, streams: 1));
        Thread.Sleep(lead);
        var beside = pingPong.P99(length);
        if (!client.WaitForEnd(TimeSpan.FromSeconds(seconds + 15)))
            throw new MeasureException("iperf3 did not end");
        return [alone, beside, beside / alone, Iperf.Read(client.Output).Gigabits];
    }

    public override void Dispose()
    {
        lineup?.Dispose();
        server?.Dispose();
        echo?.Dispose();
    }
}
