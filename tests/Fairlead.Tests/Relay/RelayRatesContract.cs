using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>What a rate does to every <see cref="Relay"/>.</summary>
public abstract partial class RelayContract
{
    // The burst is four whole slices, so that all of it passes at once, whatever a read takes.
    private const int Rate = 116_800, Burst = 4 * TokenBucket.LeastSlice;

    private static readonly TimeSpan step = TimeSpan.FromMilliseconds(5);

    [Theory(Timeout = 30000)]
    [InlineData(Side.Client, Rate, null), InlineData(Side.Upstream, Rate, null)]
    [InlineData(Side.Client, null, Rate), InlineData(Side.Upstream, null, Rate)]
    [InlineData(Side.Client, 3 * Rate, Rate), InlineData(Side.Upstream, Rate, 3 * Rate)]
    public Task No_more_passes_than_the_rate_allows_and_all_of_it_in_the_end(Side from, int? rate, int? perConnection)
    {
        return RelayAtAsync(rate, perConnection, async it =>
        {
            var bytes = Traffic.RandomBytes(40_000, seed: 20);
            var start = it.Time.GetTimestamp();
            var passing = Task.WhenAll(Traffic.SendAsync(it.End(from), bytes), Traffic.ExpectToEndAsync(it.End(Other(from)), bytes));
            while (!passing.IsCompleted)
            {
                await Traffic.UntilAsync(() => passing.IsCompleted || it.Time.ArmedTimers > 0);
                Assert.InRange(it.BytesFrom(from), 0, Burst + (long)(it.Time.GetElapsedTime(start).TotalSeconds * Rate));
                it.Time.Advance(step);
            }
            await passing;
            Assert.InRange(it.Time.GetElapsedTime(start), TimeSpan.FromSeconds((40_000.0 - Burst) / Rate), TimeSpan.MaxValue);
            await it.End(Other(from)).CompleteWritesAsync();
            Assert.Equal(RelayEnd.Closed, (await it.Ending).End);
            Assert.Equal(0, it.Time.ArmedTimers);
        });
    }

