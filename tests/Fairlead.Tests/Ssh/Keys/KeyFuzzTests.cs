using System.Net;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Whatever a stranger sends or a file has in it: keys are read or refused by the exceptions that are said to, signatures are just none, and no message could move a terminal's cursor.</summary>
public sealed class KeyFuzzTests
{
    private static readonly string[] pieces =
    [
        "\n", "\r", " ", "\t", "\"", "\\\"", ",", "=", "!", "*", "?", "|1|", "|", "@revoked ", "@cert-authority ", "#", "[", "]:", ":", "/", "%", "AAAA", "ssh-ed25519 ", "ssh-rsa ", "restrict", "cert-authority", "principals=\"", "from=\"", "permitopen=\"",
        "permitlisten=\"", "expiry-time=\"", "none", "command=\"", "10.0.0.0/8", "::/0", "fe80::1%3", "20260101", "Z", "\0", "\u001b[2J", "\u202e", "\ud800", "é",
    ];

    [Theory, Seeds(1)]
    public void Blobs_are_read_or_refused(int seed)
    {
        var random = new Random(seed);
        foreach (var key in TestKeys.All)
        {
            for (var i = 0; i < 300; i++)
            {
                var blob = Mutation.Of(random, key.PublicKey.Blob.ToArray(), least: 1);
                try
                {
                    var read = SshPublicKey.Read(blob);
                    Assert.Equal(blob, read.Blob.ToArray());
                    foreach (var algorithm in read.Algorithms)
                        Assert.False(!read.Equals(key.PublicKey) && read.Verify(algorithm, "data"u8, key.Sign(key.PublicKey.Algorithms[0], "data"u8)));
                }
                catch (SshFormatException error)
                {
                    AssertShown(error.Message);
                }
            }
        }
        for (var i = 0; i < 2000; i++)
        {
            var noise = Traffic.RandomBytes(random.Next(200), random.Next());
            AssertShown(Assert.Throws<SshFormatException>(() => SshPublicKey.Read(noise)).Message);
        }
    }

