using System.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class AuthorizedKeysTests
{
    private static readonly SshPublicKey key = TestKeys.Of("ssh-ed25519").PublicKey, rsa = TestKeys.Of("ssh-rsa").PublicKey;
    private static readonly DateTimeOffset now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Keys_are_read_with_their_options_and_places()
    {
        var keys = Of($"""
            # users

            {key} ann@home
              permitopen="10.0.0.5:80",permitopen="[2001:db8::1]:*",from="10.0.0.0/8,!10.1.*",expiry-time="20260401Z" {rsa}   bob, of the office{'\t'}
            restrict,command="echo \"a b\" # c",permitlisten="8080" {key}
            """);

        Assert.Equal(3, keys.Keys.Count);
        var (ann, bob, robot) = (keys.Keys[0], keys.Keys[1], keys.Keys[2]);
        Assert.Equal((key, "ann@home", "keys", 3, true), (ann.Key, ann.Comment, ann.File, ann.Line, ann.MayForward));
        Assert.Null(ann.From);
        Assert.Null(ann.PermitOpen);
        Assert.Null(ann.PermitListen);
        Assert.Null(ann.Expires);
        Assert.Equal((rsa, "bob, of the office", 4), (bob.Key, bob.Comment, bob.Line));
        Assert.Equal("10.0.0.0/8,!10.1.*", bob.From!.ToString());
        Assert.Equal([new ForwardPermission("10.0.0.5", 80), new ForwardPermission("2001:db8::1", null)], bob.PermitOpen!);
        Assert.Equal(new DateTimeOffset(2026, 4, 1, 0, 0, 0, TimeSpan.Zero), bob.Expires);
        Assert.Equal((false, "", 5), (robot.MayForward, robot.Comment, robot.Line));
        Assert.Equal([new ForwardPermission("*", 8080) { IsBare = true }], robot.PermitListen!);
        Assert.Equal(
            ["keys:5: command= does nothing, as no commands are run here; the key may still forward, unless restrict or no-port-forwarding stands with it"],
            keys.Findings.Select(finding => finding.ToString()));
        Assert.False(keys.Findings[0].IsRefused);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("restrict", false)]
    [InlineData("RESTRICT", false)]
    [InlineData("no-port-forwarding", false)]
    [InlineData("No-Port-Forwarding", false)]
    [InlineData("port-forwarding", true)]
    [InlineData("restrict,port-forwarding", true)]
    [InlineData("port-forwarding,restrict", false)]
    [InlineData("restrict,pty", false)]
    [InlineData("no-pty,no-X11-forwarding,no-agent-forwarding,no-user-rc", true)]
    [InlineData("pty,X11-forwarding,agent-forwarding,user-rc,no-touch-required,touch-required,verify-required,no-verify-required", true)]
    [InlineData("environment=\"A=b\"", true)]
    [InlineData("command=\"x\"", true)]
    [InlineData("tunnel=\"0\"", true)]
    [InlineData(",restrict,", false)]
    public void The_last_word_about_forwarding_counts(string options, bool mayForward)
    {
        var entry = Assert.Single(Of($"{options} {key}").Keys);

        Assert.Equal(mayForward, entry.MayForward);
        Assert.Equal(mayForward, entry.MayOpen("example.com", 80));
        Assert.Equal(mayForward, entry.MayListen("localhost", 8080));
    }

    [Theory]
    [InlineData("nonsense", "the option 'nonsense' is not known, so that the key is not accepted; remove the option if the key may be used without it")]
    [InlineData("nonsense=\"a\"", "the option 'nonsense' is not known")]
    [InlineData("restrict,nonsense", "the option 'nonsense' is not known")]
    [InlineData("restricted", "the option 'restricted' is not known")]
    [InlineData("no-restrict", "the option 'no-restrict' is not known")]
    [InlineData("no-from=\"*\"", "the option 'no-from' is not known")]
    [InlineData("restrict=\"yes\"", "the option 'restrict' is not known")]
    [InlineData("from", "the option 'from' is not known")]
    [InlineData("\u001b[2J\u202e", "the option '?[2J?' is not known")]
    [InlineData("principals=\"a\"", "principals= is for authorities of certificates, so that the key is not accepted; remove the option, or write cert-authority beside it")]
    [InlineData("cert-authority,principals=\",\"", "principals= names nobody, so that the key is not accepted; write names with commas between them")]
    [InlineData("cert-authority,principals=\"a\",principals=\"b\"", "the option principals is written twice")]
    [InlineData("no-cert-authority", "the option 'no-cert-authority' is not known")]
    [InlineData("from=\"10.0.0.1\",from=\"10.0.0.2\"", "the option from is written twice, so that the key is not accepted; write it once")]
    [InlineData("command=\"a\",command=\"b\"", "the option command is written twice")]
    [InlineData("from=10.0.0.1", "the option from has a value without quotation marks, so that the key is not accepted; write from=\"VALUE\"")]
    [InlineData("from=\"10.0.0.1", "a quotation mark has no other one, so that the key is not accepted; write both around a value")]
    [InlineData("from=\"10.0.0.1\"restrict", "a comma is missing behind the option from, so that the key is not accepted; write one")]
    [InlineData("from=", "the option from has a value without quotation marks")]
    [InlineData("from=\"\"", "from has '', which is empty or has white space; ")]
    [InlineData("from=\"10.0.0.0/33\"", "from has '10.0.0.0/33', which has no number of bits from 0 to 32 behind the slash; the key is not accepted")]
    [InlineData("expiry-time=\"soon\"", "expiry-time=\"soon\" is no time, so that the key is not accepted; write YYYYMMDD")]
    [InlineData("permitopen=\"80\"", "permitopen=\"80\" is no host and port, so that the key is not accepted; write permitopen=\"HOST:PORT\"")]
    [InlineData("permitopen=\"none\",permitopen=\"a:80\"", "permitopen=\"none\" stands beside another permitopen, so that the key is not accepted; write either")]
    [InlineData("permitopen=\"a:80\",permitopen=\"none\"", "permitopen=\"none\" stands beside another permitopen")]
    [InlineData("permitlisten=\"none\",permitlisten=\"80\"", "permitlisten=\"none\" stands beside another permitlisten")]
    public void A_line_that_is_not_understood_lets_nobody_in(string options, string fault)
    {
        var keys = Of($"{options} {key}\n{rsa}\n");

        var finding = Assert.Single(keys.Findings);
        Assert.StartsWith($"keys:1: {fault}", finding.ToString(), StringComparison.Ordinal);
        Assert.True(finding.IsRefused);
        Assert.Equal(rsa, Assert.Single(keys.Keys).Key);
        Assert.Null(keys.Find(key, IPAddress.Loopback, now));
    }

    [Fact]
    public void Lines_without_a_key_that_can_be_used_are_told()
    {
        var keys = Of($"""
            ssh-ed25519 AAAA
            ssh-ed25519 not!base64 who
            restrict
            restrict ssh-rsa
            ssh-dss AAAAB3NzaC1kc3M= old
            restrict sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t token
            ssh-rsa {key.ToString().Split(' ')[1]}
            {new string('x', 20_000)}
            rest{'\0'}rict {key}
            """);

        Assert.Empty(keys.Keys);
        Assert.Equal(
            [
                "keys:1: a message is too short; take another key, like one of: ssh-keygen -t ed25519",
                "keys:2: what follows ssh-ed25519 is not a key in Base64; copy it anew, in one line",
                "keys:3: there is no key; write TYPE BASE64, as in a file that ends in .pub",
                "keys:4: there is no key; write TYPE BASE64, as in a file that ends in .pub",
                "keys:5: the key type 'ssh-dss' is not known; take another key, like one of: ssh-keygen -t ed25519",
                "keys:6: keys that stay in a security token (sk-ssh-ed25519@openssh.com) are not known yet; take another key, like one of: ssh-keygen -t ed25519",
                "keys:7: the key calls itself ssh-ed25519, and the line calls it ssh-rsa; copy it anew",
                "keys:8: the line has 20000 characters, and at most 16384 are read; cut it into several",
                "keys:9: the line has a character zero, and is not read; remove it",
            ],
            keys.Findings.Select(finding => finding.ToString()));
    }

    [Fact]
    public void The_first_line_that_lets_a_key_in_is_found()
    {
        var keys = Of($"""
            expiry-time="20200101Z",permitopen="a:1" {key} expired
            from="10.0.0.0/8",permitopen="b:2" {key} inside
            restrict {key} anywhere
            {rsa} another
            """);

        Assert.Equal("inside", keys.Find(key, IPAddress.Parse("10.1.2.3"), now)!.Comment);
        Assert.Equal("inside", keys.Find(key, IPAddress.Parse("::ffff:10.1.2.3"), now)!.Comment);
        Assert.Equal("anywhere", keys.Find(key, IPAddress.Parse("11.1.2.3"), now)!.Comment);
        Assert.Equal("anywhere", keys.Find(key, null, now)!.Comment);
        Assert.Equal("expired", keys.Find(key, null, new DateTimeOffset(2019, 1, 1, 0, 0, 0, TimeSpan.Zero))!.Comment);
        Assert.Null(keys.Find(SshPrivateKey.Generate().PublicKey, IPAddress.Parse("10.1.2.3"), now));
    }

    [Fact]
    public void Of_several_times_the_first_counts_and_the_last_second_is_still_in_time()
    {
        var entry = Assert.Single(Of($"expiry-time=\"20260401Z\",expiry-time=\"20260301120000Z\",expiry-time=\"20270101Z\" {key}").Keys);

        Assert.False(entry.IsExpired(now));
        Assert.True(entry.IsExpired(now.AddSeconds(1)));
        Assert.False(Assert.Single(Of($"{key}").Keys).IsExpired(DateTimeOffset.MaxValue));
    }

    [Fact]
    public void Lines_of_other_systems_are_read()
    {
        var keys = Of($"\uFEFF{key} first\r\n\r\n# comment\r\nrestrict\t{rsa}\r\n");

        Assert.Empty(keys.Findings);
        Assert.Equal(["first:1", ":4"], keys.Keys.Select(entry => $"{entry.Comment}:{entry.Line}"));
    }

    [Fact]
    public void A_file_that_others_can_write_lets_nobody_in()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Files have no modes here.");
        using var folder = new TestFolder();
        var path = folder.Write("authorized_keys", $"{key}\n");
        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("644", 8));
            Assert.Equal(key, Assert.Single(AuthorizedKeys.Read(path, TimeZoneInfo.Utc).Keys).Key);
            File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("664", 8));
        }
        Assert.Equal(
            $"{path} can be written by others than its owner (mode 0664), who could let themselves in; run: chmod go-w {path}",
            Assert.Throws<SshKeyException>(() => AuthorizedKeys.Read(path, TimeZoneInfo.Utc)).Message);
        Assert.Equal($"{folder.PathOf("missing")} does not exist; write the path of a file of keys", Assert.Throws<SshKeyException>(() => AuthorizedKeys.Read(folder.PathOf("missing"), TimeZoneInfo.Utc)).Message);
    }

    [Theory]
    [InlineData("example.com:80", "example.com", 80, true)]
    [InlineData("example.com:80", "example.com", 81, false)]
    [InlineData("example.com:80", "EXAMPLE.com", 80, false)]
    [InlineData("example.com:80", "www.example.com", 80, false)]
    [InlineData("*.example.com:80", "www.example.com", 80, false)]
    [InlineData("example.com:*", "example.com", 81, true)]
    [InlineData("*:80", "anything", 80, true)]
    [InlineData("*:80", "anything", 81, false)]
    [InlineData("*:*", "anything", 1, true)]
    [InlineData("[::1]:80", "::1", 80, true)]
    [InlineData("[::1]:80", "::2", 80, false)]
    [InlineData("[localhost]:80", "localhost", 80, true)]
    [InlineData("127.0.0.1:80", "localhost", 80, false)]
    [InlineData("none", "example.com", 80, false)]
    public void Permitopen_names_what_may_be_opened(string permission, string host, int port, bool mayOpen)
    {
        var entry = Assert.Single(Of($"permitopen=\"{permission}\" {key}").Keys);

        Assert.Equal(mayOpen, entry.MayOpen(host, port));
        Assert.True(entry.MayListen("localhost", 8080));
        Assert.False(Assert.Single(Of($"permitopen=\"{permission}\",no-port-forwarding {key}").Keys).MayOpen(host, port));
        Assert.Equal(mayOpen, Assert.Single(Of($"{(permission == "none" ? "" : "permitopen=\"other:1\",")}permitopen=\"{permission}\" {key}").Keys).MayOpen(host, port));
    }

    [Theory]
    [InlineData("8080", "localhost", 8080, true)]
    [InlineData("8080", "", 8080, true)]
    [InlineData("8080", "0.0.0.0", 8080, true)]
    [InlineData("8080", "localhost", 8081, false)]
    [InlineData("8080", "localhost", 0, false)]
    [InlineData("*", "localhost", 0, true)]
    [InlineData("localhost:8080", "localhost", 8080, true)]
    [InlineData("localhost:8080", "LOCALHOST", 8080, true)]
    [InlineData("localhost:8080", "127.0.0.1", 8080, false)]
    [InlineData("localhost:8080", "", 8080, false)]
    [InlineData("localhost:*", "localhost", 0, true)]
    [InlineData("[::1]:22000", "::1", 22000, true)]
    [InlineData("*.example.com:80", "www.example.com", 80, true)]
    [InlineData("10.0.0.?:80", "10.0.0.5", 80, true)]
    [InlineData("10.0.0.?:80", "10.0.0.15", 80, false)]
    [InlineData("none", "localhost", 8080, false)]
    public void Permitlisten_names_where_may_be_listened(string permission, string host, int port, bool mayListen)
    {
        var entry = Assert.Single(Of($"permitlisten=\"{permission}\" {key}").Keys);

        Assert.Equal(mayListen, entry.MayListen(host, port));
        Assert.True(entry.MayOpen("example.com", 80));
        Assert.False(Assert.Single(Of($"permitlisten=\"{permission}\",restrict {key}").Keys).MayListen(host, port));
    }

    [Theory]
    [InlineData("")]
    [InlineData("example.com")]
    [InlineData("example.com:")]
    [InlineData("example.com:0")]
    [InlineData("example.com:65536")]
    [InlineData("example.com:-1")]
    [InlineData("example.com: 80")]
    [InlineData("example.com:http")]
    [InlineData("example.com:80:90")]
    [InlineData("example.com/80")]
    [InlineData(":80")]
    [InlineData("::1:80")]
    [InlineData("[::1]")]
    [InlineData("[::1]80")]
    [InlineData("[::1:80")]
    [InlineData("[]:80")]
    [InlineData("[[::1]]:80")]
    public void What_is_no_host_and_port_permits_nothing(string permission)
    {
        Assert.Empty(Of($"permitopen=\"{permission}\" {key}").Keys);
        Assert.Empty(Of($"permitlisten=\"{permission}\" {key}").Keys);
    }

    private static AuthorizedKeys Of(string text) => AuthorizedKeys.Parse("keys", text, TimeZoneInfo.Utc);
}
