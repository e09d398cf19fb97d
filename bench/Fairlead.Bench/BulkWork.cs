using System.Net;

namespace Fairlead.Bench;

/// <summary>As many bytes as pass, one way.</summary>
class BulkWork(Options options, int streams) : Work
{
    Workshop workshop = null!;
    IPEndPoint target = null!;
    Child? server;
    Lineup? lineup;

    public override string Name => $"bulk{streams}";
    public override string What => Load;
    protected string Load => $"bytes one way by iperf3, {(streams == 1 ? "one stream" : $"{streams} streams")}, {options.WholeSeconds} s each";
    public override string Kind => "bulk";
    public override string? Missing => Iperf.Missing;

    public override IReadOnlyList<Metric> Metrics { get; } =
        [Metric.More("Gbit/s", "F2"), Metric.Less("CPU seconds a GB", "F3")];

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        target = Loopback.NewEndPoint();
        server = Iperf.StartServer(workshop, target);
        lineup = new(peers, i => [new(Loopback.NewEndPoint(), target, Speech: SpeechOf(peers[i]))], workshop);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var forwarder = lineup![peer];
        var before = forwarder.ProcessorTime;
        var entry = forwarder.Entries[0];
        Command Through(Command client) => SpeechOf(peer) == Speech.Socks ? Proxychains.Through(entry, client, workshop) : client;
        var result = Iperf.Run(workshop, SpeechOf(peer) == Speech.Socks ? target : entry, options.WholeSeconds, streams, Through);
        var used = forwarder.ProcessorTime - before;
        return [result.Gigabits, peer.HasProcesses ? used.TotalSeconds / result.Gigabytes : double.NaN];
    }

    public override void Dispose()
    {
        lineup?.Dispose();
        server?.Dispose();
    }
}
