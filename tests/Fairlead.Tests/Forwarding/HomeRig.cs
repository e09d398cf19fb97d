using System.Collections.Concurrent;
using System.Net;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>Whose clients a forward has, where its sessions are at home, and how they dial.</summary>
public enum HomeKind
{
    /// <summary>Native clients, accepted on one event loop; sessions, and what they dial, on another.</summary>
    Loop,

    /// <summary>The same, where they dial through a tunnel of that loop.</summary>
    LoopOfTunnel,

    /// <summary>Portable clients, and a tunnel that lives on the thread pool.</summary>
    Pool,

    /// <summary>Portable clients, and a tunnel that lives on an event loop.</summary>
    LoopForPortable,

    /// <summary>Native clients, and a tunnel that lives on the thread pool.</summary>
    PoolForNative,
}

/// <summary>A forward whose sessions have a home, without an engine around it. A tunnel is a dialer that must be used at home, as its connections must.</summary>
internal sealed class HomeRig : IAsyncDisposable
{
    public const int Room = 60;

    private readonly INetwork network, homes;
    private readonly PortableNetwork outside = new();
    private readonly ConcurrentQueue<LogEntry> log = new();
    private readonly ConcurrentBag<IDisposable> owned = [];
    private readonly ConcurrentBag<BoundConnection> channels = [];
    private readonly IAcceptor server;
    private readonly DestinationNames names = new(new LookUps());
    private Task serving = Task.CompletedTask;

