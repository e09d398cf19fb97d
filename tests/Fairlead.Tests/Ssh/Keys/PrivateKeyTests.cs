using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class PrivateKeyTests
{
    private const string Remedy = "; take it from a copy, or make a new one with: ssh-keygen -t ed25519";

    public static TheoryData<string> Types => ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

    [Theory]
    [InlineData("ed25519", 0, null)]
    [InlineData("ecdsa", 256, null)]
    [InlineData("ecdsa", 384, null)]
    [InlineData("ecdsa", 521, null)]
    [InlineData("rsa", 2048, null)]
    [InlineData("rsa", 2049, null)]
    [InlineData("rsa", 3071, null)]
    [InlineData("rsa", 4096, null)]
    [InlineData("ecdsa", 256, "PEM")]
    [InlineData("ecdsa", 384, "PEM")]
    [InlineData("ecdsa", 521, "PEM")]
    [InlineData("rsa", 2048, "PEM")]
    [InlineData("rsa", 3072, "PEM")]
    [InlineData("ecdsa", 256, "PKCS8")]
    [InlineData("ecdsa", 384, "PKCS8")]
    [InlineData("ecdsa", 521, "PKCS8")]
    [InlineData("rsa", 2048, "PKCS8")]
    [InlineData("rsa", 3072, "PKCS8")]
    public void Keys_of_OpenSSH_are_read_in_all_their_forms_and_sign_for_it(string type, int bits, string? format)
    {
        using var keygen = new Keygen();
        var path = keygen.Make(type, bits, format);
        Assert.StartsWith(format switch
        {
            null => "-----BEGIN OPENSSH PRIVATE KEY-----",
            "PKCS8" => "-----BEGIN PRIVATE KEY-----",
            _ => $"-----BEGIN {(type == "rsa" ? "RSA" : "EC")} PRIVATE KEY-----",
        }, File.ReadAllText(path), StringComparison.Ordinal);
        using var key = SshPrivateKey.Load(path, null);

        Assert.Equal(SshPublicKey.Parse(File.ReadAllText(path + ".pub")), key.PublicKey);
        Assert.Equal(keygen.Run("-lf", path + ".pub").Split(' ')[1], key.PublicKey.Fingerprint);
        Assert.Equal(format is null ? "who@where" : "", key.Comment);
        foreach (var algorithm in key.PublicKey.Algorithms)
            AssertChecked(keygen, key, algorithm);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void What_is_written_OpenSSH_reads_and_so_do_we(string type)
    {
        using var keygen = new Keygen();
        var key = TestKeys.Of(type);
        var text = key.WriteOpenSsh("wer@wo, a key");
        var path = keygen.Write("ours", text);

        Assert.Equal($"{key.PublicKey} wer@wo, a key\n", keygen.Run("-y", "-f", path));
        using var again = SshPrivateKey.Load(path, null);
        Assert.Equal((key.PublicKey, "wer@wo, a key"), (again.PublicKey, again.Comment));
        AssertChecked(keygen, again, again.PublicKey.Algorithms[0]);
        Assert.All(Encoding.ASCII.GetString(text).Split('\n'), line => Assert.InRange(line.Length, 0, 70));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void What_is_written_is_read_whatever_the_length_of_the_comment(string type)
    {
        var key = TestKeys.Of(type);
        for (var length = 0; length < 20; length++)
        {
            using var again = SshPrivateKey.Read(key.WriteOpenSsh(new string('c', length)), null);
            Assert.Equal((key.PublicKey, length), (again.PublicKey, again.Comment.Length));
        }
        using var longest = SshPrivateKey.Read(key.WriteOpenSsh(new string('c', 100_000)), null);
        Assert.Equal(100_000, longest.Comment.Length);
    }

    [Fact]
    public void New_keys_are_of_Ed25519_and_not_the_same()
    {
        using var one = SshPrivateKey.Generate();
        using var other = SshPrivateKey.Generate();

        Assert.Equal(("ssh-ed25519", ""), (one.PublicKey.Type, one.Comment));
        Assert.NotEqual(one.PublicKey, other.PublicKey);
    }

    [Fact]
    public void What_RSA_signs_the_class_library_verifies()
    {
        using var rsa = RSA.Create(2048);
        using var key = SshPrivateKey.Read(Encoding.ASCII.GetBytes(rsa.ExportRSAPrivateKeyPem()), null);
        foreach (var (algorithm, hash) in new[] { ("rsa-sha2-512", HashAlgorithmName.SHA512), ("rsa-sha2-256", HashAlgorithmName.SHA256) })
        {
            var reader = new SshReader(key.Sign(algorithm, "data"u8));
            Assert.Equal(algorithm, reader.ReadText());
            Assert.True(rsa.VerifyData("data"u8, reader.ReadString(), hash, RSASignaturePadding.Pkcs1));
        }
    }

    [Fact]
    public void Ed25519_is_read_from_PKCS8()
    {
        // RFC 8410 section 10.3: a key without, and one with attributes and the public key.
        const string plain = """
            -----BEGIN PRIVATE KEY-----
            MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
            -----END PRIVATE KEY-----
            """;
        const string whole = """
            -----BEGIN PRIVATE KEY-----
            MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
            oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
            Z9w7lshQhqowtrbLDFw4rXAxZuE=
            -----END PRIVATE KEY-----
            """;
        foreach (var text in new[] { plain, whole })
        {
            using var key = SshPrivateKey.Read(Encoding.ASCII.GetBytes(text), null);
            Assert.Equal("19BF44096984CDFE8541BAC167DC3B96C85086AA30B6B6CB0C5C38AD703166E1", Convert.ToHexString(key.PublicKey.Blob.Span[^32..]));
        }
    }

    [Fact]
    public void What_stands_around_a_key_does_not_matter()
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var text = $"Bag Attributes\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{ecdsa.ExportECPrivateKeyPem().Replace("\n", "\r\n", StringComparison.Ordinal)}\nmore";
        using var key = SshPrivateKey.Read(Encoding.ASCII.GetBytes(text), null);

        Assert.Equal("ecdsa-sha2-nistp256", key.PublicKey.Type);
    }

    [Fact]
    public void Keys_without_their_public_part_are_read()
    {
        // SEC 1 section C.4: the public key is optional.
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(1);
            writer.WriteOctetString(ecdsa.ExportParameters(includePrivateParameters: true).D);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                writer.WriteObjectIdentifier("1.3.132.0.34");
        }
        using var key = SshPrivateKey.Read(Encoding.ASCII.GetBytes(PemEncoding.WriteString("EC PRIVATE KEY", writer.Encode())), null);
        using var expected = SshPrivateKey.Of(ecdsa, "");

        Assert.Equal(expected.PublicKey, key.PublicKey);
    }

    [Fact]
    public void Files_that_are_something_else_are_named_with_the_remedy()
    {
        var publicKey = TestKeys.Of("ssh-ed25519").PublicKey;
        using var rsa = RSA.Create(2048);
        const string isPublic = "the file has a public key and no private one; write the path of the private key, which is the same without .pub";

        AssertFault(isPublic, $"{publicKey} who@where\n");
        AssertFault(isPublic, rsa.ExportSubjectPublicKeyInfoPem());
        AssertFault(isPublic, "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n");
        AssertFault("the file is a key of PuTTY's form; write it in OpenSSH's with: puttygen FILE -O private-openssh -o NEW", "PuTTY-User-Key-File-3: ssh-ed25519\n");
        AssertFault("the file is a key of ssh.com's form; write it in OpenSSH's with: ssh-keygen -i -f FILE > NEW", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n");
        const string isNone = "the file has no private key; write the path of a private key, like one that ssh-keygen -t ed25519 makes";
        AssertFault(isNone, "");
        AssertFault(isNone, "-----BEGIN ");
        AssertFault(isNone, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        AssertFault("the file is larger than 1024 KiB, which no key is; write the path of a private key", new string('\n', (1 << 20) + 1));
        AssertFault($"the private key cannot be used: its last line is missing{Remedy}", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n");
        AssertFault($"the private key cannot be used: it is not in Base64{Remedy}", "-----BEGIN OPENSSH PRIVATE KEY-----\nA!AA\n-----END OPENSSH PRIVATE KEY-----\n");
        AssertFault($"the private key cannot be used: it does not begin as a key of OpenSSH does{Remedy}", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
        AssertFault($"the private key cannot be used: it is one of DSA, which is not safe any more{Remedy}", "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n");
        AssertFault($"the private key cannot be used: it is damaged{Remedy}", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    }

    [Fact]
    public void Keys_of_kinds_that_are_not_known_are_named()
    {
        using var weak = RSA.Create(1024);
        AssertFault($"the private key cannot be used: an RSA key of 1024 bits is too weak: at least 2048 are asked for{Remedy}", weak.ExportRSAPrivateKeyPem());
        AssertFault($"the private key cannot be used: an RSA key of 1024 bits is too weak: at least 2048 are asked for{Remedy}", weak.ExportPkcs8PrivateKeyPem());
        using var other = ECDsa.Create(ECCurve.CreateFromFriendlyName("secP256k1"));
        AssertFault($"the private key cannot be used: it is on a curve that is not known here, which are nistp256, nistp384 and nistp521{Remedy}", other.ExportECPrivateKeyPem());
        var x25519 = new AsnWriter(AsnEncodingRules.DER);
        using (x25519.PushSequence())
        {
            x25519.WriteInteger(0);
            using (x25519.PushSequence())
                x25519.WriteObjectIdentifier("1.3.101.110");
            x25519.WriteOctetString(new byte[34]);
        }
        AssertFault($"the private key cannot be used: it is of a kind that is not known (object identifier 1.3.101.110){Remedy}", PemEncoding.WriteString("PRIVATE KEY", x25519.Encode()));
    }

    [Fact]
    public void A_weak_key_of_OpenSSH_is_refused()
    {
        using var keygen = new Keygen();
        var path = keygen.Make("rsa", 1024);

        Assert.Equal($"{path}: the private key cannot be used: an RSA key of 1024 bits is too weak: at least 2048 are asked for{Remedy}", Assert.Throws<SshKeyException>(() => SshPrivateKey.Load(path, null)).Message);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_private_part_that_belongs_to_another_public_one_is_noticed(string type)
    {
        var key = TestKeys.Of(type);
        using var other = type switch
        {
            "ssh-ed25519" => SshPrivateKey.Generate(),
            "ssh-rsa" => SshPrivateKey.Of(RSA.Create(2048), ""),
            _ => SshPrivateKey.Of(ECDsa.Create(EcdsaCurve.Of(type)!.Parameters(default).Curve), ""),
        };

        // Outside, where anybody reads it; and inside.
        var outside = Unpacked(key);
        other.PublicKey.Blob.CopyTo(outside.AsMemory(outside.AsSpan().IndexOf(key.PublicKey.Blob.Span)));
        AssertFault($"the private key cannot be used: its private part does not belong to its public one{Remedy}", Packed(outside));

        var inside = Unpacked(key);
        var (mine, others) = (PublicPart(key.PublicKey), PublicPart(other.PublicKey));
        Assert.Equal(mine.Length, others.Length);
        for (var at = inside.AsSpan().IndexOf(mine); at >= 0; at = inside.AsSpan().IndexOf(mine))
            others.CopyTo(inside.AsSpan(at));
        var message = Assert.Throws<SshKeyException>(() => SshPrivateKey.Read(Packed(inside), null)).Message;
        Assert.StartsWith("the private key cannot be used: ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_of_RSA_whose_factors_are_wrong_is_noticed()
    {
        using var one = RSA.Create(2048);
        using var other = RSA.Create(2048);
        var numbers = one.ExportParameters(includePrivateParameters: true);
        var wrong = other.ExportParameters(includePrivateParameters: true);
        foreach (var mixed in new[]
        {
            numbers with { P = wrong.P },
            numbers with { Q = wrong.Q },
            numbers with { DP = wrong.DP },
            numbers with { InverseQ = wrong.InverseQ },
            numbers with { P = new byte[128] },
        })
        {
            var text = PemEncoding.WriteString("RSA PRIVATE KEY", Pkcs1(mixed));
            Assert.StartsWith("the private key cannot be used: ", Assert.Throws<SshKeyException>(() => SshPrivateKey.Read(Encoding.ASCII.GetBytes(text), null)).Message, StringComparison.Ordinal);
        }
        using var good = SshPrivateKey.Read(Encoding.ASCII.GetBytes(PemEncoding.WriteString("RSA PRIVATE KEY", Pkcs1(numbers))), null);
    }

    [Fact]
    public void Bytes_behind_the_end_of_a_key_are_refused()
    {
        using var rsa = RSA.Create(2048);
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AssertFault($"the private key cannot be used: there are bytes behind its end{Remedy}", PemEncoding.WriteString("RSA PRIVATE KEY", [.. rsa.ExportRSAPrivateKey(), 0]));
        AssertFault($"the private key cannot be used: there are bytes behind its end{Remedy}", PemEncoding.WriteString("EC PRIVATE KEY", [.. ecdsa.ExportECPrivateKey(), 0]));
        AssertFault($"the private key cannot be used: there are bytes behind its end{Remedy}", PemEncoding.WriteString("PRIVATE KEY", [.. rsa.ExportPkcs8PrivateKey(), 0]));
        AssertFault($"the private key cannot be used: there are bytes behind the end of a message{Remedy}", Encoding.ASCII.GetString(Packed([.. Unpacked(TestKeys.Of("ssh-ed25519")), 0])));
    }

    [Fact]
    public void A_key_that_was_disposed_of_signs_no_more()
    {
        foreach (var type in Types.Select(row => row.Data))
        {
            var key = SshPrivateKey.Read(TestKeys.Of(type).WriteOpenSsh(""), null);
            key.Sign(key.PublicKey.Algorithms[0], "data"u8);
            key.Dispose();
            key.Dispose();

            Assert.Throws<ObjectDisposedException>(() => key.Sign(key.PublicKey.Algorithms[0], "data"u8));
            Assert.Throws<ObjectDisposedException>(() => key.WriteOpenSsh(""));
        }
    }

    [Fact]
    public void A_key_signs_only_with_an_algorithm_of_its_own()
    {
        Assert.Throws<ArgumentException>(() => TestKeys.Of("ssh-rsa").Sign("ssh-rsa", "data"u8));
        Assert.Throws<ArgumentException>(() => TestKeys.Of("ssh-ed25519").Sign("rsa-sha2-512", "data"u8));
        Assert.Throws<ArgumentException>(() => TestKeys.Of("ecdsa-sha2-nistp256").Sign("ecdsa-sha2-nistp384", "data"u8));
    }

    [Fact]
    public void Threads_may_sign_at_the_same_time()
    {
        foreach (var key in TestKeys.All)
            Parallel.For(0, 40, i => Assert.True(key.PublicKey.Verify(key.PublicKey.Algorithms[0], [(byte)i], key.Sign(key.PublicKey.Algorithms[0], [(byte)i]))));
    }

    private static void AssertChecked(Keygen keygen, SshPrivateKey key, string algorithm)
    {
        var (status, output) = SshSignature.Checked(keygen, key, algorithm, "a message for another program");
        Assert.True(status == 0, output);
        Assert.Contains(key.PublicKey.Fingerprint, output, StringComparison.Ordinal);
    }

    private static void AssertFault(string fault, string file) => AssertFault(fault, Encoding.ASCII.GetBytes(file));

    private static void AssertFault(string fault, byte[] file) => Assert.StartsWith(fault, Assert.Throws<SshKeyException>(() => SshPrivateKey.Read(file, null)).Message, StringComparison.Ordinal);

    private static byte[] Unpacked(SshPrivateKey key)
    {
        var lines = Encoding.ASCII.GetString(key.WriteOpenSsh("c")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return Convert.FromBase64String(string.Concat(lines[1..^1]));
    }

    private static byte[] Packed(byte[] bytes) => Encoding.ASCII.GetBytes(PemEncoding.WriteString("OPENSSH PRIVATE KEY", bytes));

    // The numbers of the public key alone: of RSA the modulus.
    private static byte[] PublicPart(SshPublicKey key)
    {
        var reader = new SshReader(key.Blob.Span);
        reader.ReadString();
        if (key.Type != "ssh-ed25519")
            reader.ReadString();
        return reader.ReadString().ToArray();
    }

    private static byte[] Pkcs1(RSAParameters numbers)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(0);
            foreach (var number in new[] { numbers.Modulus, numbers.Exponent, numbers.D, numbers.P, numbers.Q, numbers.DP, numbers.DQ, numbers.InverseQ })
                writer.WriteIntegerUnsigned(number.AsSpan().TrimStart((byte)0) is { IsEmpty: false } magnitude ? magnitude : [0]);
        }
        return writer.Encode();
    }
}
