using System.Net;
using System.Runtime.Versioning;
using Fairlead.Net;

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

    [Fact(Timeout = 30000)]
    public async Task A_lower_limit_lets_nobody_in_until_enough_have_left()
    {
        var admission = new Admission(3);
        for (var i = 0; i < 3; i++)
            await admission.EnterAsync(CancellationToken.None);
        admission.SetLimit(1);
        var next = admission.EnterAsync(CancellationToken.None).AsTask();
        admission.Leave();
        admission.Leave();
        Assert.False(next.IsCompleted);
        admission.Leave();
        await next;
    }

    [Fact(Timeout = 30000)]
    public async Task A_higher_limit_lets_in_who_waits_in_the_order_of_their_coming()
    {
        var admission = new Admission(0);
        var waiting = Enumerable.Range(0, 3).Select(_ => admission.EnterAsync(CancellationToken.None).AsTask()).ToList();
        admission.SetLimit(2);
        await Task.WhenAll(waiting.Take(2));
        Assert.False(waiting[2].IsCompleted);
    }

    [Theory(Timeout = 30000), InlineData(1, 31), InlineData(64, 32), InlineData(96, 32), InlineData(100_000, 1000)]
    public void Sessions_leave_room_for_everything_else(int limit, int open)
    {
        var pipes = Descriptors.Pipes(limit);
        var sessions = Descriptors.Sessions(limit, open, sockets: 4, pipes);
        Assert.True(open + 4 + 2 * pipes + 2 * Math.Max(sessions, 0) + Descriptors.Reserve(limit) <= limit || sessions <= 0);
    }
}

/// <summary>A process with room for few sessions, on either engine.</summary>
public abstract class CrowdedProcessContract(EngineKind kind)
{
    [Fact(Timeout = 30000)]
    public async Task Clients_beyond_the_limit_wait_in_the_backlog_and_are_served_when_room_comes()
    {
        const int clients = 12, limit = 3;
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        rig.Engine.Apply([rig.Forward(server.LocalEndPoint)], new ProcessLimits { Connections = limit });
        var through = IPEndPoint.Parse(rig.Engine.Status()[0].Listen[0]);
        var waiting = new List<Connection>();
        for (var i = 0; i < clients; i++)
            waiting.Add(await rig.ConnectAsync(through));

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
                await Traffic.UntilAsync(() => rig.Log.Any(entry => entry.Event == "full"));
                await Traffic.UntilStillAsync(() => rig.Engine.SessionCount);
                Assert.Equal(limit, rig.Engine.SessionCount);
                await EndAsync(served.Dequeue());
            }
            served.Enqueue(await rig.AcceptAsync(server));
            Assert.InRange(rig.Engine.SessionCount, 1, limit);
        }
        while (served.TryDequeue(out var last))
            await EndAsync(last);
        await Task.WhenAll(ending);
        Assert.Equal(0, await rig.StopAsync());

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
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        rig.Engine.Apply([rig.Forward(server.LocalEndPoint)], new ProcessLimits { Connections = 1 });
        var through = IPEndPoint.Parse(rig.Engine.Status()[0].Listen[0]);
        var clients = new List<Connection>();
        for (var i = 0; i < 3; i++)
            clients.Add(await rig.ConnectAsync(through));
        await rig.AcceptAsync(server);
        await Traffic.UntilAsync(() => rig.Log.Any(entry => entry.Event == "full"));
        Assert.Equal(1, await rig.StopAsync(TimeSpan.Zero));
        foreach (var client in clients)
            await ForwardingRig.AssertResetAsync(client);
    }

    [Fact(Timeout = 30000)]
    public async Task A_log_that_throws_costs_no_place_and_holds_up_no_stop()
    {
        await using var rig = new ForwardingRig(kind);
        var thrown = 0;
        rig.OnLog = entry =>
        {
            if (entry.Event != "session")
                return;
            Interlocked.Increment(ref thrown);
            throw new InvalidOperationException("The log is broken.");
        };
        rig.Engine.Apply([rig.Forward(rig.Greet("word"))], new ProcessLimits { Connections = 1 });
        var through = IPEndPoint.Parse(rig.Engine.Status()[0].Listen[0]);

        // With one place, the next is served only if the one before gave it back.
        for (var i = 1; i <= 3; i++)
            Assert.Equal("word", await rig.ReadWordAsync(through));
        Assert.Equal(0, await rig.StopAsync());
        Assert.Equal(3, thrown);
    }
}

[SupportedOSPlatform("linux")]
public sealed class CrowdedNativeProcessTests() : CrowdedProcessContract(EngineKind.Native);

public sealed class CrowdedPortableProcessTests() : CrowdedProcessContract(EngineKind.Portable);
