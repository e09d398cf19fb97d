using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class RefusalLogTests
{
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1), tick = TimeSpan.FromTicks(1);

    private readonly ManualTime time = new();
    private readonly RefusalLog log;

    public RefusalLogTests() => log = new RefusalLog(time);

    [Fact]
    public void A_source_has_one_line_a_second()
    {
        Assert.True(log.MayTell(Source(1), out _));
        for (var i = 0; i < 5; i++)
            Assert.False(log.MayTell(Source(1), out _));
        Assert.True(log.MayTell(Source(2), out _));
        time.Advance(second - tick);
        Assert.False(log.MayTell(Source(1), out _));
        time.Advance(tick);
        Assert.True(log.MayTell(Source(1), out _));
        Assert.False(log.MayTell(Source(1), out _));
    }

    [Fact]
    public void What_was_left_out_is_told_in_the_next_line_once()
    {
        Assert.True(log.MayTell(Source(1), out var leftOut));
        Assert.Equal(0, leftOut);
        for (var i = 0; i < 7; i++)
            Assert.False(log.MayTell(Source(1), out _));
        Assert.True(log.MayTell(Source(2), out leftOut));
        Assert.Equal(7, leftOut);
        Assert.True(log.MayTell(Source(3), out leftOut));
        Assert.Equal(0, leftOut);
    }

    [Fact]
    public void A_flood_of_sources_makes_ten_lines_a_second_and_tells_how_many_it_was()
    {
        var (lines, told) = (0, 0L);
        for (var i = 0; i < 100_000; i++)
        {
            if (i % 10_000 == 0)
                time.Advance(second);
            if (!log.MayTell(Source(i), out var leftOut))
                continue;
            lines++;
            told += leftOut;
        }
        Assert.Equal(100, lines);
        time.Advance(second);
        Assert.True(log.MayTell(Source(0), out var last));
        Assert.Equal(100_000, lines + told + last);
    }

    [Fact]
    public void In_no_second_are_there_more_than_ten_lines()
    {
        var random = new Random(1);
        var lines = new Queue<long>();
        for (var i = 0; i < 20_000; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(random.Next(40)));
            if (!log.MayTell(Source(i), out _))
                continue;
            lines.Enqueue(time.GetTimestamp());
            if (lines.Count == 11)
                Assert.True(lines.Last() - lines.Dequeue() >= second.Ticks);
        }
    }

    [Fact]
    public void A_flood_does_not_grow_it()
    {
        for (var i = 0; i < 100; i++)
            log.MayTell(Source(i), out _);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++)
        {
            // Time passes too, so that there are lines.
            if (i % 100 == 0)
                time.Advance(second);
            log.MayTell(Source(i), out _);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static AddressKey Source(int number) => new((UInt128)(uint)number, true);
}
