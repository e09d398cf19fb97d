namespace Fairlead.Tests;

public sealed class TokenBucketTests
{
    private static readonly TimeSpan slice = TimeSpan.FromMilliseconds(5);

    private readonly ManualTime time = new();

    [Theory]
    [InlineData(1_000, 1460), InlineData(29_200, 1460), InlineData(292_000, 14_600), InlineData(20_000_000, 1_000_000)]
    public void A_full_one_lets_50_ms_through_at_once_and_a_segment_at_least(long rate, long burst)
    {
        var bucket = new TokenBucket(rate, time);
        Assert.Equal(burst, bucket.Burst);
        Assert.Equal(burst, TakeAll(bucket));
        Assert.Equal(0, TakeAll(bucket));
    }

    [Theory]
    [InlineData(1_000, 1), InlineData(50_000, 1460), InlineData(50_000, 100_000), InlineData(20_000_000, 64 << 10), InlineData(1_000_000_000, 1 << 20)]
    public void What_passes_is_the_rate_times_the_time_and_the_burst_and_no_byte_more(long rate, int want)
    {
        var bucket = new TokenBucket(rate, time);
        var throttle = new Throttle(bucket);
        long passed = 0;
        for (var milliseconds = 0; milliseconds < 3000; milliseconds += 5)
        {
            int most;
            while ((most = throttle.Take(want, out _)) > 0)
                passed += most;
            var allowed = bucket.Burst + rate * milliseconds / 1000;

            // What is claimed next is at most a slice.
            Assert.InRange(passed, allowed - Math.Max(rate / 200, TokenBucket.LeastSlice), allowed);
            time.Advance(slice);
        }
    }

    [Fact]
    public void A_long_silence_saves_up_no_more_than_the_burst()
    {
        var bucket = new TokenBucket(1_000_000, time);
        TakeAll(bucket);
        time.Advance(TimeSpan.FromDays(10));
        Assert.Equal(bucket.Burst, TakeAll(bucket));
    }

    [Fact]
    public void Timers_that_fire_late_do_not_lower_the_rate()
    {
        var bucket = new TokenBucket(1_000_000, time);
        var throttle = new Throttle(bucket);
        long passed = 0;
        var start = time.GetTimestamp();
        while (time.GetElapsedTime(start) < TimeSpan.FromSeconds(10))
        {
            TimeSpan wait;
            for (int most; (most = throttle.Take(64 << 10, out wait)) > 0;)
                passed += most;
            time.Advance(wait + TimeSpan.FromMilliseconds(20));
        }
        Assert.InRange(passed, 9_900_000, 10_100_000);
    }

    [Theory, InlineData(1_000), InlineData(1_000_000), InlineData(3_333_333)]
    public void Whoever_waits_as_long_as_he_is_told_has_waited_long_enough(long rate)
    {
        var bucket = new TokenBucket(rate, time);
        for (var i = 0; i < 1000; i++)
        {
            bucket.Claim(64 << 10, out var due);
            while (bucket.TimeUntil(due) is var wait && wait > TimeSpan.Zero)
            {
                Assert.InRange(wait, TimeSpan.FromMilliseconds(1), TokenBucket.LongestWait);
                Assert.Equal(wait, TimeSpan.FromMilliseconds(Math.Floor(wait.TotalMilliseconds)));
                time.Advance(wait);
            }
        }
    }

    [Fact]
    public void What_is_returned_can_be_had_again()
    {
        var bucket = new TokenBucket(1_000_000, time);
        TakeAll(bucket);
        bucket.Return(700);
        Assert.Equal(700, TakeAll(bucket));
    }

    [Fact]
    public void What_was_spent_unasked_has_to_be_waited_for()
    {
        var bucket = new TokenBucket(1_000_000, time);
        bucket.Spend((int)bucket.Burst + 10_000);
        bucket.Claim(1, out var due);
        Assert.Equal(TimeSpan.FromMilliseconds(11), bucket.TimeUntil(due));
    }

    [Fact]
    public void Claims_are_due_in_their_order_and_smaller_the_more_is_waited_for()
    {
        var bucket = new TokenBucket(10_000_000, time);
        var sizes = new List<int>();
        var last = long.MinValue;
        for (var i = 0; i < 1000; i++)
        {
            sizes.Add(bucket.Claim(1 << 20, out var due));
            Assert.True(due > last);
            last = due;
        }
        Assert.Equal(50_000, sizes[0]);
        Assert.Equal(sizes.OrderDescending(), sizes);
        Assert.InRange(sizes[^1], TokenBucket.LeastSlice, 10_000);
    }

    [Fact]
    public void A_new_rate_holds_at_once_for_those_who_wait_too()
    {
        var bucket = new TokenBucket(1_000, time);
        TakeAll(bucket);
        bucket.Claim(1460, out var due);
        bucket.SetRate(1_000_000);
        Assert.Equal(1_000_000, bucket.BytesPerSecond);
        Assert.Equal(TimeSpan.FromMilliseconds(2), bucket.TimeUntil(due));
        time.Advance(TimeSpan.FromMilliseconds(2));
        Assert.Equal(TimeSpan.Zero, bucket.TimeUntil(due));

        bucket.SetRate(1_000);
        bucket.Claim(1460, out due);
        Assert.Equal(TimeSpan.FromMilliseconds(1460 - 540), bucket.TimeUntil(due));
    }

