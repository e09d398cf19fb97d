using System.Net;

namespace Fairlead.Bench;

/// <summary>As many bytes as pass through a tunnel of SSH over a long way, from the far end to this one, or to the far end.</summary>
sealed class SshFarWork(Options options, bool isUp) : Work
{
    static readonly TimeSpan oneWay = TimeSpan.FromMilliseconds(25);

    readonly List<DelayedLink> links = [];
    Workshop workshop = null!;
    Child? server;
    Lineup? lineup;

    public override string Name => isUp ? "ssh-far-up" : "ssh-far";
    public override string What => $"Bytes {(isUp ? "to the far end" : "from the far end")} by iperf3, one stream, {options.WholeSeconds} s each, through a local forward of SSH, aes128-gcm, over {2 * oneWay.TotalMilliseconds:0} ms of round trip whose queue has no bound";
    public override string Kind => SshPeer.Kind;
    public override string? Missing => Iperf.Missing;
    public override string Reference => SshPeer.Stock;
    public override IReadOnlyList<Metric> Metrics { get; } = [Metric.More("Gbit/s", "F2")];
    public override bool Takes(Peer peer) => peer.OnlyFor == Kind;

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        var target = Loopback.NewEndPoint();
        server = Iperf.StartServer(workshop, target);
        lineup = new(peers, _ => [new(Loopback.NewEndPoint(), target)], workshop, (peer, routes) => ((SshPeer)peer).Start(routes, workshop, Through));
    }

    public override double[] Measure(Peer peer, int round)
    {
        Command Reversed(Command client) => client with { Arguments = [.. client.Arguments, "-R"] };
        return [Iperf.Run(workshop, lineup![peer].Entries[0], options.WholeSeconds, streams: 1, isUp ? null : Reversed).Gigabits];
    }

    public override void Dispose()
    {
        lineup?.Dispose();
        server?.Dispose();
        links.ForEach(link => link.Dispose());
    }

    IPEndPoint Through(IPEndPoint address)
    {
        var link = new DelayedLink(address, oneWay);
        links.Add(link);
        return link.EndPoint;
    }
}
