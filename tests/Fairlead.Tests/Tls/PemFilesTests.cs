using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Fairlead.Tests;

public sealed class PemFilesTests : IDisposable
{
    private readonly Authority authority = new();

    public void Dispose() => authority.Dispose();

    [Fact]
    public void A_key_may_stand_in_the_file_of_its_certificate()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"], viaIntermediate: true);
        var both = authority.Write("both.pem", File.ReadAllText(key) + "\n" + File.ReadAllText(certificate));
        Assert.True(PemFiles.Pair(both, both).TargetCertificate.HasPrivateKey);
    }

    [Fact]
    public void A_key_in_the_forms_of_old_is_read()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        using var ecdsa = ECDsa.Create();
        ecdsa.ImportFromPem(File.ReadAllText(key));
        authority.Write("server.key", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + ecdsa.ExportECPrivateKeyPem());
        Assert.True(PemFiles.Pair(certificate, key).TargetCertificate.HasPrivateKey);

        (certificate, key) = authority.Issue("server", ["localhost"], rsa: true);
        using var rsa = RSA.Create();
        rsa.ImportFromPem(File.ReadAllText(key));
        authority.Write("server.key", rsa.ExportRSAPrivateKeyPem());
        Assert.True(PemFiles.Pair(certificate, key).TargetCertificate.HasPrivateKey);
    }

    [Fact]
    public void What_cannot_be_used_is_named_with_the_remedy()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        var (_, otherKey) = authority.Issue("other", ["localhost"]);
        var (_, rsaKey) = authority.Issue("rsa", ["localhost"], rsa: true);
        var missing = authority.PathOf("missing.pem");
        var empty = authority.Write("empty.pem", "");
        var broken = authority.Write("broken.pem", "-----BEGIN CERTIFICATE-----\nQUFB\n-----END CERTIFICATE-----\n");
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var encrypted = authority.Write("encrypted.key", ecdsa.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));

        AssertFault($"{missing} cannot be read: it does not exist", missing, key);
        AssertFault($"{missing} cannot be read: it does not exist", certificate, missing);
        AssertFault($"{empty} has no certificate; write the path of one in PEM, which has a line -----BEGIN CERTIFICATE-----", empty, key);
        AssertFault($"{key} has no certificate; ", key, key);
        AssertFault($"{broken} has a broken certificate (", broken, key);
        AssertFault($"{certificate} has no private key; write the path of one in PEM, which has a line -----BEGIN PRIVATE KEY-----", certificate, certificate);
        AssertFault($"{otherKey} is not the key of {certificate}, ", certificate, otherKey);
        AssertFault($"{rsaKey} is not the key of {certificate}, ", certificate, rsaKey);
        AssertFault($"{encrypted} is encrypted, and nobody is there to be asked for its password; run: openssl pkey -in {encrypted} -out FILE", certificate, encrypted);
        AssertFault($"{Path.GetDirectoryName(key)} is a folder; write the path of a file", Path.GetDirectoryName(key)!, key);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void A_key_that_others_can_write_is_refused_for_root()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root has this rule.");
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        AssertFault($"{key} can be written by others than root, who could have root do anything; run: chmod go-w {key}", certificate, key);
        var ca = authority.RootFile;
        File.SetUnixFileMode(ca, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);
        Assert.StartsWith($"{ca} can be written by others", Assert.Throws<FormatException>(() => PemFiles.Certificates(ca)).Message, StringComparison.Ordinal);
    }

    private static void AssertFault(string message, string certificate, string key)
    {
        Assert.StartsWith(message, Assert.Throws<FormatException>(() => PemFiles.Pair(certificate, key)).Message, StringComparison.Ordinal);
    }
}
