using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class UpstreamTests : IDisposable
{
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1);

    private readonly ManualTime time = new();
    private readonly FakeNetwork network;
    private readonly LookUps lookUps;
    private readonly CancellationTokenSource cancel = new();
    private readonly ManualResetEventSlim answering = new(initialState: true);
    private readonly List<IDisposable> owned = [];
    private volatile string[] answer = ["192.0.2.1"];
    private int asked;

    public UpstreamTests()
    {
        network = new FakeNetwork(time);
        lookUps = new LookUps(_ =>
        {
            Interlocked.Increment(ref asked);
            answering.Wait();
            return answer.Length > 0 ? [.. answer.Select(IPAddress.Parse)] : throw new SocketException((int)SocketError.HostNotFound);
        });
    }

    [Theory(Timeout = 30000), InlineData(DialOutcome.Connected), InlineData(DialOutcome.Refused), InlineData(DialOutcome.TimedOut)]
    public async Task An_address_is_dialled_once(DialOutcome outcome)
    {
        network.Answer = _ => outcome;
        var result = await Dial(new Upstream(network, new IPEndPoint(IPAddress.Loopback, 80), "127.0.0.1:80"));
        Assert.Equal(outcome, result.Outcome);
        Assert.Equal(["127.0.0.1:80"], network.Dialled);
    }

    [Theory(Timeout = 30000), InlineData(DialOutcome.Busy), InlineData(DialOutcome.NoResources), InlineData(DialOutcome.NoLocalAddress)]
    public async Task A_shortage_is_waited_out_in_three_dials_at_the_most(DialOutcome outcome)
    {
        network.Answer = _ => outcome;
        var dialling = Dial(new Upstream(network, new UnixDomainSocketEndPoint("/it.sock"), "unix:/it.sock"));
        Assert.False(dialling.IsCompleted);
        await time.AdvanceUntilAsync(dialling, TimeSpan.FromMilliseconds(10));
        Assert.Equal(outcome, (await dialling).Outcome);
        Assert.Equal(3, network.Dials.Count);
    }

    [Fact(Timeout = 30000)]
    public async Task A_dead_address_is_looked_up_again_and_the_new_one_is_dialled()
    {
        var upstream = await NamedAsync();
        network.Answer = target => target.ToString() == "192.0.2.2:80" ? DialOutcome.Connected : DialOutcome.Refused;
        answer = ["192.0.2.2"];
        var result = await Dial(upstream);
        Assert.Equal(DialOutcome.Connected, result.Outcome);
        Assert.Equal(["192.0.2.1:80", "192.0.2.2:80"], network.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task Where_the_addresses_are_the_same_another_dial_would_not_help()
    {
        var upstream = await NamedAsync();
        network.Answer = _ => DialOutcome.Refused;
        Assert.Equal(DialOutcome.Refused, (await Dial(upstream)).Outcome);
        Assert.Equal(2, Volatile.Read(ref asked));
        Assert.Single(network.Dials);
    }

    [Fact(Timeout = 30000)]
    public async Task An_address_that_was_found_while_the_old_one_was_dialled_is_new()
    {
        var upstream = await NamedAsync();
        var dialling = Dial(upstream);
        var dial = await network.NextAsync(1);
        answer = ["192.0.2.2"];
        await Named.RefreshAsync();

        // Within the same second, so that it is not looked up again.
        dial.End(DialOutcome.Refused);
        (await network.NextAsync(2)).End(DialOutcome.Connected);
        Assert.Equal("192.0.2.2:80", (await dialling).Connection!.RemoteEndPoint!.ToString());
        Assert.Equal(2, Volatile.Read(ref asked));
    }

    [Fact(Timeout = 30000)]
    public async Task An_address_fewer_is_nothing_new()
    {
        answer = ["192.0.2.1", "192.0.2.2"];
        var upstream = await NamedAsync();
        network.Answer = _ => DialOutcome.Refused;
        answer = ["192.0.2.2"];
        Assert.Equal(DialOutcome.Refused, (await Dial(upstream)).Outcome);
        Assert.Equal(["192.0.2.1:80", "192.0.2.2:80"], network.Dialled);
        Assert.Equal(2, Volatile.Read(ref asked));
    }

    [Fact(Timeout = 30000)]
    public async Task Three_dials_are_the_most()
    {
        var upstream = await NamedAsync();
        var dialling = Dial(upstream, 60 * second);
        for (var count = 1; count <= 3; count++)
        {
            var dial = await network.NextAsync(count);
            Assert.Equal($"192.0.2.{count}:80", dial.Target.ToString());
            answer = [$"192.0.2.{count + 1}"];
            time.Advance(2 * second);
            dial.End(DialOutcome.Unreachable);
        }
        Assert.Equal(DialOutcome.Unreachable, (await dialling).Outcome);
        Assert.Equal(3, network.Dials.Count);
    }

    [Fact(Timeout = 30000)]
    public async Task New_addresses_are_waited_for_a_second_at_the_most()
    {
        var upstream = await NamedAsync();
        answering.Reset();
        var dialling = Dial(upstream);
        (await network.NextAsync(1)).End(DialOutcome.Refused);
        await Traffic.UntilAsync(() => Volatile.Read(ref asked) == 2);
        await time.AdvanceUntilAsync(dialling, second / 10);
        Assert.Equal(DialOutcome.Refused, (await dialling).Outcome);
        Assert.Single(network.Dials);
    }

    [Fact(Timeout = 30000)]
    public async Task The_limit_is_for_all_dials_together()
    {
        var upstream = await NamedAsync();
        var dialling = Dial(upstream, 5 * second);
        var dial = await network.NextAsync(1);
        time.Advance(4 * second);
        answer = ["192.0.2.2"];
        dial.End(DialOutcome.Refused);
        await network.NextAsync(2);
        time.Advance(second);
        Assert.Equal(DialOutcome.TimedOut, (await dialling).Outcome);
    }

    [Fact(Timeout = 30000)]
    public async Task After_a_dial_that_timed_out_the_name_is_looked_up_for_the_next()
    {
        var upstream = await NamedAsync();
        var dialling = Dial(upstream, 5 * second);
        await network.NextAsync(1);
        answer = ["192.0.2.2"];
        time.Advance(5 * second);
        Assert.Equal(DialOutcome.TimedOut, (await dialling).Outcome);
        await Traffic.UntilAsync(() => Volatile.Read(ref asked) == 2);
        network.Answer = _ => DialOutcome.Connected;
        await Traffic.UntilAsync(() => Named.Addresses[0].ToString() == "192.0.2.2");
        Assert.Equal("192.0.2.2:80", (await Dial(upstream)).Connection!.RemoteEndPoint!.ToString());
    }

    [Fact(Timeout = 30000)]
    public async Task A_name_without_an_address_is_unknown()
    {
        answer = [];
        var upstream = await NamedAsync();
        var result = await Dial(upstream);
        Assert.Equal(DialOutcome.NameUnknown, result.Outcome);
        Assert.Contains("upstream.test", result.Detail, StringComparison.Ordinal);
        Assert.Empty(network.Dials);
    }

    [Fact(Timeout = 30000)]
    public async Task A_first_look_up_that_is_stuck_is_waited_for_as_long_as_the_dial_may_take()
    {
        answering.Reset();
        var upstream = Name();
        var dialling = Dial(upstream, 5 * second);
        Assert.False(dialling.IsCompleted);
        time.Advance(5 * second);
        Assert.Equal(DialOutcome.NameUnknown, (await dialling).Outcome);
    }

    [Fact(Timeout = 30000)]
    public async Task Giving_up_ends_the_wait_for_a_stuck_look_up()
    {
        answering.Reset();
        var dialling = Dial(Name(), Timeout.InfiniteTimeSpan);
        Assert.False(dialling.IsCompleted);
        cancel.Cancel();
        Assert.Equal(DialOutcome.Cancelled, (await dialling).Outcome);
    }

    [Fact(Timeout = 30000)]
    public async Task Giving_up_ends_the_wait_for_new_addresses()
    {
        var upstream = await NamedAsync();
        answering.Reset();
        var dialling = Dial(upstream, Timeout.InfiniteTimeSpan);
        (await network.NextAsync(1)).End(DialOutcome.Refused);
        await Traffic.UntilAsync(() => Volatile.Read(ref asked) == 2);
        cancel.Cancel();
        Assert.Equal(DialOutcome.Refused, (await dialling).Outcome);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_connected_first_is_dialled_first_the_next_time()
    {
        answer = ["192.0.2.1", "192.0.2.2"];
        var upstream = await NamedAsync();
        network.Answer = target => target.ToString() == "192.0.2.2:80" ? DialOutcome.Connected : DialOutcome.Refused;
        await Dial(upstream);
        await Dial(upstream);
        Assert.Equal(["192.0.2.1:80", "192.0.2.2:80", "192.0.2.2:80"], network.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task A_session_counts_from_its_dial_until_it_leaves()
    {
        var upstream = Address();
        var dialling = Dial(upstream);
        var dial = await network.NextAsync(1);
        Assert.Equal(1, upstream.Active);
        dial.End(DialOutcome.Connected);
        await dialling;
        Assert.Equal((1, 1, 0), (upstream.Active, upstream.Dialled, upstream.Failed));
        upstream.Leave();
        Assert.Equal(0, upstream.Active);
    }

    [Theory(Timeout = 30000), InlineData(DialOutcome.Refused, 1), InlineData(DialOutcome.TimedOut, 1), InlineData(DialOutcome.Cancelled, 0)]
    public async Task A_session_without_a_connection_has_left(DialOutcome outcome, int failed)
    {
        var upstream = Address();
        network.Answer = _ => outcome;
        await Dial(upstream);
        Assert.Equal((0, 0, failed), (upstream.Active, upstream.Dialled, upstream.Failed));
    }

    [Fact(Timeout = 30000)]
    public async Task A_dial_that_throws_leaves_no_session_behind()
    {
        var upstream = Address();
        network.Answer = _ => throw new InvalidOperationException("a bug");
        await Assert.ThrowsAsync<InvalidOperationException>(() => Dial(upstream));
        Assert.Equal(0, upstream.Active);
    }

    [Theory(Timeout = 30000)]
    [InlineData(DialOutcome.Refused, false), InlineData(DialOutcome.Unreachable, false), InlineData(DialOutcome.TimedOut, false)]
    [InlineData(DialOutcome.Failed, false), InlineData(DialOutcome.Busy, false)]
    [InlineData(DialOutcome.NoLocalAddress, true), InlineData(DialOutcome.NoResources, true), InlineData(DialOutcome.Cancelled, true)]
    public async Task Three_failed_dials_take_an_upstream_down_unless_the_fault_is_ours(DialOutcome outcome, bool isUp)
    {
        var upstream = Address();
        network.Answer = _ => outcome;
        for (var i = 0; i < 3; i++)
            await upstream.DialEnteredAsync(time, second, 1, null, cancel.Token);
        Assert.Equal(isUp, upstream.Health.IsUp);
    }

    [Fact(Timeout = 30000)]
    public async Task Going_down_and_up_is_told_once_each_with_the_reason()
    {
        var told = new List<string>();
        var upstream = new Upstream(network, new IPEndPoint(IPAddress.Loopback, 80), "it", new HealthRules(2, 3, null), (it, isUp, reason) => told.Add($"{it} {isUp} {reason}"));
        foreach (var outcome in new[] { DialOutcome.Refused, DialOutcome.TimedOut, DialOutcome.Refused, DialOutcome.Refused })
            await DialTo(upstream, outcome);
        Assert.Equal(["it False refused"], told);
        for (var i = 0; i < 4; i++)
            await DialTo(upstream, DialOutcome.Connected);
        Assert.Equal(["it False refused", "it True "], told);
    }

    [Fact(Timeout = 30000)]
    public async Task Changes_on_several_threads_are_told_once_each_in_their_order()
    {
        var told = new List<bool>();
        var upstream = new Upstream(network, new IPEndPoint(IPAddress.Loopback, 80), "it", new HealthRules(1, 1, null), (_, isUp, _) => told.Add(isUp));
        var random = new Random(1);
        network.Answer = _ => { lock (random) return random.Next(2) == 0 ? DialOutcome.Connected : DialOutcome.Refused; };
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 500; i++)
                await upstream.DialAsync(time, Timeout.InfiniteTimeSpan, null, cancel.Token);
        })));
        Assert.NotEmpty(told);
        Assert.Equal(Enumerable.Range(0, told.Count).Select(i => i % 2 == 1), told);
        Assert.Equal(told[^1], upstream.Health.IsUp);
        Assert.Equal(upstream.Dialled, upstream.Active);
        Assert.Equal(2000, upstream.Dialled + upstream.Failed);
    }

    [Fact(Timeout = 30000)]
    public async Task A_probe_closes_its_connection_and_counts_for_nothing_but_health()
    {
        var upstream = Address();
        network.Answer = _ => DialOutcome.Connected;
        Assert.Equal(DialOutcome.Connected, await upstream.ProbeAsync(time, second, cancel.Token));
        Assert.True(network.Dials.Single().Connection.IsDisposed);
        network.Answer = _ => DialOutcome.Refused;
        for (var i = 0; i < 3; i++)
            Assert.Equal(DialOutcome.Refused, await upstream.ProbeAsync(time, second, cancel.Token));
        Assert.False(upstream.Health.IsUp);
        Assert.Equal((0, 0, 0), (upstream.Active, upstream.Dialled, upstream.Failed));
    }

    [Fact(Timeout = 30000)]
    public async Task A_probe_of_a_name_dials_its_addresses_and_has_it_looked_up_when_none_answers()
    {
        var upstream = await NamedAsync();
        network.Answer = _ => DialOutcome.Refused;
        answer = ["192.0.2.2"];
        await upstream.ProbeAsync(time, second, cancel.Token);
        Assert.Equal(["192.0.2.1:80"], network.Dialled);
        await Traffic.UntilAsync(() => Named.Addresses[0].ToString() == "192.0.2.2");
        await upstream.ProbeAsync(time, second, cancel.Token);
        Assert.Equal(["192.0.2.1:80", "192.0.2.2:80"], network.Dialled);
    }

    public void Dispose()
    {
        answering.Set();
        owned.ForEach(one => one.Dispose());
        lookUps.Dispose();
    }

    private ResolvedName Named => (ResolvedName)owned[^1];

    private Upstream Address() => new(network, new IPEndPoint(IPAddress.Loopback, 80), "127.0.0.1:80");

    private Task<DialResult> DialTo(Upstream upstream, DialOutcome outcome)
    {
        network.Answer = _ => outcome;
        return Dial(upstream);
    }

    private Upstream Name()
    {
        owned.Add(new ResolvedName("upstream.test", lookUps, TimeSpan.FromHours(1), time, static _ => { }));
        return new Upstream(network, Named, 80, "upstream.test:80");
    }

    // One that was looked up a while ago.
    private async Task<Upstream> NamedAsync()
    {
        var upstream = Name();
        await Named.RefreshAsync();
        time.Advance(2 * second);
        return upstream;
    }

    private async Task<DialResult> Dial(Upstream upstream, TimeSpan? connect = null) => (await upstream.DialAsync(network.Time, connect ?? 5 * second, null, cancel.Token)).Dial;
}