    [Theory, Seeds(1)]
    public void Numbers_of_any_value_are_keys_that_verify_nothing_or_none(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 40; i++)
        {
            var modulus = Traffic.RandomBytes(256 + random.Next(64), random.Next());
            var exponent = Traffic.RandomBytes(random.Next(1, 9), random.Next());
            if (i % 4 == 0)
                modulus.AsSpan(1, modulus.Length - 2).Clear();
            var blob = new SshWriter().WriteString("ssh-rsa").WriteMpint(exponent).WriteMpint(modulus).ToArray();
            try
            {
                var key = SshPublicKey.Read(blob);
                foreach (var number in new[] { [], [0], [1], modulus, Traffic.RandomBytes(modulus.Length, seed) })
                    Assert.False(key.Verify("rsa-sha2-512", "data"u8, new SshWriter().WriteString("rsa-sha2-512").WriteString(number).Written));
            }
            catch (SshFormatException error)
            {
                AssertShown(error.Message);
            }
        }
        for (var i = 0; i < 100; i++)
        {
            var point = new SshWriter().WriteString("ssh-ed25519").WriteString(i == 0 ? new byte[32] : Traffic.RandomBytes(32, random.Next())).ToArray();
            Assert.False(SshPublicKey.Read(point).Verify("ssh-ed25519", "data"u8, new SshWriter().WriteString("ssh-ed25519").WriteString(Traffic.RandomBytes(64, random.Next())).Written));
        }
    }

    [Theory, Seeds(1)]
    public void Signatures_that_were_changed_are_none(int seed)
    {
        var random = new Random(seed);
        foreach (var key in TestKeys.All)
        {
            var algorithm = key.PublicKey.Algorithms[^1];
            var good = key.Sign(algorithm, "data"u8);
            for (var i = 0; i < 200; i++)
            {
                var bad = Mutation.Of(random, good, least: 1);
                if (!bad.AsSpan().SequenceEqual(good) && key.PublicKey.Verify(algorithm, "data"u8, bad))
                    Assert.Equal(Number(good), Number(bad)); // numbers may begin with zeros
            }
        }
    }

    [Theory, Seeds(1)]
    public void Files_of_private_keys_are_read_or_refused(int seed)
    {
        var random = new Random(seed);
        foreach (var file in PrivateKeys())
        {
            for (var i = 0; i < 60; i++)
                CheckPrivate(i % 2 == 0 ? Mutation.Of(random, file, least: 1) : Encoding.ASCII.GetBytes(PemEncoding.WriteString(LabelOf(file), Mutation.Of(random, BodyOf(file), least: 1))));
        }
        for (var i = 0; i < 500; i++)
        {
            CheckPrivate(Traffic.RandomBytes(random.Next(500), random.Next()));
            CheckPrivate(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(6) switch
            {
                0 => "-----BEGIN ",
                1 => "OPENSSH PRIVATE KEY",
                2 => "-----",
                3 => "-----END ",
                4 => "PRIVATE KEY",
                _ => pieces[random.Next(pieces.Length)],
            }))));
        }
    }

    [Theory, Seeds(1)]
    public void Files_of_encrypted_keys_are_read_or_refused(int seed)
    {
        var random = new Random(seed);
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var pkcs8 = ecdsa.ExportEncryptedPkcs8PrivateKey("secret"u8, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 10));
        foreach (var cipher in new[] { "aes256-ctr", "aes128-cbc", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com" })
        {
            var options = new SshWriter().WriteString("0123456789abcdef"u8).WriteUInt32(1);
            var head = new SshWriter().WriteBytes("openssh-key-v1\0"u8).WriteString(cipher).WriteString("bcrypt").WriteString(options.Written);
            var file = new SshWriter().WriteBytes(head.Written).WriteUInt32(1).WriteString(TestKeys.All[0].PublicKey.Blob.Span).WriteString(new byte[160]).WriteBytes(new byte[16]).ToArray();
            for (var i = 0; i < 60; i++)
            {
                var mutated = Mutation.Of(random, file, least: 1);
                // More rounds would only take longer.
                if (mutated.Length > head.Written.Length && mutated[head.Written.Length - 2] == 0)
                    (mutated[head.Written.Length - 4], mutated[head.Written.Length - 3], mutated[head.Written.Length - 1]) = (0, 0, 1);
                CheckPrivate(Encoding.ASCII.GetBytes(PemEncoding.WriteString("OPENSSH PRIVATE KEY", mutated)), "secret");
            }
        }
        for (var i = 0; i < 300; i++)
        {
            var mutated = Mutation.Of(random, pkcs8, least: 1);
            if (mutated.AsSpan().IndexOf(new byte[] { 2, 1, 10 }) >= 0)
                CheckPrivate(Encoding.ASCII.GetBytes(PemEncoding.WriteString("ENCRYPTED PRIVATE KEY", mutated)), "secret");
        }
        var old = Encoding.ASCII.GetBytes($"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{new string('0', 32)}\n\n{Convert.ToBase64String(new byte[128])}\n-----END EC PRIVATE KEY-----\n");
        for (var i = 0; i < 300; i++)
            CheckPrivate(Mutation.Of(random, old, least: 1), "secret");
    }

    [Theory, Seeds(1)]
    public void Certificates_are_read_or_refused_and_signed_only_as_they_were(int seed)
    {
        var random = new Random(seed);
        foreach (var key in TestKeys.All)
        {
            var good = TestCertificates.Make(key.PublicKey, critical: [("force-command", "date"), ("source-address", "127.0.0.0/8")], extensions: ["permit-agent-forwarding", "permit-port-forwarding"]);
            for (var i = 0; i < 150; i++)
            {
                var blob = Mutation.Of(random, good, least: 1);
                try
                {
                    var certificate = SshCertificate.Read(blob);
                    Assert.Equal(blob, certificate.Blob.ToArray());
                    AssertShown(certificate.ToString());
                    Assert.False(!blob.AsSpan(0, good.Length - 90 < blob.Length ? good.Length - 90 : 0).SequenceEqual(good.AsSpan(0, good.Length - 90)) && certificate.IsSigned());
                    var keys = AuthorizedKeys.Parse("keys", $"cert-authority {certificate.Authority}", TimeZoneInfo.Utc);
                    _ = keys.Find(certificate, "alice", IPAddress.Loopback, DateTimeOffset.UnixEpoch, out var fault);
                    AssertShown(fault ?? "");
                    AssertShown(KnownHosts.Parse(("known_hosts", $"@cert-authority * {certificate.Authority}")).CheckCertificate("alice", 22, certificate, DateTimeOffset.UnixEpoch, out _) ?? "");
                }
                catch (SshFormatException error)
                {
                    AssertShown(error.Message);
                }
            }
        }
    }

    [Theory, Seeds(1)]
    public void Answers_of_agents_and_questions_of_servers_are_read_or_refused(int seed)
    {
        var random = new Random(seed);
        var key = TestKeys.All[0];
        byte[][] good =
        [
            new SshWriter().Begin(12).WriteUInt32(2).WriteString(key.PublicKey.Blob.Span).WriteString("a").WriteString(TestCertificates.Make(key.PublicKey)).WriteString("b").ToArray(),
            new SshWriter().Begin(14).WriteString(key.Sign("ssh-ed25519", "data"u8)).ToArray(),
            new SshWriter().Begin(60).WriteString("title").WriteString("instruction").WriteString("").WriteUInt32(2).WriteString("Password: ").WriteBoolean(false).WriteString("Code: ").WriteBoolean(true).ToArray(),
        ];
        for (var i = 0; i < 3000; i++)
        {
            var message = i % 3 == 0 ? Traffic.RandomBytes(random.Next(100), random.Next()) : Mutation.Of(random, good[random.Next(good.Length)], least: 1);
            Assert.True(Record.Exception(() => SshAgent.ReadIdentities(message)) is null or SshFormatException);
            _ = SshAgent.ReadSignature(message, "ssh-ed25519");
            Assert.True(Record.Exception(() => SshQuestions.Read(message)) is null or SshFormatException or SshProtocolException);
        }
    }

    [Fact]
    public void The_same_again_and_again_comes_to_an_end()
    {
        foreach (var piece in new[] { "-----BEGIN ", "-----BEGIN A-----", "-----BEGIN A-----\n-----END A-----\n", "-----", "\n" })
            CheckPrivate(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(piece, (1 << 20) / piece.Length))));
        foreach (var piece in pieces)
            CheckLists(string.Concat(Enumerable.Repeat(piece, 100_000)));
    }

    [Theory, Seeds(1)]
    public void Lists_of_keys_are_read_or_told(int seed)
    {
        var random = new Random(seed);
        var key = TestKeys.Of("ssh-ed25519").PublicKey;
        string[] good =
        [
            $"example.com,*.example.net,!x {key} comment", $"[example.com]:2222 {key}", $"{KnownHost.Hashed("example.com")} {key}", $"@revoked * {key}", $"@cert-authority *.example.com {key}", $"{key} comment", $"cert-authority,principals=\"a,b\" {key} comment",
            $"restrict,permitopen=\"a:80\",permitlisten=\"[::1]:*\",from=\"10.0.0.0/8,!10.1.*,fe80::1%3\",expiry-time=\"20260101Z\",command=\"a \\\" b\" {key} comment",
        ];
        for (var i = 0; i < 1500; i++)
        {
            var text = string.Join('\n', Enumerable.Range(0, random.Next(1, 4)).Select(_ => good[random.Next(good.Length)]));
            for (var mutations = random.Next(1, 6); mutations > 0; mutations--)
            {
                var at = random.Next(text.Length);
                text = random.Next(4) switch
                {
                    0 => text.Remove(at, Math.Min(random.Next(1, 30), text.Length - at)),
                    1 => text.Insert(at, pieces[random.Next(pieces.Length)]),
                    2 => text.Insert(at, text.Substring(at, Math.Min(random.Next(1, 60), text.Length - at))),
                    _ => $"{text[..at]}{(char)random.Next(0x2100)}{text[(at + 1)..]}",
                };
                text = text.Length == 0 ? " " : text;
            }
            CheckLists(text);
            CheckLists(string.Concat(Enumerable.Range(0, random.Next(30)).Select(_ => pieces[random.Next(pieces.Length)])));
        }
    }

    private static IEnumerable<byte[]> PrivateKeys()
    {
        foreach (var key in TestKeys.All)
            yield return key.WriteOpenSsh("comment");
        using var rsa = RSA.Create(2048);
        yield return Encoding.ASCII.GetBytes(rsa.ExportRSAPrivateKeyPem());
        yield return Encoding.ASCII.GetBytes(rsa.ExportPkcs8PrivateKeyPem());
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        yield return Encoding.ASCII.GetBytes(ecdsa.ExportECPrivateKeyPem());
        yield return Encoding.ASCII.GetBytes(ecdsa.ExportPkcs8PrivateKeyPem());
        yield return "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"u8.ToArray();
    }

    private static string LabelOf(byte[] file) => Encoding.ASCII.GetString(file).Split('\n')[0][11..^5];

    private static byte[] BodyOf(byte[] file) => Convert.FromBase64String(string.Concat(Encoding.ASCII.GetString(file).Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..^1]));

    private static void CheckPrivate(byte[] file, string passphrase = "")
    {
        try
        {
            using var key = SshPrivateKey.Read(file, Encoding.UTF8.GetBytes(passphrase));
            Assert.True(key.PublicKey.Verify(key.PublicKey.Algorithms[0], "data"u8, key.Sign(key.PublicKey.Algorithms[0], "data"u8)));
        }
        catch (SshKeyException error)
        {
            AssertShown(error.Message);
        }
    }

    private static void CheckLists(string text)
    {
        var key = TestKeys.Of("ssh-ed25519").PublicKey;
        var hosts = KnownHosts.Parse(("known_hosts", text));
        foreach (var finding in hosts.Findings)
            AssertShown(finding.ToString());
        var check = hosts.Check("example.com", 2222, IPAddress.Loopback, key);
        AssertShown(check.Explain().Replace("\n", "", StringComparison.Ordinal));
        _ = hosts.AlgorithmsOf("example.com", 22);

        var keys = AuthorizedKeys.Parse("keys", text, TimeZoneInfo.Utc);
        foreach (var finding in keys.Findings)
            AssertShown(finding.ToString());
        foreach (var entry in keys.Keys)
        {
            _ = (entry.MayConnectFrom(IPAddress.Loopback), entry.MayConnectFrom(IPAddress.Parse("fe80::1%3")), entry.MayOpen("a", 80), entry.MayListen("::1", 80), entry.IsExpired(DateTimeOffset.UnixEpoch));
            Assert.Equal(entry.Key, SshPublicKey.Parse(entry.Key.ToString()));
        }
        _ = keys.Find(key, IPAddress.Loopback, DateTimeOffset.UnixEpoch);
    }

    private static void AssertShown(string message) => Assert.False(message.Any(character => char.IsControl(character) || character is '\u202e' || char.IsSurrogate(character)), message);

    private static byte[] Number(byte[] signature)
    {
        var reader = new SshReader(signature);
        reader.ReadString();
        return reader.ReadString().TrimStart((byte)0).ToArray();
    }
}
