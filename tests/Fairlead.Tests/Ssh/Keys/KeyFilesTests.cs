using System.Runtime.Versioning;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class KeyFilesTests
{
    [Theory]
    [InlineData("600", true)]
    [InlineData("400", true)]
    [InlineData("700", true)]
    [InlineData("640", false)]
    [InlineData("604", false)]
    [InlineData("644", false)]
    [InlineData("620", false)]
    [InlineData("602", false)]
    [InlineData("610", false)]
    [SupportedOSPlatform("linux")]
    public void A_private_key_that_others_can_read_or_write_is_refused(string mode, bool isRead)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Files have no modes here.");
        using var folder = new TestFolder();
        var path = folder.Write("id", "secret");
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32(mode, 8));

        if (isRead)
            Assert.Equal("secret"u8, KeyFiles.Read(path));
        else
            Assert.Equal($"{path} can be read or written by others than its owner (mode 0{mode}), and is to be secret; run: chmod 600 {path}", Assert.Throws<SshKeyException>(() => KeyFiles.Read(path)).Message);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void Of_a_link_the_file_counts_that_it_leads_to()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Files have no modes here.");
        using var folder = new TestFolder();
        var path = folder.Write("id", "secret");
        File.CreateSymbolicLink(folder.PathOf("link"), path);
        File.SetUnixFileMode(path, UnixFileMode.UserRead);
        Assert.Equal("secret"u8, KeyFiles.Read(folder.PathOf("link")));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.OtherRead);

        Assert.Throws<SshKeyException>(() => KeyFiles.Read(folder.PathOf("link")));
    }

    [Fact]
    public void What_is_no_file_of_a_size_that_keys_have_is_refused()
    {
        using var folder = new TestFolder();
        var large = folder.Write("large", new string('\n', (1 << 20) + 1));
        var most = folder.Write("most", new string('\n', 1 << 20));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(large, UnixFileMode.UserRead);
            File.SetUnixFileMode(most, UnixFileMode.UserRead);
        }

        Assert.Equal(1 << 20, KeyFiles.Read(most).Length);
        AssertFault($"{large} is larger than 1024 KiB, which is the most that is read; write the path of another file", large);
        AssertFault($"{folder.PathOf("")} is a folder; write the path of a file", folder.PathOf(""));
        AssertFault($"{folder.PathOf("missing")} does not exist; write the path of a file of keys", folder.PathOf("missing"));
        AssertFault("a?b cannot be read: ", "a\0b");
        AssertFault(" cannot be read: ", "");
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void Pipes_and_devices_are_not_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pipes have no names here.");
        using var keygen = new Keygen();
        var pipe = keygen.PathOf("pipe");
        Assert.Equal(0, keygen.Start("mkfifo", null, pipe).Status);

        AssertFault($"{pipe} is not a file; write the path of one", pipe);
        AssertFault("/dev/zero is not a file; write the path of one", "/dev/zero");
        Assert.Equal($"{pipe} is not a file; write the path of one", Assert.Throws<SshKeyException>(() => KnownHosts.Read(pipe)).Message);
        Assert.Equal($"{pipe} is not a file; write the path of one", Assert.Throws<SshKeyException>(() => KnownHosts.Add(pipe, "host", 22, TestKeys.Of("ssh-ed25519").PublicKey, hash: false)).Message);
    }

    [Fact]
    public void Loading_a_key_names_its_file()
    {
        using var folder = new TestFolder();
        var path = folder.Write("id", "nothing");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead);

        Assert.Equal($"{path}: the file has no private key; write the path of a private key, like one that ssh-keygen -t ed25519 makes", Assert.Throws<SshKeyException>(() => SshPrivateKey.Load(path, null)).Message);
    }

    [Theory]
    [InlineData("/home/ann/.ssh/known_hosts", "/home/ann/.ssh/known_hosts")]
    [InlineData("[host]:2222", "'[host]:2222'")]
    [InlineData("it's", @"'it'\''s'")]
    [InlineData("$(reboot)", "'$(reboot)'")]
    [InlineData("", "''")]
    [InlineData("Gerät", "'Gerät'")]
    [InlineData("a\nb\u202ec", "'a?b?c'")]
    public void A_word_is_quoted_for_the_shell(string word, string quoted) => Assert.Equal(quoted, KeyFiles.Shell(word));

    private static void AssertFault(string fault, string path) => Assert.StartsWith(fault, Assert.Throws<SshKeyException>(() => KeyFiles.Read(path)).Message, StringComparison.Ordinal);
}
