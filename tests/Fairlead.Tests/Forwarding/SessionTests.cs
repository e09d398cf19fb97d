using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>Sessions whose dials end as the test says.</summary>
public sealed class SessionTests
{
    private readonly FakeNetwork network = new(new ManualTime());
    private readonly List<LogEntry> log = [];
    private readonly Admission process = new(10);
    private readonly Forward forward;
    private readonly Upstream upstream;

    public SessionTests()
    {
        var config = ForwardConfig.Parse("127.0.0.1:1:127.0.0.1:2");
        forward = new Forward("web", "web", log.Add, new RefusalLog(TimeProvider.System));
        upstream = new Upstream(network, new IPEndPoint(IPAddress.Loopback, 2), "127.0.0.1:2");
        forward.Adopt(new ForwardPlan(config, network, (_, _, _, _, _) => upstream));
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_is_stopped_gives_its_dial_up_without_waiting_for_its_time()
    {
        var client = await ServeAsync();
        var dial = await network.NextAsync(1);
        Assert.Equal(1, forward.Close(static _ => true));
        await forward.WhenEmptyAsync();
        Assert.True(dial.IsGivenUp);
        await AssertStoppedAsync(client);
    }

    [Fact(Timeout = 30000)]
    public async Task A_connection_that_stands_although_it_was_given_up_is_closed()
    {
        var client = await ServeAsync();
        var dial = await network.NextAsync(1);
        dial.IgnoresCancel = true;
        forward.Close(static _ => true);
        Assert.Equal(1, forward.SessionCount);
        dial.End(DialOutcome.Connected);
        await forward.WhenEmptyAsync();
        Assert.True(dial.Connection.IsDisposed);
        await AssertStoppedAsync(client);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_begins_when_all_are_cut_does_not_wait_for_its_dial()
    {
        forward.Abort();
        var client = await ServeAsync();
        await forward.WhenEmptyAsync();
        await AssertStoppedAsync(client);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_was_accepted_before_a_change_and_begins_after_it_is_closed_too()
    {
        var before = forward.Plan;
        forward.Adopt(new ForwardPlan(before.Config with { To = [new UpstreamConfig(Endpoint.Parse("127.0.0.1:3"))], OnChange = OnChange.Close }, network, (_, _, _, _, _) => upstream));
        var client = await ServeAsync(before);
        await forward.WhenEmptyAsync();
        await AssertStoppedAsync(client);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_begins_after_a_change_that_keeps_goes_on_as_it_was_accepted()
    {
        var before = forward.Plan;
        forward.Adopt(new ForwardPlan(before.Config with { To = [new UpstreamConfig(Endpoint.Parse("127.0.0.1:3"))] }, network, (_, _, _, _, _) => upstream));
        using var client = await ServeAsync(before);
        var dial = await network.NextAsync(1);
        Assert.False(dial.IsGivenUp);
        forward.Abort();
        await forward.WhenEmptyAsync();
    }

    [Fact(Timeout = 30000)]
    public async Task What_gives_a_dial_up_is_used_again_and_reaches_nobody_else()
    {
        // One after the other, on this thread: the second dials by what the first gave back.
        network.Answer = _ => DialOutcome.Refused;
        await ServeAsync();
        await forward.WhenEmptyAsync();
        network.Answer = null;
        var stopped = await ServeAsync();
        var going = await ServeAsync();
        await network.NextAsync(3);
        var sessions = forward.Sessions();
        sessions[1].Stop();
        await Traffic.UntilAsync(() => forward.SessionCount == 1);
        Assert.Equal([false, true, false], network.Dials.Select(dial => dial.IsGivenUp));
        Assert.Same(sessions[0], Assert.Single(forward.Sessions()));
        forward.Abort();
        await forward.WhenEmptyAsync();
        stopped.Dispose();
        going.Dispose();
    }

    [Fact]
    public void A_cancellation_that_was_used_is_not_given_to_anybody_else()
    {
        var used = SpareCancellations.Take();
        used.Cancel();
        SpareCancellations.GiveBack(used);
        var next = SpareCancellations.Take();
        Assert.NotSame(used, next);
        SpareCancellations.GiveBack(next);
        Assert.Same(next, SpareCancellations.Take());
    }

    private async Task<MemoryConnection> ServeAsync(ForwardPlan? plan = null)
    {
        var (near, far) = MemoryConnection.CreatePair();
        await forward.Places.EnterAsync(CancellationToken.None);
        await process.EnterAsync(CancellationToken.None);
        var binding = new Binding(forward, plan ?? forward.Plan, 0);
        forward.Serve(new StreamListen("key", "127.0.0.1:1", network, [new NoAcceptor()], process, log.Add), binding, far, process);
        return near;
    }

    private async Task AssertStoppedAsync(MemoryConnection client)
    {
        var (_, error) = await Traffic.DrainAsync(client);
        Assert.Equal(ConnectionError.Reset, error);
        var end = Assert.Single(log).Fields.ToDictionary(pair => pair.Key, pair => pair.Value);
        Assert.Equal(("stopped", "fairlead"), (end["end"], end["by"]));
        Assert.Equal((0, 0L), (upstream.Active, forward.Status(false, "").Failed));
        client.Dispose();
    }

    /// <summary>Nobody ever comes.</summary>
    private sealed class NoAcceptor : IAcceptor
    {
        public EndPoint LocalEndPoint { get; } = new IPEndPoint(IPAddress.Loopback, 1);

        public SynchronizationContext? Context => null;

        public ValueTask<bool> WaitAsync() => new(false);

        public Connection? TryAccept() => null;

        public void Unbind()
        {
        }

        public void Tune(SocketTuning tuning)
        {
        }

        public void Dispose()
        {
        }
    }
}
