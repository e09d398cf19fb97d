using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>That ciphers seal what other implementations seal: published vectors, and the same computed in another way.</summary>
public sealed class PacketCipherVectorTests
{
    [Theory]
    [InlineData("aes128-gcm@openssh.com", "0123456789abcdef01234567")]
    [InlineData("aes256-gcm@openssh.com", "0123456789abcdef01234567")]
    [InlineData("aes128-gcm@openssh.com", "01234567fffffffffffffffe")] // the counter goes on at 0, and carries nothing into what stays
    [InlineData("aes256-gcm@openssh.com", "ffffffff00000000ffffffff")]
    public void GCM_seals_with_an_IV_that_counts_up(string name, string firstIv)
    {
        var key = RandomNumberGenerator.GetBytes(PacketCiphers.FindCipher(name)!.KeyLength);
        var iv = Convert.FromHexString(firstIv);
        using var sealing = PacketCiphers.Create(name, null, key, iv, [], encrypting: true);
        using var opening = PacketCiphers.Create(name, null, key, iv, [], encrypting: false);
        using var other = new AesGcm(key, 16);

        for (var i = 0UL; i < 4; i++)
        {
            byte[] packet = [0, 0, 0, 32, .. RandomNumberGenerator.GetBytes(32)];
            byte[] nonce = [.. iv[..4], .. new byte[8]];
            BinaryPrimitives.WriteUInt64BigEndian(nonce.AsSpan(4), unchecked(BinaryPrimitives.ReadUInt64BigEndian(iv.AsSpan(4)) + i));
            var (expected, expectedTag) = (new byte[32], new byte[16]);
            other.Encrypt(nonce, packet.AsSpan(4), expected, expectedTag, packet.AsSpan(0, 4));

            var (sent, tag) = (packet.ToArray(), new byte[16]);
            sealing.Seal(77, sent, tag);

            Assert.Equal([.. packet[..4], .. expected], sent);
            Assert.Equal(expectedTag, tag);
            Assert.Equal(32u, opening.ReadLength(77, sent.AsSpan(0, 4)));
            Assert.True(opening.TryOpen(77, sent, tag));
            Assert.Equal(packet, sent);
        }
    }

