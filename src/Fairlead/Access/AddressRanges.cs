using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Addresses of one family, from the first to the last, and what holds for them.</summary>
internal readonly record struct AddressRange<T>(AddressKey First, AddressKey Last, T Value);

/// <summary>Rules by networks that overlap, as ranges that do not, so that a client is found in them by halving.</summary>
internal static class AddressRanges
{
    /// <summary>
    /// Cuts networks into disjoint ranges: an address has the value of the first network, in the order of writing, in which it lies. Neighbours of
    /// equal values are one range. Pure; n networks give at most 2n - 1 ranges.
    /// </summary>
    /// <param name="rules">
    /// Networks and their values. One inside <c>::ffff:0:0/96</c> is the IPv4 network that it stands for; no other IPv6 network holds an IPv4 address,
    /// <c>::/0</c> neither.
    /// </param>
    /// <returns>The ranges, IPv4 first, each family from its lowest address up.</returns>
    public static List<AddressRange<T>> Cut<T>(IEnumerable<(IPNetwork Network, T Value)> rules)
    {
        var all = rules.Select(rule => (Key: KeyOf(rule.Network), rule.Value)).ToList();
        return [.. Sweep(all, isV4: true), .. Sweep(all, isV4: false)];
    }

    /// <summary>Which of the keys, which ascend, is the last that is not above the one that is sought; -1 if all are. Halves: log2(n) + 1 comparisons at most.</summary>
    public static int LastAtMost<TKey>(ReadOnlySpan<TKey> keys, TKey sought)
        where TKey : IComparable<TKey>
    {
        var (low, high) = (0, keys.Length);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (keys[middle].CompareTo(sought) <= 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low - 1;
    }

    // From the lowest address up: at each point the rule that was written first, of those that hold there, has its say.
    private static List<AddressRange<T>> Sweep<T>(List<((AddressKey First, AddressKey Last) Key, T Value)> rules, bool isV4)
    {
        var points = new List<(UInt128 At, int Rule, bool Begins)>();
        for (var i = 0; i < rules.Count; i++)
        {
            var (first, last) = rules[i].Key;
            if (first.IsV4 != isV4)
                continue;
            points.Add((first.Bits, i, true));
            if (last.Bits != UInt128.MaxValue)
                points.Add((last.Bits + 1, i, false));
        }
        points.Sort(static (one, other) => one.At.CompareTo(other.At));

        var ranges = new List<AddressRange<T>>();
        var present = new SortedSet<int>();
        var (current, since) = (-1, UInt128.Zero);
        for (var i = 0; i < points.Count; i++)
        {
            var (at, rule, begins) = points[i];
            _ = begins ? present.Add(rule) : present.Remove(rule);
            if (i + 1 < points.Count && points[i + 1].At == at)
                continue;
            var next = present.Count > 0 ? present.Min : -1;
            if (next == current || (next >= 0 && current >= 0 && EqualityComparer<T>.Default.Equals(rules[next].Value, rules[current].Value)))
                continue;
            if (current >= 0)
                ranges.Add(new AddressRange<T>(new AddressKey(since, isV4), new AddressKey(at - 1, isV4), rules[current].Value));
            (current, since) = (next, at);
        }
        if (current >= 0)
            ranges.Add(new AddressRange<T>(new AddressKey(since, isV4), new AddressKey(UInt128.MaxValue, isV4), rules[current].Value));
        return ranges;
    }

    private static (AddressKey First, AddressKey Last) KeyOf(IPNetwork network)
    {
        var key = AddressKey.Of(network.BaseAddress)!.Value;
        var isMapped = key.IsV4 && network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6;
        var length = isMapped ? network.PrefixLength - 96 : network.PrefixLength;
        var first = key.Masked(length);
        var host = key.Length - length;
        var below = host == 128 ? UInt128.MaxValue : (UInt128.One << host) - 1;
        return (first, first with { Bits = first.Bits | below });
    }
}
