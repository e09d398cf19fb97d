using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>
/// ChaCha20 with Poly1305 over length and packet, both encrypted, by two keys: <c>chacha20-poly1305@openssh.com</c> (OpenSSH's PROTOCOL.chacha20poly1305,
/// draft-ietf-sshm-chacha20-poly1305). It is not RFC 8439's construction.
/// </summary>
internal sealed class ChaChaPacketCipher : PacketCipher
{
    // What the length was decrypted to: it stays encrypted in the packet, as the MAC is over that.
    private uint lengthRead;

    // K_2 encrypts the packet and makes the MAC's key, K_1 encrypts its length: what is read before it is authenticated tells nothing of the rest.
    private readonly EvpCipher packetCipher, lengthCipher;

    private readonly Poly1305 mac = new();

    /// <summary>A direction with its key.</summary>
    /// <param name="key">64 bytes: K_2, then K_1.</param>
    public ChaChaPacketCipher(ReadOnlySpan<byte> key)
    {
        packetCipher = EvpCipher.Create(Libcrypto.EVP_chacha20(), key[..32], [], encrypting: true);
        lengthCipher = EvpCipher.Create(Libcrypto.EVP_chacha20(), key[32..64], [], encrypting: true);
    }

    public override int BlockSize => 8;

    public override bool IsLengthApart => true;

    public override int TagLength => 16;

    public override int HeadLength => 4;

    public override void Seal(uint sequence, Span<byte> packet, Span<byte> tag)
    {
        Spend();
        Span<byte> iv = stackalloc byte[16];
        WriteIv(iv, sequence);
        lengthCipher.Restart(iv);
        lengthCipher.Apply(packet[..4]);

        Span<byte> firstBlock = stackalloc byte[64];
        BeginPacket(iv, firstBlock);
        packetCipher.Apply(packet[4..]);
        mac.Compute(firstBlock[..32], packet, tag[..16]);
        CryptographicOperations.ZeroMemory(firstBlock);
    }

    public override uint ReadLength(uint sequence, Span<byte> head)
    {
        Span<byte> iv = stackalloc byte[16];
        WriteIv(iv, sequence);
        Span<byte> length = stackalloc byte[4];
        head[..4].CopyTo(length);
        lengthCipher.Restart(iv);
        lengthCipher.Apply(length);
        return lengthRead = BinaryPrimitives.ReadUInt32BigEndian(length);
    }

    public override bool TryOpen(uint sequence, Span<byte> packet, ReadOnlySpan<byte> tag)
    {
        if (!TrySpend())
            return false;
        Span<byte> iv = stackalloc byte[16];
        WriteIv(iv, sequence);
        Span<byte> firstBlock = stackalloc byte[64];
        BeginPacket(iv, firstBlock);
        Span<byte> expected = stackalloc byte[16];
        mac.Compute(firstBlock[..32], packet, expected);
        CryptographicOperations.ZeroMemory(firstBlock);
        if (!CryptographicOperations.FixedTimeEquals(expected, tag[..16]))
            return false;
        packetCipher.Apply(packet[4..]);
        BinaryPrimitives.WriteUInt32BigEndian(packet, lengthRead);
        return true;
    }

    public override void Dispose()
    {
        packetCipher.Dispose();
        lengthCipher.Dispose();
        mac.Dispose();
    }

    /// <summary>libcrypto's IV is the number of the block, 64 bits with the low byte first, and the nonce, which is the sequence number as a <c>uint64</c>.</summary>
    private static void WriteIv(Span<byte> iv, uint sequence)
    {
        iv[..8].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(iv[8..], sequence);
    }

    /// <summary>Takes block 0 of the stream, whose first half is the MAC's key; what comes next is encrypted from block 1 on.</summary>
    private void BeginPacket(ReadOnlySpan<byte> iv, Span<byte> firstBlock)
    {
        firstBlock.Clear();
        packetCipher.Restart(iv);
        packetCipher.Apply(firstBlock);
    }
}
