using System.Security.Cryptography;
using System.Text;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class EncryptedKeyTests
{
    private const string Wrong = "the passphrase is not that of the private key; give the right one, which this asks for too: ssh-keygen -y -f FILE";

    private static ReadOnlySpan<byte> Passphrase => "Grüße an alle"u8;

    public static TheoryData<string> Ciphers =>
        ["aes256-ctr", "aes192-ctr", "aes128-ctr", "aes256-cbc", "aes192-cbc", "aes128-cbc", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"];

    [Theory]
    [MemberData(nameof(Ciphers))]
    public void Keys_that_OpenSSH_has_encrypted_are_read_with_each_cipher(string cipher)
    {
        using var keygen = new Keygen();
        var path = keygen.Make("ed25519");
        keygen.Run("-p", "-P", "", "-N", Encoding.UTF8.GetString(Passphrase), "-Z", cipher, "-a", "2", "-f", path);

        AssertRead(keygen, path, cipher);
    }

    [Theory]
    [InlineData("ed25519", 0, "16")]
    [InlineData("ecdsa", 521, "2")]
    [InlineData("rsa", 3072, "2")]
    public void Keys_of_each_type_are_read_as_ssh_keygen_encrypts_them(string type, int bits, string rounds)
    {
        using var keygen = new Keygen();
        var path = keygen.Make(type, bits);
        keygen.Run("-p", "-P", "", "-N", Encoding.UTF8.GetString(Passphrase), "-a", rounds, "-f", path);

        AssertRead(keygen, path, "aes256-ctr");
    }

    [Theory]
    [InlineData("ecdsa", 256, "PEM", "PEM")]
    [InlineData("rsa", 2048, "PEM", "PEM")]
    [InlineData("ecdsa", 384, "PKCS8", "PKCS#8")]
    [InlineData("rsa", 2048, "PKCS8", "PKCS#8")]
    public void PEM_and_PKCS8_of_OpenSSH_are_read(string type, int bits, string format, string cipher)
    {
        using var keygen = new Keygen();
        var path = keygen.Make(type, bits, format);
        keygen.Run("-p", "-P", "", "-N", Encoding.UTF8.GetString(Passphrase), "-m", format, "-f", path);

        AssertRead(keygen, path, cipher);
    }

    [Theory]
    [InlineData("-aes128")]
    [InlineData("-aes192")]
    [InlineData("-aes256")]
    public void PEM_of_OpenSSL_is_read_with_each_cipher(string cipher)
    {
        using var keygen = new Keygen();
        var plain = keygen.Make("rsa", 2048, "PEM");
        var path = keygen.PathOf("encrypted");
        var (status, output) = keygen.Start("openssl", null, "rsa", "-traditional", cipher, "-passout", $"pass:{Encoding.UTF8.GetString(Passphrase)}", "-in", plain, "-out", path);
        Assert.True(status == 0, output);

        AssertSame(SshPublicKey.Parse(File.ReadAllText($"{plain}.pub")), File.ReadAllBytes(path));
    }

    [Fact]
    public void Ed25519_of_OpenSSL_is_read()
    {
        using var keygen = new Keygen();
        var (plain, path) = (keygen.PathOf("plain"), keygen.PathOf("encrypted"));
        Assert.Equal(0, keygen.Start("openssl", null, "genpkey", "-algorithm", "ed25519", "-out", plain).Status);
        Assert.Equal(0, keygen.Start("openssl", null, "pkcs8", "-topk8", "-passout", $"pass:{Encoding.UTF8.GetString(Passphrase)}", "-in", plain, "-out", path).Status);
        using var key = SshPrivateKey.Read(File.ReadAllBytes(plain), null);

        AssertSame(key.PublicKey, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData(PbeEncryptionAlgorithm.Aes128Cbc, "SHA1")]
    [InlineData(PbeEncryptionAlgorithm.Aes192Cbc, "SHA256")]
    [InlineData(PbeEncryptionAlgorithm.Aes256Cbc, "SHA384")]
    [InlineData(PbeEncryptionAlgorithm.Aes256Cbc, "SHA512")]
    public void PKCS8_is_read_with_each_cipher_and_hash(PbeEncryptionAlgorithm cipher, string hash)
    {
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var plain = SshPrivateKey.Read(Encoding.ASCII.GetBytes(ecdsa.ExportPkcs8PrivateKeyPem()), null);
        var text = PemEncoding.WriteString("ENCRYPTED PRIVATE KEY", ecdsa.ExportEncryptedPkcs8PrivateKey(Passphrase, new PbeParameters(cipher, new HashAlgorithmName(hash), 10)));

        AssertSame(plain.PublicKey, Encoding.ASCII.GetBytes(text));
    }

    [Fact]
    public void What_is_encrypted_otherwise_says_so_with_the_remedy()
    {
        using var rsa = RSA.Create(2048);
        AssertFault("the private key cannot be used: it is encrypted in a way that is not known here (object identifier 1.2.840.113549.1.12.1.3); write it in OpenSSH's form with: ssh-keygen -p -f FILE",
            PemEncoding.WriteString("ENCRYPTED PRIVATE KEY", rsa.ExportEncryptedPkcs8PrivateKey("secret", new PbeParameters(PbeEncryptionAlgorithm.TripleDes3KeyPkcs12, HashAlgorithmName.SHA1, 10))));
        AssertFault("the private key cannot be used: it asks for more iterations of the key derivation than the 10000000 that are done, or for none",
            PemEncoding.WriteString("ENCRYPTED PRIVATE KEY", WithIterations(rsa, 10, 0x7FFFFFFF)));
        AssertFault("the private key cannot be used: it is encrypted with DES-EDE3-CBC, which is not known here; write it in OpenSSH's form with: ssh-keygen -p -f FILE",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,0123456789ABCDEF\n\nAAAA\n-----END RSA PRIVATE KEY-----\n");
        foreach (var header in new[] { "", "DEK-Info: AES-128-CBC,00", "DEK-Info: AES-128-CBC", "DEK-Info: AES-128-CBC,zz" })
            AssertFault("the private key cannot be used: it does not say how it is encrypted", $"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n{header}\n\nAAAA\n-----END RSA PRIVATE KEY-----\n");
        AssertFault("the private key cannot be used: it is encrypted with rot13 and bcrypt, which are not known here; write it anew with: ssh-keygen -p -Z aes256-ctr -f FILE", OfOpenSsh("rot13", "bcrypt", 16));
        AssertFault("the private key cannot be used: it is encrypted with aes256-ctr and scrypt, which are not known here", OfOpenSsh("aes256-ctr", "scrypt", 16));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4097)]
    [InlineData(uint.MaxValue)]
    public void Nobody_computes_for_ever_because_a_file_says_so(uint rounds) =>
        AssertFault($"the private key cannot be used: it asks for {rounds} rounds of the key derivation, and from 1 to 4096 are done", OfOpenSsh("aes256-ctr", "bcrypt", rounds));

    [Fact]
    public void The_public_key_of_an_encrypted_one_is_known_without_the_passphrase()
    {
        using var keygen = new Keygen();
        foreach (var format in new[] { "RFC4716", "PKCS8" })
        {
            var path = keygen.Make("rsa", 2048, name: format);
            keygen.Run("-p", "-P", "", "-N", "secret words", "-m", format, "-f", path);
            Assert.Equal(SshPublicKey.Parse(File.ReadAllText($"{path}.pub")), SshPrivateKey.LoadPublic(path));
        }
        File.Delete(keygen.PathOf("PKCS8.pub"));
        Assert.Null(SshPrivateKey.LoadPublic(keygen.PathOf("PKCS8")));
    }

    private static void AssertRead(Keygen keygen, string path, string cipher)
    {
        var file = File.ReadAllBytes(path);
        AssertSame(SshPublicKey.Parse(File.ReadAllText($"{path}.pub")), file);
        var none = Assert.Throws<SshKeyException>(() => SshPrivateKey.Load(path, null));
        Assert.StartsWith($"{path}: the private key is encrypted with a passphrase ({cipher}), and none is given; give it (", none.Message, StringComparison.Ordinal);
        Assert.True(none.IsPassphraseWrong);
        using var key = SshPrivateKey.Load(path, Passphrase);
        var (status, output) = SshSignature.Checked(keygen, key, key.PublicKey.Algorithms[0], "a message for another program");
        Assert.True(status == 0, output);
    }

    private static void AssertSame(SshPublicKey expected, byte[] file)
    {
        using (var key = SshPrivateKey.Read(file, Passphrase))
            Assert.Equal(expected, key.PublicKey);
        // One in 256 leaves what looks padded: of a few one at least says what is wrong, and none is read.
        for (var i = 0; i < 4; i++)
        {
            var error = Assert.Throws<SshKeyException>(() => SshPrivateKey.Read(file, Encoding.UTF8.GetBytes($"another {i}")));
            Assert.DoesNotContain("another", error.Message.Replace("another key", "", StringComparison.Ordinal), StringComparison.Ordinal);
            Assert.Equal((Wrong, true), (error.Message, error.IsPassphraseWrong));
        }
    }

    private static void AssertFault(string fault, string file) =>
        Assert.StartsWith(fault, Assert.Throws<SshKeyException>(() => SshPrivateKey.Read(Encoding.ASCII.GetBytes(file), "secret"u8)).Message, StringComparison.Ordinal);

    private static byte[] WithIterations(RSA rsa, int written, int claimed)
    {
        var der = rsa.ExportEncryptedPkcs8PrivateKey("secret"u8, new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, written));
        // The same number in four bytes has to stand in all that holds it: easier to write it all anew.
        var writer = new System.Formats.Asn1.AsnWriter(System.Formats.Asn1.AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier("1.2.840.113549.1.5.13");
                using (writer.PushSequence())
                {
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier("1.2.840.113549.1.5.12");
                        using (writer.PushSequence())
                        {
                            writer.WriteOctetString(new byte[8]);
                            writer.WriteInteger(claimed);
                        }
                    }
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier("2.16.840.1.101.3.4.1.2");
                        writer.WriteOctetString(new byte[16]);
                    }
                }
            }
            writer.WriteOctetString(der);
        }
        return writer.Encode();
    }

    private static string OfOpenSsh(string cipher, string kdf, uint rounds)
    {
        var options = new SshWriter().WriteString("0123456789abcdef"u8).WriteUInt32(rounds);
        var file = new SshWriter().WriteBytes("openssh-key-v1\0"u8).WriteString(cipher).WriteString(kdf).WriteString(options.Written).WriteUInt32(1)
            .WriteString(TestKeys.Of("ssh-ed25519").PublicKey.Blob.Span).WriteString(new byte[64]);
        return PemEncoding.WriteString("OPENSSH PRIVATE KEY", file.Written);
    }
}
