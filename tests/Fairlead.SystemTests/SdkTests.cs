namespace Fairlead.SystemTests;

/// <summary>
/// <c>./run</c> on a machine without .NET: copies of the scripts, with a path on which there are only their tools and a package manager that is
/// played. Nothing of this machine is installed or changed.
/// </summary>
public sealed class SdkTests : IDisposable
{
    private static readonly string[] tools =
    [
        "bash", "cat", "chmod", "cut", "dirname", "env", "find", "getent", "mkdir", "mktemp", "mv", "readlink", "rm", "sed", "sh", "tail", "tee", "touch", "true", "uname",
    ];

    private readonly Folder machine = new();

    public SdkTests()
    {
        var folders = Environment.GetEnvironmentVariable("PATH")!.Split(':');
        foreach (var folder in new[] { "docs", "bin", "home", "scripts", "src/Fairlead.Cli" })
            Directory.CreateDirectory($"{machine.Path}/{folder}");
        foreach (var tool in tools)
            File.CreateSymbolicLink($"{machine.Path}/bin/{tool}", folders.Select(folder => Path.Combine(folder, tool)).First(File.Exists));
        foreach (var file in new[] { "run", "scripts/sdk", "scripts/packages", "scripts/fresh" })
            File.Copy($"{Repository()}/{file}", $"{machine.Path}/{file}");
        foreach (var source in new[] { "docs/openapi.json", "Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig" })
            machine.Write(source, "");

        // This machine may well have one there.
        var script = File.ReadAllText($"{machine.Path}/scripts/sdk");
        Assert.Contains(" /usr/share/dotnet /usr/lib/dotnet;", script, StringComparison.Ordinal);
        machine.Write("scripts/sdk", script.Replace(" /usr/share/dotnet /usr/lib/dotnet;", $" {machine.Path}/share/dotnet;", StringComparison.Ordinal));
    }

    [Fact(Timeout = 60000)]
    public async Task Without_a_package_manager_it_says_in_one_sentence_what_to_install()
    {
        Play("id", "echo 0");
        Assert.Equal(
            (2, "Fairlead is built with the .NET SDK 10: install dotnet-sdk-10.0, or follow https://dot.net/download\n"),
            await RunAsync("./run"));
    }

    [Theory(Timeout = 60000), InlineData(true), InlineData(false)]
    public async Task Where_the_package_manager_lacks_it_it_says_so_in_one_sentence(bool sudo)
    {
        PlayPackages(has: "false", sudo);
        Assert.Equal(
            (2, "Fairlead is built with the .NET SDK 10: this system's packages do not have it, so follow https://dot.net/download\n"),
            await RunAsync("./run"));
        Assert.Equal(sudo ? "apt-get update\n" : "", Calls());
    }

    [Fact(Timeout = 60000)]
    public async Task Where_it_may_not_install_it_says_the_command()
    {
        PlayPackages(has: "true", sudo: false);
        Assert.Equal((2, "Fairlead is built with the .NET SDK 10: as root, run: apt-get install dotnet-sdk-10.0\n"), await RunAsync("./run"));
        Assert.Equal("", Calls());
    }

    [Theory(Timeout = 60000), InlineData(false), InlineData(true)]
    public async Task Where_it_may_install_it_does_and_goes_on(bool listsAreOld)
    {
        PlayPackages(has: listsAreOld ? $"test -e {machine.Path}/updated" : "true", sudo: true);
        var (status, output) = await RunAsync("./run", "forward", "--help");
        Assert.True(status == 0, output);
        Assert.Equal("started by the .NET of /played/dotnet: forward --help\ninstalling dotnet-sdk-10.0\nbuilding Fairlead…\n", output);
        Assert.Equal(
            $"{(listsAreOld ? "apt-get update\n" : "")}apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 dotnet-sdk-10.0\n"
            + $"dotnet build {machine.Path}/src/Fairlead.Cli -c Release --nologo -v quiet -clp:NoSummary\n",
            Calls());

        // The next time, it is there.
        Assert.Equal((0, "started by the .NET of /played/dotnet: demo\n"), await RunAsync("./run"));
    }

    [Fact(Timeout = 60000)]
    public async Task An_install_that_fails_leaves_the_sentence_behind_the_reason()
    {
        PlayPackages(has: "true", sudo: true, install: "echo 'E: the disk is full' >&2; exit 100");
        var (status, output) = await RunAsync("./run");
        Assert.Equal(2, status);
        Assert.Contains("E: the disk is full\n", output, StringComparison.Ordinal);
        Assert.EndsWith("Fairlead is built with the .NET SDK 10: install dotnet-sdk-10.0, or follow https://dot.net/download\n", output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task The_tests_can_install_their_peers_after_it()
    {
        PlayPackages(has: "true", sudo: true);
        var (status, output) = await RunAsync("bash", "-c", "set -euo pipefail; source scripts/sdk; source scripts/packages; may_install; echo \"goes on with $DOTNET_ROOT\"");
        Assert.True(status == 0, output);
        Assert.StartsWith("goes on with /played/dotnet\n", output, StringComparison.Ordinal);
    }

    public void Dispose() => machine.Dispose();

    private void PlayPackages(string has, bool sudo, string? install = null)
    {
        Play("id", "echo 1000");
        Play("apt-cache", $"[ \"$*\" = 'show dotnet-sdk-10.0' ] && {has}");
        Play("apt-get", $"""
            echo "apt-get $*" >>{machine.Path}/calls
            case $1 in
                update) touch {machine.Path}/updated ;;
                install) {install ?? $"mv {machine.Path}/bin/.dotnet {machine.Path}/bin/dotnet"} ;;
            esac
            """);
        Play(".dotnet", $"""
            if [ "$1" = --list-sdks ]; then echo '10.0.100 [/played/dotnet/sdk]'; exit; fi
            echo "dotnet $*" >>{machine.Path}/calls
            mkdir -p "$2/bin/Release/net10.0"
            printf '#!/bin/sh\necho "started by the .NET of $DOTNET_ROOT: $*"\n' >"$2/bin/Release/net10.0/Fairlead.Cli"
            chmod 755 "$2/bin/Release/net10.0/Fairlead.Cli"
            """);

        // It may do anything, and of that does what the package manager is told and leaves the files of this machine alone.
        Play("sudo", sudo
            ? """
              [ "$1" = -n ] && shift
              case $1 in
                  true | env | apt-get) exec "$@" ;;
                  tee) cat >/dev/null ;;
              esac
              """
            : "exit 1");
    }

    /// <summary>Puts a program onto the path, by the lines of its script.</summary>
    private void Play(string name, string script)
    {
        File.SetUnixFileMode(machine.Write($"bin/{name}", $"#!/bin/sh\n{script}\n"), (UnixFileMode)0b111_101_101);
    }

    private string Calls() => File.Exists($"{machine.Path}/calls") ? File.ReadAllText($"{machine.Path}/calls") : "";

    private Task<(int Status, string Output)> RunAsync(params string[] command)
    {
        return Peers.RunAsync("/usr/bin/env", ["-i", "-C", machine.Path, $"PATH={machine.Path}/bin", $"HOME={machine.Path}/home", .. command]);
    }

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Fairlead.slnx")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