    private HomeRig(HomeKind kind, Func<ForwardConfig, ForwardConfig>? change)
    {
        var isNative = kind is HomeKind.Loop or HomeKind.LoopOfTunnel or HomeKind.PoolForNative;
        Assert.SkipUnless(kind == HomeKind.Pool || OperatingSystem.IsLinux(), "There are no event loops here.");
        network = isNative ? Native(loops: 2) : new PortableNetwork();
        homes = kind is HomeKind.Pool or HomeKind.PoolForNative ? new PortableNetwork() : isNative ? network : Native(loops: 1);
        // The first of the loops listens.
        homes.NextContext();
        Home = homes.NextContext();
        server = Own(outside.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions())[0]);
        Tunnel = new HomeDialer(kind == HomeKind.Loop ? network.Dialer : outside.Dialer, Home, kind == HomeKind.Loop ? null : channels);
        Upstream = new Upstream(Tunnel, server.LocalEndPoint, server.LocalEndPoint.ToString()!);
        Forward = new Forward("web", "web", log.Enqueue, new RefusalLog(TimeProvider.System));
        var config = ForwardConfig.Parse("127.0.0.1:1:127.0.0.1:2");
        Plan = PlanOf(change?.Invoke(config) ?? config, Home);
        Forward.Adopt(Plan);
        Listen = null!;
    }

    public SynchronizationContext Home { get; }

    /// <summary>The places of the process.</summary>
    public Admission Process { get; } = new(Room);

    public Forward Forward { get; }

    public ForwardPlan Plan { get; }

    public StreamListen Listen { get; private set; }

    public Upstream Upstream { get; }

    public HomeDialer Tunnel { get; }

    /// <summary>The ended sessions, by field.</summary>
    public IReadOnlyList<Dictionary<string, object?>> Ended =>
        [.. log.Where(entry => entry.Event == "session").Select(entry => entry.Fields.ToDictionary(pair => pair.Key, pair => pair.Value))];

    /// <summary>Begins to let clients in.</summary>
    /// <param name="kind">Which.</param>
    /// <param name="change">Changes its configuration.</param>
    /// <param name="everywhere">Whether all loops listen, the one that is home too.</param>
    public static async Task<HomeRig> StartAsync(HomeKind kind, Func<ForwardConfig, ForwardConfig>? change = null, bool everywhere = false)
    {
        var rig = new HomeRig(kind, change);
        var at = new IPEndPoint(IPAddress.Loopback, 0);
        IReadOnlyList<IAcceptor> acceptors = [];
        if (rig.network is PortableNetwork || everywhere)
            acceptors = rig.network.Listen(at, new ListenOptions());
        else if (OperatingSystem.IsLinux())
            await ((NativeNetwork)rig.network).Loops[0].RunAsync(() => Task.FromResult(acceptors = [rig.network.ListenHere(at, new ListenOptions())]));
        rig.Listen = new StreamListen("key", acceptors[0].LocalEndPoint.ToString()!, rig.network, acceptors, rig.Process, rig.log.Enqueue);
        rig.Bind(rig.Plan);
        rig.Listen.Start();
        return rig;
    }

    /// <summary>Another plan for the forward.</summary>
    public ForwardPlan PlanOf(ForwardConfig config, SynchronizationContext? home)
    {
        var way = new Way(Tunnel, outside.DatagramDialerWith(), false, []);
        var dynamic = config.IsDynamic ? new DynamicProxy(config, network, way, new DestinationRules([], null, _ => false), names) : null;
        return new ForwardPlan(config, network, (_, _, _, _, _) => Upstream, dynamic: dynamic) { HomeOf = home is null ? null : () => home };
    }

    /// <summary>Deals with new clients by a plan, whatever the forward's is.</summary>
    public void Bind(ForwardPlan plan) => Listen.Bind(new Binding(Forward, plan, 0));

    /// <summary>Takes the places for a client that is let in by hand.</summary>
    public async Task EnterAsync() => Assert.True(await Listen.Binding.EnterAsync(Process));

    /// <summary>Keeps the home busy until it is let go; what is to happen there waits.</summary>
    public async Task<IDisposable> OccupyAsync()
    {
        var busy = new Busy();
        Home.Run(busy.Wait);
        await busy.Begun;
        return Own(busy);
    }

    public async Task<Connection> ConnectAsync(EndPoint? to = null)
    {
        var dial = await outside.Dialer.DialAsync(to ?? Listen.EndPoint, TimeSpan.FromSeconds(20));
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        return Own(dial.Connection!);
    }

    /// <summary>Connects, and is reset: after that or, as the kernel tells it then, instead of it.</summary>
    public async Task ConnectAndBeResetAsync()
    {
        var dial = await outside.Dialer.DialAsync(Listen.EndPoint, TimeSpan.FromSeconds(20));
        if (dial.Connection is { } connection)
            await ForwardingRig.AssertResetAsync(Own(connection));
        else
            Assert.Equal(DialOutcome.Refused, dial.Outcome);
    }

    /// <summary>The server's end of the next session.</summary>
    public async Task<Connection> AcceptAsync() => Own(await NetworkRig.AcceptAsync(server));

    /// <summary>A server for something beside.</summary>
    public IAcceptor Serve() => Own(outside.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions())[0]);

    public async Task<(Connection Client, Connection Server)> SessionAsync()
    {
        var client = await ConnectAsync();
        var accepted = await AcceptAsync();
        await Traffic.SayAsync(client, accepted, "hello");
        return (client, accepted);
    }

    /// <summary>The server says everything back, an end for an end.</summary>
    public void Echo()
    {
        serving = ServeAsync();

        async Task ServeAsync()
        {
            var conversations = new List<Task>();
            while (await server.WaitAsync())
            {
                if (server.TryAccept() is { } connection)
                    conversations.Add(TalkAsync(connection));
            }
            await Task.WhenAll(conversations);
        }

        static async Task TalkAsync(Connection connection)
        {
            using (connection)
            {
                var buffer = new byte[64 << 10];
                while (await connection.ReadAsync(buffer) is var count and > 0)
                    await connection.WriteAsync(buffer.AsMemory(0, count));
                await connection.CompleteWritesAsync();
            }
        }
    }

    /// <summary>Sends something to a server that says it back, each end after the other's.</summary>
    public static Task TalkAsync(Connection client, int length, int seed)
    {
        var bytes = Traffic.RandomBytes(length, seed);
        return Task.WhenAll(Traffic.SendAsync(client, bytes, Traffic.OddSizes(seed)), Traffic.ExpectToEndAsync(client, bytes));
    }

    public async ValueTask DisposeAsync()
    {
        Forward.Abort();
        foreach (var one in owned.OfType<Busy>())
            one.Dispose();
        Listen.Unbind();
        await Listen.WhenOverAsync();
        await Forward.WhenEmptyAsync();
        foreach (var one in owned)
            one.Dispose();
        await serving;
        // Whoever came: all places were given back, each once.
        for (var i = 0; i < Room; i++)
            Assert.True(Process.TryEnter());
        Assert.False(Process.TryEnter());
        Assert.Equal(0, Upstream.Active);
        await Home.RunAsync(() => Task.CompletedTask);
        Assert.Empty(channels.SelectMany(channel => channel.Trespasses));
        Assert.Empty(log.Where(entry => entry.Level == LogLevel.Error).Select(entry => entry.Message));
        network.Dispose();
        homes.Dispose();
        names.Dispose();
    }

    private T Own<T>(T one)
        where T : IDisposable
    {
        owned.Add(one);
        return one;
    }

    private static INetwork Native(int loops)
    {
        return OperatingSystem.IsLinux() ? new NativeNetwork(new NativeNetworkOptions { Loops = loops }) : throw new PlatformNotSupportedException();
    }

    private sealed class Busy : IDisposable
    {
        private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim over = new();

        public Task Begun => begun.Task;

        public void Wait()
        {
            begun.SetResult();
            over.Wait();
        }

        public void Dispose() => over.Set();
    }
}

/// <summary>A dialer that must be used at home.</summary>
/// <param name="inner">Who dials.</param>
/// <param name="home">Where.</param>
/// <param name="channels">Where what it has dialled is remembered, which belongs there too; null: it is as <paramref name="inner"/> gives it.</param>
internal sealed class HomeDialer(IDialer inner, SynchronizationContext home, ConcurrentBag<BoundConnection>? channels) : IDialer
{
    private int dials;

    public int Dials => Volatile.Read(ref dials);

    public async ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        if (SynchronizationContext.Current != home)
            throw new InvalidOperationException("It was dialled elsewhere than at home.");
        Interlocked.Increment(ref dials);
        var result = await inner.DialAsync(target, timeout, cancel);
        if (result.Connection is not { } connection || channels is null)
            return result;
        var channel = new BoundConnection(connection, home);
        channels.Add(channel);
        return DialResult.To(channel);
    }
}
