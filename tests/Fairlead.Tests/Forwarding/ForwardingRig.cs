using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>An engine under test, with clients and servers around it that use sockets of .NET.</summary>
internal sealed class ForwardingRig : IAsyncDisposable
{
    private readonly PortableNetwork network = new();
    private readonly ConcurrentQueue<LogEntry> log = new();
    private readonly ConcurrentBag<IDisposable> owned = [];
    private readonly List<Task> serving = [];

    public ForwardingRig(EngineKind kind, LookUps? lookUps = null, int loops = 2, IReadOnlyList<InheritedSocket>? inherited = null, TimeProvider? time = null)
    {
        Kind = kind;
        Assert.SkipUnless(kind != EngineKind.Native || OperatingSystem.IsLinux(), "The native engine needs Linux.");
        var options = new EngineOptions
        {
            Loops = loops,
            Inherited = inherited ?? [],
            SshEngine = kind,
            OnHopeless = (tunnel, end) =>
            {
                Hopeless.Enqueue($"{tunnel}: {end.Text}");
                return false;
            },
            Log = entry =>
            {
                log.Enqueue(entry);
                OnLog?.Invoke(entry);
            },
        };
        Engine = new Engine(options, lookUps ?? new LookUps(), time);
    }

    public EngineKind Kind { get; }

    public Engine Engine { get; }

    public Action<LogEntry>? OnLog { get; set; }

    /// <summary>What a person should look after, as the engine has told it.</summary>
    public ConcurrentQueue<string> Hopeless { get; } = [];

    public IEnumerable<LogEntry> Log => log;

    /// <summary>The entries of ended sessions, by field.</summary>
    public IReadOnlyList<Dictionary<string, object?>> Sessions =>
        [.. log.Where(entry => entry.Event == "session").Select(entry => entry.Fields.ToDictionary(pair => pair.Key, pair => pair.Value))];

    /// <summary>A forward from a port that the system chooses.</summary>
    public ForwardConfig Forward(EndPoint to, string listen = "127.0.0.1:0", ForwardTimeouts? timeouts = null) => new()
    {
        Listen = [Endpoint.Parse(listen)],
        To = [new UpstreamConfig(to is IPEndPoint ip ? new PortEndpoint(ip.Address.ToString(), new PortRange(ip.Port)) : new UnixEndpoint(to.ToString()!))],
        Engine = Kind,
        Timeouts = timeouts ?? new ForwardTimeouts(),
    };

    public EndPoint Start(ForwardConfig forward) => Engine.Start(forward)[0];

    /// <summary>Stops and lets sessions end, within a time in which they will.</summary>
    public Task<int> StopAsync() => StopAsync(TimeSpan.FromSeconds(20));

    public Task<int> StopAsync(TimeSpan? drain) => Engine.StopAsync(drain, CancellationToken.None);

    /// <summary>A server that the test plays itself.</summary>
    public IAcceptor Listen(EndPoint? at = null) => Own(network.Listen(at ?? new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions())[0]);

    /// <summary>A server that says everything back, an end for an end.</summary>
    public EndPoint Echo(EndPoint? at = null) => Serve(at, async connection =>
    {
        var buffer = new byte[64 << 10];
        while (await connection.ReadAsync(buffer) is var count and > 0)
            await connection.WriteAsync(buffer.AsMemory(0, count));
        await connection.CompleteWritesAsync();
    });

    /// <summary>A server that says a word to everyone.</summary>
    public EndPoint Greet(string word, EndPoint? at = null) => Serve(at, async connection => await Traffic.SendAsync(connection, [.. word.Select(letter => (byte)letter)]));

    public async Task<Connection> AcceptAsync(IAcceptor acceptor) => Own(await NetworkRig.AcceptAsync(acceptor));

    public async Task<Connection> ConnectAsync(EndPoint to)
    {
        var dial = await network.Dialer.DialAsync(to, TimeSpan.FromSeconds(20));
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        return Own(dial.Connection!);
    }

    public async Task<DialOutcome> TryConnectAsync(EndPoint to)
    {
        var dial = await network.Dialer.DialAsync(to, TimeSpan.FromMilliseconds(500));
        dial.Connection?.Abort();
        dial.Connection?.Dispose();
        return dial.Outcome;
    }

    public async Task UntilNobodyIsLetInAsync(EndPoint at)
    {
        while (await TryConnectAsync(at) == DialOutcome.Connected)
            await Task.Yield();
    }

    /// <summary>Connects, and reads a server's word.</summary>
    public async Task<string> ReadWordAsync(EndPoint from)
    {
        using var client = await ConnectAsync(from);
        var (bytes, error) = await Traffic.DrainAsync(client);
        return error is null ? string.Concat(bytes.Select(letter => (char)letter)) : error.Value.ToString();
    }

    /// <summary>A client, and the connection that the forward made for it.</summary>
    public async Task<(Connection Client, Connection Server)> SessionAsync(EndPoint through, IAcceptor server)
    {
        var client = await ConnectAsync(through);
        var accepted = await AcceptAsync(server);
        await Traffic.SayAsync(client, accepted, "hello");
        return (client, accepted);
    }

    /// <summary>Connects, and is reset: after that or, as the kernel tells it then, instead of it.</summary>
    public async Task ConnectAndBeResetAsync(EndPoint to)
    {
        var dial = await network.Dialer.DialAsync(to, TimeSpan.FromSeconds(20));
        if (dial.Connection is { } connection)
            await AssertResetAsync(Own(connection));
        else
            Assert.Equal(DialOutcome.Refused, dial.Outcome);
    }

    public static async Task AssertResetAsync(Connection connection)
    {
        var (_, error) = await Traffic.DrainAsync(connection);
        Assert.Equal(ConnectionError.Reset, error);
    }

    public T Own<T>(T one)
        where T : IDisposable
    {
        owned.Add(one);
        return one;
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        foreach (var one in owned)
            one.Dispose();
        await Task.WhenAll(serving);
        Assert.True(log.All(entry => entry.Level != LogLevel.Error), string.Join('\n', log.Where(entry => entry.Level == LogLevel.Error).Select(entry => entry.Message)));
        var ids = Sessions.Select(session => Convert.ToInt64(session["id"], CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    private EndPoint Serve(EndPoint? at, Func<Connection, Task> conversation)
    {
        var acceptor = Listen(at);
        serving.Add(ServeAsync());
        return acceptor.LocalEndPoint;

        async Task ServeAsync()
        {
            var conversations = new List<Task>();
            while (await acceptor.WaitAsync())
            {
                if (acceptor.TryAccept() is { } connection)
                    conversations.Add(TalkAsync(Own(connection)));
            }
            await Task.WhenAll(conversations);
        }

        async Task TalkAsync(Connection connection)
        {
            try
            {
                await conversation(connection);
            }
            catch (ConnectionException)
            {
                // The client has gone.
            }
            connection.Dispose();
        }
    }
}
