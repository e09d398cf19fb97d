using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>AES in Galois/Counter mode (RFC 5647 section 7, with the names of OpenSSH): the length is authenticated, and in the clear.</summary>
/// <remarks>
/// The IV is 4 bytes that stay, and a counter of 64 bits that goes up by one each packet and begins anywhere; it goes on at 0 behind its end. As a key protects 2^32 packets at
/// most, no IV comes twice.
/// </remarks>
internal sealed class GcmPacketCipher : PacketCipher
{
    private readonly EvpCipher cipher;
    private readonly byte[] iv;

    /// <summary>A direction with its key.</summary>
    /// <param name="cipher">An AES-GCM, keyed; owned from now on.</param>
    /// <param name="iv">The first IV, of 12 bytes.</param>
    public GcmPacketCipher(EvpCipher cipher, ReadOnlySpan<byte> iv)
    {
        this.cipher = cipher;
        this.iv = iv.ToArray();
    }

    public override int BlockSize => 16;

    public override bool IsLengthApart => true;

    public override int TagLength => 16;

    public override int HeadLength => 4;

    public override void Seal(uint sequence, Span<byte> packet, Span<byte> tag)
    {
        Spend();
        cipher.Restart(iv);
        CountUp();
        cipher.Authenticate(packet[..4]);
        cipher.Apply(packet[4..]);
        cipher.Finish(tag[..16]);
    }

    // What would be copied and then encrypted is encrypted on its way.
    public override void Seal(uint sequence, Span<byte> packet, ReadOnlySpan<byte> data, int at, Span<byte> tag)
    {
        Spend();
        cipher.Restart(iv);
        CountUp();
        cipher.Authenticate(packet[..4]);
        cipher.Apply(packet[4..at]);
        cipher.Apply(data, packet[at..]);
        cipher.Apply(packet[(at + data.Length)..]);
        cipher.Finish(tag[..16]);
    }

    public override uint ReadLength(uint sequence, Span<byte> head) => BinaryPrimitives.ReadUInt32BigEndian(head);

    public override bool TryOpen(uint sequence, Span<byte> packet, ReadOnlySpan<byte> tag)
    {
        if (!TrySpend())
            return false;
        cipher.Restart(iv);
        CountUp();
        cipher.Authenticate(packet[..4]);
        cipher.Apply(packet[4..]);
        if (cipher.TryFinish(tag[..16]))
            return true;
        // It was decrypted before anybody knew whether it may be.
        packet.Clear();
        return false;
    }

    public override void Dispose()
    {
        cipher.Dispose();
        CryptographicOperations.ZeroMemory(iv);
    }

    private void CountUp()
    {
        var counter = iv.AsSpan(4);
        BinaryPrimitives.WriteUInt64BigEndian(counter, unchecked(BinaryPrimitives.ReadUInt64BigEndian(counter) + 1));
    }
}
