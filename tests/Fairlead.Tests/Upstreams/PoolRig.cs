using System.Collections.Concurrent;
using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>Pools whose upstreams connect, unless the test says that they are dead or silent, each known by its port.</summary>
internal sealed class PoolRig
{
    private readonly ConcurrentDictionary<int, DialOutcome> fates = [];

    public PoolRig() => Network = new FakeNetwork(Time) { Answer = target => fates.GetValueOrDefault(((IPEndPoint)target).Port, DialOutcome.Connected) };

    public ManualTime Time { get; } = new();

    public FakeNetwork Network { get; }

    public CancellationTokenSource Cancel { get; } = new();

    /// <summary>The ports that were dialled, in their order.</summary>
    public IEnumerable<int> Dialled => Network.Dials.Select(dial => ((IPEndPoint)dial.Target).Port);

    public Upstream Upstream(int port, HealthRules? rules = null) => new(Network, new IPEndPoint(IPAddress.Loopback, port), $"127.0.0.1:{port}", rules);

    /// <summary>Members of these weights; the first has port 1.</summary>
    public PoolMember[] Members(params int[] weights) => [.. weights.Select((weight, i) => new PoolMember(Upstream(i + 1), weight))];

    /// <summary>From now on, dials of that port end so.</summary>
    public void Fate(int port, DialOutcome outcome) => fates[port] = outcome;

    /// <summary>Takes an upstream down, by failed dials; those of the next client end as it is said.</summary>
    public async Task TakeDownAsync(Upstream upstream, int port, DialOutcome then = DialOutcome.Refused)
    {
        Fate(port, DialOutcome.Refused);
        while (upstream.Health.IsUp)
            await upstream.ProbeAsync(Time, TimeSpan.FromSeconds(1), CancellationToken.None);
        Fate(port, then);
    }

    public Task<PoolResult> DialAsync(Pool pool, AddressKey? client = null, TimeSpan? connect = null)
    {
        return pool.DialAsync(client, Time, connect ?? TimeSpan.FromSeconds(6), null, Cancel.Token).AsTask();
    }

    /// <summary>Who got so many clients, each of an address of its own: their ports. The sessions stay.</summary>
    public async Task<List<int>> PortsAsync(Pool pool, int clients)
    {
        var ports = new List<int>(clients);
        for (var i = 0; i < clients; i++)
            ports.Add(PortOf(await DialAsync(pool, Client(i))));
        return ports;
    }

    public static int PortOf(PoolResult result) => ((IPEndPoint)result.Dial.Connection!.RemoteEndPoint!).Port;

    public static AddressKey Client(int number) => new((UInt128)(0x0A000000u + (uint)number), true);
}
