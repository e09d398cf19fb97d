using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>OpenSSH's client, running in the background without a command; ended by its process id.</summary>
internal sealed partial class OpenSshClient : IDisposable
{
    private readonly Process process;
    private readonly StringBuilder said = new();
    private readonly SemaphoreSlim news = new(0);

    private OpenSshClient(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What it has said.</summary>
    public string Said { get { lock (said) return said.ToString(); } }

    /// <summary>Starts <c>ssh -N</c> to a server on the loopback, and waits until it is let in and has asked for its forwards.</summary>
    /// <param name="key">The user's key; the file of known hosts is made beside it.</param>
    /// <param name="user">Who logs in.</param>
    /// <param name="port">The server's.</param>
    /// <param name="options">Further options: forwards.</param>
    public static async Task<OpenSshClient> StartAsync(string key, string user, int port, params string[] options)
    {
        var client = new OpenSshClient(Process.Start(new ProcessStartInfo(Peers.Require("ssh", "openssh-client"), [.. Arguments(key, user, port), "-v", "-N", .. options, "127.0.0.1"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        })!);
        try
        {
            await client.WaitForAsync("Entering interactive session");
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Runs <c>ssh</c> to its end: what it has said.</summary>
    /// <param name="key">The user's key.</param>
    /// <param name="user">Who logs in.</param>
    /// <param name="port">The server's.</param>
    /// <param name="arguments">Further options, the host, and what comes after that.</param>
    public static Task<(int Status, string Output)> RunAsync(string key, string user, int port, params string[] arguments) =>
        Peers.RunAsync(Peers.Require("ssh", "openssh-client"), [.. Arguments(key, user, port), .. arguments]);

    /// <summary>The same with files as standard input and output: what it has said besides.</summary>
    public static Task<(int Status, string Output)> CopyAsync(string from, string to, string key, string user, int port, params string[] arguments) =>
        Peers.RunAsync("/bin/sh", ["-c", "from=$1 to=$2; shift 2; exec \"$0\" \"$@\" <\"$from\" >\"$to\"", Peers.Require("ssh", "openssh-client"), from, to, .. Arguments(key, user, port), .. arguments]);

    /// <summary>The port that the server has chosen for a remote forward.</summary>
    public async Task<int> AllocatedPortAsync()
    {
        await WaitForAsync("Allocated port ");
        return int.Parse(Allocated().Match(Said).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
    }

    /// <summary>Stops the process, whose connection stays and has nobody behind it.</summary>
    public Task FreezeAsync() => SignalAsync("-STOP");

    /// <summary>Lets it go on.</summary>
    public Task ThawAsync() => SignalAsync("-CONT");

    /// <summary>Waits until it says something.</summary>
    public async Task WaitForAsync(string text)
    {
        while (!Said.Contains(text, StringComparison.Ordinal))
        {
            if (!await news.WaitAsync(TimeSpan.FromSeconds(20)))
                throw new TimeoutException($"ssh never said '{text}'. It said:\n{Said}");
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private async Task SignalAsync(string signal) => Assert.Equal(0, (await Peers.RunAsync("kill", signal, $"{process.Id}")).Status);

    /// <summary>Its first arguments: no configuration, agent or keys but those of the test.</summary>
    internal static string[] Arguments(string key, string user, int port) => [
        "-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new", "-o", $"UserKnownHostsFile={key}.known",
        "-o", "GlobalKnownHostsFile=none", "-l", user, "-p", $"{port}"];

    [GeneratedRegex("Allocated port ([0-9]+) ")]
    private static partial Regex Allocated();

    private void Note(string? line)
    {
        if (line is null)
            return;
        lock (said)
            said.AppendLine(line);
        news.Release();
    }
}
