namespace Fairlead.Tests;

public sealed class PacerTests
{
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1), tick = TimeSpan.FromTicks(1);

    private readonly ManualTime time = new();

    [Theory]
    [InlineData(1, 1), InlineData(9, 1), InlineData(19, 1), InlineData(20, 2), InlineData(100, 10), InlineData(5000, 500)]
    public void After_a_rest_a_tenth_of_a_seconds_worth_comes_in_at_once(int rate, int burst)
    {
        var pacer = new Pacer(rate, time);
        for (var rest = 0; rest < 3; rest++)
        {
            Assert.Equal(burst, TakeAll(pacer));
            time.Advance(10 * second);
        }
    }

    [Theory, InlineData(1), InlineData(3), InlineData(7), InlineData(100), InlineData(1000), InlineData(300_000)]
    public void In_no_time_more_come_in_than_the_rate_and_one_burst(int rate)
    {
        var pacer = new Pacer(rate, time);
        var random = new Random(rate);
        var burst = Math.Max(1, rate / 10);
        var taken = new List<(TimeSpan At, long Before)>();
        var (at, all) = (TimeSpan.Zero, 0L);
        for (var i = 0; i < 300; i++)
        {
            taken.Add((at, all));
            all += TakeAll(pacer);
            foreach (var (since, before) in taken)
                Assert.InRange(all - before, 0, burst + (rate * (at - since).TotalSeconds));
            var step = second * random.NextDouble() * 2 / Math.Max(rate / 50, 1);
            time.Advance(step);
            at += step;
        }
    }

    [Theory, InlineData(1), InlineData(3), InlineData(10), InlineData(333), InlineData(1000), InlineData(25_000)]
    public void Who_waits_as_long_as_he_is_told_comes_in_and_the_rate_is_reached(int rate)
    {
        var pacer = new Pacer(rate, time);
        TakeAll(pacer);
        var (taken, waited) = (0, TimeSpan.Zero);
        while (taken < 3 * rate)
        {
            var wait = pacer.Reserve();
            Assert.InRange(wait, TimeSpan.FromMilliseconds(5), second + tick);
            time.Advance(wait);
            waited += wait;
            Assert.Equal(TimeSpan.Zero, pacer.Reserve());
            taken += 1 + TakeAll(pacer);
        }
        Assert.InRange(taken / waited.TotalSeconds, rate * 0.999, rate * 1.001);
    }

    [Fact]
    public void Who_is_told_to_wait_has_taken_nothing()
    {
        var pacer = new Pacer(10, time);
        Assert.Equal(TimeSpan.Zero, pacer.Reserve());
        for (var i = 0; i < 100; i++)
            Assert.Equal(second / 10, pacer.Reserve());
        time.Advance((second / 10) - tick);
        Assert.Equal(TimeSpan.FromMilliseconds(5), pacer.Reserve());
        time.Advance(tick);
        Assert.Equal(TimeSpan.Zero, pacer.Reserve());
    }

    [Fact]
    public void A_place_that_is_given_back_is_there_again()
    {
        var pacer = new Pacer(100, time);
        for (var round = 0; round < 3; round++)
        {
            Assert.Equal(10, TakeAll(pacer));
            for (var i = 0; i < 4; i++)
                pacer.GiveBack();
            Assert.Equal(4, TakeAll(pacer));
            time.Advance(second);
        }

        // One that is given back late makes no burst larger.
        Assert.Equal(TimeSpan.Zero, pacer.Reserve());
        time.Advance(second);
        pacer.GiveBack();
        Assert.Equal(10, TakeAll(pacer));
    }

    [Fact]
    public void A_new_rate_holds_from_the_next_client_on()
    {
        var pacer = new Pacer(1, time);
        Assert.Equal(TimeSpan.Zero, pacer.Reserve());
        Assert.Equal(second, pacer.Reserve());
        pacer.SetRate(1000);

        // Not the second that the slow rate owed.
        Assert.InRange(pacer.Reserve(), tick, second / 100);
        time.Advance(second);
        Assert.Equal(100, TakeAll(pacer));
        pacer.SetRate(2);
        time.Advance(second);
        Assert.Equal(1, TakeAll(pacer));
        Assert.Equal(second / 2, pacer.Reserve());
    }

    [Fact]
    public void A_rate_of_nothing_is_none()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Pacer(0, time));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Pacer(5, time).SetRate(-1));
    }

    [Fact(Timeout = 30000)]
    public async Task Takers_on_several_threads_get_no_place_twice_and_leave_none()
    {
        const int rate = 50_000, rounds = 20;
        var pacer = new Pacer(rate, time);
        using var barrier = new Barrier(4, _ => time.Advance(second / 20));
        var taken = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(() =>
        {
            for (var round = 0; round < rounds; round++)
            {
                Interlocked.Add(ref taken, TakeAll(pacer));
                barrier.SignalAndWait();
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        Assert.Equal((rate / 10) + ((rounds - 1) * rate / 20), taken);
    }

    [Fact(Timeout = 30000)]
    public async Task What_is_taken_and_given_back_on_several_threads_is_all_there_in_the_end()
    {
        var pacer = new Pacer(1000, time);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                if (pacer.Reserve() == TimeSpan.Zero)
                    pacer.GiveBack();
            }
        })));
        Assert.Equal(100, TakeAll(pacer));
    }

    private static int TakeAll(Pacer pacer)
    {
        var taken = 0;
        while (pacer.Reserve() == TimeSpan.Zero)
            taken++;
        return taken;
    }
}
