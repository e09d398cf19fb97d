using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Fairlead.SystemTests;

/// <summary>
/// Files of ssh_config(5), each with the command lines that it is read for, beside what OpenSSH makes of them: every keyword that is honoured has the same value, or, where the file
/// leaves ssh at its default, this program's own.
/// </summary>
public sealed class SshConfigCorpusTests
{
    private const string Mark = "# ssh ";

    private static readonly string source = Path.Combine(Path.GetDirectoryName(Here())!, "Configs");

    [Fact(Timeout = 300000)]
    public async Task Every_keyword_has_the_value_that_ssh_gives_it()
    {
        var ssh = Peers.Require("ssh", "openssh-client");
        using var folder = new Folder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "included"));
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
            folder.Write(Path.GetRelativePath(source, file), File.ReadAllText(file).Replace("@FOLDER@", folder.Path, StringComparison.Ordinal));
        var files = Directory.GetFiles(folder.Path, "*.conf").Order(StringComparer.Ordinal).ToList();
        Assert.InRange(files.Count, 40, 1000);

        var differences = new List<string>();
        var compared = 0;
        foreach (var file in files)
        {
            var lines = File.ReadLines(file).TakeWhile(line => line.StartsWith(Mark, StringComparison.Ordinal)).Select(line => line[Mark.Length..].Split(' ')).ToList();
            Assert.True(lines.Count > 0, $"{file} does not say for which command lines it is read");
            foreach (var words in lines)
            {
                var (theirs, theirDefaults) = (await AskAsync(ssh, file, words), await AskAsync(ssh, "none", words));
                var (own, ownDefaults) = (Read(file, words), Read("none", words));
                foreach (var keyword in own.Keys.Union(ownDefaults.Keys))
                {
                    var (wanted, usual) = (theirs.GetValueOrDefault(keyword, ""), theirDefaults.GetValueOrDefault(keyword, ""));
                    var expected = wanted == usual && own.GetValueOrDefault(keyword, "") != wanted ? ownDefaults.GetValueOrDefault(keyword, "") : wanted;
                    compared++;
                    if (own.GetValueOrDefault(keyword, "") != expected)
                        differences.Add($"{Path.GetFileName(file)}, ssh {string.Join(' ', words)}: {keyword} is '{own.GetValueOrDefault(keyword, "")}', and ssh has '{wanted}'");
                }
            }
        }
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.InRange(compared, 3000, int.MaxValue);
    }

    private static async Task<Dictionary<string, string>> AskAsync(string ssh, string file, string[] words)
    {
        // Apart from what it says on standard error.
        using var process = Process.Start(new ProcessStartInfo(ssh, ["-G", "-F", file, .. words]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"ssh -G -F {file} {string.Join(' ', words)}: {await errors}");
        var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        // It shows a forward to a socket a second time, as a dynamic one.
        var toSockets = lines.Where(line => line.StartsWith("localforward ", StringComparison.Ordinal) && line.Split(' ')[2].StartsWith('/')).Select(line => $"dynamicforward {line.Split(' ')[1]}");
        return Values(lines.Except(toSockets));
    }

    private static Dictionary<string, string> Read(string file, string[] words)
    {
        var errors = new List<string>();
        var line = SshArguments.Parse(["-G", "-F", file, .. words], static configuration => configuration, errors);
        Assert.True(errors.Count == 0, string.Join('\n', errors));
        return Values(line!.Printout!);
    }

    // Of a keyword that is there several times, all its lines.
    private static Dictionary<string, string> Values(IEnumerable<string> lines) => lines.Select(line => line.Split(' ', 2)).GroupBy(parts => parts[0], parts => parts.ElementAtOrDefault(1) ?? "").ToDictionary(group => group.Key, group => string.Join('\n', group));

    private static string Here([CallerFilePath] string path = "") => path;
}
