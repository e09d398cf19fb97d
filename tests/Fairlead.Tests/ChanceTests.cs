using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Fairlead.Cli;

namespace Fairlead.Tests;

/// <summary>Whoever could choose what is left to chance could foretell it: that is for the code of a test alone.</summary>
public sealed partial class ChanceTests
{
    private static readonly string[] sources =
        [.. Directory.EnumerateFiles(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "src")), "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText)];

    [Fact]
    public void The_program_makes_no_generator_of_its_own()
    {
        Assert.Contains(sources, source => source.Contains("Random.Shared", StringComparison.Ordinal));
        Assert.DoesNotContain(sources, source => source.Contains("new Random(", StringComparison.Ordinal) || source.Contains("new System.Random(", StringComparison.Ordinal));
    }

    [Fact]
    public void Only_these_variables_are_read_and_none_is_about_chance()
    {
        // Beside those that somebody names in env:NAME. Those of proxies are set for a command, and not read.
        Assert.Equal(
            [
                "ALL_PROXY", "FAIRLEAD_LOOPS", "FAIRLEAD_SPLICE", "HTTPS_PROXY", "HTTP_PROXY", "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID", "NOTIFY_SOCKET", "NO_COLOR", "RUNTIME_DIRECTORY", "SSH_AUTH_SOCK", "STATE_DIRECTORY", "SUDO_UID", "WATCHDOG_PID",
                "WATCHDOG_USEC", "XDG_RUNTIME_DIR",
            ],
            sources.SelectMany(source => Variable().Matches(source)).Select(name => name.Groups[1].Value).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void No_option_is_about_chance()
    {
        var options = Options(CommandLine.Build()).ToList();

        Assert.Contains("--json", options);
        Assert.DoesNotContain(options, option => option.Contains("seed", StringComparison.OrdinalIgnoreCase) || option.Contains("random", StringComparison.OrdinalIgnoreCase));
    }

    private static IEnumerable<string> Options(Command command) =>
        command.Options.SelectMany(option => option.Aliases.Append(option.Name)).Concat(command.Subcommands.SelectMany(Options));

    [GeneratedRegex("\"([A-Z][A-Z0-9]*_[A-Z0-9_]+)\"")]
    private static partial Regex Variable();

    private static string Here([CallerFilePath] string path = "") => path;
}
