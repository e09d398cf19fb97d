using System.Diagnostics;
using System.Text;

namespace Fairlead.Tests.Ssh;

/// <summary>OpenSSH's ssh-keygen in a folder of its own. The test is skipped where it is not installed.</summary>
internal sealed class Keygen : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-keys-");

    public Keygen() => Assert.SkipUnless(IsInstalled, "ssh-keygen is not installed (package openssh-client).");

    private static bool IsInstalled { get; } =
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(place => File.Exists(Path.Combine(place, "ssh-keygen")));

    public string PathOf(string name) => Path.Combine(folder.FullName, name);

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        var path = PathOf(name);
        File.WriteAllBytes(path, bytes);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    public string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    /// <summary>Makes a key, without a passphrase, with the comment <c>who@where</c>.</summary>
    public string Make(string type, int bits = 0, string? format = null, string name = "id")
    {
        var path = PathOf(name);
        List<string> arguments = ["-q", "-t", type, "-N", "", "-C", "who@where", "-f", path];
        if (bits > 0)
            arguments.AddRange(["-b", $"{bits}"]);
        if (format is not null)
            arguments.AddRange(["-m", format]);
        Run([.. arguments]);
        return path;
    }

    /// <summary>Runs ssh-keygen, which has to succeed.</summary>
    public string Run(params string[] arguments)
    {
        var (status, output) = Start("ssh-keygen", null, arguments);
        Assert.True(status == 0, $"ssh-keygen {string.Join(' ', arguments)}: {status}: {output}");
        return output;
    }

    /// <summary>Runs a program in the folder.</summary>
    public (int Status, string Output) Start(string program, string? input, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder.FullName };
        using var process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }

    public void Dispose() => folder.Delete(recursive: true);
}