    [Fact(Timeout = 30000)]
    public Task Each_direction_has_the_rate_for_itself() => RelayAtAsync(Rate, null, async it =>
    {
        byte[] up = Traffic.RandomBytes(Burst + 3000, seed: 21), down = Traffic.RandomBytes(Burst + 2000, seed: 22);
        var passing = Task.WhenAll(
            Traffic.SendAsync(it.Client, up), Traffic.ExpectToEndAsync(it.Upstream, up),
            Traffic.SendAsync(it.Upstream, down), Traffic.ExpectToEndAsync(it.Client, down));
        await Traffic.UntilAsync(() => it.Time.ArmedTimers == 2);
        await PassAsync(it.Time, passing, atLeast: TimeSpan.FromSeconds(3000.0 / Rate));
        Assert.Equal(RelayEnd.Closed, (await it.Ending).End);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task What_is_said_below_the_rate_passes_at_once(Side from) => RelayAtAsync(Rate, Rate, async it =>
    {
        for (var i = 0; i < 40; i++)
            await Traffic.SayAsync(it.End(from), it.End(Other(from)), "a line and an end");
        await Traffic.UntilAsync(() => it.BytesFrom(from) == 40 * 17);
        Assert.Equal(0, it.Time.ArmedTimers);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task Two_sessions_share_a_rate_evenly(Side from)
    {
        var time = new ManualTime();
        var options = new RelayOptions { Rates = RelayRates.Of(Rate, null, time) };
        return RelayAsync(time, first => RelayAsync(time, async second =>
        {
            var bytes = Traffic.RandomBytes(60_000, seed: 23);
            var both = new[] { first, second };
            var writers = both.Select(it => new Writer(it.End(from), bytes)).ToList();
            var readers = both.Select(it => Traffic.DrainAsync(it.End(Other(from)))).ToList();
            long Passed(Relayed it) => it.BytesFrom(from);
            while (Passed(first) + Passed(second) < 60_000)
            {
                await Traffic.UntilAsync(() => time.ArmedTimers == 2);
                Assert.InRange(Math.Abs(Passed(first) - Passed(second)), 0, Burst + 3 * TokenBucket.LeastSlice);
                time.Advance(step);
            }
            foreach (var it in both)
                it.Relay.Stop();
            await Task.WhenAll(writers.Select(writer => writer.Ending));
            await Task.WhenAll(readers);
        }, options), options);
    }

    [Theory(Timeout = 30000)]
    [InlineData(Side.Client, Side.Client), InlineData(Side.Client, Side.Upstream), InlineData(Side.Upstream, Side.Client), InlineData(Side.Upstream, Side.Upstream)]
    public Task A_reset_while_a_rate_holds_it_back_reaches_the_other_side_as_a_reset(Side from, Side resets) => RelayAtAsync(Rate, null, async it =>
    {
        var (writer, reader) = await HoldBackAsync(it, from);
        it.End(resets).Abort();

        // Copying, it is the next read that tells; and a Unix socket tells the next write.
        var (_, error) = await PassAsync(it.Time, resets == from ? reader : Traffic.DrainAsync(it.End(from)));
        var isTold = error == ConnectionError.Reset || (resets != from && await writer is ConnectionException { Error: ConnectionError.Reset });
        Assert.True(isTold || !Rig.HasReset(resets) || !Rig.HasReset(Other(resets)));
        it.End(Other(resets)).Dispose();
        await PassAsync(it.Time, Task.WhenAll(writer, reader, it.Ending));
        await AssertEndAsync(it, RelayEnd.Reset, resets);
        await Traffic.UntilAsync(() => it.Time.ArmedTimers == 0);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task A_half_close_while_a_rate_holds_it_back_comes_after_the_last_byte(Side from) => RelayAtAsync(Rate, null, async it =>
    {
        var bytes = Traffic.RandomBytes(3 * Burst, seed: 24);
        var sending = Traffic.SendAsync(it.End(from), bytes);
        var passing = Traffic.ExpectToEndAsync(it.End(Other(from)), bytes);

        // The other way ends meanwhile, which this one does not notice.
        await Task.WhenAll(Traffic.SendAsync(it.End(Other(from)), [1]), Traffic.ExpectToEndAsync(it.End(from), [1]));
        Assert.False(passing.IsCompleted);
        await PassAsync(it.Time, passing, atLeast: TimeSpan.FromMilliseconds(100));
        await sending;
        Assert.Equal(it.Result(RelayEnd.Closed, Other(from), 1, bytes.Length), await it.Ending);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task Stopping_does_not_wait_for_a_rate(Side from)
    {
        var time = new ManualTime();
        var rates = RelayRates.Of(Rate, Rate, time)!;
        return RelayAsync(
            time,
            async it =>
            {
                var (writer, reader) = await HoldBackAsync(it, from);
                it.Relay.Stop();
                var result = await it.Ending;
                Assert.Equal((RelayEnd.Stopped, Side.Fairlead), (result.End, result.By));
                await Task.WhenAll(writer, reader);
                await Traffic.UntilAsync(() => time.ArmedTimers == 0);

                // What it waited for is there for others: what passed is all that is paid for.
                var passed = from == Side.Client ? result.BytesFromClient : result.BytesFromUpstream;
                (from == Side.Client ? rates.FromClient : rates.FromUpstream)!.Claim(1, out var due);
                Assert.Equal(passed - Burst + 1, due);
            },
            new RelayOptions { Rates = rates });
    }

    [Fact(Timeout = 30000)]
    public Task One_that_a_rate_holds_back_is_not_silent() => RelayAtAsync(
        10,
        null,
        async it =>
        {
            // At 10 bytes a second, a slice takes longer than the silence that ends it.
            var bytes = Traffic.RandomBytes(2 * TokenBucket.LeastSlice, seed: 25);
            var passing = Task.WhenAll(Traffic.SendAsync(it.Client, bytes), Traffic.ExpectToEndAsync(it.Upstream, bytes));
            while (!passing.IsCompleted)
            {
                // One for the silence, one for the rate.
                await Traffic.UntilAsync(() => passing.IsCompleted || it.Time.ArmedTimers == 2);
                if (!passing.IsCompleted)
                    it.Time.Advance(TimeSpan.FromSeconds(19));
            }
            await passing;
            await it.Upstream.CompleteWritesAsync();
            Assert.Equal(RelayEnd.Closed, (await it.Ending).End);
        },
        new RelayOptions { Idle = TimeSpan.FromSeconds(20), HalfClosed = TimeSpan.FromSeconds(20) });

    [Fact(Timeout = 30000)]
    public Task What_was_given_back_is_paid_for_too() => RelayAtAsync(
        Rate,
        null,
        async it =>
        {
            await it.Client.WriteAsync(new byte[1]);
            await PassAsync(it.Time, Traffic.ExpectAsync(it.Upstream, new byte[2 * Burst + 1]), atLeast: TimeSpan.FromMilliseconds(50));
            it.Client.Dispose();
            it.Upstream.Dispose();
            await PassAsync(it.Time, it.Ending);
        },
        prepare: it => it.Inner(Side.Client).Unread(new byte[2 * Burst]));

    private protected Task RelayAtAsync(int? rate, int? perConnection, Func<Relayed, Task> test, RelayOptions? options = null, Action<Relayed>? prepare = null)
    {
        var time = new ManualTime();
        return RelayAsync(time, test, (options ?? new RelayOptions { HalfClosed = Timeout.InfiniteTimeSpan }) with { Rates = RelayRates.Of(rate, perConnection, time) }, prepare);
    }

    /// <summary>Lets one side write more than the rate lets through at once, until it waits for the rate.</summary>
    private protected static async Task<(Task<Exception?> Writer, Task<(byte[] Bytes, ConnectionError? Error)> Reader)> HoldBackAsync(Relayed it, Side from)
    {
        // Without an end, after which a reset would be none.
        var writer = Record.ExceptionAsync(() => it.End(from).WriteAsync(Traffic.RandomBytes(20 * Burst, seed: 26)).AsTask()).AsTask();
        var reader = Traffic.DrainAsync(it.End(Other(from)));
        await Traffic.UntilAsync(() => it.Time.ArmedTimers > 0);
        return (writer, reader);
    }

    /// <summary>Lets time pass until a task has ended, and measures it.</summary>
    private static async Task<T> PassAsync<T>(ManualTime time, Task<T> task, TimeSpan atLeast = default)
    {
        await PassAsync(time, (Task)task, atLeast);
        return await task;
    }

    private static async Task PassAsync(ManualTime time, Task task, TimeSpan atLeast = default)
    {
        var start = time.GetTimestamp();
        await time.AdvanceUntilAsync(task, TimeSpan.FromMilliseconds(1));
        await task;
        Assert.InRange(time.GetElapsedTime(start), atLeast, TimeSpan.MaxValue);
    }
}
