namespace Fairlead.Bench;

/// <summary>How long a datagram is on its way there and back.</summary>
sealed class UdpEchoWork(Options options) : Work
{
    const int Clients = 64;

    readonly Dictionary<Peer, (Crowd One, Crowd Many)> crowds = [];
    DatagramEcho? echo;
    Lineup? lineup;

    public override string Name => "udp-echo";
    public override string What => $"datagrams of 64 bytes to and fro, by one client that waits for each answer, then by {Clients} such at a time, {options.Seconds} s each";
    public override string Reference => "nginx";
    public override string Ceiling => "direct";
    public override bool Takes(Peer peer) => base.Takes(peer) && peer.TakesUdp;

    public override IReadOnlyList<Metric> Metrics { get; } =
    [
        Metric.Less("p50, 1 client, µs", "F1"), Metric.Less("p99, 1 client, µs", "F1"),
        Metric.Less($"p50, {Clients} clients, µs", "F1"), Metric.Less($"p99, {Clients} clients, µs", "F1"),
        Metric.More($"round trips a second, {Clients} clients", "N0"), Metric.Less($"CPU µs a round trip, {Clients} clients", "F2"),
    ];

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        echo = new();
        lineup = new(peers, _ => [new(Loopback.NewEndPoint(), echo.EndPoint, Transports.Udp)], workshop);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var forwarder = lineup![peer];
        if (!crowds.TryGetValue(peer, out var crowd))
            crowds[peer] = crowd = (new(forwarder.Entries[0], 1), new(forwarder.Entries[0], Clients));
        var length = TimeSpan.FromSeconds(options.Seconds);
        crowd.One.Open();
        var one = crowd.One.Run(1, length);

        crowd.Many.Open();
        var before = forwarder.ProcessorTime;
        var many = crowd.Many.Run(Clients, length);
        var used = forwarder.ProcessorTime - before;
        return [one.Median, one.P99, many.Median, many.P99, many.PerSecond, peer.HasProcesses ? used.TotalMicroseconds / many.Count : double.NaN];
    }

    public override void Dispose()
    {
        foreach (var (one, many) in crowds.Values)
        {
            one.Dispose();
            many.Dispose();
        }
        lineup?.Dispose();
        echo?.Dispose();
    }
}
