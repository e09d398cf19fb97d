using System.Globalization;

namespace Fairlead.Bench;

/// <summary>As many bytes as pass through TLS that the forwarder ends, towards the client.</summary>
sealed class TlsBulkWork(Options options) : Work
{
    Workshop workshop = null!;
    EndlessTarget? target;
    Lineup? lineup;

    public override string Name => "tls-bulk";
    public override string What => $"bytes to a client of TLS 1.3, curl, on one connection that is ended before a target which sends without end, {options.Seconds} s each";
    public override string Kind => "bulk";
    public override Speech Speech => Speech.Tls;
    public override string? Missing => Programs.Missing("curl", "curl");
    public override bool Takes(Peer peer) => base.Takes(peer) && peer.HasProcesses;

    public override IReadOnlyList<Metric> Metrics { get; } =
        [Metric.More("Gbit/s", "F2"), Metric.Less("CPU seconds a GB", "F3")];

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        target = new();
        lineup = new(peers, _ => [new(Loopback.NewEndPoint(), target.EndPoint, Speech: Speech)], workshop);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var forwarder = lineup![peer];
        var before = forwarder.ProcessorTime;
        var (bytes, seconds) = Fetch(forwarder.Entries[0].ToString());
        var used = forwarder.ProcessorTime - before;
        return [bytes * 8 / seconds / 1e9, used.TotalSeconds / (bytes / 1e9)];
    }

    /// <summary>The bytes that arrived, and how long they took once there was a connection.</summary>
    (double Bytes, double Seconds) Fetch(string server)
    {
        var output = workshop.Run(
            new(Programs.PathOf("curl"), "-q", "-sk", "--noproxy", "*", "--tlsv1.3", "-o", "/dev/null", "-m", options.Seconds.ToString(CultureInfo.InvariantCulture),
                "-w", "%{size_download} %{time_total} %{time_pretransfer}", $"https://{server}/"),
            TimeSpan.FromSeconds(options.Seconds + 15));
        var words = output.Split(' ').Select(word => double.TryParse(word, CultureInfo.InvariantCulture, out var value) ? value : 0).ToArray();
        return words is [> 0, _, > 0] ? (words[0], words[1] - words[2]) : throw new MeasureException($"curl fetched nothing: {output}");
    }

    public override void Dispose()
    {
        lineup?.Dispose();
        target?.Dispose();
    }
}
