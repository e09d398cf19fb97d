using System.Diagnostics.CodeAnalysis;
using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// What holds for an address, by the first of many networks in which it lies. Built once and never changed; a look-up allocates nothing, and a
/// thousand networks cost it a few comparisons more than ten.
/// </summary>
internal sealed class AddressTable<T>
{
    private readonly Family v4, v6;

    /// <summary>Builds the table; see <see cref="AddressRanges.Cut"/>.</summary>
    /// <param name="rules">Networks and their values, in the order in which they are to be tried.</param>
    public AddressTable(IEnumerable<(IPNetwork Network, T Value)> rules)
    {
        var ranges = AddressRanges.Cut(rules);
        v4 = new Family(ranges.FindAll(range => range.First.IsV4));
        v6 = new Family(ranges.FindAll(range => !range.First.IsV4));
    }

    /// <summary>The value of the first network that holds the address; false where none does.</summary>
    public bool TryFind(AddressKey address, [MaybeNullWhen(false)] out T value) => (address.IsV4 ? v4 : v6).TryFind(address.Bits, out value);

    // Arrays apart, so that halving touches nothing but the first addresses.
    private readonly struct Family(List<AddressRange<T>> ranges)
    {
        private readonly UInt128[] firsts = [.. ranges.Select(range => range.First.Bits)];
        private readonly UInt128[] lasts = [.. ranges.Select(range => range.Last.Bits)];
        private readonly T[] values = [.. ranges.Select(range => range.Value)];

        public bool TryFind(UInt128 address, [MaybeNullWhen(false)] out T value)
        {
            var found = AddressRanges.LastAtMost<UInt128>(firsts, address);
            if (found < 0 || lasts[found] < address)
            {
                value = default;
                return false;
            }
            value = values[found];
            return true;
        }
    }
}
