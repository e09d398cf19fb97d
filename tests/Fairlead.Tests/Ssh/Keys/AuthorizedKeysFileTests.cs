using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class AuthorizedKeysFileTests : IDisposable
{
    private static readonly SshPublicKey first = TestKeys.Of("ssh-ed25519").PublicKey, second = TestKeys.Of("ecdsa-sha2-nistp256").PublicKey;
    private readonly TestFolder folder = new();
    private readonly string path;

    public AuthorizedKeysFileTests() => path = folder.Write("authorized_keys", $"{first} one\n");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_has_not_changed_is_not_read_again()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere it is read each time.");
        var file = LaterOn();

        Assert.Same(file.Read(), file.Read());
    }

    [Fact]
    public void What_has_just_changed_may_change_again_at_the_same_time()
    {
        var file = new AuthorizedKeysFile(path, TimeZoneInfo.Utc, TimeProvider.System);
        file.Read();
        File.WriteAllText(path, $"{second} one\n");

        Assert.Equal(second, Assert.Single(file.Read().Keys).Key);
        Assert.NotSame(file.Read(), file.Read());
    }

    [Fact]
    public void Whatever_changes_it_counts_at_once()
    {
        var file = LaterOn();
        Assert.Equal(first, Assert.Single(file.Read().Keys).Key);

        File.WriteAllText(path, $"{first} two\n");
        Assert.Equal("two", Assert.Single(file.Read().Keys).Comment);

        // Another file of the same length and time.
        var time = File.GetLastWriteTimeUtc(path);
        var other = folder.Write("other", $"{first} six\n");
        File.SetLastWriteTimeUtc(other, time);
        File.Move(other, path, overwrite: true);
        Assert.Equal("six", Assert.Single(file.Read().Keys).Comment);

        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("666", 8));
            Assert.Contains("can be written by others", Assert.Throws<SshKeyException>(file.Read).Message, StringComparison.Ordinal);
            File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32("600", 8));
        }
        Assert.Equal("six", Assert.Single(file.Read().Keys).Comment);

        File.Delete(path);
        Assert.Contains("does not exist", Assert.Throws<SshKeyException>(file.Read).Message, StringComparison.Ordinal);
    }

    // As it is a while after the last change.
    private AuthorizedKeysFile LaterOn()
    {
        var time = new ManualTime();
        time.Advance(DateTimeOffset.UtcNow.AddMinutes(1) - time.GetUtcNow());
        return new AuthorizedKeysFile(path, TimeZoneInfo.Utc, time);
    }
}
