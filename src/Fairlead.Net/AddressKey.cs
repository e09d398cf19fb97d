using System.Buffers.Binary;
using System.Net;

namespace Fairlead.Net;

/// <summary>
/// An IP address as a number, to look up and compare without an object. IPv4 in the clothes of IPv6 (<c>::ffff:a.b.c.d</c>) is IPv4 here;
/// the zone of a link-local address is left out.
/// </summary>
/// <param name="Bits">The address in host order; IPv4 takes the lowest 32 bits.</param>
/// <param name="IsV4">Whether it is IPv4.</param>
internal readonly record struct AddressKey(UInt128 Bits, bool IsV4)
{
    /// <summary>How many bits an address of this family has: 32 or 128.</summary>
    public int Length => IsV4 ? 32 : 128;

    /// <summary>The key of an address; null for null.</summary>
    public static AddressKey? Of(IPAddress? address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address is not null && address.TryWriteBytes(bytes, out var count) ? Read(bytes[..count]) : null;
    }

    /// <summary>The key of an address in network order: 4 bytes or 16.</summary>
    public static AddressKey Read(ReadOnlySpan<byte> address)
    {
        if (address.Length == 4)
            return new AddressKey(BinaryPrimitives.ReadUInt32BigEndian(address), true);
        var bits = BinaryPrimitives.ReadUInt128BigEndian(address);
        return bits >> 32 == 0xFFFF ? new AddressKey((uint)bits, true) : new AddressKey(bits, false);
    }

    /// <summary>The network that it lies in: the first <paramref name="prefixLength"/> bits, and zeros. From 0 to <see cref="Length"/>.</summary>
    public AddressKey Masked(int prefixLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, Length);
        var below = Length - prefixLength;

        // A shift takes its count modulo 128.
        return this with { Bits = prefixLength == 0 ? UInt128.Zero : Bits >> below << below };
    }

    /// <summary>Whether it lies in a network of that many bits; <paramref name="network"/> need not be masked.</summary>
    public bool IsIn(AddressKey network, int prefixLength) => IsV4 == network.IsV4 && Masked(prefixLength) == network.Masked(prefixLength);

    /// <summary>The address as .NET has it.</summary>
    public IPAddress ToAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Bits);
        return new IPAddress(IsV4 ? bytes[12..] : bytes);
    }

    /// <summary>The address as it is written.</summary>
    public override string ToString() => ToAddress().ToString();
}
