using System.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class KnownHostsTests
{
    private static readonly SshPublicKey key = TestKeys.Of("ssh-ed25519").PublicKey, other = SshPrivateKey.Generate().PublicKey, rsa = TestKeys.Of("ssh-rsa").PublicKey;

    [Theory]
    [InlineData("example.com", "example.com", 22, true)]
    [InlineData("example.com", "EXAMPLE.com", 22, true)]
    [InlineData("EXAMPLE.com", "example.com", 22, true)]
    [InlineData("example.com", "www.example.com", 22, false)]
    [InlineData("*.example.com", "www.example.com", 22, true)]
    [InlineData("*.example.com", "example.com", 22, false)]
    [InlineData("*.example.com,!ftp.example.com", "www.example.com", 22, true)]
    [InlineData("*.example.com,!ftp.example.com", "ftp.example.com", 22, false)]
    [InlineData("!ftp.example.com,*.example.com", "ftp.example.com", 22, false)]
    [InlineData("!ftp.example.com", "www.example.com", 22, false)]
    [InlineData("10.0.0.?", "10.0.0.5", 22, true)]
    [InlineData("10.0.0.?", "10.0.0.15", 22, false)]
    [InlineData("one,two,three", "two", 22, true)]
    [InlineData("one,,three", "three", 22, true)]
    [InlineData("::1", "::1", 22, true)]
    [InlineData("[example.com]:2222", "example.com", 2222, true)]
    [InlineData("[example.com]:2222", "example.com", 22, false)]
    [InlineData("[example.com]:2222", "example.com", 2223, false)]
    [InlineData("[::1]:2222", "::1", 2222, true)]
    [InlineData("[*]:2222", "example.com", 2222, true)]
    [InlineData("*", "example.com", 2222, true)]
    [InlineData("example.com", "example.com", 2222, true)]
    public void A_key_is_known_for_the_hosts_that_its_line_names(string hosts, string host, int port, bool isKnown)
    {
        var check = Of($"{hosts} {key} comment").Check(host, port, null, key);

        Assert.Equal(isKnown ? HostKeyStatus.Known : HostKeyStatus.Unknown, check.Status);
        Assert.Equal(isKnown ? 1 : null, check.Entry?.Line);
        Assert.Equal(isKnown, check.Explain().Length == 0);
    }

    [Fact]
    public void Another_key_than_the_known_one_is_told_with_its_place()
    {
        var hosts = KnownHosts.Parse(("/etc/ssh/ssh_known_hosts", $"# hosts\n\nexample.com {rsa}\n"), ("known_hosts", $"elsewhere {key}\nexample.com {other}\n"));
        var check = hosts.Check("example.com", 22, null, key);

        Assert.Equal((HostKeyStatus.Changed, "known_hosts", 2, other), (check.Status, check.Entry!.File, check.Entry.Line, check.Entry.Key));
        Assert.Equal(["ssh-rsa", "ssh-ed25519"], check.KnownTypes);
        var unknownType = hosts.Check("example.com", 22, null, TestKeys.Of("ecdsa-sha2-nistp256").PublicKey);
        Assert.Equal((HostKeyStatus.Changed, "/etc/ssh/ssh_known_hosts", 3), (unknownType.Status, unknownType.Entry!.File, unknownType.Entry.Line));
    }

    [Fact]
    public void Any_of_several_known_keys_will_do()
    {
        var hosts = Of($"example.com {rsa}\nexample.com {other}\nexample.com,10.0.0.5 {key}");

        Assert.Equal((HostKeyStatus.Known, 3), (hosts.Check("example.com", 22, null, key).Status, hosts.Check("example.com", 22, null, key).Entry!.Line));
        Assert.Equal(HostKeyStatus.Known, hosts.Check("example.com", 22, null, rsa).Status);
    }

    [Theory]
    [InlineData("example.com", "example.com", 22)]
    [InlineData("*", "example.com", 22)]
    [InlineData("*", "example.com", 2222)]
    [InlineData("example.com", "example.com", 2222)]
    [InlineData("10.0.0.5", "example.com", 22)]
    [InlineData("[10.0.0.5]:2222", "example.com", 2222)]
    public void A_revoked_key_is_refused_whatever_else_is_known(string revokedFor, string host, int port)
    {
        var hosts = KnownHosts.Parse(("known_hosts", $"* {key}\n[*]:2222 {key}\n"), ("revoked", $"@revoked\t{revokedFor} {key}\n"));
        var check = hosts.Check(host, port, IPAddress.Parse("::ffff:10.0.0.5"), key);

        Assert.Equal((HostKeyStatus.Revoked, "revoked", 1), (check.Status, check.Entry!.File, check.Entry.Line));
        Assert.Contains("marked as revoked at revoked:1.", check.Explain(), StringComparison.Ordinal);
        Assert.Equal(HostKeyStatus.Changed, hosts.Check(host, port, null, other).Status);
    }

    [Fact]
    public void A_revoked_key_makes_no_host_known()
    {
        var hosts = Of($"@revoked * {key}");

        Assert.Equal(HostKeyStatus.Unknown, hosts.Check("example.com", 22, null, other).Status);
        Assert.Empty(hosts.AlgorithmsOf("example.com", 22));
    }

    [Fact]
    public void A_key_that_is_known_of_the_address_alone_is_not_believed()
    {
        var hosts = Of($"10.0.0.5 {key}\nexample.com {other}");
        var address = IPAddress.Parse("10.0.0.5");

        Assert.Equal(HostKeyStatus.Unknown, hosts.Check("example.net", 22, address, key).Status);
        Assert.Null(hosts.Check("example.net", 22, address, key).OfAddress);
        Assert.Equal(1, hosts.Check("example.com", 22, address, other).OfAddress!.Line);
        Assert.Equal(HostKeyStatus.Known, hosts.Check("example.com", 22, address, other).Status);
        Assert.Null(hosts.Check("example.com", 22, null, other).OfAddress);
        Assert.Null(hosts.Check("10.0.0.5", 22, address, key).OfAddress);
    }

    [Fact]
    public void Known_algorithms_come_in_the_order_of_the_file()
    {
        var hosts = Of($"example.com {rsa}\n*.com {TestKeys.Of("ecdsa-sha2-nistp384").PublicKey}\nexample.com {other}\nexample.com {key}\n@revoked example.com {other}\n[other.net]:2222 {rsa}");

        Assert.Equal(["rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp384", "ssh-ed25519"], hosts.AlgorithmsOf("EXAMPLE.com", 22));
        Assert.Equal(["rsa-sha2-512", "rsa-sha2-256"], hosts.AlgorithmsOf("other.net", 2222));
        Assert.Equal(4, hosts.AlgorithmsOf("example.com", 2222).Count);
        Assert.Empty(hosts.AlgorithmsOf("other.net", 22));
        Assert.Equal(["ecdsa-sha2-nistp384"], hosts.AlgorithmsOf("else.com", 22));
    }

    [Fact]
    public void Lines_that_count_for_nothing_are_told_with_their_place()
    {
        var hosts = Of($"""
            # a comment
            @cert-authority @revoked *.example.com {key}
            @nonsense example.com {key}
            @revoked @revoked example.com {key}
            example.com
            example.com ssh-dss AAAAB3NzaC1kc3M=
            example.com 1024 35 123456789
            |1|AAAA|AAAA {key}
            |2|JfKTdBh7rNbXkVAQCRp4OQoPfmI=|USECr3SWf1JUPsms5AqfD5QfxkM= {key}
            |1|JfKTdBh7rNbXkVAQCRp4OQoPfmI=|USECr3SWf1JUPsms5AqfD5QfxkM=,other {key}
            {new string('a', 20_000)} {key}
            exa{'\0'}mple.com {key}
            example.org {key}
            """);

        Assert.Equal(
            [
                "known_hosts:2: a line has one marker at most; write a line for each",
                "known_hosts:3: the marker @nonsense is not known; write @revoked, @cert-authority, or none",
                "known_hosts:4: a line has one marker at most; write a line for each",
                "known_hosts:5: the line has no key; write HOSTS TYPE BASE64",
                "known_hosts:6: the key type 'ssh-dss' is not known; take another key, like one of: ssh-keygen -t ed25519",
                "known_hosts:7: what follows 1024 is not a key in Base64; copy it anew, in one line",
                "known_hosts:8: the hashed name is not one (|1|SALT|HASH); remove the line",
                "known_hosts:9: the hashed name is not one (|1|SALT|HASH); remove the line",
                "known_hosts:10: the hashed name is not one (|1|SALT|HASH); remove the line",
                $"known_hosts:11: the line has {20_001 + key.ToString().Length} characters, and at most 16384 are read; cut it into several",
                "known_hosts:12: the line has a character zero, and is not read; remove it",
            ],
            hosts.Findings.Select(finding => finding.ToString()));
        Assert.All(hosts.Findings, finding => Assert.True(finding.IsRefused));
        Assert.Equal(HostKeyStatus.Unknown, hosts.Check("example.com", 22, null, key).Status);
        Assert.Equal((HostKeyStatus.Known, 13), (hosts.Check("example.org", 22, null, key).Status, hosts.Check("example.org", 22, null, key).Entry!.Line));
    }

    [Fact]
    public void A_hundred_findings_are_kept_and_the_others_counted()
    {
        var hosts = Of(string.Concat(Enumerable.Repeat("x\n", 1000)));

        Assert.Equal(101, hosts.Findings.Count);
        Assert.Equal("known_hosts:1000: 900 more lines or parts of lines, up to this one, are not as they should be", hosts.Findings[^1].ToString());
    }

    [Fact]
    public void Files_that_are_not_there_know_nothing()
    {
        using var folder = new TestFolder();
        var hosts = KnownHosts.Read(folder.PathOf("missing"), folder.PathOf("neither/is"), "/dev/null");

        Assert.Equal(HostKeyStatus.Unknown, hosts.Check("example.com", 22, null, key).Status);
        Assert.Contains($"The key of example.com is not known: ssh-ed25519 {key.Fingerprint}.", hosts.Check("example.com", 22, null, key).Explain(), StringComparison.Ordinal);
        Assert.Throws<SshKeyException>(() => KnownHosts.Read(folder.PathOf("")));
    }

    [Fact]
    public void What_is_added_is_known_afterwards_and_the_file_is_private()
    {
        using var folder = new TestFolder();
        var path = folder.PathOf(".ssh/known_hosts");
        KnownHosts.Add(path, "Example.com", 22, key, hash: false);
        KnownHosts.Add(path, "example.com", 2222, other, hash: false);
        KnownHosts.Add(path, "::1", 2222, other, hash: false);
        KnownHosts.Add(path, "fe80::1%eth0", 22, other, hash: false);
        KnownHosts.Add(path, "hidden.example.com", 2222, rsa, hash: true);

        var lines = File.ReadAllLines(path);
        Assert.Equal([$"example.com {key}", $"[example.com]:2222 {other}", $"[::1]:2222 {other}", $"fe80::1%eth0 {other}"], lines[..4]);
        Assert.StartsWith("|1|", lines[4], StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", lines[4], StringComparison.Ordinal);
        var hosts = KnownHosts.Read(path);
        Assert.Empty(hosts.Findings);
        Assert.Equal(HostKeyStatus.Known, hosts.Check("example.com", 22, null, key).Status);
        Assert.Equal(HostKeyStatus.Known, hosts.Check("example.com", 2222, null, other).Status);
        Assert.Equal(HostKeyStatus.Changed, hosts.Check("example.com", 2222, null, key).Status);
        Assert.Equal(HostKeyStatus.Known, hosts.Check("HIDDEN.example.com", 2222, null, rsa).Status);
        Assert.Equal(HostKeyStatus.Unknown, hosts.Check("hidden.example.com", 22, null, rsa).Status);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        }
    }

    [Fact]
    public void What_is_added_begins_a_line_of_its_own()
    {
        using var folder = new TestFolder();
        var path = folder.PathOf("known_hosts");
        File.WriteAllText(path, "# no break at the end");
        KnownHosts.Add(path, "example.com", 22, key, hash: false);
        KnownHosts.Add(path, "example.net", 22, key, hash: false);

        Assert.Equal($"# no break at the end\nexample.com {key}\nexample.net {key}\n", File.ReadAllText(path));
    }

    [Fact]
    public void What_many_add_at_the_same_time_is_all_there()
    {
        using var folder = new TestFolder();
        var path = folder.PathOf("known_hosts");
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => KnownHosts.Add(path, $"host{i}", 22, key, hash: false));

        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"host{i} {key}").Order(StringComparer.Ordinal), File.ReadAllLines(path).Where(line => line.Length > 0).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("exam?le.com")]
    [InlineData("a,b")]
    [InlineData("!host")]
    [InlineData("@revoked")]
    [InlineData("#host")]
    [InlineData("|1|a|b")]
    [InlineData("[host]:22")]
    [InlineData("two words")]
    [InlineData("line\nbreak")]
    [InlineData("\u001b")]
    public void A_name_that_would_mean_something_else_is_not_added(string host)
    {
        using var folder = new TestFolder();

        Assert.Throws<SshKeyException>(() => KnownHosts.Add(folder.PathOf("known_hosts"), host, 22, key, hash: false));
        Assert.False(File.Exists(folder.PathOf("known_hosts")));
    }

    [Fact]
    public void Nothing_is_added_where_no_file_is()
    {
        using var folder = new TestFolder();
        var path = folder.PathOf("a folder");
        Directory.CreateDirectory(path);

        Assert.Equal($"{path} is a folder; write the path of a file", Assert.Throws<SshKeyException>(() => KnownHosts.Add(path, "example.com", 22, key, hash: false)).Message);
        KnownHosts.Add("/dev/null", "example.com", 22, key, hash: false);
    }

    [Fact]
    public void Names_that_OpenSSH_hashes_are_known()
    {
        using var keygen = new Keygen();
        var path = keygen.Write("known_hosts", $"example.com,10.0.0.5 {key} c\n[example.net]:2222 {rsa}\n[2001:db8::1]:2222 {other}\n");
        keygen.Run("-H", "-f", path);
        var text = File.ReadAllText(path);
        Assert.DoesNotContain("example", text, StringComparison.Ordinal);
        var hosts = KnownHosts.Read(path);

        Assert.Empty(hosts.Findings);
        Assert.Equal(HostKeyStatus.Known, hosts.Check("Example.com", 22, null, key).Status);
        Assert.Equal(HostKeyStatus.Known, hosts.Check("10.0.0.5", 22, null, key).Status);
        Assert.Equal(HostKeyStatus.Changed, hosts.Check("example.com", 22, null, other).Status);
        Assert.Equal(HostKeyStatus.Known, hosts.Check("example.net", 2222, null, rsa).Status);
        Assert.Equal(HostKeyStatus.Unknown, hosts.Check("example.net", 22, null, rsa).Status);
        Assert.Equal(HostKeyStatus.Known, hosts.Check("2001:db8::1", 2222, null, other).Status);
        Assert.Equal(["ssh-ed25519"], hosts.AlgorithmsOf("2001:db8::1", 2222));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_added_OpenSSH_finds(bool hash)
    {
        using var keygen = new Keygen();
        var path = keygen.PathOf("known_hosts");
        foreach (var (host, port) in new[] { ("example.com", 22), ("example.com", 2222), ("2001:db8::1", 22), ("2001:db8::1", 2222) })
        {
            KnownHosts.Add(path, host, port, key, hash);
            Assert.EndsWith($" {key}\n", keygen.Run("-F", KnownHosts.NameOf(host, port), "-f", path), StringComparison.Ordinal);
        }
        Assert.Equal(1, keygen.Start("ssh-keygen", null, "-F", "example.net", "-f", path).Status);
    }

    [Theory]
    [InlineData("known_hosts", "example.com", 22, false)]
    [InlineData("known_hosts", "example.com", 2222, true)]
    [InlineData("it's mine; rm -rf $HOME", "2001:db8::1", 2222, true)]
    public void The_warning_says_how_to_forget_the_key(string file, string host, int port, bool hash)
    {
        using var keygen = new Keygen();
        var path = keygen.PathOf(file);
        KnownHosts.Add(path, "other.example.com", 22, key, hash);
        KnownHosts.Add(path, host, port, other, hash);
        var warning = KnownHosts.Read(path).Check(host, port, null, key).Explain();

        Assert.StartsWith($"WARNING: {KnownHosts.NameOf(host, port)} does not show the key that is known of it. ", warning, StringComparison.Ordinal);
        Assert.Contains($"It shows  ssh-ed25519 {key.Fingerprint}\nKnown is  ssh-ed25519 {other.Fingerprint}, at {path}:2 (in all: ssh-ed25519)\n", warning, StringComparison.Ordinal);
        var (status, output) = keygen.Start("sh", null, "-c", warning.Split('\n')[^1]);
        Assert.True(status == 0, output);
        Assert.Equal(HostKeyStatus.Unknown, KnownHosts.Read(path).Check(host, port, null, key).Status);
        Assert.Equal(HostKeyStatus.Known, KnownHosts.Read(path).Check("other.example.com", 22, null, key).Status);
    }

    private static KnownHosts Of(string text) => KnownHosts.Parse(("known_hosts", text));
}