    [Fact]
    public void Many_at_once_get_together_no_more_than_there_is()
    {
        const int want = 7;
        var bucket = new TokenBucket(20_000_000, time);
        var total = 0L;
        void Take()
        {
            var throttle = new Throttle(bucket);
            var random = new Random(1);
            for (int most; (most = throttle.Take(want, out _)) > 0;)
            {
                var unused = random.Next(most);
                throttle.Return(unused);
                Interlocked.Add(ref total, most - unused);
            }
            throttle.Drop();
        }
        Parallel.For(0, 8, _ => Take());
        Assert.InRange(total, bucket.Burst - 8 * want, bucket.Burst);
        for (var i = 1; i <= 10; i++)
        {
            time.Advance(slice);
            Parallel.For(0, 8, _ => Take());
            Assert.InRange(total, bucket.Burst + i * 100_000 - 8 * want, bucket.Burst + i * 100_000);
        }
    }

    [Fact]
    public void The_smaller_of_two_binds_whichever_it_is()
    {
        foreach (var (own, shared) in new[] { (100_000L, 1_000_000L), (1_000_000L, 100_000L) })
        {
            var buckets = new[] { new TokenBucket(own, time), new TokenBucket(shared, time) };
            var throttle = new Throttle(buckets);
            long passed = 0;
            for (var i = 0; i < 200; i++)
            {
                for (int most; (most = throttle.Take(64 << 10, out _)) > 0;)
                    passed += most;
                time.Advance(slice);
            }
            var allowed = buckets.Min(bucket => bucket.Burst) + 100_000 * 995 / 1000;
            Assert.InRange(passed, allowed - TokenBucket.LeastSlice, allowed);
        }
    }

    [Fact]
    public void Who_gives_up_leaves_his_place_to_others()
    {
        var (own, shared) = (new TokenBucket(1_000_000, time), new TokenBucket(100_000, time));
        TakeAll(shared);
        var throttle = new Throttle(own, shared);
        Assert.Equal(0, throttle.Take(1000, out var wait));
        Assert.Equal(TimeSpan.FromMilliseconds(10), wait);
        throttle.Drop();
        Assert.Equal(own.Burst, TakeAll(own));
        time.Advance(wait);
        Assert.Equal(1000, TakeAll(shared));
    }

    [Fact]
    public void Where_less_is_wanted_in_the_end_the_rest_goes_back()
    {
        var bucket = new TokenBucket(100_000, time);
        TakeAll(bucket);
        var throttle = new Throttle(bucket);
        Assert.Equal(0, throttle.Take(1000, out var wait));
        time.Advance(wait);
        Assert.Equal(300, throttle.Take(300, out _));
        Assert.Equal(700, TakeAll(bucket));
    }

    [Fact]
    public void A_rate_of_nothing_is_refused_and_one_beyond_all_lines_is_no_limit()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenBucket(0, time));
        var bucket = new TokenBucket(long.MaxValue, time);
        Assert.Equal(TokenBucket.MostBytesPerSecond, bucket.BytesPerSecond);
        time.Advance(TimeSpan.FromDays(365));
        Assert.Equal(bucket.Burst, TakeAll(bucket));
    }

    [Fact]
    public void Rates_off_are_no_rates_and_those_that_change_keep_their_buckets()
    {
        Assert.Null(RelayRates.Of(null, null, time));
        var before = RelayRates.Of(1_000_000, 1_000, time)!;
        var after = RelayRates.Of(2_000_000, null, time, before)!;
        Assert.Same(before.FromClient, after.FromClient);
        Assert.NotSame(after.FromClient, after.FromUpstream);
        Assert.Equal((2_000_000, 2_000_000), (before.FromClient!.BytesPerSecond, before.FromUpstream!.BytesPerSecond));
        Assert.Null(RelayRates.Of(null, null, time, after));
        Assert.Equal(TokenBucket.MostBytesPerSecond, before.FromClient.BytesPerSecond);
        Assert.Null(RelayRates.Of(1_000, null, time)! with { FromClient = null } is var half ? half.Begin(Side.Client) : null);
        Assert.NotNull(half.Begin(Side.Upstream));
    }

    // Everything that is due now, as somebody alone gets it; what is not due is given back.
    private static long TakeAll(TokenBucket bucket)
    {
        long total = 0;
        for (var want = 1 << 20; want > 0;)
        {
            var count = bucket.Claim(want, out var due);
            if (bucket.TimeUntil(due) == TimeSpan.Zero)
            {
                total += count;
                continue;
            }
            bucket.Return(count);
            want /= 2;
        }
        return total;
    }
}
