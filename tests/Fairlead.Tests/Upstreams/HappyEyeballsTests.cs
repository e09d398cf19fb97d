using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class HappyEyeballsTests
{
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1), aQuarter = TimeSpan.FromMilliseconds(250);

    private readonly ManualTime time = new();
    private readonly CancellationTokenSource cancel = new();
    private readonly FakeNetwork network;

    public HappyEyeballsTests() => network = new FakeNetwork(time);

    [Fact(Timeout = 30000)]
    public async Task The_next_address_is_dialled_a_quarter_of_a_second_later()
    {
        var dialling = Dial(3, 10 * second);
        await network.NextAsync(1);
        for (var count = 2; count <= 3; count++)
        {
            time.Advance(aQuarter - TimeSpan.FromTicks(1));
            await Turns();
            Assert.Equal(count - 1, network.Dials.Count);
            time.Advance(TimeSpan.FromTicks(1));
            await network.NextAsync(count);
        }
        network.Dials[0].End(DialOutcome.Connected);
        Assert.Same(network.Dials[0].Connection, (await dialling).Connection);
        Assert.Equal(["192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"], network.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task A_failure_starts_the_next_at_once()
    {
        var dialling = Dial(3, 10 * second);
        (await network.NextAsync(1)).End(DialOutcome.Refused);
        (await network.NextAsync(2)).End(DialOutcome.Unreachable);
        (await network.NextAsync(3)).End(DialOutcome.Connected);
        Assert.Equal(DialOutcome.Connected, (await dialling).Outcome);
    }

    [Fact(Timeout = 30000)]
    public async Task A_failure_starts_the_clock_for_the_one_after_anew()
    {
        var dialling = Dial(3, 10 * second);
        var first = await network.NextAsync(1);
        time.Advance(aQuarter / 2);
        first.End(DialOutcome.Refused);
        await network.NextAsync(2);
        time.Advance(aQuarter / 2);
        await Turns();
        Assert.Equal(2, network.Dials.Count);
        time.Advance(aQuarter / 2);
        (await network.NextAsync(3)).End(DialOutcome.Connected);
        await dialling;
    }

    [Fact(Timeout = 30000)]
    public async Task The_first_success_wins_and_the_others_are_given_up()
    {
        var dialling = Dial(4, 10 * second);
        await network.NextAsync(1);
        time.Advance(aQuarter);
        (await network.NextAsync(2)).End(DialOutcome.Connected);
        var result = await dialling;
        Assert.Same(network.Dials[1].Connection, result.Connection);
        Assert.False(network.Dials[1].Connection.IsDisposed);
        Assert.Equal(DialOutcome.Cancelled, (await network.Dials[0].Result).Outcome);
        Assert.Equal(2, network.Dials.Count);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task A_late_winner_is_closed()
    {
        var dialling = Dial(2, 10 * second);
        var late = await network.NextAsync(1);
        late.IgnoresCancel = true;
        time.Advance(aQuarter);
        (await network.NextAsync(2)).End(DialOutcome.Connected);
        await Traffic.UntilAsync(() => late.IsGivenUp);
        late.End(DialOutcome.Connected);
        Assert.Same(network.Dials[1].Connection, (await dialling).Connection);
        Assert.True(late.Connection.IsDisposed);
        Assert.False(network.Dials[1].Connection.IsDisposed);
    }

    [Fact(Timeout = 30000)]
    public async Task When_all_fail_the_last_failure_is_the_result()
    {
        network.Answer = target => ((IPEndPoint)target).Address.ToString() == "192.0.2.3" ? DialOutcome.Unreachable : DialOutcome.Refused;
        var result = await Dial(3, 10 * second);
        Assert.Equal(DialOutcome.Unreachable, result.Outcome);
        Assert.Equal(3, network.Dials.Count);
    }

    [Fact(Timeout = 30000)]
    public async Task No_more_than_eight_are_dialled()
    {
        network.Answer = _ => DialOutcome.Refused;
        await Dial(20, 10 * second);
        Assert.Equal(8, network.Dials.Count);
    }

    [Fact(Timeout = 30000)]
    public async Task The_deadline_is_for_all_together()
    {
        var dialling = Dial(8, second);
        for (var count = 1; count <= 4; count++)
        {
            await network.NextAsync(count);
            time.Advance(aQuarter);
        }
        Assert.Equal(DialOutcome.TimedOut, (await dialling).Outcome);
        Assert.InRange(network.Dials.Count, 4, 5);
        foreach (var dial in network.Dials)
            Assert.Equal(DialOutcome.TimedOut, (await dial.Result).Outcome);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task Giving_up_gives_all_of_them_up()
    {
        var dialling = Dial(2, Timeout.InfiniteTimeSpan);
        await network.NextAsync(1);
        time.Advance(aQuarter);
        await network.NextAsync(2);
        cancel.Cancel();
        Assert.Equal(DialOutcome.Cancelled, (await dialling).Outcome);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task A_single_address_is_just_dialled()
    {
        network.Answer = _ => DialOutcome.Connected;
        Assert.Equal(DialOutcome.Connected, (await Dial(1, second)).Outcome);
        Assert.Equal(0, time.ArmedTimers);
    }

    private Task<DialResult> Dial(int addresses, TimeSpan timeout)
    {
        var all = Enumerable.Range(1, addresses).Select(i => IPAddress.Parse($"192.0.2.{i}")).ToArray();
        return HappyEyeballs.DialAsync(network, all, 80, timeout, time, cancel.Token).AsTask();
    }

    // Time in which something would happen that must not.
    private static async Task Turns()
    {
        for (var i = 0; i < 100; i++)
            await Task.Yield();
    }
}
