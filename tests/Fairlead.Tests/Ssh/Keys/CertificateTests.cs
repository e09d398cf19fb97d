using System.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Certificates that ssh-keygen has signed, and some that nobody should have.</summary>
public sealed class CertificateTests
{
    private static readonly DateTimeOffset now = new(2026, 12, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("ed25519", 256, "ed25519", 256)]
    [InlineData("ecdsa", 256, "ecdsa", 384)]
    [InlineData("ecdsa", 521, "rsa", 2048)]
    [InlineData("rsa", 2048, "ecdsa", 521)]
    public void What_ssh_keygen_signs_is_read_and_its_signature_verified(string type, int bits, string authorityType, int authorityBits)
    {
        using var keygen = new Keygen();
        var (ca, id) = (keygen.Make(authorityType, authorityBits, name: "ca"), keygen.Make(type, bits));
        keygen.Run("-q", "-s", ca, "-I", "alice at work", "-n", "alice,bob", "-z", "7", "-V", "20261201110000Z:20261201130000Z", "-O", "source-address=127.0.0.0/8", $"{id}.pub");
        var certificate = SshCertificate.Load($"{id}-cert.pub");

        Assert.Equal(SshPublicKey.Parse(File.ReadAllText($"{id}.pub")), certificate.Key);
        Assert.Equal(SshPublicKey.Parse(File.ReadAllText($"{ca}.pub")), certificate.Authority);
        Assert.Equal((SshCertificateKind.User, 7UL, "alice at work"), (certificate.Kind, certificate.Serial, certificate.KeyId));
        Assert.Equal(["alice", "bob"], certificate.Principals);
        Assert.Equal(["source-address"], certificate.CriticalOptions.Select(option => option.Name));
        Assert.True(certificate.HasExtension("permit-port-forwarding"));
        Assert.True(certificate.IsSigned());
        Assert.Equal([false, true, true, false], new[] { -3601, -3600, 3599, 3600 }.Select(seconds => certificate.IsValidAt(now.AddSeconds(seconds))));

        // Whatever bit is another, the signature is none any more.
        var blob = certificate.Blob.ToArray();
        for (var at = blob.Length - 8; at > 0; at -= 37)
        {
            var changed = (byte[])blob.Clone();
            changed[at] ^= 4;
            try
            {
                Assert.False(SshCertificate.Read(changed).IsSigned());
            }
            catch (SshFormatException)
            {
            }
        }
    }

    [Fact]
    public void A_signature_by_SHA1_is_none()
    {
        using var keygen = new Keygen();
        var (ca, id) = (keygen.Make("rsa", 2048, name: "ca"), keygen.Make("ed25519"));
        var (status, output) = keygen.Start("ssh-keygen", null, "-q", "-s", ca, "-t", "ssh-rsa", "-I", "x", "-n", "alice", $"{id}.pub");
        Assert.True(status == 0, output);

        Assert.False(SshCertificate.Load($"{id}-cert.pub").IsSigned());
    }

    [Fact]
    public void What_is_none_is_refused_with_the_remedy()
    {
        using var folder = new TestFolder();
        Assert.EndsWith("it does not exist; write the path of a file that ends in -cert.pub", Assert.Throws<SshKeyException>(() => SshCertificate.Load(folder.PathOf("gone"))).Message, StringComparison.Ordinal);
        Assert.EndsWith("it is no certificate in one line, as ssh-keygen -s writes it; write the path of a file that ends in -cert.pub", Assert.Throws<SshKeyException>(() => SshCertificate.Load(folder.Write("none", "x y"))).Message, StringComparison.Ordinal);
        var key = TestKeys.Of("ssh-ed25519").PublicKey;
        Assert.Equal("the type of certificate 'ssh-dss-cert-v01@openssh.com' is not known", Fault(new SshWriter().WriteString("ssh-dss-cert-v01@openssh.com").WriteString("nonce").ToArray()));
        Assert.Equal("a certificate is neither of a user nor of a host", Fault(TestCertificates.Make(key, kind: 3)));
        Assert.Equal("a certificate is for more than the 256 names that are read", Fault(TestCertificates.Make(key, principals: Enumerable.Repeat("a", 257))));
        Assert.Equal("a certificate has options out of their order", Fault(TestCertificates.Make(key, extensions: ["permit-pty", "permit-port-forwarding"])));
        Assert.Equal("a certificate has options out of their order", Fault(TestCertificates.Make(key, extensions: ["permit-pty", "permit-pty"])));
        Assert.Equal("a certificate of 40000 bytes is longer than the 32768 that are read", Fault(new byte[40000]));
        Assert.Equal("there are bytes behind the end of a message", Fault([.. TestCertificates.Make(key), 0]));
    }

