namespace Fairlead.Bench;

/// <summary>What a session costs that has carried a datagram each way and is silent since.</summary>
sealed class UdpIdleWork : Work
{
    const int Sessions = 4000;

    /// <summary>
    /// Opened before the first look and kept, so that what all sessions share is not counted: code, tables, and whatever a program
    /// gets ready when there is work to do.
    /// </summary>
    const int Before = 1000;

    static readonly TimeSpan settle = TimeSpan.FromMilliseconds(700);

    Workshop workshop = null!;
    DatagramEcho? echo;

    public override string Name => "udp-idle";
    public override string What => $"{Sessions} idle UDP sessions from as many addresses, each answered once; beside 1,000 others; growth of the memory that only the forwarder's processes have (Private_Dirty), without the kernel's sockets";
    public override bool WarmsUp => false;
    public override string Reference => "nginx";
    public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Less("bytes a session", "N0")];
    public override bool Takes(Peer peer) => base.Takes(peer) && peer is { TakesUdp: true, HasProcesses: true, ForksForEach: false };

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        echo = new();
    }

    public override double[] Measure(Peer peer, int round)
    {
        using var forwarder = peer.Start([new(Loopback.NewEndPoint(), echo!.EndPoint, Transports.Udp)], workshop);
        using var first = new Crowd(forwarder.Entries[0], Before);
        first.Open();
        Thread.Sleep(settle);
        var before = forwarder.Memory("Private_Dirty");

        using var crowd = new Crowd(forwarder.Entries[0], Sessions);
        crowd.Open();
        Thread.Sleep(settle);
        forwarder.ExpectSessions(Before + Sessions);
        var after = forwarder.Memory("Private_Dirty");
        return [(double)(after - before) / Sessions];
    }

    public override void Dispose() => echo?.Dispose();
}
