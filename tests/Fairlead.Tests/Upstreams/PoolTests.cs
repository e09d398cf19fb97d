using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class PoolTests
{
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1), tick = TimeSpan.FromTicks(1);

    private readonly PoolRig rig = new();

    [Fact(Timeout = 30000)]
    public async Task Whom_one_fails_gets_the_next()
    {
        var members = rig.Members(1, 1, 1);
        rig.Fate(1, DialOutcome.Refused);
        var result = await rig.DialAsync(new Pool(members, BalanceKind.First));
        Assert.Equal((2, 2), (PoolRig.PortOf(result), result.Dials));
        Assert.Same(members[1].Upstream, result.Upstream);
        Assert.Equal([1, 2], rig.Dialled);
        Assert.Equal([0, 1, 0], members.Select(member => member.Upstream.Active));
        Assert.Equal([1, 0, 0], members.Select(member => member.Upstream.Failed));
    }

    [Theory(Timeout = 30000)]
    [InlineData(BalanceKind.RoundRobin), InlineData(BalanceKind.LeastConnections), InlineData(BalanceKind.Random), InlineData(BalanceKind.SourceHash), InlineData(BalanceKind.First)]
    public async Task Three_dials_are_the_most_and_none_goes_where_one_went(BalanceKind balance)
    {
        var members = rig.Members(1, 1, 1, 1, 1);
        for (var port = 1; port <= 5; port++)
            rig.Fate(port, DialOutcome.Refused);
        for (var client = 0; client < 20; client++)
        {
            var before = rig.Network.Dials.Count;
            var result = await rig.DialAsync(new Pool(members, balance), PoolRig.Client(client));
            Assert.Equal((DialOutcome.Refused, 3), (result.Dial.Outcome, result.Dials));
            Assert.Equal(3, rig.Dialled.Skip(before).Distinct().Count());
            Assert.Equal(3, rig.Network.Dials.Count - before);
        }
        Assert.All(members, member => Assert.Equal(0, member.Upstream.Active));
    }

    [Fact(Timeout = 30000)]
    public async Task Two_that_fail_are_dialled_once_each_and_the_last_failure_is_the_result()
    {
        rig.Fate(1, DialOutcome.Refused);
        rig.Fate(2, DialOutcome.Unreachable);
        var members = rig.Members(1, 1);
        var result = await rig.DialAsync(new Pool(members, BalanceKind.First));
        Assert.Equal((DialOutcome.Unreachable, 2), (result.Dial.Outcome, result.Dials));
        Assert.Same(members[1].Upstream, result.Upstream);
    }

    [Fact(Timeout = 30000)]
    public async Task A_backup_is_for_when_every_other_is_down()
    {
        PoolMember[] members = [new(rig.Upstream(1)), new(rig.Upstream(2)), new(rig.Upstream(3), 9, IsBackup: true)];
        var pool = new Pool(members, BalanceKind.RoundRobin);
        Assert.DoesNotContain(3, await rig.PortsAsync(pool, 50));
        await rig.TakeDownAsync(members[0].Upstream, 1);
        Assert.Equal([2, 2, 2, 2], await rig.PortsAsync(pool, 4));
        await rig.TakeDownAsync(members[1].Upstream, 2);
        Assert.Equal([3, 3, 3, 3], await rig.PortsAsync(pool, 4));
        rig.Fate(1, DialOutcome.Connected);
        rig.Time.Advance(10 * second);
        var ports = await rig.PortsAsync(pool, 20);
        Assert.Equal(1, ports[^1]);
        Assert.InRange(ports.Count(port => port == 3), 0, 1);
    }

    [Fact(Timeout = 30000)]
    public async Task A_backup_is_for_a_client_too_whom_all_others_failed()
    {
        PoolMember[] members = [new(rig.Upstream(1), IsBackup: true), new(rig.Upstream(2)), new(rig.Upstream(3))];
        rig.Fate(2, DialOutcome.Refused);
        rig.Fate(3, DialOutcome.Refused);
        Assert.Equal(1, PoolRig.PortOf(await rig.DialAsync(new Pool(members, BalanceKind.First))));
        Assert.Equal([2, 3, 1], rig.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task Weight_zero_gets_no_client_unless_there_is_nothing_else()
    {
        PoolMember[] members = [new(rig.Upstream(1), 0), new(rig.Upstream(2)), new(rig.Upstream(3), IsBackup: true)];
        foreach (var balance in Enum.GetValues<BalanceKind>())
            Assert.All(await rig.PortsAsync(new Pool(members, balance), 50), port => Assert.Equal(2, port));
        await rig.TakeDownAsync(members[1].Upstream, 2);
        foreach (var balance in Enum.GetValues<BalanceKind>())
            Assert.All(await rig.PortsAsync(new Pool(members, balance), 50), port => Assert.Equal(3, port));
        await rig.TakeDownAsync(members[2].Upstream, 3);
        foreach (var balance in Enum.GetValues<BalanceKind>())
            Assert.All(await rig.PortsAsync(new Pool(members, balance), 50), port => Assert.Equal(1, port));
    }

    [Fact(Timeout = 30000)]
    public async Task When_all_are_down_they_are_tried_all_the_same_and_come_up_again()
    {
        var members = rig.Members(1, 1);
        await rig.TakeDownAsync(members[0].Upstream, 1);
        await rig.TakeDownAsync(members[1].Upstream, 2);
        var before = rig.Network.Dials.Count;
        var pool = new Pool(members, BalanceKind.First);
        Assert.Equal(DialOutcome.Refused, (await rig.DialAsync(pool)).Dial.Outcome);
        Assert.Equal([1, 2], rig.Dialled.Skip(before));
        rig.Fate(2, DialOutcome.Connected);
        Assert.Equal(2, PoolRig.PortOf(await rig.DialAsync(pool)));
        Assert.True(members[1].Upstream.Health.IsUp);
        Assert.False(members[0].Upstream.Health.IsUp);
    }

    [Fact(Timeout = 30000)]
    public async Task One_client_at_a_time_may_try_one_that_is_down()
    {
        var members = rig.Members(1, 1);
        await rig.TakeDownAsync(members[0].Upstream, 1);
        var pool = new Pool(members, BalanceKind.First);
        var answer = rig.Network.Answer;
        rig.Time.Advance((10 * second) - tick);
        Assert.Equal([2, 2], await rig.PortsAsync(pool, 2));
        rig.Time.Advance(tick);

        // The trial is under way; nobody else takes part in it.
        rig.Network.Answer = null;
        var before = rig.Network.Dials.Count;
        var dialling = rig.DialAsync(pool);
        var trial = await rig.Network.NextAsync(before + 1);
        rig.Network.Answer = answer;
        Assert.Equal([2, 2, 2], await rig.PortsAsync(pool, 3));
        trial.End(DialOutcome.Refused);
        Assert.Equal(2, PoolRig.PortOf(await dialling));
        Assert.Equal([1, 2, 2, 2, 2], rig.Dialled.Skip(before));

        // It failed: another ten seconds. Then it is well.
        rig.Time.Advance((10 * second) - tick);
        Assert.Equal([2, 2], await rig.PortsAsync(pool, 2));
        rig.Fate(1, DialOutcome.Connected);
        rig.Time.Advance(tick);
        Assert.Equal([1, 1, 1], await rig.PortsAsync(pool, 3));
        Assert.True(members[0].Upstream.Health.IsUp);
    }

    [Fact(Timeout = 30000)]
    public async Task A_trial_that_was_given_up_or_lacked_a_descriptor_lets_the_next_client_try()
    {
        var members = rig.Members(1, 1);
        await rig.TakeDownAsync(members[0].Upstream, 1, then: DialOutcome.NoLocalAddress);
        rig.Time.Advance(10 * second);
        var pool = new Pool(members, BalanceKind.First);
        Assert.Equal(2, PoolRig.PortOf(await rig.DialAsync(pool)));
        rig.Network.Answer = _ => throw new InvalidOperationException("a bug");
        await Assert.ThrowsAsync<InvalidOperationException>(() => rig.DialAsync(pool));
        rig.Network.Answer = _ => DialOutcome.Connected;
        Assert.Equal(1, PoolRig.PortOf(await rig.DialAsync(pool)));
    }

    [Theory(Timeout = 30000), InlineData(2, 3000), InlineData(3, 2000), InlineData(9, 2000)]
    public async Task One_that_never_answers_leaves_time_for_others(int members, int milliseconds)
    {
        rig.Network.Answer = null;
        var dialling = rig.DialAsync(new Pool(rig.Members([.. Enumerable.Repeat(1, members)]), BalanceKind.First), connect: 6 * second);
        await rig.Network.NextAsync(1);
        rig.Time.Advance(TimeSpan.FromMilliseconds(milliseconds) - tick);
        Assert.False(rig.Network.Dials[0].Result.IsCompleted);
        rig.Time.Advance(tick);
        (await rig.Network.NextAsync(2)).End(DialOutcome.Connected);
        Assert.Equal(2, PoolRig.PortOf(await dialling));
    }

    [Fact(Timeout = 30000)]
    public async Task All_that_never_answer_take_no_longer_than_one()
    {
        rig.Network.Answer = null;
        var dialling = rig.DialAsync(new Pool(rig.Members(1, 1, 1, 1), BalanceKind.First), connect: 6 * second);
        for (var count = 1; count <= 3; count++)
        {
            Assert.False(dialling.IsCompleted);
            await rig.Network.NextAsync(count);
            rig.Time.Advance(2 * second);
        }
        var result = await dialling;
        Assert.Equal((DialOutcome.TimedOut, 3), (result.Dial.Outcome, result.Dials));
        Assert.Equal(0, rig.Time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task The_only_one_that_is_up_has_all_the_time_there_is()
    {
        var members = rig.Members(1, 1, 1);
        await rig.TakeDownAsync(members[1].Upstream, 2);
        await rig.TakeDownAsync(members[2].Upstream, 3);
        rig.Network.Answer = null;
        var before = rig.Network.Dials.Count;
        var dialling = rig.DialAsync(new Pool(members, BalanceKind.RoundRobin), connect: 6 * second);
        var dial = await rig.Network.NextAsync(before + 1);
        rig.Time.Advance((6 * second) - tick);
        dial.End(DialOutcome.Connected);
        Assert.Equal(1, PoolRig.PortOf(await dialling));
    }

    [Fact(Timeout = 30000)]
    public async Task Without_a_limit_the_system_says_when_a_dial_has_failed()
    {
        rig.Network.Answer = null;
        var dialling = rig.DialAsync(new Pool(rig.Members(1, 1), BalanceKind.First), connect: Timeout.InfiniteTimeSpan);
        var dial = await rig.Network.NextAsync(1);
        rig.Time.Advance(TimeSpan.FromHours(1));
        dial.End(DialOutcome.TimedOut);
        (await rig.Network.NextAsync(2)).End(DialOutcome.Connected);
        await dialling;
    }

    [Fact(Timeout = 30000)]
    public async Task Giving_up_dials_no_other()
    {
        rig.Network.Answer = null;
        var members = rig.Members(1, 1);
        var dialling = rig.DialAsync(new Pool(members, BalanceKind.First));
        await rig.Network.NextAsync(1);
        await rig.Cancel.CancelAsync();
        Assert.Equal(DialOutcome.Cancelled, (await dialling).Dial.Outcome);
        Assert.Single(rig.Network.Dials);
        Assert.All(members, member => Assert.Equal((0, 0), (member.Upstream.Active, member.Upstream.Failed)));
    }

    [Fact(Timeout = 30000)]
    public async Task No_local_port_for_one_is_no_reason_to_wait_for_the_next()
    {
        rig.Fate(1, DialOutcome.NoLocalAddress);
        var members = rig.Members(1, 1);
        Assert.Equal(2, PoolRig.PortOf(await rig.DialAsync(new Pool(members, BalanceKind.First))));
        Assert.True(members[0].Upstream.Health.IsUp);
    }

    [Fact(Timeout = 30000)]
    public async Task A_lack_of_descriptors_is_waited_out_before_the_next()
    {
        rig.Fate(1, DialOutcome.NoResources);
        var dialling = rig.DialAsync(new Pool(rig.Members(1, 1), BalanceKind.First));
        Assert.False(dialling.IsCompleted);
        Assert.Single(rig.Network.Dials);
        await rig.Time.AdvanceUntilAsync(dialling, TimeSpan.FromMilliseconds(10));
        Assert.Equal(2, PoolRig.PortOf(await dialling));
    }

    [Fact(Timeout = 30000)]
    public async Task The_last_that_is_up_is_dialled_again_at_its_new_addresses()
    {
        var answer = IPAddress.Parse("192.0.2.1");
        using var lookUps = new LookUps(_ => [Volatile.Read(ref answer)]);
        using var name = new ResolvedName("upstream.test", lookUps, TimeSpan.FromHours(1), rig.Time, static _ => { });
        await name.RefreshAsync();
        rig.Time.Advance(2 * second);
        Volatile.Write(ref answer, IPAddress.Parse("192.0.2.2"));
        rig.Network.Answer = target => target.ToString() == "192.0.2.2:80" ? DialOutcome.Connected : DialOutcome.Refused;
        var pool = new Pool([new(rig.Upstream(1)), new(new Upstream(rig.Network, name, 80, "upstream.test:80"))], BalanceKind.First);
        var result = await rig.DialAsync(pool);
        Assert.Equal((DialOutcome.Connected, 3), (result.Dial.Outcome, result.Dials));
        Assert.Equal(["127.0.0.1:1", "192.0.2.1:80", "192.0.2.2:80"], rig.Network.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task A_single_member_is_dialled_up_or_down_as_an_upstream_is()
    {
        var members = rig.Members(0);
        var pool = new Pool(members, BalanceKind.LeastConnections);
        await rig.TakeDownAsync(members[0].Upstream, 1, then: DialOutcome.Connected);
        var result = await rig.DialAsync(pool);
        Assert.Same(members[0].Upstream, result.Upstream);
        Assert.Equal((1, 1), (result.Dials, members[0].Upstream.Active));
        Assert.True(members[0].Upstream.Health.IsUp);
    }

    [Theory(Timeout = 30000), InlineData(1), InlineData(5)]
    public async Task A_dial_allocates_nothing_of_its_own(int count)
    {
        var dialer = new InstantDialer();
        var members = Enumerable.Range(1, count).Select(port => new PoolMember(new Upstream(dialer, new IPEndPoint(IPAddress.Loopback, port), "it"))).ToList();
        foreach (var balance in Enum.GetValues<BalanceKind>())
        {
            var pool = new Pool(members, balance);
            await pool.DialAsync(PoolRig.Client(1), TimeProvider.System, second, null, CancellationToken.None);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++)
                Assert.NotNull((await pool.DialAsync(PoolRig.Client(i), TimeProvider.System, second, null, CancellationToken.None)).Dial.Connection);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [Fact]
    public void A_pool_has_a_member() => Assert.Throws<ArgumentOutOfRangeException>(() => new Pool([], BalanceKind.First));

    private sealed class InstantDialer : IDialer
    {
        private readonly FakeConnection connection = new(new IPEndPoint(IPAddress.Loopback, 1));

        public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default) => new(DialResult.To(connection));
    }
}
