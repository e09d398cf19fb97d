using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class SourceCountsTests
{
    private readonly SourceCounts counts = new();

    [Theory, InlineData(1), InlineData(2), InlineData(7)]
    public void A_source_has_as_many_sessions_as_it_may_have_and_no_more(int limit)
    {
        for (var i = 0; i < limit; i++)
            Assert.True(counts.TryEnter(Key("192.0.2.1"), limit, null));
        Assert.False(counts.TryEnter(Key("192.0.2.1"), limit, null));
        Assert.True(counts.TryEnter(Key("192.0.2.2"), limit, null));
        counts.Leave(Key("192.0.2.1"));
        Assert.True(counts.TryEnter(Key("192.0.2.1"), limit, null));
        Assert.False(counts.TryEnter(Key("192.0.2.1"), limit, null));
    }

    [Theory]
    [InlineData("192.0.2.0", "192.0.2.255", "192.0.3.0")]
    [InlineData("2001:db8:0:ff00::1", "2001:db8:0:ffff:ffff:ffff:ffff:ffff", "2001:db8:1::")]
    public void A_prefix_of_24_bits_or_56_is_counted_together(string one, string same, string other)
    {
        Assert.True(counts.TryEnter(Key(one), null, 2));
        Assert.True(counts.TryEnter(Key(same), null, 2));
        Assert.False(counts.TryEnter(Key(one), null, 2));
        Assert.False(counts.TryEnter(Key(same), null, 2));
        Assert.True(counts.TryEnter(Key(other), null, 2));
        counts.Leave(Key(same));
        Assert.True(counts.TryEnter(Key(one), null, 2));
    }

    [Fact]
    public void Who_is_refused_by_one_limit_is_not_counted_by_the_other()
    {
        Assert.True(counts.TryEnter(Key("192.0.2.1"), 1, 2));
        for (var i = 0; i < 5; i++)
            Assert.False(counts.TryEnter(Key("192.0.2.1"), 1, 2));
        Assert.True(counts.TryEnter(Key("192.0.2.2"), 1, 2));
        for (var i = 0; i < 5; i++)
            Assert.False(counts.TryEnter(Key("192.0.2.3"), 1, 2));
        counts.Leave(Key("192.0.2.1"));
        Assert.True(counts.TryEnter(Key("192.0.2.3"), 1, 2));
    }

    [Fact]
    public void A_limit_may_come_or_change_while_sessions_are_there()
    {
        for (var i = 0; i < 3; i++)
            Assert.True(counts.TryEnter(Key("192.0.2.1"), null, null));
        Assert.False(counts.TryEnter(Key("192.0.2.1"), 3, null));
        Assert.False(counts.TryEnter(Key("192.0.2.1"), 1, null));
        Assert.False(counts.TryEnter(Key("192.0.2.2"), null, 3));
        Assert.True(counts.TryEnter(Key("192.0.2.1"), 4, 4));
    }

    [Fact]
    public void IPv4_in_the_clothes_of_IPv6_is_the_same_source()
    {
        Assert.True(counts.TryEnter(Key("192.0.2.1"), 1, null));
        Assert.False(counts.TryEnter(Key("::ffff:192.0.2.1"), 1, null));
    }

    [Fact]
    public void Whoever_has_no_session_is_forgotten()
    {
        var sources = Enumerable.Range(0, 10_000).Select(i => new AddressKey((UInt128)(uint)i << 64, false)).ToList();
        foreach (var source in sources)
            Assert.True(counts.TryEnter(source, 1, null));
        Assert.Equal(10_000, counts.Sources);
        Assert.Equal(40, counts.Prefixes); // 256 networks of /64 are one of /56
        foreach (var source in sources)
            counts.Leave(source);
        Assert.Equal((0, 0), (counts.Sources, counts.Prefixes));
    }

    [Theory(Timeout = 30000), InlineData(5, null), InlineData(null, 9), InlineData(3, 9)]
    public async Task Counts_are_exact_over_threads(int? perSource, int? perPrefix)
    {
        var sources = Enumerable.Range(1, 4).Select(i => Key($"192.0.2.{i}")).ToArray();
        var most = new int[sources.Length];
        var present = new int[sources.Length];
        var (mostOfAll, ofAll, entered) = (0, 0, 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(seed => Task.Run(() =>
        {
            var random = new Random(seed);
            var mine = new List<int>();
            for (var i = 0; i < 20_000; i++)
            {
                if (mine.Count > 0 && random.Next(2) == 0)
                {
                    Leave(mine);
                    continue;
                }
                var source = random.Next(sources.Length);
                if (!counts.TryEnter(sources[source], perSource, perPrefix))
                    continue;
                Interlocked.Increment(ref entered);
                mine.Add(source);
                Raise(ref most[source], Interlocked.Increment(ref present[source]));
                Raise(ref mostOfAll, Interlocked.Increment(ref ofAll));
            }
            while (mine.Count > 0)
                Leave(mine);
        })));

        // Counted out before it leaves, so that what the test sees is never more than what there is.
        void Leave(List<int> mine)
        {
            var index = mine[^1];
            mine.RemoveAt(mine.Count - 1);
            Interlocked.Decrement(ref present[index]);
            Interlocked.Decrement(ref ofAll);
            counts.Leave(sources[index]);
        }

        Assert.All(most, one => Assert.InRange(one, 1, perSource ?? int.MaxValue));
        Assert.InRange(mostOfAll, 1, perPrefix ?? int.MaxValue);
        Assert.True(entered > 1000);
        Assert.Equal((0, 0), (counts.Sources, counts.Prefixes));
    }

    private static void Raise(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen;)
            seen = Interlocked.CompareExchange(ref most, value, seen) is var before && before == seen ? value : before;
    }

    private static AddressKey Key(string address) => AddressKey.Of(IPAddress.Parse(address))!.Value;
}
