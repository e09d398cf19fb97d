using System.Net;

namespace Fairlead.Bench;

/// <summary>A new connection for each request.</summary>
/// <remarks>
/// A closed connection keeps its four addresses for a minute (TIME_WAIT), and there are only some 28,000 ports between one
/// source and one listener: less than two seconds at 15,000 connections a second, and the leftovers of one peer would slow
/// the next. So no two bursts share an address: each peer and each burst of one second has its own lane, which is an
/// address of 127/8 that the forwarder listens on and sends to. Addresses of targets are what keeps the second leg
/// apart as well, since the kernel takes 127.0.0.1 as the source for all of them. A forwarder has all its lanes from the
/// start, so it lives, warm, through all rounds.
/// </remarks>
class ConnectionsWork(Options options) : Work
{
    /// <summary>Lanes come round again after that many bursts of a peer, minutes later.</summary>
    const int MostLanes = 64;

    Workshop workshop = null!;
    Child? server;
    Lineup? lineup;
    readonly Dictionary<Peer, IReadOnlyList<Route>> routes = [];
    int lanes;

    public override string Name => "connections";
    public override string What => Load;
    protected string Load => $"a new connection for each HTTP request, wrk with {Wrk.Connections} at a time to nginx, {options.WholeSeconds} × 1 s each";
    public override string? Missing => Wrk.Missing;

    public override IReadOnlyList<Metric> Metrics { get; } =
        [Metric.More("connections a second", "N0"), Metric.Less("p50, ms", "F2"), Metric.Less("p99, ms", "F2"), Metric.Less("CPU µs a connection", "F1")];

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        lanes = Math.Min((options.Rounds + 1) * options.WholeSeconds, MostLanes);
        int listen = Loopback.NewPort(), target = Loopback.NewPort();
        foreach (var (peer, i) in peers.Select((peer, i) => (peer, i)))
            routes[peer] = [.. Enumerable.Range(0, lanes).Select(lane => new Route(new(Address(i, lane), listen), new(Address(i, lane), target), Speech: SpeechOf(peer)))];
        server = Nginx.StartTarget(workshop, [.. routes.Values.SelectMany(lanes => lanes).Select(route => route.Target)]);
        lineup = new(peers, i => routes[peers[i]], workshop);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var forwarder = lineup![peer];
        var before = forwarder.ProcessorTime;
        var bursts = new List<LoadResult>();
        for (var i = 0; i < options.WholeSeconds; i++)
        {
            var lane = ((round + 1) * options.WholeSeconds + i) % lanes;
            bursts.Add(Burst(forwarder.Entries[lane], routes[peer][lane], workshop));
        }
        var used = forwarder.ProcessorTime - before;
        return
        [
            bursts.Average(burst => burst.PerSecond),
            bursts.Average(burst => burst.Median),
            bursts.Average(burst => burst.P99),
            peer.HasProcesses ? used.TotalMicroseconds / bursts.Sum(burst => burst.Requests) : double.NaN,
        ];
    }

    /// <summary>The load of one second.</summary>
    /// <param name="entry">Where to connect.</param>
    /// <param name="route">What is served there.</param>
    /// <param name="workshop">Where clients run.</param>
    protected virtual LoadResult Burst(IPEndPoint entry, Route route, Workshop workshop) =>
        Wrk.Run(workshop, entry, seconds: 1, "-H", "Connection: close");

    public override void Dispose()
    {
        lineup?.Dispose();
        server?.Dispose();
    }

    static IPAddress Address(int peer, int lane) => new([127, (byte)(64 + peer), 0, (byte)(1 + lane)]);
}