    /// <summary>McGrew and Viega, The Galois/Counter Mode of Operation, appendix B: test cases 4 and 16. No published ones have SSH's four bytes beside what is encrypted.</summary>
    [Theory]
    [InlineData(
        "aes128-gcm@openssh.com", "feffe9928665731c6d6a8f9467308308",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091", "5bc94fbc3221a5db94fae95ae7121a47")]
    [InlineData(
        "aes256-gcm@openssh.com", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662", "76fc6ece0f4e1768cddf8853bb2d551b")]
    public void GCM_encrypts_and_decrypts_the_vectors_of_its_authors(string name, string key, string encrypted, string tag)
    {
        var plain = Convert.FromHexString("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        var authenticated = Convert.FromHexString("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        foreach (var encrypting in (bool[])[true, false])
        {
            using var cipher = EvpCipher.Create(name.Contains("128", StringComparison.Ordinal) ? Libcrypto.EVP_aes_128_gcm() : Libcrypto.EVP_aes_256_gcm(), Convert.FromHexString(key), [], encrypting);
            cipher.Restart(Convert.FromHexString("cafebabefacedbaddecaf888"));
            cipher.Authenticate(authenticated);
            var bytes = encrypting ? plain.ToArray() : Convert.FromHexString(encrypted);
            // In pieces, as a packet is.
            cipher.Apply(bytes.AsSpan(0, 17));
            cipher.Apply(bytes.AsSpan(17));
            Assert.Equal(encrypting ? Convert.FromHexString(encrypted) : plain, bytes);
            if (!encrypting)
            {
                Assert.True(cipher.TryFinish(Convert.FromHexString(tag)));
                continue;
            }
            var made = new byte[16];
            cipher.Finish(made);
            Assert.Equal(tag, Convert.ToHexStringLower(made));
        }
    }

    /// <summary>NIST SP 800-38A, F.5: the first counter is f0f1…ff in each.</summary>
    [Theory]
    [InlineData(
        "aes128-ctr", "2b7e151628aed2a6abf7158809cf4f3c",
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee")]
    [InlineData(
        "aes192-ctr", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e941e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050")]
    [InlineData(
        "aes256-ctr", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6")]
    public void CTR_encrypts_the_vectors_of_NIST(string name, string key, string expected)
    {
        const string Plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
        using var cipher = PacketCiphers.Create(name, "hmac-sha2-256", Convert.FromHexString(key), Convert.FromHexString("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), new byte[32], encrypting: true);
        var packet = Convert.FromHexString(Plain);

        cipher.Seal(0, packet, new byte[32]);

        Assert.Equal(expected, Convert.ToHexStringLower(packet));
    }

    [Theory]
    [InlineData("hmac-sha2-256", "00000000000000000000000000000000")]
    [InlineData("hmac-sha2-512", "fffffffffffffffffffffffffffffffe")]
    [InlineData("hmac-sha2-256-etm@openssh.com", "00000000fffffffffffffffffffffffe")]
    [InlineData("hmac-sha2-512-etm@openssh.com", "fffffffffffffffffffffffffffffffd")]
    public void CTR_goes_on_from_packet_to_packet_and_its_MAC_is_over_what_it_should_be(string mac, string iv)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var macKey = RandomNumberGenerator.GetBytes(PacketCiphers.FindMac(mac)!.KeyLength);
        using var sealing = PacketCiphers.Create("aes256-ctr", mac, key, Convert.FromHexString(iv), macKey, encrypting: true);
        var isEncryptThenMac = mac.Contains("etm", StringComparison.Ordinal);
        var block = UInt128.Parse(iv, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        using var aes = Aes.Create();
        aes.Key = key;

        foreach (var sequence in new uint[] { 0, 1, 0x80000000, uint.MaxValue })
        {
            // A multiple of the block: with the length, or without it.
            var packet = RandomNumberGenerator.GetBytes(isEncryptThenMac ? 4 + 48 : 48);
            var expected = packet.ToArray();
            for (var i = isEncryptThenMac ? 4 : 0; i < packet.Length; i += 16)
            {
                var counter = new byte[16];
                BinaryPrimitives.WriteUInt128BigEndian(counter, block);
                block = unchecked(block + 1);
                var stream = aes.EncryptEcb(counter, PaddingMode.None);
                for (var j = 0; j < 16; j++)
                    expected[i + j] ^= stream[j];
            }
            var number = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(number, sequence);
            byte[] authenticated = [.. number, .. isEncryptThenMac ? expected : packet];
            var expectedTag = macKey.Length == 32 ? HMACSHA256.HashData(macKey, authenticated) : HMACSHA512.HashData(macKey, authenticated);

            var tag = new byte[sealing.TagLength];
            sealing.Seal(sequence, packet, tag);

            Assert.Equal(expected, packet);
            Assert.Equal(expectedTag, tag);
        }
    }

    /// <summary>RFC 4231: 4.2, 4.3 and 4.4. The first four bytes of the data are taken for the sequence number.</summary>
    [Theory]
    [InlineData(
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854")]
    [InlineData(
        "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737")]
    [InlineData(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb")]
    public void HMAC_computes_the_vectors_of_its_RFC(string key, string data, string tag256, string tag512)
    {
        var bytes = Convert.FromHexString(data);
        var sequence = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        var (sha256, sha512) = (new byte[32], new byte[64]);
        using var narrow = new Hmac(HashAlgorithmName.SHA256, Convert.FromHexString(key));
        using var wide = new Hmac(HashAlgorithmName.SHA512, Convert.FromHexString(key));

        for (var again = 0; again < 2; again++)
        {
            narrow.Compute(sequence, bytes.AsSpan(4), sha256);
            wide.Compute(sequence, bytes.AsSpan(4), sha512);
            Assert.Equal(tag256, Convert.ToHexStringLower(sha256));
            Assert.Equal(tag512, Convert.ToHexStringLower(sha512));
        }
    }

    [Fact]
    public void HMAC_is_that_of_the_class_library_at_every_size()
    {
        foreach (var keyLength in new[] { 0, 1, 32, 63, 64 })
        {
            var key = RandomNumberGenerator.GetBytes(keyLength);
            byte[] longKey = [.. key, .. key];
            using var narrow = new Hmac(HashAlgorithmName.SHA256, key);
            using var wide = new Hmac(HashAlgorithmName.SHA512, longKey);
            for (var size = 0; size <= 300; size++)
            {
                var packet = RandomNumberGenerator.GetBytes(size);
                var (sha256, sha512) = (new byte[32], new byte[64]);
                narrow.Compute(0x01020304, packet, sha256);
                wide.Compute(0x01020304, packet, sha512);

                byte[] authenticated = [1, 2, 3, 4, .. packet];
                Assert.Equal(HMACSHA256.HashData(key, authenticated), sha256);
                Assert.Equal(HMACSHA512.HashData(longKey, authenticated), sha512);
            }
        }
    }

    [Fact]
    public void HMAC_by_a_hash_that_is_not_spoken_is_refused()
    {
        Assert.Throws<ArgumentException>(() => new Hmac(HashAlgorithmName.SHA1, new byte[20]));
        Assert.ThrowsAny<ArgumentException>(() => new Hmac(HashAlgorithmName.SHA256, new byte[65]));
    }

    /// <summary>RFC 8439 section 2.5.2.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Poly1305_computes_the_vector_of_its_RFC(bool isKept)
    {
        using var mac = new Poly1305(isKept);
        var tag = new byte[16];

        mac.Compute(Convert.FromHexString("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"), "Cryptographic Forum Research Group"u8, tag);

        Assert.Equal("a8061dc1305136c6c22b8baf0c0127a9", Convert.ToHexStringLower(tag));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Poly1305_is_what_its_definition_says_at_every_size(bool isKept)
    {
        using var mac = new Poly1305(isKept);
        var tag = new byte[16];
        for (var size = 0; size <= 300; size++)
        {
            var key = RandomNumberGenerator.GetBytes(32);
            var message = RandomNumberGenerator.GetBytes(size);

            mac.Compute(key, message, tag);

            Assert.Equal(DefinedPoly1305(key, message), tag);
        }
    }

    /// <summary>draft-ietf-sshm-chacha20-poly1305, appendix A.</summary>
    [Fact]
    public void ChaCha20_Poly1305_seals_the_packet_of_the_draft()
    {
        var key = Convert.FromHexString("8bbff6855fc102338c373e73aac0c914f076a905b2444a32eecaffeae22becc5e9b7a7a5825a8249346ec1c28301cf394543fc7569887d76e168f37562ac0740");
        const string Plain = "00000048065e00000000000000384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164697069736963696e6720656c69744e43e804dc6c";
        const string Sent = "2c3ecce4a5bc05895bf07a7ba956b6c68829ac7c83b780b7000ecde745afc705bbc378ce03a280236b87b53bed5839662302b164b6286a48cd1e097138e3cb909b8b2b829dd18d2a35ff82d9";
        using var sealing = PacketCiphers.Create("chacha20-poly1305@openssh.com", null, key, [], [], encrypting: true);
        using var opening = PacketCiphers.Create("chacha20-poly1305@openssh.com", null, key, [], [], encrypting: false);
        var (packet, tag) = (Convert.FromHexString(Plain), new byte[16]);

        sealing.Seal(7, packet, tag);

        Assert.Equal(Sent, Convert.ToHexStringLower(packet));
        Assert.Equal("95349e855bf02c298ef775f2d1a7e8b8", Convert.ToHexStringLower(tag));
        Assert.Equal(0x48u, opening.ReadLength(7, packet.AsSpan(0, 4)));
        Assert.True(opening.TryOpen(7, packet, tag));
        Assert.Equal(Plain, Convert.ToHexStringLower(packet));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(0x01020304u)]
    [InlineData(uint.MaxValue)]
    public void ChaCha20_Poly1305_is_what_its_definition_says_at_every_size(uint sequence)
    {
        var key = RandomNumberGenerator.GetBytes(64);
        var nonce = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(nonce, sequence);
        using var sealing = PacketCiphers.Create("chacha20-poly1305@openssh.com", null, key, [], [], encrypting: true);
        var tag = new byte[16];

        for (var size = 0; size <= 300; size++)
        {
            var packet = RandomNumberGenerator.GetBytes(4 + size);
            var expected = packet.ToArray();
            Xor(expected.AsSpan(0, 4), Block(key.AsSpan(32), 0, nonce));
            for (var i = 0; i < size; i += 64)
                Xor(expected.AsSpan(4 + i, Math.Min(64, size - i)), Block(key.AsSpan(0, 32), 1 + ((ulong)i / 64), nonce));
            var expectedTag = DefinedPoly1305(Block(key.AsSpan(0, 32), 0, nonce).AsSpan(0, 32), expected);

            sealing.Seal(sequence, packet, tag);

            Assert.Equal(expected, packet);
            Assert.Equal(expectedTag, tag);
        }
    }

    /// <summary>RFC 8439 section 2.3.2, whose nonce has 96 bits: its first 32 are those of the counter that are high here.</summary>
    [Fact]
    public void The_ChaCha20_that_these_tests_compare_with_computes_the_block_of_its_RFC()
    {
        var key = Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

        Assert.Equal(
            "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
            Convert.ToHexStringLower(Block(key, 0x0900000000000001, Convert.FromHexString("0000004a00000000"))));
    }

    private static void Xor(Span<byte> data, ReadOnlySpan<byte> stream)
    {
        for (var i = 0; i < data.Length; i++)
            data[i] ^= stream[i];
    }

    /// <summary>One block of ChaCha20 with a counter and a nonce of 64 bits each.</summary>
    private static byte[] Block(ReadOnlySpan<byte> key, ulong counter, ReadOnlySpan<byte> nonce)
    {
        var state = new uint[16];
        (state[0], state[1], state[2], state[3]) = (0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
        for (var i = 0; i < 8; i++)
            state[4 + i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(4 * i)..]);
        (state[12], state[13]) = ((uint)counter, (uint)(counter >> 32));
        (state[14], state[15]) = (BinaryPrimitives.ReadUInt32LittleEndian(nonce), BinaryPrimitives.ReadUInt32LittleEndian(nonce[4..]));
        var work = (uint[])state.Clone();
        for (var round = 0; round < 10; round++)
        {
            for (var i = 0; i < 4; i++)
                Quarter(i, 4 + i, 8 + i, 12 + i);
            for (var i = 0; i < 4; i++)
                Quarter(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4));
        }
        var block = new byte[64];
        for (var i = 0; i < 16; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(4 * i), unchecked(work[i] + state[i]));
        return block;

        void Quarter(int a, int b, int c, int d)
        {
            unchecked
            {
                work[a] += work[b];
                work[d] = BitOperations.RotateLeft(work[d] ^ work[a], 16);
                work[c] += work[d];
                work[b] = BitOperations.RotateLeft(work[b] ^ work[c], 12);
                work[a] += work[b];
                work[d] = BitOperations.RotateLeft(work[d] ^ work[a], 8);
                work[c] += work[d];
                work[b] = BitOperations.RotateLeft(work[b] ^ work[c], 7);
            }
        }
    }

    /// <summary>RFC 8439 section 2.5.1, in numbers of any size.</summary>
    private static byte[] DefinedPoly1305(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message)
    {
        var r = new BigInteger(key[..16], isUnsigned: true) & BigInteger.Parse("0ffffffc0ffffffc0ffffffc0fffffff", NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var sum = BigInteger.Zero;
        for (var i = 0; i < message.Length; i += 16)
        {
            byte[] block = [.. message.Slice(i, Math.Min(16, message.Length - i)), 1];
            sum = (sum + new BigInteger(block, isUnsigned: true)) * r % (BigInteger.Pow(2, 130) - 5);
        }
        sum += new BigInteger(key[16..32], isUnsigned: true);
        return [.. sum.ToByteArray(isUnsigned: true).Concat(new byte[16]).Take(16)];
    }
}