    [Theory]
    [InlineData("cert-authority", "alice", null)]
    [InlineData("cert-authority", "mallory", "it is for alice, ops")]
    [InlineData("cert-authority,principals=\"ops\"", "anybody", null)]
    [InlineData("cert-authority,principals=\"root,admin\"", "alice", "it is for alice, ops")]
    [InlineData("cert-authority,from=\"192.0.2.0/24\"", "alice", "the authority's line is not for this time, or not for who comes from there")]
    [InlineData("cert-authority,expiry-time=\"20200101Z\"", "alice", "the authority's line is not for this time, or not for who comes from there")]
    public void A_line_of_an_authority_lets_in_whom_it_signs_for(string options, string user, string? fault)
    {
        var certificate = SshCertificate.Read(TestCertificates.Make(TestKeys.All[1].PublicKey, principals: ["alice", "ops"]));
        var keys = AuthorizedKeys.Parse("keys", $"{options} {TestCertificates.Authority.PublicKey} the authority", TimeZoneInfo.Utc);

        var entry = keys.Find(certificate, user, IPAddress.Loopback, now, out var found);
        Assert.Equal(fault, found);
        Assert.Equal(fault is null, entry is not null);
        if (entry is null)
            return;
        Assert.Equal((certificate.Key, "the authority", true), (entry.Key, entry.Comment, entry.MayForward));
        Assert.Same(certificate, entry.Certificate);
    }

    [Fact]
    public void What_a_certificate_says_is_heeded()
    {
        var key = TestKeys.All[1].PublicKey;
        Assert.Equal("it is a host's", Refusal(TestCertificates.Make(key, kind: 2)));
        Assert.Equal("it is not valid at this time", Refusal(TestCertificates.Make(key, after: (ulong)now.ToUnixTimeSeconds() + 1)));
        Assert.Equal("it is not valid at this time", Refusal(TestCertificates.Make(key, before: (ulong)now.ToUnixTimeSeconds())));
        Assert.Equal("it is for nobody by name", Refusal(TestCertificates.Make(key, principals: [])));
        Assert.Equal("it has the option verify-required, which is not known and has to be heeded", Refusal(TestCertificates.Make(key, critical: [("verify-required", "")])));
        Assert.Equal("its signature is not that of the authority", Refusal(TestCertificates.Make(key, signs: TestKeys.All[2])));
        Assert.Null(Refusal(TestCertificates.Make(key, critical: [("force-command", "date")])));
        foreach (var (list, fault) in new[] { ("127.0.0.0/8", null), ("192.0.2.1,127.0.0.1", null), ("192.0.2.0/24", "no"), ("*", "no"), ("!192.0.2.1,127.0.0.1", "no"), ("", "no"), ("nonsense", "no") })
            Assert.Equal(fault is null ? null : "it is not for who comes from there", Refusal(TestCertificates.Make(key, critical: [("source-address", list)])));

        // Without the extension it lets in, and forwards nothing.
        var keys = AuthorizedKeys.Parse("keys", $"cert-authority {TestCertificates.Authority.PublicKey}", TimeZoneInfo.Utc);
        Assert.False(keys.Find(SshCertificate.Read(TestCertificates.Make(key, extensions: ["permit-pty"])), "alice", IPAddress.Loopback, now, out _)!.MayForward);
        keys = AuthorizedKeys.Parse("keys", $"restrict,cert-authority {TestCertificates.Authority.PublicKey}", TimeZoneInfo.Utc);
        Assert.False(keys.Find(SshCertificate.Read(TestCertificates.Make(key)), "alice", IPAddress.Loopback, now, out _)!.MayForward);
    }

