using System.Globalization;

namespace Fairlead.Bench;

/// <summary>What it costs to find one session among many.</summary>
/// <remarks>
/// The load is the same in all parts: ten datagrams under way at any time, each of another session. What differs is how many
/// sessions there are, and how many of them take turns: a few of many cost what it takes to find them, while many that take turns
/// also find the memory of each, the kernel's sockets above all, out of the processor's caches. More under way would let the few share the calls for
/// several datagrams of one session, which the many cannot. More sources cost the kernel something too: the direct way shows what.
/// </remarks>
sealed class UdpSessionsWork(Options options) : Work
{
    const int Few = 10;

    /// <summary>Fairlead counts two descriptors for each session, and of 20,000 some are its own.</summary>
    const int Many = 9_800;

    readonly Dictionary<Peer, (Crowd Few, Crowd Many)> crowds = [];
    DatagramEcho? echo;
    Lineup? few, many;

    public override string Name => "udp-sessions";
    public override string What => string.Create(CultureInfo.InvariantCulture,
        $"datagrams of 64 bytes to and fro, {Few} under way at a time, by {Few} sessions, by {Few} of {Many:N0}, and by {Many:N0} that take turns, {options.Seconds} s each");
    public override string Reference => "nginx";
    public override string Ceiling => "direct";
    public override bool Takes(Peer peer) => base.Takes(peer) && peer is { TakesUdp: true, ForksForEach: false };

    public override IReadOnlyList<Metric> Metrics { get; } =
    [
        Metric.More("round trips a second, few", "N0"), Metric.More("round trips, few of many / few", "F3"), Metric.More("round trips, many / few", "F3"),
        Metric.Less("CPU µs a round trip, few", "F2"), Metric.Less("CPU, few of many / few", "F3"), Metric.Less("CPU, many / few", "F3"),
    ];

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        echo = new();
        Lineup Start() => new(peers, _ => [new(Loopback.NewEndPoint(), echo.EndPoint, Transports.Udp)], workshop);
        (few, many) = (Start(), Start());
    }

    public override double[] Measure(Peer peer, int round)
    {
        if (!crowds.TryGetValue(peer, out var crowd))
            crowds[peer] = crowd = (new(few![peer].Entries[0], Few), new(many![peer].Entries[0], Many));
        var (perSecondFew, cpuFew) = Run(peer, few![peer], crowd.Few, Few);
        var (perSecondPart, cpuPart) = Run(peer, many![peer], crowd.Many, Few);
        var (perSecondMany, cpuMany) = Run(peer, many[peer], crowd.Many, Many);
        many[peer].ExpectSessions(Many);
        return [perSecondFew, perSecondPart / perSecondFew, perSecondMany / perSecondFew, cpuFew, cpuPart / cpuFew, cpuMany / cpuFew];
    }

    (double PerSecond, double Cpu) Run(Peer peer, Forwarder forwarder, Crowd crowd, int among)
    {
        crowd.Open();
        var before = forwarder.ProcessorTime;
        var result = crowd.Run(Few, TimeSpan.FromSeconds(options.Seconds), among);
        var used = forwarder.ProcessorTime - before;
        return (result.PerSecond, peer.HasProcesses ? used.TotalMicroseconds / result.Count : double.NaN);
    }

    public override void Dispose()
    {
        foreach (var (small, large) in crowds.Values)
        {
            small.Dispose();
            large.Dispose();
        }
        few?.Dispose();
        many?.Dispose();
        echo?.Dispose();
    }
}
