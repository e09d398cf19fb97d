using System.Security.Cryptography;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary>The Debian package, installed into a folder as into a system of its own, and the unit.</summary>
public sealed class PackagingTests
{
    [Fact(Timeout = 300000)]
    public async Task The_package_is_installed_run_removed_and_purged_in_a_scratch_root()
    {
        Peers.RequireRoot();
        var dpkg = Peers.Require("dpkg", "dpkg");
        Peers.Require("systemd-sysusers", "systemd");
        using var folder = new Folder();
        var package = await BuildAsync(folder.Path);
        var root = Directory.CreateDirectory(Path.Combine(folder.Path, "root")).FullName;
        foreach (var part in new[] { "etc", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers" })
            Directory.CreateDirectory(Path.Combine(root, part));
        File.WriteAllText(Path.Combine(root, "var/lib/dpkg/status"), "");
        string[] into = [$"--root={root}", "--force-script-chrootless", "--force-depends"];

        await WellAsync(dpkg, [.. into, "--install", package]);
        Assert.Equal("fairlead 0.1.0", (await WellAsync($"{root}/usr/bin/fairlead", "--version")).Trim());
        Assert.Contains("\nfairlead:", "\n" + File.ReadAllText($"{root}/etc/passwd"), StringComparison.Ordinal);
        Assert.Contains("install ok installed", await WellAsync(dpkg, [.. into, "--status", "fairlead"]), StringComparison.Ordinal);
        Assert.Equal("", await WellAsync(dpkg, [.. into, "--verify", "fairlead"]));
        // Installed, and not enabled.
        Assert.True(File.Exists($"{root}/usr/lib/systemd/system/fairlead.service"));
        Assert.False(Directory.Exists($"{root}/etc/systemd/system"));

        // What the administrator wrote outlives an upgrade and a removal, not a purge.
        File.AppendAllText($"{root}/etc/fairlead/fairlead.yaml", "# mine\n");
        Directory.CreateDirectory($"{root}/var/lib/fairlead");
        Directory.CreateDirectory($"{root}/var/log/fairlead");
        await WellAsync(dpkg, [.. into, "--install", package]);
        Assert.EndsWith("# mine\n", File.ReadAllText($"{root}/etc/fairlead/fairlead.yaml"), StringComparison.Ordinal);
        await WellAsync(dpkg, [.. into, "--remove", "fairlead"]);
        Assert.Equal([$"{root}/etc/fairlead", $"{root}/etc/fairlead/fairlead.yaml", $"{root}/var/lib/fairlead", $"{root}/var/log/fairlead"], Left(root));
        await WellAsync(dpkg, [.. into, "--purge", "fairlead"]);
        Assert.Empty(Left(root));
    }

    [Fact(Timeout = 300000)]
    public async Task The_package_has_the_same_bytes_each_time_and_says_what_it_is()
    {
        var dpkg = Peers.Require("dpkg-deb", "dpkg");
        using var folder = new Folder();
        var first = await BuildAsync(Path.Combine(folder.Path, "first"));
        var second = await BuildAsync(Path.Combine(folder.Path, "second"));
        Assert.Equal(SHA256.HashData(File.ReadAllBytes(first)), SHA256.HashData(File.ReadAllBytes(second)));

        var about = await WellAsync(dpkg, "--info", first);
        foreach (var line in new[] { "Package: fairlead", "Version: 0.1.0", "libc6 (>= 2.27)", "conffiles", "postinst", "prerm", "postrm" })
            Assert.Contains(line, about, StringComparison.Ordinal);
        var contents = (await WellAsync(dpkg, "--contents", first)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(contents, line => Assert.Matches(@"^(d|-)rwxr-xr-x root/root |^-rw-r--r-- root/root ", line));
        foreach (var file in new[]
        {
            "./etc/fairlead/fairlead.yaml", "./usr/bin/fairlead", "./usr/lib/systemd/system/fairlead.service", "./usr/lib/sysusers.d/fairlead.conf", "./usr/share/man/man1/fairlead.1.gz",
            "./usr/share/bash-completion/completions/fairlead", "./usr/share/zsh/vendor-completions/_fairlead", "./usr/share/fish/vendor_completions.d/fairlead.fish",
            "./usr/share/doc/fairlead/copyright", "./usr/share/doc/fairlead/changelog.gz", "./usr/share/doc/fairlead/examples/fairlead.socket",
            "./usr/share/doc/fairlead/examples/conf.d/mail.yaml", "./usr/share/doc/fairlead/fairlead.schema.json", "./usr/share/doc/fairlead/openapi.json",
        })
            Assert.Contains(contents, line => line.EndsWith($" {file}", StringComparison.Ordinal));
    }

    [Fact(Timeout = 300000)]
    public async Task Lintian_finds_nothing()
    {
        var lintian = Peers.Require("lintian", "lintian");
        using var folder = new Folder();
        var package = await BuildAsync(folder.Path);
        // The authors have no mail address; .NET brings its own zlib; Debian's archive takes no zstd, and this is not for it.
        var (status, output) = await Peers.RunAsync(lintian, "--allow-root", "--fail-on", "error,warning", "--suppress-tags",
            "bogus-mail-host,bogus-mail-host-in-debian-changelog,embedded-library,malformed-deb-archive", package);
        Assert.True(status == 0, output);
    }

    [Fact(Timeout = 60000)]
    public async Task The_manual_page_is_without_fault()
    {
        using var folder = new Folder();
        var man = Peers.Require("man", "man-db");
        var page = folder.Write("fairlead.1", File.ReadAllText($"{Repository()}/packaging/man/fairlead.1").Replace("@VERSION@", "0.1.0", StringComparison.Ordinal).Replace("@DATE@", "2026-11-22", StringComparison.Ordinal));
        Assert.Equal("", await WellAsync("/bin/sh", "-c", $"LC_ALL=C.UTF-8 {man} --warnings -l {page} 2>&1 >/dev/null"));
        var shown = await WellAsync("/bin/sh", "-c", $"MANWIDTH=80 LC_ALL=C.UTF-8 {man} -l {page}");
        foreach (var section in new[] { "NAME", "SYNOPSIS", "COMMANDS", "OPTIONS", "SIGNALS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES" })
            Assert.Contains($"\n{section}\n", shown, StringComparison.Ordinal);
        // Every option that the program has is in it.
        var help = new StringBuilder();
        foreach (var command in new[] { "forward", "proxy", "ssh", "hub" })
            help.Append(await WellAsync(Running.Binary, command, "--help"));
        foreach (var option in help.ToString().Split('\n').Where(line => line.StartsWith("  -", StringComparison.Ordinal)).Select(line => line.Trim().Split(' ')[0]))
            Assert.Contains(option, shown, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task Mandoc_finds_nothing_in_the_manual_page()
    {
        var mandoc = Peers.Require("mandoc", "mandoc");
        using var folder = new Folder();
        var page = folder.Write("fairlead.1", File.ReadAllText($"{Repository()}/packaging/man/fairlead.1").Replace("@DATE@", "2026-11-22", StringComparison.Ordinal));
        Assert.Equal((0, ""), await Peers.RunAsync(mandoc, "-T", "lint", page));
    }

    [Fact(Timeout = 60000)]
    public async Task Systemd_understands_the_units_and_finds_the_service_well_confined()
    {
        var analyze = Peers.Require("systemd-analyze", "systemd");
        using var folder = new Folder();
        var service = folder.Write("fairlead.service", File.ReadAllText($"{Repository()}/packaging/systemd/fairlead.service").Replace("/usr/bin/fairlead", Running.Binary, StringComparison.Ordinal));
        var socket = folder.Write("fairlead.socket", File.ReadAllText($"{Repository()}/packaging/systemd/fairlead.socket"));

        Assert.Equal((0, ""), await Peers.RunAsync(analyze, "verify", "--man=no", service, socket));
        // In tenths: 2.0 of 10 at most. It has 1.6.
        await WellAsync(analyze, "security", "--offline=true", "--no-pager", "--threshold=20", service);
    }

    private static async Task<string> BuildAsync(string folder)
    {
        Peers.Require("dpkg-deb", "dpkg");
        Assert.SkipUnless(Environment.GetEnvironmentVariable("FAIRLEAD_BINARY") is { Length: > 0 }, "Packs the published program: FAIRLEAD_BINARY is not set, as ./test does.");
        return (await WellAsync($"{Repository()}/packaging/deb/build", "--output", folder)).Trim();
    }

    /// <summary>Runs a program that has to end well: what it said.</summary>
    private static async Task<string> WellAsync(string program, params string[] arguments)
    {
        var (status, output) = await Peers.RunAsync(program, arguments);
        Assert.True(status == 0, $"{program} {string.Join(' ', arguments)}: {status}\n{output}");
        return output;
    }

    /// <summary>Everything of the package that is left in a root: whatever has its name, outside of dpkg's own notes.</summary>
    private static IEnumerable<string> Left(string root)
    {
        return Directory.EnumerateFileSystemEntries(root, "*fairlead*", SearchOption.AllDirectories).Where(path => !path.Contains("/var/lib/dpkg/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
    }

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Fairlead.slnx")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
