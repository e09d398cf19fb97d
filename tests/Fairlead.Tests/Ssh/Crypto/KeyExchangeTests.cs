using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Exchanges of keys: that both roles agree, on what others agree on, and what a peer may not send.</summary>
public sealed class KeyExchangeTests
{
    public static TheoryData<string> All => [.. KeyExchanges.Names];

    public static TheoryData<string> NistCurves => ["ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"];

    public static TheoryData<string> Groups => ["diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512"];

    [Fact]
    public void The_methods_are_these_in_this_order()
    {
        Assert.Equal(
            [
                "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group16-sha512",
                "diffie-hellman-group14-sha256",
            ],
            KeyExchanges.Names);
        Assert.Null(KeyExchanges.Create("diffie-hellman-group1-sha1"));
        Assert.Null(KeyExchanges.Create(""));
    }

    [Theory]
    [InlineData("curve25519-sha256", "SHA256")]
    [InlineData("curve25519-sha256@libssh.org", "SHA256")]
    [InlineData("ecdh-sha2-nistp256", "SHA256")]
    [InlineData("ecdh-sha2-nistp384", "SHA384")]
    [InlineData("ecdh-sha2-nistp521", "SHA512")]
    [InlineData("diffie-hellman-group16-sha512", "SHA512")]
    [InlineData("diffie-hellman-group14-sha256", "SHA256")]
    public void Each_method_has_its_hash(string name, string hash)
    {
        using var exchange = KeyExchanges.Create(name)!;

        Assert.Equal(hash, exchange.Hash.Name);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Both_roles_agree_and_no_two_exchanges_have_the_same_secret(string name)
    {
        var secrets = new HashSet<string>();
        for (var i = 0; i < 4; i++)
        {
            using var client = KeyExchanges.Create(name)!;
            using var server = KeyExchanges.Create(name)!;
            var begun = client.Begin();
            var (answer, secret) = server.Answer(begun);

            Assert.Equal(secret, client.End(answer));
            Assert.NotEqual(begun, answer);
            Assert.True(secrets.Add(Convert.ToHexString(secret)));
            // It is an mpint: as a reader takes it and a writer writes it.
            var reader = new SshReader(secret);
            var magnitude = reader.ReadMpint().ToArray();
            Assert.True(reader.IsAtEnd);
            Assert.Equal(secret, new SshWriter().WriteMpint(magnitude).ToArray());
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void An_exchange_that_has_not_begun_does_not_end(string name)
    {
        using var peer = KeyExchanges.Create(name)!;
        using var exchange = KeyExchanges.Create(name)!;
        var value = peer.Begin();

        Assert.Throws<InvalidOperationException>(() => exchange.End(value));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_value_that_is_empty_or_much_too_long_is_refused(string name)
    {
        Refuses(name, []);
        Refuses(name, [0]);
        Refuses(name, [4, .. new byte[1024 * 1024]]);
        Refuses(name, RandomNumberGenerator.GetBytes(1024 * 1024));
    }

    [Fact]
    public void Curve25519_computes_the_vectors_of_its_RFC()
    {
        // RFC 7748 section 6.1.
        using var alice = new Curve25519KeyExchange(Convert.FromHexString("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
        using var bob = new Curve25519KeyExchange(Convert.FromHexString("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
        const string Secret = "00000020" + "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

        var begun = alice.Begin();
        Assert.Equal("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", Convert.ToHexStringLower(begun));
        var (answer, secret) = bob.Answer(begun);
        Assert.Equal("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", Convert.ToHexStringLower(answer));
        Assert.Equal(Secret, Convert.ToHexStringLower(secret));
        Assert.Equal(Secret, Convert.ToHexStringLower(alice.End(answer)));

        // Section 5.2, whose result has its first bit set: as a number it has a zero in front.
        using var other = new Curve25519KeyExchange(Convert.FromHexString("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
        Assert.Equal(
            "0000002100" + "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            Convert.ToHexStringLower(other.End(Convert.FromHexString("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))));
    }

    [Fact]
    public void A_secret_of_curve25519_that_begins_with_zeros_is_shortened()
    {
        using var exchange = new Curve25519KeyExchange();
        exchange.Begin();
        for (var i = 0; i < 10_000; i++)
        {
            // One in 256 is such a one.
            using var peer = new Curve25519KeyExchange();
            var secret = exchange.End(peer.Begin());
            var length = BinaryPrimitives.ReadInt32BigEndian(secret);
            Assert.Equal(secret.Length - 4, length);
            if (length > 31)
                continue;
            Assert.NotEqual(0, secret[4] | (secret[5] & 0x80));
            return;
        }
        Assert.Fail("none of 10000 secrets began with a zero");
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")] // of order 8
    [InlineData("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")] // of order 8
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // p - 1
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // p
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // p + 1
    [InlineData("00000000000000000000000000000000000000000000000000000000000000")] // 31 bytes
    [InlineData("090000000000000000000000000000000000000000000000000000000000000000")] // 33 bytes
    public void Curve25519_refuses_points_of_a_small_order_and_what_is_not_of_32_bytes(string value) => Refuses("curve25519-sha256", Convert.FromHexString(value));

    /// <summary>RFC 5903 section 8: private key, public x and y of the initiator; the responder's; and x of what they share.</summary>
    [Theory]
    [InlineData(
        "ecdh-sha2-nistp256", "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
        "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
        "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
        "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        "0000002100" + "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de")]
    [InlineData(
        "ecdh-sha2-nistp384", "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
        "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
        "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
        "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
        "00000030" + "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746")]
    [InlineData(
        "ecdh-sha2-nistp521", "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
        "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
        "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
        "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
        "00000042" + "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea")]
    public void The_curves_of_NIST_compute_the_vectors_of_RFC_5903(string name, string client, string clientPoint, string server, string serverPoint, string secret)
    {
        using var begins = Ecdh(name, client);
        using var answers = Ecdh(name, server);

        var begun = begins.Begin();
        Assert.Equal("04" + clientPoint, Convert.ToHexStringLower(begun));
        var (answer, shared) = answers.Answer(begun);
        Assert.Equal("04" + serverPoint, Convert.ToHexStringLower(answer));
        Assert.Equal(secret, Convert.ToHexStringLower(shared));
        Assert.Equal(secret, Convert.ToHexStringLower(begins.End(answer)));
    }

    [Theory]
    [MemberData(nameof(NistCurves))]
    public void A_point_that_is_not_on_the_curve_or_not_written_as_it_should_be_is_refused(string name)
    {
        using var peer = KeyExchanges.Create(name)!;
        var point = peer.Begin();
        var length = (point.Length - 1) / 2;

        Refuses(name, point[..^1]);
        Refuses(name, [.. point, 0]);
        Refuses(name, [0, .. point[1..]]);
        Refuses(name, [(byte)(2 + (point[^1] & 1)), .. point[1..]]);
        Refuses(name, [(byte)(2 + (point[^1] & 1)), .. point[1..(1 + length)]]); // compressed
        Refuses(name, [(byte)(6 + (point[^1] & 1)), .. point[1..]]); // hybrid
        Refuses(name, [.. point[..^1], (byte)(point[^1] ^ 1)]);
        Refuses(name, [4, .. new byte[2 * length]]);
        Refuses(name, [4, .. Enumerable.Repeat((byte)0xff, 2 * length)]);
        Refuses(name, [4, .. new byte[length - 1], 1, .. point[(1 + length)..]]);
    }

    [Fact]
    public void A_coordinate_that_is_not_reduced_is_refused()
    {
        // x = 0 is on P-256, and p is 0; b is a square.
        var prime = BigInteger.Parse("00ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var b = BigInteger.Parse("005ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b", NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var y = BigInteger.ModPow(b, (prime + 1) / 4, prime);
        using var exchange = KeyExchanges.Create("ecdh-sha2-nistp256")!;

        Assert.Equal(b, y * y % prime);
        Assert.NotEmpty(exchange.Answer([4, .. new byte[32], .. Bytes(y, 32)]).Secret);
        Refuses("ecdh-sha2-nistp256", [4, .. Bytes(prime, 32), .. Bytes(y, 32)]);
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Diffie_Hellman_computes_what_numbers_of_any_size_compute(string name)
    {
        var prime = Prime(name);
        for (var i = 0; i < 3; i++)
        {
            var (x, y) = (RandomNumberGenerator.GetBytes(64), RandomNumberGenerator.GetBytes(64));
            using var client = DiffieHellman(name, x);
            using var server = DiffieHellman(name, y);
            var e = BigInteger.ModPow(2, Number(x), prime);
            var f = BigInteger.ModPow(2, Number(y), prime);
            var k = BigInteger.ModPow(f, Number(x), prime);

            var begun = client.Begin();
            Assert.Equal(Mpint(e), begun);
            var (answer, secret) = server.Answer(begun);
            Assert.Equal(Mpint(f), answer);
            Assert.Equal(k, new BigInteger(secret.AsSpan(4), isUnsigned: true, isBigEndian: true));
            Assert.Equal(new SshWriter().WriteString(Mpint(k)).ToArray(), secret);
            Assert.Equal(secret, client.End(answer));
        }
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void A_public_value_of_Diffie_Hellman_lies_between_1_and_the_prime_less_1(string name)
    {
        var prime = Prime(name);

        Refuses(name, []);
        Refuses(name, [0]);
        Refuses(name, [1]);
        Refuses(name, Mpint(prime - 1));
        Refuses(name, Mpint(prime));
        Refuses(name, Mpint(prime + 1));
        Refuses(name, Mpint(prime * 2));
        Refuses(name, [0x80, .. new byte[100]]); // negative
        Refuses(name, [0xff]);
        Refuses(name, [0, 2]); // not the shortest
        Refuses(name, [0, .. Mpint(prime - 2)]);

        using var exchange = KeyExchanges.Create(name)!;
        foreach (var value in new[] { Mpint(2), Mpint(prime - 2), Mpint((prime - 1) / 2) })
            Assert.NotEmpty(exchange.Answer(value).Secret);
    }

    private static void Refuses(string name, byte[] value)
    {
        using var server = KeyExchanges.Create(name)!;
        using var client = KeyExchanges.Create(name)!;
        client.Begin();

        Assert.Throws<SshFormatException>(() => server.Answer(value));
        Assert.Throws<SshFormatException>(() => client.End(value));
    }

    private static EcdhKeyExchange Ecdh(string name, string privateKey)
    {
        var (curve, create) = name switch
        {
            "ecdh-sha2-nistp256" => (ECCurve.NamedCurves.nistP256, (Func<ECDiffieHellman?, EcdhKeyExchange>)EcdhKeyExchange.NistP256),
            "ecdh-sha2-nistp384" => (ECCurve.NamedCurves.nistP384, EcdhKeyExchange.NistP384),
            _ => (ECCurve.NamedCurves.nistP521, EcdhKeyExchange.NistP521),
        };
        return create(ECDiffieHellman.Create(new ECParameters { Curve = curve, D = Convert.FromHexString(privateKey) }));
    }

    private static DiffieHellmanKeyExchange DiffieHellman(string name, byte[] exponent) =>
        name.Contains("group14", StringComparison.Ordinal) ? DiffieHellmanKeyExchange.Group14Sha256(exponent) : DiffieHellmanKeyExchange.Group16Sha512(exponent);

    /// <summary>RFC 3526 sections 3 and 5, which say how the primes follow from pi.</summary>
    private static BigInteger Prime(string name)
    {
        var (bits, added) = name.Contains("group14", StringComparison.Ordinal) ? (2048, 124476) : (4096, 240904);
        return BigInteger.Pow(2, bits) - BigInteger.Pow(2, bits - 64) - 1 + (BigInteger.Pow(2, 64) * (PiTimesTwoToThe(bits - 130) + added));
    }

    /// <summary>By Machin's formula, with 64 bits more than are wanted.</summary>
    private static BigInteger PiTimesTwoToThe(int bits)
    {
        var one = BigInteger.Pow(2, bits + 64);
        return (4 * ((4 * ArcTangentOfInverse(5)) - ArcTangentOfInverse(239))) >> 64;

        BigInteger ArcTangentOfInverse(int n)
        {
            var (sum, term) = (BigInteger.Zero, one / n);
            for (var i = 0; !term.IsZero; i++, term /= n * n)
                sum += (i % 2 == 0 ? term : -term) / ((2 * i) + 1);
            return sum;
        }
    }

    private static BigInteger Number(ReadOnlySpan<byte> magnitude) => new(magnitude, isUnsigned: true, isBigEndian: true);

    private static byte[] Bytes(BigInteger number, int length) => [.. new byte[length - number.GetByteCount(isUnsigned: true)], .. number.ToByteArray(isUnsigned: true, isBigEndian: true)];

    private static byte[] Mpint(BigInteger number) => number.ToByteArray(isUnsigned: false, isBigEndian: true);
}
