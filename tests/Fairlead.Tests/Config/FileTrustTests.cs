using System.Runtime.Versioning;

namespace Fairlead.Tests.Config;

[SupportedOSPlatform("linux")]
public sealed class FileTrustTests : IDisposable
{
    private readonly DirectoryInfo? folder = OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess ? Directory.CreateTempSubdirectory("fairlead-trust-") : null;

    public void Dispose() => folder?.Delete(recursive: true);

    [Fact]
    public void A_file_that_only_root_can_change_is_trusted_also_in_a_sticky_folder()
    {
        var file = Make("a/fairlead.yaml");

        Assert.Null(FileTrust.Fault(file));
        File.SetUnixFileMode(Path.GetDirectoryName(file)!, (UnixFileMode)Convert.ToInt32("1777", 8));
        Assert.Null(FileTrust.Fault(file));
    }

    [Theory]
    [InlineData("664")]
    [InlineData("646")]
    public void A_file_that_others_can_write_is_refused_for_root(string mode)
    {
        var file = Make("a/fairlead.yaml", mode);

        Assert.Equal($"{file} can be written by others than root, who could have root do anything; run: chmod go-w {file}", FileTrust.Fault(file));
        Assert.Equal($"{file}:1:1: error: {FileTrust.Fault(file)}", Assert.Throws<ConfigurationException>(() => Configuration.Load(file)).Message);
    }

    [Fact]
    public void A_file_in_a_folder_that_others_can_write_is_refused_for_root()
    {
        var file = Make("a/b/fairlead.yaml");
        var parent = Path.Combine(folder!.FullName, "a");
        File.SetUnixFileMode(parent, (UnixFileMode)Convert.ToInt32("777", 8));

        Assert.Equal($"the folder {parent} can be written by others than root, who could put another file there; run: chmod go-w {parent}, or keep the configuration in /etc/fairlead", FileTrust.Fault(file));
    }

    [Fact]
    public void Where_a_link_leads_counts_and_the_link_too()
    {
        var file = Make("a/fairlead.yaml", "666");
        var link = Path.Combine(folder!.FullName, "link.yaml");
        File.CreateSymbolicLink(link, "a/../a/fairlead.yaml");
        Assert.StartsWith($"{file} can be written by others", FileTrust.Fault(link));

        File.SetUnixFileMode(file, UnixFileMode.UserRead);
        Assert.Null(FileTrust.Fault(link));
        File.SetUnixFileMode(folder.FullName, (UnixFileMode)Convert.ToInt32("777", 8));
        Assert.StartsWith($"the folder {folder.FullName} can be written by others", FileTrust.Fault(link));
    }

    [Fact]
    public void A_file_of_another_user_is_refused_for_root()
    {
        var file = Make("a/fairlead.yaml");
        Chown(file);
        Assert.Equal($"{file} belongs to user 65534, who could have root do anything; run: chown root {file}", FileTrust.Fault(file));

        var other = Make("b/fairlead.yaml");
        Chown(Path.GetDirectoryName(other)!);
        Assert.Equal($"the folder {Path.GetDirectoryName(other)} belongs to user 65534, who could put another file there; keep the configuration in a folder of root's, like /etc/fairlead", FileTrust.Fault(other));
    }

    [Fact]
    public void An_included_file_that_others_can_write_is_refused_for_root()
    {
        var included = Make("conf.d/a.yaml", "666");
        var main = Make("fairlead.yaml");
        File.WriteAllText(main, "include: conf.d/*.yaml");

        Assert.Equal($"{main}:1:10: error: {FileTrust.Fault(included)}", Assert.Throws<ConfigurationException>(() => Configuration.Load(main)).Message);
    }

    [Fact]
    public void A_secrets_file_that_others_can_write_is_refused_for_root()
    {
        var secret = Make("token", "666");
        var main = Make("fairlead.yaml");
        File.WriteAllText(main, "admin: { listen: \"127.0.0.1:9000\", token: file:token }\nforwards: []");

        Assert.Equal($"{main}:1:43: error: {FileTrust.Fault(secret)}", Assert.Throws<ConfigurationException>(() => Configuration.Load(main)).Message);

        File.SetUnixFileMode(secret, (UnixFileMode)Convert.ToInt32("644", 8));
        Assert.True(Configuration.Load(main).Configuration.Admin!.Token!.Matches("forwards: []"));
    }

    private string Make(string name, string mode = "644")
    {
        Assert.SkipWhen(folder is null, "not run as root on Linux, for whom alone files are refused");
        var path = Path.Combine(folder!.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, (UnixFileMode)Convert.ToInt32("755", 8));
        File.WriteAllText(path, "forwards: []");
        File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32(mode, 8));
        return path;
    }

    private static void Chown(string path)
    {
        using var chown = System.Diagnostics.Process.Start("chown", ["65534", path]);
        chown.WaitForExit();
        Assert.SkipUnless(chown.ExitCode == 0, "files cannot be given away here (chown failed)");
    }
}
