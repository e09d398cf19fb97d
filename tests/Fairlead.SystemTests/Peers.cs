using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>Programs of others, started from a configuration in a folder of their own, ended with the test.</summary>
internal static class Peers
{
    /// <summary>Where a program is, or the test is skipped with the name of what is missing.</summary>
    public static string Require(string program, string package)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin");
        var path = folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"{program} is not installed (Debian package {package}).");
        return path!;
    }

    public static void RequireRoot() => Assert.SkipUnless(Environment.UserName == "root", "Needs root.");

    /// <summary>Runs a program to its end: its output, and error output behind it.</summary>
    public static async Task<(int Status, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        })!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await errors);
    }

    /// <summary>Starts a server and waits until its port answers.</summary>
    public static Task<Peer> StartAsync(int port, string program, params string[] arguments) => StartAsync(new IPEndPoint(IPAddress.Loopback, port), program, arguments);

    /// <summary>Starts a server and waits until it answers there.</summary>
    public static async Task<Peer> StartAsync(IPEndPoint at, string program, params string[] arguments)
    {
        var peer = new Peer(Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!);
        for (var attempt = 0; attempt < 400; attempt++)
        {
            try
            {
                using var probe = new TcpClient(at.AddressFamily);
                await probe.ConnectAsync(at);
                return peer;
            }
            catch (SocketException) when (!peer.HasExited)
            {
                await Task.Yield();
                using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(25));
                await pause.WaitForNextTickAsync();
            }
        }
        throw new InvalidOperationException($"{program} does not listen on {at}.");
    }
}

/// <summary>A server of others; ended by its process id.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Process process;

    public Peer(Process process)
    {
        this.process = process;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>Asks it to end, and waits until it has: for one that leaves something behind when it is killed.</summary>
    public async Task EndAsync()
    {
        await Peers.RunAsync("/bin/kill", $"{Id}");
        await process.WaitForExitAsync();
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
    }
}

/// <summary>A folder that goes with the test.</summary>
internal sealed class Folder : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");

    public string Path => folder.FullName;

    public string Write(string name, string text)
    {
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => folder.Delete(recursive: true);
}