    [Fact]
    public void Keys_and_certificates_are_not_taken_for_one_another()
    {
        var (authority, key) = (TestCertificates.Authority.PublicKey, TestKeys.All[1].PublicKey);
        var certificate = SshCertificate.Read(TestCertificates.Make(key));
        // The authority itself is not let in, nor a key alone that it has signed.
        var keys = AuthorizedKeys.Parse("keys", $"cert-authority {authority}", TimeZoneInfo.Utc);
        Assert.Null(keys.Find(authority, IPAddress.Loopback, now));
        Assert.Null(keys.Find(key, IPAddress.Loopback, now));
        // Nor a certificate of a key, or by a key, that is let in by itself.
        keys = AuthorizedKeys.Parse("keys", $"{authority}\n{key}", TimeZoneInfo.Utc);
        Assert.Null(keys.Find(certificate, "alice", IPAddress.Loopback, now, out var fault));
        Assert.Null(fault);
    }

    [Fact]
    public void A_host_is_believed_by_a_certificate_for_its_name()
    {
        var key = TestKeys.All[1].PublicKey;
        var hosts = KnownHosts.Parse(("known_hosts", $"@cert-authority *.example.com,[*]:2222 {TestCertificates.Authority.PublicKey}"));
        string? Check(byte[] blob, string host = "a.example.com", int port = 22) => hosts.CheckCertificate(host, port, SshCertificate.Read(blob), now, out _);
        byte[] Host(string[]? principals = null, ulong before = ulong.MaxValue, (string, string)[]? critical = null, SshPrivateKey? signs = null, uint kind = 2) =>
            TestCertificates.Make(key, kind, principals ?? ["a.example.com"], before: before, critical: critical, signs: signs);

        Assert.True(hosts.HasAuthority("A.example.com", 22));
        Assert.True(hosts.HasAuthority("b.example.com", 2222));
        Assert.False(hosts.HasAuthority("example.org", 22));
        Assert.Empty(hosts.AlgorithmsOf("a.example.com", 22));
        Assert.Null(Check(Host()));
        Assert.Null(Check(Host(), "A.EXAMPLE.com", 2222));
        Assert.Null(Check(Host(["*.example.com"])));
        Assert.Contains("as it is for b.example.com", Check(Host(["b.example.com"])), StringComparison.Ordinal);
        Assert.Contains("as it is for no host by name", Check(Host([])), StringComparison.Ordinal);
        Assert.Contains("as it is a user's", Check(Host(kind: 1)), StringComparison.Ordinal);
        Assert.Contains("as it is not valid at this time", Check(Host(before: 1)), StringComparison.Ordinal);
        Assert.Contains("as it has the option x, which is not known", Check(Host(critical: [("x", "")])), StringComparison.Ordinal);
        Assert.Contains("as its signature is not that of the authority", Check(Host(signs: TestKeys.All[2])), StringComparison.Ordinal);

        // By an authority of others, it is nothing; and the authority itself is no key of the host.
        Assert.Contains("an authority that is not known", hosts.CheckCertificate("a.example.org", 22, SshCertificate.Read(Host(["a.example.org"])), now, out var isDecided), StringComparison.Ordinal);
        Assert.False(isDecided);
        Assert.Equal(HostKeyStatus.Unknown, hosts.Check("a.example.com", 22, null, TestCertificates.Authority.PublicKey).Status);
    }

    [Fact]
    public void A_revoked_authority_or_key_makes_a_certificate_worthless()
    {
        var key = TestKeys.All[1].PublicKey;
        foreach (var revoked in new[] { key, TestCertificates.Authority.PublicKey })
        {
            var hosts = KnownHosts.Parse(("known_hosts", $"@cert-authority * {TestCertificates.Authority.PublicKey}\n@revoked * {revoked}"));
            var fault = hosts.CheckCertificate("a.example.com", 22, SshCertificate.Read(TestCertificates.Make(key, 2, ["a.example.com"])), now, out var isDecided);
            Assert.StartsWith("WARNING: a.example.com shows a certificate that must not be believed any more: ", fault, StringComparison.Ordinal);
            Assert.True(isDecided);
        }
    }

    private static string Fault(byte[] blob) => Assert.Throws<SshFormatException>(() => SshCertificate.Read(blob)).Message;

    private static string? Refusal(byte[] blob)
    {
        var keys = AuthorizedKeys.Parse("keys", $"cert-authority {TestCertificates.Authority.PublicKey}", TimeZoneInfo.Utc);
        Assert.Equal(keys.Find(SshCertificate.Read(blob), "alice", IPAddress.Loopback, now, out var fault) is null, fault is not null);
        return fault;
    }
}
