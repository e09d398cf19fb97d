using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

[SupportedOSPlatform("linux")]
public sealed class TimerWheelTests
{
    // Not a round one, so that every bit group of the present tick has something in it.
    private const long Start = 0x1_2345_6789;
    private const long Horizon = 1L << 24;

    private readonly TimerWheel wheel = new(Start);
    private readonly List<(string Name, long At)> fired = [];

    [Fact]
    public void An_empty_wheel_has_no_next_tick()
    {
        Assert.Equal(-1, wheel.NextTick());
        wheel.Advance(Start + 1000);
        Assert.Equal(-1, wheel.NextTick());
        Assert.Equal(Start + 1000, wheel.Now);
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(63), InlineData(64), InlineData(65)]
    [InlineData(4095), InlineData(4096), InlineData(4097), InlineData(262_143), InlineData(262_144), InlineData(262_145)]
    [InlineData(Horizon - 1), InlineData(Horizon), InlineData(Horizon + 1), InlineData(5 * Horizon + 12_345)]
    public void A_timer_fires_at_its_tick_and_not_before(long after)
    {
        Add("it", Start + after);
        wheel.Advance(Start + after - 1);
        Assert.Empty(fired);
        Assert.Equal(Start + after, wheel.NextTick());
        wheel.Advance(Start + after);
        Assert.Equal([("it", Start + after)], fired);
        Assert.Equal(-1, wheel.NextTick());
    }

    [Theory, InlineData(0), InlineData(-1), InlineData(-100_000)]
    public void A_timer_that_is_due_already_fires_at_the_next_tick(long after)
    {
        Add("it", Start + after);
        wheel.Advance(Start);
        Assert.Empty(fired);
        wheel.Advance(Start + 1);
        Assert.Equal([("it", Start + 1)], fired);
    }

    [Fact]
    public void Timers_fire_in_the_order_of_their_ticks_however_late_they_are_asked()
    {
        long[] ticks = [Start + 300_000, Start + 1, Start + 70, Start + Horizon + 5, Start + 5000, Start + 2, Start + 20_000_000];
        foreach (var tick in ticks)
            Add($"{tick}", tick);
        wheel.Advance(Start + 2 * Horizon);
        Assert.Equal(ticks.Order().Select(tick => ($"{tick}", tick)), fired);
    }

    [Fact]
    public void A_removed_timer_does_not_fire_and_its_neighbours_do()
    {
        var timers = Enumerable.Range(0, 5).Select(i => Add($"{i}", Start + 100)).ToList();
        foreach (var i in new[] { 0, 2, 4, 2 })
            wheel.Remove(timers[i]);
        wheel.Advance(Start + 200);
        Assert.Equal(["1", "3"], fired.Select(one => one.Name).Order());
    }

    [Fact]
    public void A_callback_may_add_and_remove_timers()
    {
        LoopTimer? victim = null;
        LoopTimer? again = null;
        var rounds = 0;
        again = new LoopTimer(wheel, _ =>
        {
            fired.Add(("again", wheel.Now));
            if (victim is not null)
                wheel.Remove(victim);
            if (++rounds < 3)
            {
                again!.DueTick = wheel.Now + 64;
                wheel.Add(again);
            }
        }, null);
        again.DueTick = Start + 10;
        wheel.Add(again);
        victim = Add("victim", Start + 11);
        wheel.Advance(Start + 1000);
        Assert.Equal([("again", Start + 10), ("again", Start + 74), ("again", Start + 138)], fired);
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void It_does_what_a_sorted_list_does(int seed)
    {
        var random = new Random(seed);
        var model = new Dictionary<LoopTimer, long>();
        var pool = new List<LoopTimer>();
        var now = Start;
        var got = new List<(LoopTimer Timer, long At)>();
        for (var i = 0; i < 200; i++)
        {
            LoopTimer? timer = null;
            timer = new LoopTimer(wheel, _ => got.Add((timer!, wheel.Now)), null);
            pool.Add(timer);
        }
        for (var step = 0; step < 20_000; step++)
        {
            var timer = pool[random.Next(pool.Count)];
            switch (random.Next(4))
            {
                case 0 or 1:
                    wheel.Remove(timer);
                    timer.DueTick = now + Span(random) - 2;
                    wheel.Add(timer);
                    model[timer] = Math.Max(timer.DueTick, now + 1);
                    break;
                case 2:
                    wheel.Remove(timer);
                    model.Remove(timer);
                    break;
                default:
                    now += Span(random);
                    wheel.Advance(now);
                    var due = model.Where(pair => pair.Value <= now).ToList();
                    foreach (var (expired, _) in due)
                        model.Remove(expired);
                    Assert.Equal(due.Select(pair => pair.Value).Order(), got.Select(one => one.At));
                    Assert.Equal(due.Select(pair => (pair.Key, pair.Value)).ToHashSet(), got.ToHashSet());
                    got.Clear();
                    break;
            }
            // It may be asked too early, to move timers down a level, but never too late.
            var next = wheel.NextTick();
            if (model.Count == 0)
                Assert.Equal(-1, next);
            else
                Assert.InRange(next, now + 1, model.Values.Min());
        }
    }

    // Each level of the wheel, and beyond the last, about equally often.
    private static long Span(Random random) => random.NextInt64(1L << random.Next(1, 27));

    private LoopTimer Add(string name, long tick)
    {
        var timer = new LoopTimer(wheel, _ => fired.Add((name, wheel.Now)), null) { DueTick = tick };
        wheel.Add(timer);
        return timer;
    }
}
