namespace Fairlead.Bench;

/// <summary>One flow of datagrams from iperf3, with its control connection over TCP through the same forwarder.</summary>
abstract class IperfUdpWork(Options options) : Work
{
    public const string KindName = "udp-flow";

    readonly List<Child> servers = [];
    Workshop workshop = null!;
    Lineup? lineup;

    public override string Kind => KindName;
    public override string Reference => "nginx";
    public override string Ceiling => "direct";
    public override string? Missing => Iperf.Missing;
    public override bool Takes(Peer peer) => base.Takes(peer) && peer.TakesUdp;

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        // A server for each: what a forwarder still holds when its test ends would open the next one's.
        var targets = peers.Select(_ => Loopback.NewEndPoint()).ToList();
        servers.AddRange(targets.Select(target => Iperf.StartServer(workshop, target)));
        lineup = new(peers, peer => [new(Loopback.NewEndPoint(), targets[peer], Transports.Both)], workshop);
    }

    /// <summary>What arrived, and the processor time that the forwarder took for each datagram of it, in microseconds.</summary>
    /// <param name="peer">What it goes through.</param>
    /// <param name="size">Bytes of each.</param>
    /// <param name="perSecond">How many are sent; 0 for as many as pass.</param>
    protected (IperfUdpResult Result, double Cpu) Run(Peer peer, int size, long perSecond)
    {
        var forwarder = lineup![peer];
        var before = forwarder.ProcessorTime;
        var result = Iperf.RunUdp(workshop, forwarder.Entries[0], options.WholeSeconds, size, perSecond);
        var used = forwarder.ProcessorTime - before;
        return (result, peer.HasProcesses ? used.TotalMicroseconds / result.Delivered : double.NaN);
    }

    public override void Dispose()
    {
        lineup?.Dispose();
        servers.ForEach(server => server.Dispose());
    }
}
