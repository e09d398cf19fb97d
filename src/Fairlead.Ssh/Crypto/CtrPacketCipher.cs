using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>
/// AES in counter mode (RFC 4344 section 4) with an HMAC: over the packet in the clear (RFC 4253 section 6.4), or over the encrypted one, whose length is in the clear then (the
/// MACs of OpenSSH whose names end with <c>-etm@openssh.com</c>).
/// </summary>
internal sealed class CtrPacketCipher : PacketCipher
{
    private const int Block = 16;

    private readonly EvpCipher cipher;
    private readonly Hmac mac;
    private readonly bool isEncryptThenMac;

    /// <summary>A direction with its keys.</summary>
    /// <param name="cipher">An AES-CTR with key and IV; owned from now on.</param>
    /// <param name="mac">The MAC with its key; owned from now on.</param>
    /// <param name="isEncryptThenMac">Whether the MAC is over the encrypted packet.</param>
    public CtrPacketCipher(EvpCipher cipher, Hmac mac, bool isEncryptThenMac)
    {
        this.cipher = cipher;
        this.mac = mac;
        this.isEncryptThenMac = isEncryptThenMac;
    }

    public override int BlockSize => Block;

    public override bool IsLengthApart => isEncryptThenMac;

    public override int TagLength => mac.TagLength;

    public override int HeadLength => isEncryptThenMac ? 4 : Block;

    public override void Seal(uint sequence, Span<byte> packet, Span<byte> tag)
    {
        Spend();
        tag = tag[..TagLength];
        if (isEncryptThenMac)
        {
            cipher.Apply(packet[4..]);
            mac.Compute(sequence, packet, tag);
        }
        else
        {
            mac.Compute(sequence, packet, tag);
            cipher.Apply(packet);
        }
    }

    public override uint ReadLength(uint sequence, Span<byte> head)
    {
        if (!isEncryptThenMac)
            cipher.Apply(head[..Block]);
        return BinaryPrimitives.ReadUInt32BigEndian(head);
    }

    public override bool TryOpen(uint sequence, Span<byte> packet, ReadOnlySpan<byte> tag)
    {
        if (packet.Length < HeadLength || !TrySpend())
            return false;
        if (!isEncryptThenMac)
            cipher.Apply(packet[Block..]);
        Span<byte> expected = (stackalloc byte[64])[..TagLength];
        mac.Compute(sequence, packet, expected);
        if (!CryptographicOperations.FixedTimeEquals(expected, tag[..TagLength]))
        {
            // It may have been decrypted before anybody knew whether it may be.
            packet.Clear();
            return false;
        }
        if (isEncryptThenMac)
            cipher.Apply(packet[4..]);
        return true;
    }

    public override void Dispose()
    {
        cipher.Dispose();
        mac.Dispose();
    }
}
