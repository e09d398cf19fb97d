using System.ComponentModel;
using System.Diagnostics;

namespace Fairlead;

/// <summary>Commands of ssh_config(5), which the user's shell runs: <c>$SHELL</c>, or <c>/bin/sh</c>.</summary>
internal static class ShellCommand
{
    private static readonly TimeSpan longest = TimeSpan.FromSeconds(30);

    /// <summary>How a command is started.</summary>
    public static ProcessStartInfo StartInfo(string command) => new(Environment.GetEnvironmentVariable("SHELL") is { Length: > 0 } shell ? shell : "/bin/sh", ["-c", command]) { UseShellExecute = false };

    /// <summary>What is wrong with giving a word that somebody else may have chosen to a shell; null if nothing is.</summary>
    public static string? WordFault(string word)
    {
        if (word.StartsWith('-'))
            return "it begins with a '-', so that a command would take it for an option";
        return word.All(static character => char.IsLetterOrDigit(character) || "._-@+:%,=/".Contains(character, StringComparison.Ordinal)) ? null : "it has a character that means something to shells";
    }

    /// <summary>Whether a command ends with status 0, with nothing to read and nobody to read what it says. Blocks, half a minute at the most.</summary>
    /// <exception cref="FormatException">It cannot be run, or does not end in time.</exception>
    public static bool Succeeds(string command)
    {
        var start = StartInfo(command);
        start.RedirectStandardInput = start.RedirectStandardOutput = true;
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var drained = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
            if (process.WaitForExit(longest))
                return process.ExitCode == 0;
            process.Kill(entireProcessTree: true);
            throw new FormatException($"'{Printable.Escape(command)}' has not ended in {longest.TotalSeconds} s, which is the longest that is waited for");
        }
        catch (Exception error) when (error is Win32Exception or IOException)
        {
            throw new FormatException($"'{Printable.Escape(command)}' cannot be run by the shell {Printable.Escape(start.FileName)}: {Printable.Escape(error.Message.TrimEnd('.'))}");
        }
    }
}
