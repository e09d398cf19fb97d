using System.Runtime.Versioning;
using Fairlead.Ssh;
using Fairlead.Tests.Ssh;

namespace Fairlead.Tests.Config;

public sealed class PlannedKeysTests : IDisposable
{
    private static readonly DateTimeOffset now = new(2026, 12, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly SshPublicKey key = TestKeys.All[0].PublicKey;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-keys-");

    public void Dispose() => folder.Delete(recursive: true);

    [Theory]
    [InlineData("", "anywhere", "loopback, from 1024 up")]
    [InlineData("restrict", "nowhere", "nowhere")]
    [InlineData("no-port-forwarding", "nowhere", "nowhere")]
    [InlineData("no-port-forwarding,permitlisten=\"5900\"", "nowhere", "nowhere")]
    [InlineData("restrict,port-forwarding", "anywhere", "loopback, from 1024 up")]
    [InlineData("permitopen=\"db:5432\",permitopen=\"[2001:db8::5]:*\"", "db:5432, [2001:db8::5]:*", "loopback, from 1024 up")]
    [InlineData("permitopen=\"none\",permitlisten=\"none\"", "nowhere", "nowhere")]
    [InlineData("permitlisten=\"5900\",permitlisten=\"localhost:*\"", "anywhere", "loopback:5900, localhost:*")]
    public void Each_key_is_told_where_it_may_connect_and_listen(string options, string connect, string listen)
    {
        var planned = Assert.Single(Read($"{options} {key} alice").Keys);

        Assert.Equal((connect, listen), (planned.Connect, planned.Listen));
    }

    [Theory]
    [InlineData("", true, 32, "anywhere")]
    [InlineData("permitlisten=\"localhost:5900\"", true, 32, "localhost:5900")]
    [InlineData("restrict", true, 32, "nowhere")]
    [InlineData("", true, 0, "nowhere")]
    [InlineData("permitlisten=\"5900\"", false, 0, "nowhere")]
    public void What_the_hub_says_of_listens_counts_too(string options, bool gatewayPorts, int maxListens, string listen) =>
        Assert.Equal(listen, Assert.Single(Read($"{options} {key} alice", new HubConfig { AuthorizedKeys = "", GatewayPorts = gatewayPorts, MaxListens = maxListens }).Keys).Listen);

    [Fact]
    public void A_key_has_its_line_its_name_from_where_and_until_when()
    {
        var planned = Read($"# of the office\n\nfrom=\"10.0.0.0/8,!10.0.0.5\",expiry-time=\"20270131Z\" {key} alice at work\nexpiry-time=\"20261201115959Z\" {key}\n");

        Assert.Empty(planned.Warnings);
        Assert.Equal(
        [
            new PlannedKey(3, "ssh-ed25519", key.Fingerprint, "alice at work", "10.0.0.0/8,!10.0.0.5", "anywhere", "loopback, from 1024 up", new DateTimeOffset(2027, 1, 31, 0, 0, 0, TimeSpan.Zero), false),
            new PlannedKey(4, "ssh-ed25519", key.Fingerprint, "", "", "anywhere", "loopback, from 1024 up", now.AddSeconds(-1), true),
        ], planned.Keys);
        Assert.Equal(["2027-01-31T00:00:00Z", "2026-12-01T11:59:59Z"], planned.Keys.Select(one => one.UntilText));
    }

    [Theory]
    [InlineData("cert-authority", "the user who logs in")]
    [InlineData("cert-authority,principals=\"alice,bob\"", "alice, bob")]
    [InlineData("", "")]
    public void An_authority_is_told_apart_and_for_whom_it_signs(string options, string signsFor)
    {
        var planned = Read($"{options} {key} the authority");

        Assert.Equal(signsFor, Assert.Single(planned.Keys).SignsFor);
        Assert.Empty(planned.Warnings);
    }

    [Fact]
    public void Lines_that_do_not_count_and_options_that_do_nothing_are_warned_of_with_their_place()
    {
        var planned = Read($"command=\"date\" {key} alice\nnot-known {key}\nssh-ed25519 AAAA\n");

        Assert.Equal(1, Assert.Single(planned.Keys).Line);
        Assert.Equal(3, planned.Warnings.Count);
        Assert.Equal($"{File}:1: warning: command= does nothing, as no commands are run here; the key may still forward, unless restrict or no-port-forwarding stands with it", planned.Warnings[0]);
        Assert.Equal($"{File}:2: warning: the option 'not-known' is not known, so that the key is not accepted; remove the option if the key may be used without it", planned.Warnings[1]);
        Assert.StartsWith($"{File}:3: warning: ", planned.Warnings[2]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nobody yet")]
    [InlineData("expiry-time=\"20200101Z\" KEY")]
    public void That_nobody_can_come_in_is_warned_of(string text) =>
        Assert.Equal($"{File}: warning: no key in it is accepted, so that nobody can come in; add a line for each who may, which is the one in id_ed25519.pub on his machine",
            Assert.Single(Read(text.Replace("KEY", key.ToString(), StringComparison.Ordinal)).Warnings));

    [Fact, SupportedOSPlatform("linux")]
    public void A_file_that_others_can_write_is_not_read()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs modes of files");
        System.IO.File.WriteAllText(File, $"{key}\n");
        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);

        var error = Assert.Throws<SshKeyException>(() => PlannedKeys.Of(new HubConfig { AuthorizedKeys = File }, now));

        Assert.Equal($"{File} can be written by others than its owner (mode 0660), who could let themselves in; run: chmod go-w {File}", error.Message);
        Assert.Equal([$"hub: authorized_keys {error.Message}"], SshFiles.Find(new Configuration { Hub = new HubConfig { AuthorizedKeys = File } }, static _ => null));
    }

    private string File => Path.Combine(folder.FullName, "keys");

    private PlannedKeys Read(string text, HubConfig? hub = null)
    {
        System.IO.File.WriteAllText(File, text);
        return PlannedKeys.Of((hub ?? new HubConfig { AuthorizedKeys = "" }) with { AuthorizedKeys = File }, now);
    }
}
