using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class AddressTableTests
{
    [Theory, Seeds(2)]
    public void The_first_network_in_the_order_of_writing_decides(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var rules = Enumerable.Range(0, random.Next(1, 40)).Select(_ => (Network(random), random.Next(5))).ToList();
            var table = new AddressTable<int>(rules);
            foreach (var address in Addresses(rules, random))
            {
                var isFound = table.TryFind(address, out var value);
                Assert.Equal(FirstMatch(rules, address), isFound ? value : null);
            }
        }
    }

    [Theory, Seeds(2)]
    public void Ranges_are_disjoint_ascend_and_are_fewer_than_twice_the_networks(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var rules = Enumerable.Range(0, random.Next(1, 40)).Select(i => (Network(random), i)).ToList();
            var ranges = AddressRanges.Cut(rules);
            Assert.InRange(ranges.Count, 1, (2 * rules.Count) - 1);
            Assert.All(ranges, range => Assert.True(range.First.Bits <= range.Last.Bits && range.First.IsV4 == range.Last.IsV4));
            foreach (var (range, next) in ranges.Zip(ranges.Skip(1)))
                Assert.True(range.First.IsV4 != next.First.IsV4 ? range.First.IsV4 : range.Last.Bits < next.First.Bits);
        }
    }

    [Fact]
    public void Neighbours_of_one_value_are_one_range()
    {
        var halves = AddressRanges.Cut(Rules(("10.0.0.0/9", 1), ("10.128.0.0/9", 1), ("10.3.0.0/16", 2)));
        Assert.Equal([new AddressRange<int>(Key("10.0.0.0"), Key("10.255.255.255"), 1)], halves);
    }

    [Fact]
    public void A_network_inside_a_later_one_cuts_it_in_three()
    {
        var ranges = AddressRanges.Cut(Rules(("10.1.0.0/16", 1), ("10.0.0.0/8", 2)));
        Assert.Equal(
            [
                new AddressRange<int>(Key("10.0.0.0"), Key("10.0.255.255"), 2),
                new AddressRange<int>(Key("10.1.0.0"), Key("10.1.255.255"), 1),
                new AddressRange<int>(Key("10.2.0.0"), Key("10.255.255.255"), 2),
            ],
            ranges);
    }

    [Theory]
    [InlineData("0.0.0.0/0", "255.255.255.255", "::")]
    [InlineData("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "10.0.0.1")]
    [InlineData("255.255.255.255/32", "255.255.255.255", "255.255.255.254")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")]
    [InlineData("0.0.0.0/32", "0.0.0.0", "0.0.0.1")]
    [InlineData("::/128", "::", "0.0.0.0")]
    public void A_network_may_reach_to_either_end_of_its_family_and_holds_nothing_of_the_other(string network, string inside, string outside)
    {
        var table = new AddressTable<string>([(IPNetwork.Parse(network), "it")]);
        Assert.True(table.TryFind(Key(inside), out var value));
        Assert.Equal("it", value);
        Assert.False(table.TryFind(Key(outside), out _));
    }

    [Fact]
    public void IPv4_in_the_clothes_of_IPv6_is_IPv4_in_rules_and_clients_alike()
    {
        var table = new AddressTable<int>(Rules(("::ffff:10.0.0.0/104", 1), ("::ffff:192.0.2.7/128", 2), ("198.51.100.0/24", 3)));
        Assert.True(table.TryFind(Key("10.255.0.1"), out var value) && value == 1);
        Assert.True(table.TryFind(Key("192.0.2.7"), out value) && value == 2);
        Assert.False(table.TryFind(Key("192.0.2.8"), out _));
        Assert.True(table.TryFind(Key("::ffff:198.51.100.3"), out value) && value == 3);
    }

    [Fact]
    public void A_table_without_networks_finds_nothing()
    {
        var table = new AddressTable<int>([]);
        Assert.False(table.TryFind(Key("0.0.0.0"), out _));
        Assert.False(table.TryFind(Key("::"), out _));
    }

    [Theory, InlineData(1), InlineData(10), InlineData(100), InlineData(1000), InlineData(10_000)]
    public void A_look_up_in_n_networks_takes_no_more_than_log_n_and_two_comparisons(int count)
    {
        // The most ranges that so many networks can make: each inside the one that holds all others, with gaps.
        var rules = Enumerable.Range(0, count - 1).Select(i => (new IPNetwork(new IPAddress([10, (byte)(i >> 8), (byte)i, 0]), 25), i))
            .Append((IPNetwork.Parse("0.0.0.0/0"), -1)).ToList();
        var comparisons = new int[1];
        var firsts = AddressRanges.Cut(rules).Select(range => new CountingKey(range.First.Bits, comparisons)).ToArray();
        Assert.Equal((2 * count) - 1, firsts.Length);
        var random = new Random(count);
        for (var i = 0; i < 1000; i++)
        {
            comparisons[0] = 0;
            AddressRanges.LastAtMost<CountingKey>(firsts, new CountingKey((UInt128)random.NextInt64(1L << 32), comparisons));
            Assert.InRange(comparisons[0], 1, Math.Log2(count) + 2);
        }
    }

    [Fact]
    public void A_look_up_allocates_nothing()
    {
        var random = new Random(9);
        var table = new AddressTable<int>(Enumerable.Range(0, 1000).Select(i => (Network(random), i)));
        var addresses = Enumerable.Range(0, 1000).Select(_ => Address(random)).ToArray();
        Find(table, addresses);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Find(table, addresses);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static int Find(AddressTable<int> table, AddressKey[] addresses)
    {
        var found = 0;
        foreach (var address in addresses)
            found += table.TryFind(address, out _) ? 1 : 0;
        return found;
    }

    private static int? FirstMatch(List<(IPNetwork Network, int Value)> rules, AddressKey address)
    {
        foreach (var (network, value) in rules)
        {
            if (network.Contains(address.ToAddress()))
                return value;
        }
        return null;
    }

    // Few distinct bits, so that networks nest, repeat and touch.
    private static IPNetwork Network(Random random)
    {
        var address = Address(random);
        var length = random.Next(4) switch
        {
            0 => random.Next(address.Length + 1),
            1 => address.Length,
            _ => Math.Min(address.Length, 8 * random.Next(1, 9)),
        };
        return new IPNetwork(address.Masked(length).ToAddress(), length);
    }

    private static AddressKey Address(Random random)
    {
        var bytes = new byte[random.Next(2) == 0 ? 4 : 16];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(random.Next(3) switch { 0 => 0, 1 => 255, _ => 1 << random.Next(8) });
        return AddressKey.Of(new IPAddress(bytes))!.Value;
    }

    // The ends of each network and their neighbours, where mistakes are, and any.
    private static IEnumerable<AddressKey> Addresses(List<(IPNetwork Network, int Value)> rules, Random random)
    {
        foreach (var (network, _) in rules)
        {
            var first = AddressKey.Of(network.BaseAddress)!.Value;
            var host = first.Length - network.PrefixLength;
            var most = first.IsV4 ? uint.MaxValue : UInt128.MaxValue;
            var last = host == first.Length ? most : first.Bits | ((UInt128.One << host) - 1);
            UInt128[] all = [first.Bits, last, first.Bits == 0 ? 0 : first.Bits - 1, last == most ? most : last + 1];
            foreach (var bits in all)
                yield return AddressKey.Of((first with { Bits = bits }).ToAddress())!.Value;
        }
        for (var i = 0; i < 20; i++)
            yield return Address(random);
    }

    private static AddressKey Key(string address) => AddressKey.Of(IPAddress.Parse(address))!.Value;

    private static IEnumerable<(IPNetwork Network, int Value)> Rules(params (string Network, int Value)[] rules) => rules.Select(rule => (IPNetwork.Parse(rule.Network), rule.Value));

    private readonly record struct CountingKey(UInt128 Bits, int[] Comparisons) : IComparable<CountingKey>
    {
        public int CompareTo(CountingKey other)
        {
            Comparisons[0]++;
            return Bits.CompareTo(other.Bits);
        }
    }
}
