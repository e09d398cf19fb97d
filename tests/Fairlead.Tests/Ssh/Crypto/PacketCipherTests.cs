using System.Buffers.Binary;
using System.Security.Cryptography;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>What every cipher has to keep of the contract of <see cref="PacketCipher"/>, with every MAC.</summary>
public sealed class PacketCipherTests
{
    public static TheoryData<string, string?> All
    {
        get
        {
            var all = new TheoryData<string, string?>();
            foreach (var cipher in PacketCiphers.CipherNames)
            {
                if (PacketCiphers.FindCipher(cipher)!.IsAead)
                {
                    all.Add(cipher, null);
                    continue;
                }
                foreach (var mac in PacketCiphers.MacNames)
                    all.Add(cipher, mac);
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_was_sealed_is_opened_at_every_size(string cipher, string? mac)
    {
        var keys = new Keys(cipher, mac);
        using var sealing = keys.Create(encrypting: true);
        using var opening = keys.Create(encrypting: false);
        var sequence = 3u;

        foreach (var size in Enumerable.Range(0, 301).Append(32 * 1024))
        {
            var plain = Packet(sealing, size);
            // The tag directly behind the packet, as it is sent.
            var sent = new byte[plain.Length + sealing.TagLength];
            plain.CopyTo(sent, 0);
            sealing.Seal(sequence, sent.AsSpan(0, plain.Length), sent.AsSpan(plain.Length));
            Assert.NotEqual(plain[4..], sent[4..plain.Length]);

            Assert.Equal((uint)plain.Length - 4, opening.ReadLength(sequence, sent.AsSpan(0, opening.HeadLength)));
            Assert.True(opening.TryOpen(sequence, sent.AsSpan(0, plain.Length), sent.AsSpan(plain.Length)));
            Assert.Equal(plain, sent[..plain.Length]);
            sequence++;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_bit_that_was_changed_anywhere_is_not_opened(string cipher, string? mac)
    {
        var keys = new Keys(cipher, mac);
        using var sealing = keys.Create(encrypting: true);
        var sent = Seal(sealing, 9, Packet(sealing, 20));
        using (var opening = keys.Create(encrypting: false))
            Assert.True(Open(opening, 9, [.. sent]));

        for (var bit = 0; bit < sent.Length * 8; bit++)
        {
            using var opening = keys.Create(encrypting: false);
            byte[] changed = [.. sent];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Open(opening, 9, changed));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_packet_out_of_its_turn_is_not_opened(string cipher, string? mac)
    {
        var keys = new Keys(cipher, mac);
        using var sealing = keys.Create(encrypting: true);
        var first = Seal(sealing, 0, Packet(sealing, 20));
        var second = Seal(sealing, 1, Packet(sealing, 20));

        using var ahead = keys.Create(encrypting: false);
        Assert.False(Open(ahead, 0, [.. second]));
        using var twice = keys.Create(encrypting: false);
        Assert.True(Open(twice, 0, [.. first]));
        Assert.False(Open(twice, 1, [.. first]));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_packet_with_another_sequence_number_is_not_opened_unless_the_cipher_counts_itself(string cipher, string? mac)
    {
        var keys = new Keys(cipher, mac);
        using var sealing = keys.Create(encrypting: true);
        using var opening = keys.Create(encrypting: false);

        Assert.Equal(cipher.Contains("gcm", StringComparison.Ordinal), Open(opening, 6, Seal(sealing, 5, Packet(sealing, 20))));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Another_key_opens_nothing(string cipher, string? mac)
    {
        using var sealing = new Keys(cipher, mac).Create(encrypting: true);
        using var opening = new Keys(cipher, mac).Create(encrypting: false);

        Assert.False(Open(opening, 5, Seal(sealing, 5, Packet(sealing, 20))));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_packet_allocates_nothing(string cipher, string? mac)
    {
        var keys = new Keys(cipher, mac);
        using var sealing = keys.Create(encrypting: true);
        using var opening = keys.Create(encrypting: false);
        var packet = Packet(sealing, 100);
        var tag = new byte[sealing.TagLength];
        Relay(packet, 0, 100);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var opened = Relay(packet, 100, 1000);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.True(opened);

        bool Relay(byte[] packet, uint first, uint count)
        {
            var all = true;
            for (var sequence = first; sequence < first + count; sequence++)
            {
                sealing.Seal(sequence, packet, tag);
                opening.ReadLength(sequence, packet.AsSpan(0, opening.HeadLength));
                all &= opening.TryOpen(sequence, packet, tag);
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_key_protects_no_more_packets_than_there_are_sequence_numbers(string cipher, string? mac)
    {
        var keys = new Keys(cipher, mac);
        using var sealing = keys.Create(encrypting: true);
        using var opening = keys.Create(encrypting: false);
        Assert.Equal(1UL << 32, sealing.PacketsLeft);
        (sealing.PacketsLeft, opening.PacketsLeft) = (3, 2);

        Assert.True(Open(opening, 0, Seal(sealing, 0, Packet(sealing, 20))));
        Assert.True(Open(opening, 1, Seal(sealing, 1, Packet(sealing, 20))));
        Assert.False(Open(opening, 2, Seal(sealing, 2, Packet(sealing, 20))));
        Assert.Throws<InvalidOperationException>(() => Seal(sealing, 3, Packet(sealing, 20)));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Nothing_is_sealed_or_opened_by_keys_that_were_wiped(string cipher, string? mac)
    {
        var keys = new Keys(cipher, mac);
        var sealing = keys.Create(encrypting: true);
        var sent = Seal(sealing, 0, Packet(sealing, 20));
        var opening = keys.Create(encrypting: false);
        opening.ReadLength(0, sent.AsSpan(0, opening.HeadLength));
        sealing.Dispose();
        opening.Dispose();
        sealing.Dispose();

        Assert.Throws<ObjectDisposedException>(() => Seal(sealing, 1, Packet(sealing, 20)));
        Assert.Throws<ObjectDisposedException>(() => opening.TryOpen(0, sent.AsSpan(0, sent.Length - opening.TagLength), sent.AsSpan(sent.Length - opening.TagLength)));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Keys_of_another_length_are_refused(string cipher, string? mac)
    {
        var keys = new Keys(cipher, mac);

        Assert.ThrowsAny<ArgumentException>(() => PacketCiphers.Create(cipher, mac, keys.Key.AsSpan(1), keys.Iv, keys.MacKey, encrypting: true));
        Assert.ThrowsAny<ArgumentException>(() => PacketCiphers.Create(cipher, mac, [.. keys.Key, 0], keys.Iv, keys.MacKey, encrypting: true));
        Assert.ThrowsAny<ArgumentException>(() => PacketCiphers.Create(cipher, mac, keys.Key, [.. keys.Iv, 0], keys.MacKey, encrypting: true));
        if (mac is null)
            return;
        Assert.ThrowsAny<ArgumentException>(() => PacketCiphers.Create(cipher, mac, keys.Key, keys.Iv, keys.MacKey.AsSpan(1), encrypting: true));
        Assert.ThrowsAny<ArgumentException>(() => PacketCiphers.Create(cipher, null, keys.Key, keys.Iv, keys.MacKey, encrypting: true));
        Assert.ThrowsAny<ArgumentException>(() => PacketCiphers.Create(cipher, "hmac-sha1", keys.Key, keys.Iv, keys.MacKey, encrypting: true));
    }

    [Fact]
    public void A_packet_that_is_shorter_than_its_first_block_is_not_opened()
    {
        var keys = new Keys("aes128-ctr", "hmac-sha2-256");
        using var opening = keys.Create(encrypting: false);
        var came = new byte[16 + 32];
        opening.ReadLength(0, came.AsSpan(0, 16));

        Assert.False(opening.TryOpen(0, came.AsSpan(0, 5), came.AsSpan(5, 32)));
    }

    [Fact]
    public void Before_the_first_keys_packets_are_as_they_are()
    {
        using var plain = new PlainPacketCipher();
        byte[] packet = [0, 0, 0, 12, 10, 2, .. new byte[10]];
        byte[] sent = [.. packet];

        plain.Seal(0, sent, []);
        Assert.Equal(packet, sent);
        Assert.Equal(12u, plain.ReadLength(0, sent.AsSpan(0, plain.HeadLength)));
        Assert.True(plain.TryOpen(0, sent, []));
        Assert.Equal(packet, sent);
        Assert.Equal((8, false, 0, 4), (plain.BlockSize, plain.IsLengthApart, plain.TagLength, plain.HeadLength));
    }

    [Fact]
    public void What_is_fastest_is_preferred()
    {
        Assert.Equal(["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"], PacketCiphers.Preferred(hasAes: true));
        Assert.Equal(["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"], PacketCiphers.Preferred(hasAes: false));
        Assert.Equal(["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"], PacketCiphers.MacNames);
        Assert.Contains(PacketCiphers.CipherNames[0], new[] { "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com" });
    }

    [Theory]
    [InlineData("aes128-cbc")]
    [InlineData("arcfour")]
    [InlineData("3des-cbc")]
    [InlineData("none")]
    [InlineData("")]
    [InlineData("AES128-CTR")]
    public void A_cipher_that_is_not_spoken_is_not_found(string name)
    {
        Assert.Null(PacketCiphers.FindCipher(name));
        Assert.Throws<ArgumentException>(() => PacketCiphers.Create(name, "hmac-sha2-256", new byte[16], new byte[16], new byte[32], encrypting: true));
    }

    [Theory]
    [InlineData("hmac-sha1")]
    [InlineData("hmac-sha1-etm@openssh.com")]
    [InlineData("hmac-md5")]
    [InlineData("none")]
    public void A_MAC_that_is_not_spoken_is_not_found(string name) => Assert.Null(PacketCiphers.FindMac(name));

    /// <summary>A packet with the padding that the cipher wants (RFC 4253 section 6), and any bytes in it.</summary>
    private static byte[] Packet(PacketCipher cipher, int size)
    {
        var counted = (cipher.IsLengthApart ? 0 : 4) + 1 + size;
        var padding = cipher.BlockSize - (counted % cipher.BlockSize);
        if (padding < 4)
            padding += cipher.BlockSize;
        var packet = RandomNumberGenerator.GetBytes(4 + 1 + size + padding);
        BinaryPrimitives.WriteUInt32BigEndian(packet, (uint)packet.Length - 4);
        packet[4] = (byte)padding;
        return packet;
    }

    private static byte[] Seal(PacketCipher cipher, uint sequence, byte[] packet)
    {
        var tag = new byte[cipher.TagLength];
        cipher.Seal(sequence, packet, tag);
        return [.. packet, .. tag];
    }

    private static bool Open(PacketCipher cipher, uint sequence, byte[] sent)
    {
        cipher.ReadLength(sequence, sent.AsSpan(0, cipher.HeadLength));
        var length = sent.Length - cipher.TagLength;
        return cipher.TryOpen(sequence, sent.AsSpan(0, length), sent.AsSpan(length));
    }

    private sealed class Keys(string cipher, string? mac)
    {
        public byte[] Key { get; } = RandomNumberGenerator.GetBytes(PacketCiphers.FindCipher(cipher)!.KeyLength);

        public byte[] Iv { get; } = RandomNumberGenerator.GetBytes(PacketCiphers.FindCipher(cipher)!.IvLength);

        public byte[] MacKey { get; } = mac is null ? [] : RandomNumberGenerator.GetBytes(PacketCiphers.FindMac(mac)!.KeyLength);

        public PacketCipher Create(bool encrypting) => PacketCiphers.Create(cipher, mac, Key, Iv, MacKey, encrypting);
    }
}
