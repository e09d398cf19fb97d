using System.Net;
using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

public sealed class AdmissionTests
{
    [Fact(Timeout = 30000)]
    public async Task Four_fifths_of_the_places_are_told_of_before_all_are_taken()
    {
        var (nearly, full) = (0, 0);
        var admission = new Admission(10, () => full++, () => nearly++);
        for (var taken = 1; taken <= 10; taken++)
        {
            await admission.EnterAsync(CancellationToken.None);
            Assert.Equal(taken < 8 ? 0 : 1, nearly);
        }
        Assert.Equal(0, full);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_finds_no_room_waits_for_it()
    {
        var full = 0;
        var admission = new Admission(2, () => full++);
        await admission.EnterAsync(TestContext.Current.CancellationToken);
        await admission.EnterAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, full);
        var third = admission.EnterAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.False(third.IsCompleted);
        Assert.Equal(1, full);
        admission.Leave();
        await third;
    }

    [Fact(Timeout = 30000)]
    public async Task Who_waits_may_give_up()
    {
        var admission = new Admission(1, () => { });
        using var cancel = new CancellationTokenSource();
        await admission.EnterAsync(cancel.Token);
        var second = admission.EnterAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);

        // The place that he waited for is not lost.
        var third = admission.EnterAsync(CancellationToken.None).AsTask();
        Assert.False(third.IsCompleted);
        admission.Leave();
        await third;
    }

    [Theory(Timeout = 30000), InlineData(1, 31), InlineData(64, 32), InlineData(96, 32), InlineData(100_000, 1000)]
    public void Sessions_leave_room_for_everything_else(int limit, int open)
    {
        var pipes = Descriptors.Pipes(limit);
        var sessions = Descriptors.Sessions(limit, open, pipes);
        Assert.True(open + 2 * pipes + 2 * Math.Max(sessions, 0) + Descriptors.Reserve(limit) <= limit || sessions <= 0);
    }
}

/// <summary>A forward with room for few sessions, on either network.</summary>
public abstract class CrowdedForwardContract(INetwork network) : IDisposable
{
    private readonly PortableNetwork peers = new();

    [Fact(Timeout = 30000)]
    public async Task Clients_beyond_the_limit_wait_in_the_backlog_and_are_served_when_room_comes()
    {
        const int clients = 12, limit = 3;
        var full = new TaskCompletionSource();
        var (forward, through, server) = Start(limit, () => full.TrySetResult());
        var waiting = new List<Connection>();
        for (var i = 0; i < clients; i++)
            waiting.Add(await ConnectAsync(through));

        // Those who are served end their sessions by reading the server's end and completing their own writes.
        var ending = waiting.Select(async client =>
        {
            await Traffic.ExpectToEndAsync(client, []);
            await client.CompleteWritesAsync();
        }).ToList();
        var served = new Queue<Connection>();
        for (var i = 0; i < clients; i++)
        {
            if (served.Count == limit)
            {
                await full.Task;
                await Traffic.UntilStillAsync(() => forward.SessionCount);
                Assert.Equal(limit, forward.SessionCount);
                await EndAsync(served.Dequeue());
            }
            served.Enqueue(await NetworkRig.AcceptAsync(server));
            Assert.InRange(forward.SessionCount, 1, limit);
        }
        while (served.TryDequeue(out var last))
            await EndAsync(last);
        await Task.WhenAll(ending);
        forward.Unbind();
        await forward.WhenOverAsync();
        Assert.Equal(0, forward.SessionCount);
        waiting.ForEach(client => client.Dispose());
        server.Dispose();

        static async Task EndAsync(Connection connection)
        {
            await connection.CompleteWritesAsync();
            await Traffic.ExpectToEndAsync(connection, []);
            connection.Dispose();
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_stop_is_not_held_up_by_those_who_wait_for_room()
    {
        var full = new TaskCompletionSource();
        var (forward, through, server) = Start(1, () => full.TrySetResult());
        var clients = new List<Connection>();
        for (var i = 0; i < 3; i++)
            clients.Add(await ConnectAsync(through));
        using var accepted = await NetworkRig.AcceptAsync(server);
        await full.Task;
        forward.Unbind();
        Assert.InRange(forward.Abort(), 1, 1);
        await forward.WhenOverAsync();
        foreach (var client in clients)
            await ForwardingRig.AssertResetAsync(client);
        server.Dispose();
    }

    [Fact(Timeout = 30000)]
    public async Task A_log_that_throws_costs_no_place_and_holds_up_no_stop()
    {
        var thrown = 0;
        var (forward, through, server) = Start(1, () => { }, _ =>
        {
            Interlocked.Increment(ref thrown);
            throw new InvalidOperationException("The log is broken.");
        });
        for (var i = 1; i <= 3; i++)
        {
            // With one place, the next is served only if the one before gave it back.
            using var client = await ConnectAsync(through);
            using var accepted = await NetworkRig.AcceptAsync(server);
            await client.CompleteWritesAsync();
            await Traffic.ExpectToEndAsync(accepted, []);
            await accepted.CompleteWritesAsync();
            await Traffic.ExpectToEndAsync(client, []);
        }
        forward.Unbind();
        await forward.WhenOverAsync();
        Assert.Equal((3, 0), (thrown, forward.SessionCount));
        server.Dispose();
    }

    public void Dispose()
    {
        network.Dispose();
        peers.Dispose();
    }

    private (Forward Forward, EndPoint Through, IAcceptor Server) Start(int limit, Action onFull, Action<LogEntry>? log = null)
    {
        var server = peers.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions())[0];
        var config = ForwardConfig.Parse("127.0.0.1:0:127.0.0.1:1");
        var forward = new Forward(config, network, log ?? (entry => Assert.False(entry.Level == LogLevel.Error, entry.Message)));
        var acceptors = network.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions());
        forward.Add(new Listen(forward, config.Listen[0], "it", acceptors[0].LocalEndPoint, new Upstream(forward.Dialer, server.LocalEndPoint, "server"), acceptors));
        forward.Start(new Admission(limit, onFull));
        return (forward, acceptors[0].LocalEndPoint, server);
    }

    private async Task<Connection> ConnectAsync(EndPoint through)
    {
        var dial = await peers.Dialer.DialAsync(through, TimeSpan.FromSeconds(20));
        return dial.Connection!;
    }
}

[SupportedOSPlatform("linux")]
public sealed class CrowdedNativeForwardTests() : CrowdedForwardContract(new NativeNetwork(new NativeNetworkOptions { Loops = 2 }));

public sealed class CrowdedPortableForwardTests() : CrowdedForwardContract(new PortableNetwork());
