using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>What every <see cref="Relay"/> does, whatever it runs between.</summary>
public abstract partial class RelayContract(RelayRig rig) : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(60), nearlyLimit = TimeSpan.FromSeconds(59);

    protected RelayRig Rig { get; } = rig;

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task Half_close_lets_a_late_answer_through(Side asks) => RelayAsync(async it =>
    {
        var (asking, answering) = (it.End(asks), it.End(Other(asks)));
        byte[] question = Traffic.RandomBytes(1000, seed: 1), answer = Traffic.RandomBytes(100_000, seed: 2);
        await Task.WhenAll(Traffic.SendAsync(asking, question), Traffic.ExpectToEndAsync(answering, question));
        await Traffic.UntilStillAsync(() => it.Relay.BytesFromClient);
        Assert.False(it.Ending.IsCompleted);
        await Task.WhenAll(Traffic.SendAsync(answering, answer), Traffic.ExpectToEndAsync(asking, answer));
        Assert.Equal(it.Result(RelayEnd.Closed, asks, question.Length, answer.Length), await it.Ending);
    });

    [Fact(Timeout = 30000)]
    public Task Bulk_both_ways_at_once_arrives_unchanged() => RelayAsync(async it =>
    {
        byte[] up = Traffic.RandomBytes(Rig.Bulk, seed: 3), down = Traffic.RandomBytes(Rig.Bulk + 1, seed: 4);
        await Task.WhenAll(
            Traffic.SendAsync(it.Client, up, Traffic.OddSizes(5)), Traffic.ExpectToEndAsync(it.Upstream, up, Traffic.OddSizes(6)),
            Traffic.SendAsync(it.Upstream, down, Traffic.OddSizes(7)), Traffic.ExpectToEndAsync(it.Client, down, Traffic.OddSizes(8)));
        var result = await it.Ending;
        Assert.Equal((RelayEnd.Closed, (long)up.Length, (long)down.Length), (result.End, result.BytesFromClient, result.BytesFromUpstream));
        Assert.NotEqual(Side.Fairlead, result.By);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task A_reset_while_all_is_quiet_reaches_the_other_side_as_a_reset(Side resets) => RelayAsync(async it =>
    {
        await Traffic.SayAsync(it.Client, it.Upstream, "question");
        await Traffic.SayAsync(it.Upstream, it.Client, "answer");
        it.End(resets).Abort();
        var (bytes, error) = await Traffic.DrainAsync(it.End(Other(resets)));
        Assert.Empty(bytes);
        AssertReset(resets, Other(resets), error);
        it.End(Other(resets)).Dispose();
        await AssertEndAsync(it, RelayEnd.Reset, resets);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task A_reset_before_the_relay_starts_reaches_the_other_side_as_a_reset(Side resets) => RelayAsync(
        async it =>
        {
            var (_, error) = await Traffic.DrainAsync(it.End(Other(resets)));
            AssertReset(resets, Other(resets), error);
            it.End(Other(resets)).Dispose();
            await AssertEndAsync(it, RelayEnd.Reset, resets);
        },
        prepare: it => it.End(resets).Abort());

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task A_source_that_resets_while_its_sink_is_blocked_resets_the_sink(Side source) => RelayAsync(async it =>
    {
        var writer = await BlockAsync(it, source);
        it.End(source).Abort();
        var (_, error) = await Traffic.DrainAsync(it.End(Other(source)));
        AssertReset(source, Other(source), error);
        Assert.Equal(ConnectionError.Aborted, await writer.Ending);
        it.End(Other(source)).Dispose();
        await AssertEndAsync(it, RelayEnd.Reset, source);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task A_blocked_sink_that_resets_resets_the_source(Side source) => RelayAsync(async it =>
    {
        var writer = await BlockAsync(it, source);
        it.End(Other(source)).Abort();
        Assert.Equal(ConnectionError.Reset, await writer.Ending);
        var result = await it.Ending;
        Assert.Equal((RelayEnd.Reset, Other(source)), (result.End, result.By));
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task A_reset_after_a_half_close_reaches_the_other_side_as_a_reset(Side resets) => RelayAsync(async it =>
    {
        await it.End(resets).CompleteWritesAsync();
        Assert.Equal(0, await it.End(Other(resets)).ReadAsync(new byte[1]));
        it.End(resets).Abort();
        await AssertWritesBreakAsync(it.End(Other(resets)));
        await AssertEndAsync(it, RelayEnd.Reset, resets);
    });

    [Fact(Timeout = 30000)]
    public Task A_dribble_of_single_bytes_is_passed_on_at_once() => RelayAsync(async it =>
    {
        for (var i = 0; i < 300; i++)
        {
            await Traffic.SayAsync(it.Client, it.Upstream, ((char)('a' + i % 26)).ToString());
            await Traffic.SayAsync(it.Upstream, it.Client, ((char)('A' + i % 26)).ToString());
        }
        await Traffic.UntilAsync(() => it.Relay.BytesFromClient == 300 && it.Relay.BytesFromUpstream == 300);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task A_slow_reader_stops_the_writer_and_loses_nothing(Side writes) => RelayAsync(async it =>
    {
        Limit(it);
        var bytes = Traffic.RandomBytes(Rig.MoreThanFits, seed: 9);
        var writer = new Writer(it.End(writes), bytes);
        await Traffic.UntilStillAsync(() => writer.Written);
        Assert.InRange(writer.Written, 0, bytes.Length / 4);
        await Traffic.ExpectToEndAsync(it.End(Other(writes)), bytes);
        Assert.Null(await writer.Ending);
        await Traffic.SendAsync(it.End(Other(writes)), [1]);
        await Traffic.ExpectToEndAsync(it.End(writes), [1]);
        Assert.Equal(it.Result(RelayEnd.Closed, writes, bytes.Length, 1), await it.Ending);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client, 5), InlineData(Side.Upstream, 5), InlineData(Side.Client, 300_000), InlineData(Side.Upstream, 300_000)]
    public Task What_was_given_back_goes_first(Side side, int count)
    {
        byte[] early = Traffic.RandomBytes(count, seed: 10), late = Traffic.RandomBytes(70_000, seed: 11);
        return RelayAsync(
            async it =>
            {
                await Task.WhenAll(
                    Traffic.SendAsync(it.End(side), late),
                    Traffic.ExpectToEndAsync(it.End(Other(side)), [.. early, .. late]),
                    it.End(Other(side)).CompleteWritesAsync().AsTask());
                var result = await it.Ending;
                Assert.Equal(RelayEnd.Closed, result.End);
                Assert.Equal(early.Length + late.Length, side == Side.Client ? result.BytesFromClient : result.BytesFromUpstream);
            },
            prepare: it =>
            {
                // In two parts, as by two readers that each gave back what they had too much.
                it.Inner(side).Unread(early.AsSpan(3));
                it.Inner(side).Unread(early.AsSpan(0, 3));
            });
    }

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task What_was_given_back_goes_before_an_end_that_was_there_already(Side side) => RelayAsync(
        async it =>
        {
            await Traffic.ExpectToEndAsync(it.End(Other(side)), "early"u8.ToArray());
            await Traffic.SayAsync(it.End(Other(side)), it.End(side), "late");
        },
        prepare: it =>
        {
            Assert.True(it.End(side).CompleteWritesAsync().AsTask().IsCompletedSuccessfully);
            it.Inner(side).Unread("early"u8);
        });

    [Fact(Timeout = 30000)]
    public Task Silence_ends_it_and_bytes_in_either_direction_break_the_silence() => RelayAsync(
        async it =>
        {
            for (var i = 0; i < 3; i++)
            {
                it.Time.Advance(nearlyLimit);
                await Traffic.SayAsync(it.Client, it.Upstream, "up");
                await Traffic.UntilAsync(() => it.Relay.BytesFromClient == 2 * (i + 1));
                it.Time.Advance(nearlyLimit);
                await Traffic.SayAsync(it.Upstream, it.Client, "down");
                await Traffic.UntilAsync(() => it.Relay.BytesFromUpstream == 4 * (i + 1));
            }
            Assert.False(it.Ending.IsCompleted);
            it.Time.Advance(limit);
            Assert.Equal(it.Result(RelayEnd.Idle, Side.Fairlead, 6, 12), await it.Ending);
            await AssertResetAsync(it, Side.Client);
            await AssertResetAsync(it, Side.Upstream);
        },
        new RelayOptions { Idle = limit });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task Silence_after_a_half_close_ends_it_and_bytes_break_the_silence(Side completes) => RelayAsync(
        async it =>
        {
            // As long as both directions go on, this silence is none.
            it.Time.Advance(limit * 100);
            await it.End(completes).CompleteWritesAsync();
            Assert.Equal(0, await it.End(Other(completes)).ReadAsync(new byte[1]));
            await Traffic.UntilAsync(() => it.Time.ArmedTimers == 1);
            for (var i = 0; i < 3; i++)
            {
                it.Time.Advance(nearlyLimit);
                await Traffic.SayAsync(it.End(Other(completes)), it.End(completes), "more");
                await Traffic.UntilAsync(() => it.Relay.BytesFromClient + it.Relay.BytesFromUpstream == 4 * (i + 1));
            }
            Assert.False(it.Ending.IsCompleted);
            it.Time.Advance(limit);
            var result = await it.Ending;
            Assert.Equal((RelayEnd.HalfClosed, Side.Fairlead), (result.End, result.By));
            await AssertResetAsync(it, completes);
            await AssertWritesBreakAsync(it.End(Other(completes)));
        },
        new RelayOptions { HalfClosed = limit });

    [Fact(Timeout = 30000)]
    public Task The_shorter_of_the_two_silences_counts_after_a_half_close() => RelayAsync(
        async it =>
        {
            await it.Client.CompleteWritesAsync();
            Assert.Equal(0, await it.Upstream.ReadAsync(new byte[1]));
            await Traffic.UntilStillAsync(() => it.Time.ArmedTimers);
            it.Time.Advance(limit);
            Assert.Equal(it.Result(RelayEnd.Idle, Side.Fairlead, 0, 0), await it.Ending);
        },
        new RelayOptions { Idle = limit, HalfClosed = limit * 2 });

    [Fact(Timeout = 30000)]
    public Task With_both_silences_off_nothing_ends_it() => RelayAsync(
        async it =>
        {
            it.Time.Advance(TimeSpan.FromDays(365));
            await Task.WhenAll(Traffic.SendAsync(it.Client, [1]), Traffic.ExpectToEndAsync(it.Upstream, [1]));
            await Traffic.UntilStillAsync(() => it.Relay.BytesFromClient);
            it.Time.Advance(TimeSpan.FromDays(365));
            Assert.Equal(0, it.Time.ArmedTimers);
            await Traffic.SayAsync(it.Upstream, it.Client, "answer");
        },
        new RelayOptions { Idle = Timeout.InfiniteTimeSpan, HalfClosed = Timeout.InfiniteTimeSpan });

    [Fact(Timeout = 30000)]
    public Task No_timer_stays_behind() => RelayAsync(
        async it =>
        {
            await Task.WhenAll(it.Client.CompleteWritesAsync().AsTask(), it.Upstream.CompleteWritesAsync().AsTask());
            Assert.Equal(RelayEnd.Closed, (await it.Ending).End);
            Assert.Equal(0, it.Time.ArmedTimers);
        },
        new RelayOptions { Idle = limit, HalfClosed = limit });

    [Fact(Timeout = 30000)]
    public Task Stopping_resets_both_sides() => RelayAsync(async it =>
    {
        await Traffic.SayAsync(it.Client, it.Upstream, "question");
        await Traffic.UntilAsync(() => it.Relay.BytesFromClient == 8);
        it.Relay.Stop();
        Assert.Equal(it.Result(RelayEnd.Stopped, Side.Fairlead, 8, 0), await it.Ending);
        await AssertResetAsync(it, Side.Client);
        await AssertResetAsync(it, Side.Upstream);
        it.Relay.Stop();
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task Stopping_does_not_wait_for_a_blocked_sink(Side source) => RelayAsync(async it =>
    {
        var writer = await BlockAsync(it, source);
        it.Relay.Stop();
        var result = await it.Ending;
        Assert.Equal((RelayEnd.Stopped, Side.Fairlead), (result.End, result.By));
        Assert.Equal(ConnectionError.Reset, await writer.Ending);
    });

    [Fact(Timeout = 30000)]
    public Task One_that_is_stopped_before_it_runs_ends_at_once() => RelayAsync(
        async it => Assert.Equal(it.Result(RelayEnd.Stopped, Side.Fairlead, 0, 0), await it.Ending),
        prepare: it => it.Relay.Stop());

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task One_of_which_a_side_was_closed_at_this_end_before_it_runs_resets_the_other(Side closed) => RelayAsync(
        async it =>
        {
            await AssertResetAsync(it, Other(closed));
            var result = await it.Ending;
            Assert.Equal((RelayEnd.Stopped, 0, 0), (result.End, result.BytesFromClient, result.BytesFromUpstream));
        },
        prepare: it => it.Inner(closed).Dispose());

    [Fact(Timeout = 30000)]
    public Task Bytes_are_counted_beyond_what_32_bits_hold() => RelayAsync(
        async it =>
        {
            await Task.WhenAll(Traffic.SendAsync(it.Client, new byte[10]), Traffic.ExpectToEndAsync(it.Upstream, new byte[10]));
            await Task.WhenAll(Traffic.SendAsync(it.Upstream, new byte[20]), Traffic.ExpectToEndAsync(it.Client, new byte[20]));
            Assert.Equal(it.Result(RelayEnd.Closed, Side.Client, uint.MaxValue + 9L, uint.MaxValue + 19L), await it.Ending);
        },
        prepare: it =>
        {
            if (it.Relay is CopyRelay copy)
                copy.CountFrom(uint.MaxValue - 1);
            else if (OperatingSystem.IsLinux())
                ((NativeRelay)it.Relay).CountFrom(uint.MaxValue - 1);
        });

    /// <summary>Runs a test with a relay, in the way that a session has one.</summary>
    protected Task RelayAsync(Func<Relayed, Task> test, RelayOptions? options = null, Action<Relayed>? prepare = null)
    {
        return RelayAsync(new ManualTime(), test, options, prepare);
    }

    private Task RelayAsync(ManualTime time, Func<Relayed, Task> test, RelayOptions? options = null, Action<Relayed>? prepare = null) => Rig.RunAsync(async () =>
    {
        var (client, near) = await Rig.ConnectAsync(Side.Client);
        var (upstream, far) = await Rig.ConnectAsync(Side.Upstream);
        var it = new Relayed(Rig.Make(near, far, (options ?? new RelayOptions()) with { Time = time }), client, near, far, upstream, time);
        prepare?.Invoke(it);
        it.Start();
        try
        {
            await test(it);
        }
        finally
        {
            client.Dispose();
            upstream.Dispose();
        }
        await it.Ending;
        Rig.AssertNothingIsKept();
    });

    /// <summary>Lets one side write, of which the other reads the first part and then no more, until nobody takes any more.</summary>
    private protected async Task<Writer> BlockAsync(Relayed it, Side source)
    {
        Limit(it);
        var bytes = Traffic.RandomBytes(Rig.MoreThanFits, seed: 12);
        var writer = new Writer(it.End(source), bytes, piece: Math.Min(bytes.Length / 4, 256 << 10));
        await Traffic.ExpectAsync(it.End(Other(source)), bytes[..(bytes.Length / 2)]);
        await Traffic.UntilStillAsync(() => writer.Written);
        Assert.False(writer.Ending.IsCompleted);
        return writer;
    }

    protected void Limit(Relayed it)
    {
        foreach (var side in new[] { Side.Client, Side.Upstream })
        {
            Rig.Limit(it.End(side));
            Rig.Limit(it.Inner(side));
        }
    }

    protected static Side Other(Side side) => side == Side.Client ? Side.Upstream : Side.Client;

    // Where one of the two cannot reset, an end is all that there can be.
    private void AssertReset(Side by, Side at, ConnectionError? error)
    {
        if (Rig.HasReset(by) && Rig.HasReset(at))
            Assert.Equal(ConnectionError.Reset, error);
    }

    private async Task AssertResetAsync(Relayed it, Side at)
    {
        var (_, error) = await Traffic.DrainAsync(it.End(at));
        if (Rig.HasReset(at))
            Assert.Equal(ConnectionError.Reset, error);
    }

    private static async Task AssertWritesBreakAsync(Connection connection)
    {
        // The first write may still succeed: the reset comes as the answer to it.
        var broken = await Assert.ThrowsAsync<ConnectionException>(async () =>
        {
            for (; ; await Task.Yield())
                await connection.WriteAsync(new byte[1]);
        });
        Assert.Equal(ConnectionError.Reset, broken.Error);
    }

    protected async Task AssertEndAsync(Relayed it, RelayEnd end, Side by)
    {
        var result = await it.Ending;
        if (Rig.HasReset(by))
            Assert.Equal((end, by), (result.End, result.By));
    }

    public void Dispose() => Rig.Dispose();
}

/// <summary>What is so over sockets, where a reset does not take back what was already there.</summary>
public abstract class NetworkRelayContract(RelayRig rig) : RelayContract(rig)
{
    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task Last_words_before_a_reset_get_through(Side resets) => RelayAsync(async it =>
    {
        var writer = await BlockAsync(it, Other(resets));
        await it.End(resets).WriteAsync("last words"u8.ToArray());
        it.End(resets).Abort();
        var (bytes, error) = await Traffic.DrainAsync(it.End(Other(resets)));
        Assert.Equal("last words"u8.ToArray(), bytes);

        // The reset is told once: to the write that waits, or to the read.
        Assert.Contains(ConnectionError.Reset, new[] { error, await writer.Ending });
        await AssertEndAsync(it, RelayEnd.Reset, resets);
    });
}

/// <summary>A relay under test: the two connections that it has, and the far ends of them, which the test plays.</summary>
public sealed class Relayed(Relay relay, Connection client, Connection near, Connection far, Connection upstream, ManualTime time)
{
    public Relay Relay => relay;

    public Connection Client => client;

    public Connection Upstream => upstream;

    public ManualTime Time => time;

    public Task<RelayResult> Ending { get; private set; } = Task.FromResult<RelayResult>(null!);

    public Connection End(Side side) => side == Side.Client ? client : upstream;

    public Connection Inner(Side side) => side == Side.Client ? near : far;

    public void Start() => Ending = RunAsync();

    /// <summary>Bytes that have passed from one side to the other.</summary>
    public long BytesFrom(Side side) => side == Side.Client ? relay.BytesFromClient : relay.BytesFromUpstream;

    /// <summary>A result whose byte counts are given by who spoke first.</summary>
    public RelayResult Result(RelayEnd end, Side by, long first, long answer)
    {
        return by == Side.Upstream ? new RelayResult(end, by, answer, first) : new RelayResult(end, by, first, answer);
    }

    private async Task<RelayResult> RunAsync()
    {
        try
        {
            return await relay.RunAsync();
        }
        finally
        {
            near.Dispose();
            far.Dispose();
        }
    }
}
