namespace Fairlead.Bench;

/// <summary>What a channel costs both ends of a tunnel of SSH that has carried a byte each way and is silent since.</summary>
sealed class SshIdleWork : Work
{
    /// <summary>As many channels as a connection has at the most by default, less those that come before and the one that asks whether the tunnel stands.</summary>
    const int Before = 200, Channels = 700;

    static readonly TimeSpan settle = TimeSpan.FromMilliseconds(700);

    Workshop workshop = null!;

    public override string Name => "ssh-idle";
    public override string What => $"{Channels} idle channels of one connection; beside {Before} others; growth of the memory that only the processes of both ends have (Private_Dirty), without the kernel's sockets";
    public override string Kind => SshPeer.Kind;
    public override bool WarmsUp => false;
    public override string Reference => SshPeer.Stock;
    public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Less("bytes a channel", "N0")];
    public override bool Takes(Peer peer) => peer.OnlyFor == Kind;

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop) => this.workshop = workshop;

    public override double[] Measure(Peer peer, int round)
    {
        using var target = new EchoTarget(onlyOnce: true);
        using var forwarder = peer.Start([new(Loopback.NewEndPoint(), target.EndPoint)], workshop);
        var first = IdleWork.Open(forwarder.Entries[0], Before);
        Thread.Sleep(settle);
        var before = forwarder.Memory("Private_Dirty");
        var channels = IdleWork.Open(forwarder.Entries[0], Channels);
        Thread.Sleep(settle);
        var after = forwarder.Memory("Private_Dirty");
        IdleWork.Close([.. first, .. channels], target);
        return [(double)(after - before) / Channels];
    }

    public override void Dispose()
    {
    }
}
