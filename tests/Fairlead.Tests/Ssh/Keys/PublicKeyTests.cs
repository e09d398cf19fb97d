using System.Security.Cryptography;
using System.Text;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class PublicKeyTests
{
    private const string Ed25519Line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICSsaCwSQYr1DzU1CVErJUE7doQ46Myrx2qynjfLmBao";

    public static TheoryData<string> Algorithms => ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256"];

    [Fact]
    public void A_line_is_read_with_its_comment_and_written_without()
    {
        Assert.True(SshPublicKey.TryParse($"  {Ed25519Line}\t who@where and more \r", out var key, out var comment, out _));

        Assert.Equal(("ssh-ed25519", Ed25519Line, "who@where and more"), (key.Type, key.ToString(), comment));
        Assert.Equal(key.Blob.ToArray(), Convert.FromBase64String(Ed25519Line.Split(' ')[1]));
        Assert.Equal(["ssh-ed25519"], key.Algorithms);
        Assert.Equal(key, SshPublicKey.Parse(Ed25519Line));
        Assert.Equal(key.GetHashCode(), SshPublicKey.Parse(Ed25519Line).GetHashCode());
        Assert.Equal(key, SshPublicKey.Read(key.Blob.Span));
        Assert.NotEqual(key, TestKeys.Of("ssh-ed25519").PublicKey);
    }

    [Theory]
    [InlineData("", "there is no key; write TYPE BASE64, as in a file that ends in .pub")]
    [InlineData("ssh-ed25519", "there is no key; write TYPE BASE64")]
    [InlineData("ssh-ed25519 who@where", "what follows ssh-ed25519 is not a key in Base64; copy it anew, in one line")]
    [InlineData("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICSsaCwSQYr1DzU1CVErJUE7doQ46Myrx2qynjfLmBa", "what follows ssh-ed25519 is not a key in Base64")]
    [InlineData("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICSsaCwSQYr1DzU1CVErJUE7doQ46Myrx2qynjfL", "a string is longer than what holds it; take another key, like one of: ssh-keygen -t ed25519")]
    [InlineData("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAICSsaCwSQYr1DzU1CVErJUE7doQ46Myrx2qynjfLmBao", "the key calls itself ssh-ed25519, and the line calls it ssh-rsa; copy it anew")]
    [InlineData("\u001b[2Jssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAICSsaCwSQYr1DzU1CVErJUE7doQ46Myrx2qynjfLmBao", "the key calls itself ssh-ed25519, and the line calls it ?[2Jssh-rsa; copy it anew")]
    public void A_line_that_is_none_is_refused_with_the_remedy(string line, string fault)
    {
        Assert.False(SshPublicKey.TryParse(line, out _, out _, out var found));
        Assert.StartsWith(fault, found, StringComparison.Ordinal);
        Assert.Equal(found, Assert.Throws<SshKeyException>(() => SshPublicKey.Parse(line)).Message);
    }

    [Theory]
    [InlineData("ssh-dss", "the key type 'ssh-dss' is not known")]
    [InlineData("ssh-ed448", "the key type 'ssh-ed448' is not known")]
    [InlineData("ssh-ed25519-cert-v01@openssh.com", "it is a certificate (ssh-ed25519-cert-v01@openssh.com), and a key is expected")]
    [InlineData("sk-ssh-ed25519@openssh.com", "keys that stay in a security token (sk-ssh-ed25519@openssh.com) are not known yet")]
    public void A_type_that_is_not_known_is_named(string type, string fault)
    {
        var blob = new SshWriter().WriteString(type).WriteString(new byte[32]).ToArray();

        Assert.Equal(fault, Assert.Throws<SshFormatException>(() => SshPublicKey.Read(blob)).Message);
        Assert.False(SshPublicKey.TryParse($"{type} {Convert.ToBase64String(blob)}", out _, out _, out var found));
        Assert.Equal($"{fault}; take another key, like one of: ssh-keygen -t ed25519", found);
    }

    [Theory]
    [InlineData(1024, "an RSA key of 1024 bits is too weak: at least 2048 are asked for")]
    [InlineData(2047, "an RSA key of 2047 bits is too weak: at least 2048 are asked for")]
    [InlineData(2048, null)]
    [InlineData(2049, null)]
    [InlineData(16384, null)]
    [InlineData(16385, "an RSA key of 16385 bits is too large: at most 16384 are taken")]
    [InlineData(65536, "a key of 8215 bytes is longer than any that is known")]
    public void A_key_of_RSA_has_2048_to_16384_bits(int bits, string? fault)
    {
        var blob = RsaBlob([1, 0, 1], Modulus(bits));
        if (fault is null)
            Assert.Equal("ssh-rsa", SshPublicKey.Read(blob).Type);
        else
            Assert.Equal(fault, Assert.Throws<SshFormatException>(() => SshPublicKey.Read(blob)).Message);
    }

    [Fact]
    public void Numbers_that_no_key_of_RSA_has_are_refused()
    {
        var modulus = Modulus(2048);
        var even = (byte[])modulus.Clone();
        even[^1] = 2;

        Assert.Throws<SshFormatException>(() => SshPublicKey.Read(RsaBlob([1], modulus)));
        Assert.Throws<SshFormatException>(() => SshPublicKey.Read(RsaBlob([1, 0, 0], modulus)));
        Assert.Throws<SshFormatException>(() => SshPublicKey.Read(RsaBlob([], modulus)));
        Assert.Throws<SshFormatException>(() => SshPublicKey.Read(RsaBlob([1, 0, 1], even)));
        Assert.Equal("an RSA key has an exponent of 65 bits, and at most 64 are taken", Assert.Throws<SshFormatException>(() => SshPublicKey.Read(RsaBlob([1, 0, 0, 0, 0, 0, 0, 0, 1], modulus))).Message);
        Assert.Equal("ssh-rsa", SshPublicKey.Read(RsaBlob([1, 0, 0, 0, 0, 0, 0, 1], modulus)).Type);
    }

    [Fact]
    public void One_key_has_one_blob()
    {
        var rsa = RsaBlob([1, 0, 1], Modulus(2048));
        var longer = new SshWriter().WriteString("ssh-rsa").WriteString([0, 1, 0, 1]).WriteMpint(Modulus(2048)).ToArray();

        Assert.Equal("ssh-rsa", SshPublicKey.Read(rsa).Type);
        Assert.Throws<SshFormatException>(() => SshPublicKey.Read(longer));
        Assert.Throws<SshFormatException>(() => SshPublicKey.Read([.. rsa, 0]));
        Assert.Throws<SshFormatException>(() => SshPublicKey.Read([.. SshPublicKey.Parse(Ed25519Line).Blob.Span, 0]));
    }

    [Theory]
    [InlineData("ecdsa-sha2-nistp256")]
    [InlineData("ecdsa-sha2-nistp384")]
    [InlineData("ecdsa-sha2-nistp521")]
    public void A_point_that_is_not_on_the_curve_is_no_key(string type)
    {
        var good = TestKeys.Of(type).PublicKey.Blob.ToArray();
        var bad = (byte[])good.Clone();
        bad[^1] ^= 1;

        Assert.Equal($"a key of {type} is no point of the curve", Assert.Throws<SshFormatException>(() => SshPublicKey.Read(bad)).Message);
        var zero = (byte[])good.Clone();
        zero.AsSpan(^(2 * EcdsaCurve.Of(type)!.Length)..).Clear();
        Assert.Throws<SshFormatException>(() => SshPublicKey.Read(zero));
        var compressed = new SshWriter().WriteString(type).WriteString(type[11..]).WriteString([2, .. good.AsSpan(^(2 * EcdsaCurve.Of(type)!.Length)..^EcdsaCurve.Of(type)!.Length)]).ToArray();
        Assert.Throws<SshFormatException>(() => SshPublicKey.Read(compressed));
    }

    [Fact]
    public void A_key_of_another_curve_than_its_type_says_is_refused()
    {
        var reader = new SshReader(TestKeys.Of("ecdsa-sha2-nistp256").PublicKey.Blob.Span);
        reader.ReadString();
        var blob = new SshWriter().WriteString("ecdsa-sha2-nistp384").WriteBytes(reader.Rest).ToArray();

        Assert.Equal("a key of ecdsa-sha2-nistp384 is on another curve than its type says", Assert.Throws<SshFormatException>(() => SshPublicKey.Read(blob)).Message);
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void What_a_key_signs_is_verified_by_it_and_by_no_other(string algorithm)
    {
        var key = TestKeys.Of(algorithm);
        var signature = key.Sign(algorithm, "what is signed"u8);

        Assert.Contains(algorithm, key.PublicKey.Algorithms);
        Assert.True(key.PublicKey.Verify(algorithm, "what is signed"u8, signature));
        Assert.False(key.PublicKey.Verify(algorithm, "what is singed"u8, signature));
        Assert.False(key.PublicKey.Verify(algorithm, [], signature));
        foreach (var other in TestKeys.All)
            Assert.Equal(other == key, other.PublicKey.Verify(algorithm, "what is signed"u8, signature));
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void A_signature_names_the_algorithm_that_was_asked_for(string algorithm)
    {
        var key = TestKeys.Of(algorithm);
        var signature = key.Sign(algorithm, "data"u8);
        foreach (var other in Algorithms.Select(row => row.Data).Except([algorithm]).Append("ssh-rsa"))
        {
            Assert.False(key.PublicKey.Verify(other, "data"u8, signature));
            Assert.False(key.PublicKey.Verify(algorithm, "data"u8, Renamed(signature, other)));
            Assert.False(key.PublicKey.Verify(other, "data"u8, Renamed(signature, other)));
        }
        Assert.True(key.PublicKey.Verify(algorithm, "data"u8, Renamed(signature, algorithm)));
    }

    [Fact]
    public void Nothing_is_verified_with_SHA_1()
    {
        using var rsa = RSA.Create(2048);
        var key = SshPublicKey.Read(RsaNumbers.WritePublic(rsa.ExportParameters(includePrivateParameters: false)));
#pragma warning disable CA5350 // That is what has to be refused.
        var signature = new SshWriter().WriteString("ssh-rsa").WriteString(rsa.SignData("data"u8, HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1)).ToArray();
#pragma warning restore CA5350

        Assert.Equal(["rsa-sha2-512", "rsa-sha2-256"], key.Algorithms);
        foreach (var algorithm in new[] { "ssh-rsa", "rsa-sha2-512", "rsa-sha2-256" })
        {
            Assert.False(key.Verify(algorithm, "data"u8, signature));
            Assert.False(key.Verify(algorithm, "data"u8, Renamed(signature, algorithm)));
        }
    }

    [Fact]
    public void A_number_without_the_zeros_that_it_begins_with_is_a_signature_of_RSA_too()
    {
        var key = TestKeys.Of("ssh-rsa");
        for (var i = 0; ; i++)
        {
            var data = Encoding.ASCII.GetBytes($"data {i}");
            var reader = new SshReader(key.Sign("rsa-sha2-256", data));
            reader.ReadString();
            var number = reader.ReadString();
            if (number[0] != 0)
                continue;
            Assert.True(key.PublicKey.Verify("rsa-sha2-256", data, new SshWriter().WriteString("rsa-sha2-256").WriteString(number[1..]).Written));
            Assert.False(key.PublicKey.Verify("rsa-sha2-256", data, new SshWriter().WriteString("rsa-sha2-256").WriteString([0, .. number]).Written));
            return;
        }
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Whatever_is_no_signature_is_just_none(string algorithm)
    {
        var key = TestKeys.Of(algorithm);
        var good = key.Sign(algorithm, "data"u8);

        for (var length = 0; length < good.Length; length++)
            Assert.False(key.PublicKey.Verify(algorithm, "data"u8, good.AsSpan(0, length)));
        Assert.False(key.PublicKey.Verify(algorithm, "data"u8, [.. good, 0]));
        Assert.False(key.PublicKey.Verify(algorithm, "data"u8, new SshWriter().WriteString(algorithm).WriteString([]).Written));
        Assert.False(key.PublicKey.Verify(algorithm, "data"u8, new SshWriter().WriteString(algorithm).WriteString(new byte[64]).Written));
        Assert.False(key.PublicKey.Verify(algorithm, "data"u8, new SshWriter().WriteString(algorithm).WriteString(new byte[100_000]).Written));
        Assert.False(key.PublicKey.Verify(algorithm, "data"u8, new SshWriter().WriteString(algorithm).WriteString(new SshWriter().WriteMpint([]).WriteMpint([]).Written).Written));
        Assert.False(key.PublicKey.Verify(algorithm, "data"u8, new SshWriter().WriteString(algorithm).WriteString(new SshWriter().WriteMpint([1, .. new byte[66]]).WriteMpint([1]).Written).Written));
        Assert.False(key.PublicKey.Verify(algorithm, "data"u8, new SshWriter().WriteString(algorithm).WriteString(new SshWriter().WriteString([0xFF]).WriteMpint([1]).Written).Written));
    }

    [Theory]
    [InlineData("ed25519", 0)]
    [InlineData("ecdsa", 256)]
    [InlineData("ecdsa", 384)]
    [InlineData("ecdsa", 521)]
    [InlineData("rsa", 2048)]
    [InlineData("rsa", 2049)]
    [InlineData("rsa", 4096)]
    public void Keys_of_OpenSSH_are_read_have_its_fingerprints_and_verify_what_it_signs(string type, int bits)
    {
        using var keygen = new Keygen();
        var path = keygen.Make(type, bits);
        var line = File.ReadAllText(path + ".pub");

        Assert.True(SshPublicKey.TryParse(line, out var key, out var comment, out _));
        Assert.Equal(line.TrimEnd('\n'), $"{key} {comment}");
        Assert.Equal(keygen.Run("-lf", path + ".pub").Split(' ')[1], key.Fingerprint);
        var (signer, signed, signature) = SshSignature.MadeBy(keygen, path, "a message"u8.ToArray());
        Assert.Equal(key, signer);
        Assert.True(key.Verify(key.Algorithms[0], signed, signature));
        signed[^1] ^= 1;
        Assert.False(key.Verify(key.Algorithms[0], signed, signature));
    }

    private static byte[] Modulus(int bits)
    {
        var modulus = new byte[(bits + 7) / 8];
        modulus[0] = (byte)(1 << ((bits - 1) % 8));
        modulus[^1] = 1;
        return modulus;
    }

    private static byte[] RsaBlob(byte[] exponent, byte[] modulus) => new SshWriter().WriteString("ssh-rsa").WriteMpint(exponent).WriteMpint(modulus).ToArray();

    private static byte[] Renamed(byte[] signature, string algorithm)
    {
        var reader = new SshReader(signature);
        reader.ReadString();
        return new SshWriter().WriteString(algorithm).WriteString(reader.ReadString()).ToArray();
    }
}
