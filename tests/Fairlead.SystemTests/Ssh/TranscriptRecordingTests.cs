using System.Diagnostics;
using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;
using Fairlead.Tests.Ssh;

namespace Fairlead.SystemTests;

/// <summary>
/// Records the sessions that the tests in process replay, into the folder that <c>FAIRLEAD_TRANSCRIPTS</c> names (CONTRIBUTING.md), else into one that goes with the test; and replays each at once, which has to go as it was
/// recorded.
/// </summary>
public sealed class TranscriptRecordingTests : IDisposable
{
    private readonly Folder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact(Timeout = 120000)]
    public async Task Sessions_with_the_server_of_OpenSSH_are_recorded()
    {
        var hosts = new List<string>();
        foreach (var (_, type, bits) in SshKeys.Types.DistinctBy(known => (known.Type, known.Bits)))
            hosts.Add(await SshKeys.MakeAsync(Path.Combine(folder.Path, $"host-{type}-{bits}"), type, bits));
        var target = await TargetAsync();
        var users = Keys.Select(name => $"{SshPrivateKey.Read(File.ReadAllBytes(Path.Combine(target, name)), []).PublicKey}");
        using var server = await SshServerRig.StartAsync($"""
            {string.Join('\n', hosts.Select(path => $"HostKey {path}"))}
            AuthorizedKeysFile {folder.Write("authorized_keys", string.Join('\n', users))}
            """);
        await RecordAsClientAsync(TranscriptPeer.Sshd, _ => server.Port);
    }

    [Fact(Timeout = 120000)]
    public async Task Sessions_with_the_server_of_Dropbear_are_recorded()
    {
        var target = await TargetAsync();
        using var server = await DropbearServerRig.StartAsync();
        using var other = await DropbearServerRig.StartAsync("ecdsa-sha2-nistp521");
        foreach (var name in Keys)
            server.Admit($"{SshPrivateKey.Read(File.ReadAllBytes(Path.Combine(target, name)), []).PublicKey}");
        other.Admit($"{SshPrivateKey.Read(File.ReadAllBytes(Path.Combine(target, Keys[0])), []).PublicKey}");
        await RecordAsClientAsync(TranscriptPeer.Dropbear, about => server.HasHostKey(about.HostKeyAlgorithm) ? server.Port : other.Port);
    }

    [Fact(Timeout = 120000)]
    public Task Sessions_with_the_client_of_OpenSSH_are_recorded() => RecordAsServerAsync(TranscriptPeer.Ssh, async (about, port) =>
    {
        var (_, type, bits) = SshKeys.Types.First(known => known.Algorithm == about.UserKeyAlgorithm);
        var key = await SshKeys.MakeAsync(Path.Combine(folder.Path, about.Name), type, bits);
        return (Peers.Require("ssh", "openssh-client"), [.. OpenSshClient.Arguments(key, "alice", port), "-o", $"PubkeyAcceptedAlgorithms={about.UserKeyAlgorithm}", "-W", "target:7", "127.0.0.1"]);
    });

    [Fact(Timeout = 120000)]
    public Task Sessions_with_the_client_of_Dropbear_are_recorded() => RecordAsServerAsync(TranscriptPeer.Dbclient, async (about, port) =>
    {
        var (_, type, bits) = SshKeys.Types.First(known => known.Algorithm == about.UserKeyAlgorithm);
        var key = await Dropbear.MakeKeyAsync(Path.Combine(folder.Path, about.Name), type, bits);
        return ("/usr/bin/env", [.. Dropbear.Command(key, port), "-B", "target:7", "127.0.0.1"]);
    });

    private static string[] Keys => ["ed25519.key", "rsa.key"];

    // Where recordings go, and this end's keys are, which are made once.
    private async Task<string> TargetAsync()
    {
        var path = Environment.GetEnvironmentVariable("FAIRLEAD_TRANSCRIPTS") is { Length: > 0 } named ? named : folder.Path;
        foreach (var name in Keys.Where(name => !File.Exists(Path.Combine(path, name))))
        {
            await SshKeys.MakeAsync(Path.Combine(path, name), Path.GetFileNameWithoutExtension(name), name.StartsWith("rsa", StringComparison.Ordinal) ? "2048" : "256");
            File.Delete(Path.Combine(path, $"{name}.pub"));
        }
        return path;
    }

    private async Task RecordAsClientAsync(TranscriptPeer peer, Func<TranscriptCase, int> portOf)
    {
        using var network = new PortableNetwork();
        using var echo = new Echo();
        foreach (var about in TranscriptCase.All.Where(one => one.Peer == peer))
        {
            var dial = await network.Dialer.DialAsync(new IPEndPoint(IPAddress.Loopback, portOf(about)), TimeSpan.FromSeconds(20));
            await RecordAsync(about, dial.Connection!, echo.Port);
        }
    }

    private async Task RecordAsServerAsync(TranscriptPeer peer, Func<TranscriptCase, int, Task<(string Program, string[] Arguments)>> command)
    {
        using var network = new PortableNetwork();
        using var listener = network.ListenHere(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions());
        foreach (var about in TranscriptCase.All.Where(one => one.Peer == peer))
        {
            var (program, arguments) = await command(about, ((IPEndPoint)listener.LocalEndPoint).Port);
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            Assert.True(await listener.WaitAsync());
            var talking = TalkAsync(process);
            var error = await Record.ExceptionAsync(() => RecordAsync(about, listener.TryAccept()!, target: 0));
            Assert.True(error is null, $"{about.Name}: {error}");
            await talking;
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await errors);
        }
    }

    // What the peer's user does: he waits for what comes back before he goes on.
    private static async Task TalkAsync(Process process)
    {
        for (var round = 0; round < 2; round++)
        {
            await process.StandardInput.BaseStream.WriteAsync(TranscriptSession.Payload(round));
            await process.StandardInput.BaseStream.FlushAsync();
            await process.StandardOutput.BaseStream.ReadExactlyAsync(new byte[TranscriptSession.Length]);
        }
        process.StandardInput.Close();
    }

    private async Task RecordAsync(TranscriptCase about, Connection connection, int target)
    {
        var path = await TargetAsync();
        using var key = TranscriptSession.ReadKey(path, about);
        var transcript = new Transcript { Target = target };
        await TranscriptSession.RunAsync(new RecordingConnection(connection, transcript), about, target, key);
        transcript.Write(Path.Combine(path, $"{about.Name}.txt"));
        await TranscriptSession.ReplayAsync(Transcript.Read(Path.Combine(path, $"{about.Name}.txt")), about, key);
    }
}
