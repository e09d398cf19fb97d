using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class ProxyHandshakeTests
{
    private static readonly EndPoint address = IPEndPoint.Parse("192.0.2.1:1080");
    private readonly ManualTime time = new();
    private readonly CancellationTokenSource cancel = new();
    private readonly ScriptedProxy proxy = new(_ => Task.CompletedTask);

    private async Task<DialResult> RunAsync(Func<Connection, ValueTask<DialResult>> talk, TimeSpan? timeout = null, IDialer? inner = null) =>
        await ProxyHandshake.RunAsync(inner ?? proxy, address, "p://h:1", talk, timeout ?? TimeSpan.FromSeconds(5), time, cancel.Token);

    private static async ValueTask<DialResult> WaitForAByteAsync(Connection connection)
    {
        Assert.Equal(1, await connection.ReadAsync(new byte[1]));
        return DialResult.To(connection);
    }

    [Fact(Timeout = 30000)]
    public async Task The_connection_that_the_conversation_gives_is_the_result_and_nothing_watches_it_any_more()
    {
        var running = RunAsync(WaitForAByteAsync);
        Assert.Equal(1, time.ArmedTimers);
        await proxy.Far!.WriteAsync(new byte[1]);
        Assert.Equal(DialResult.To(proxy.Near!), await running);
        Assert.Equal([address], proxy.Dialled);
        Assert.Equal(0, time.ArmedTimers);
        cancel.Cancel();
        await Traffic.SayAsync(proxy.Far, proxy.Near!, "alive");
    }

    [Fact(Timeout = 30000)]
    public async Task A_proxy_that_says_nothing_is_left_when_the_time_is_up()
    {
        var running = RunAsync(WaitForAByteAsync);
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(running.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(new DialResult(DialOutcome.TimedOut, null, "proxy p://h:1: no answer within 5 s"), await running);
        Assert.True(await proxy.IsResetAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task The_dial_and_the_conversation_have_one_timeout_together()
    {
        var network = new FakeNetwork(time);
        var running = RunAsync(WaitForAByteAsync, inner: new LateDialer(network, proxy));
        time.Advance(TimeSpan.FromSeconds(3));
        network.Dials[0].End(DialOutcome.Connected);
        await Traffic.UntilAsync(() => proxy.Near is not null && time.ArmedTimers == 1);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(DialOutcome.TimedOut, (await running).Outcome);
        Assert.True(await proxy.IsResetAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task Without_a_timeout_nothing_is_timed()
    {
        var running = RunAsync(WaitForAByteAsync, Timeout.InfiniteTimeSpan);
        Assert.Equal(0, time.ArmedTimers);
        await proxy.Far!.WriteAsync(new byte[1]);
        Assert.NotNull((await running).Connection);
    }

    [Fact(Timeout = 30000)]
    public async Task A_conversation_can_be_given_up()
    {
        var running = RunAsync(WaitForAByteAsync);
        cancel.Cancel();
        Assert.Equal(new DialResult(DialOutcome.Cancelled), await running);
        Assert.True(await proxy.IsResetAsync());
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task A_connection_that_stood_in_the_moment_of_giving_up_is_closed()
    {
        var given = await RunAsync(connection =>
        {
            cancel.Cancel();
            return new(DialResult.To(connection));
        });
        Assert.Equal(new DialResult(DialOutcome.Cancelled), given);
        Assert.True(await proxy.IsResetAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task A_failure_names_the_proxy_and_closes_the_connection()
    {
        var result = await RunAsync(_ => new(new DialResult(DialOutcome.Refused, null, "connection refused")));
        Assert.Equal(new DialResult(DialOutcome.Refused, null, "proxy p://h:1: connection refused"), result);
        Assert.Equal(([], null), await Traffic.DrainAsync(proxy.Far!));
    }

    [Fact(Timeout = 30000)]
    public async Task A_connection_that_breaks_is_a_failure_that_says_so()
    {
        var running = RunAsync(WaitForAByteAsync);
        proxy.Far!.Abort();
        Assert.Equal(new DialResult(DialOutcome.Failed, null, "proxy p://h:1: the connection broke during the handshake: The peer has closed the connection."), await running);
    }

    [Fact(Timeout = 30000)]
    public async Task A_bug_in_the_conversation_leaves_no_connection_and_no_timer()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(_ => throw new InvalidOperationException("a bug")));
        Assert.Equal(([], null), await Traffic.DrainAsync(proxy.Far!));
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task A_proxy_that_cannot_be_reached_is_named()
    {
        Assert.Equal(new DialResult(DialOutcome.Refused, null, "proxy p://h:1: Connection refused"),
            await RunAsync(WaitForAByteAsync, inner: new FailingDialer(new DialResult(DialOutcome.Refused, null, "Connection refused"))));
        Assert.Equal(new DialResult(DialOutcome.Cancelled), await RunAsync(WaitForAByteAsync, inner: new FailingDialer(new DialResult(DialOutcome.Cancelled))) with { Detail = null });
    }

    private sealed class LateDialer(IDialer first, IDialer then) : IDialer
    {
        public async ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
        {
            await first.DialAsync(target, timeout, cancel);
            return await then.DialAsync(target, timeout, cancel);
        }
    }
}
