using System.Net;
using System.Security.Cryptography;

namespace Fairlead.SystemTests;

/// <summary>Programs that people put a forward in front of.</summary>
public sealed class PeerTests
{
    [Fact(Timeout = 60000)]
    public async Task Curl_gets_from_nginx_what_nginx_has()
    {
        var curl = Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        var bytes = RandomNumberGenerator.GetBytes(12_345_678);
        File.WriteAllBytes(Path.Combine(nginx.Root, "file"), bytes);
        foreach (var engine in new[] { "native", "portable" })
        {
            await using var forward = await Running.ForwardAsync("--engine", engine, $"127.0.0.1:0:127.0.0.1:{nginx.Port}");
            var got = Path.Combine(nginx.Root, "got");
            var (status, output) = await Peers.RunAsync(curl, "-sS", "--fail", "-o", got, $"http://{await forward.AddressAsync()}/file");
            Assert.True(status == 0, output);
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(got)));
            var session = await forward.WaitForAsync("session");
            Assert.Equal("closed", session.GetProperty("end").GetString());
            Assert.True(session.GetProperty("bytes_from_upstream").GetInt64() > bytes.Length);
        }
    }

    [Fact(Timeout = 60000)]
    public async Task An_OpenSSH_session_works_through_a_forward()
    {
        using var server = await SshServerRig.StartAsync();
        await using var forward = await Running.ForwardAsync($"127.0.0.1:0:127.0.0.1:{server.Port}");
        var address = await forward.AddressAsync();
        var (status, output) = await server.RunAsync(address.Port, "head -c 3000000 /dev/zero | sha256sum; exit 7");
        Assert.True(status == 7, output);
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(new byte[3_000_000])), output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task Netcat_half_closes_and_still_gets_the_answer()
    {
        var netcat = Peers.Require("nc", "netcat-openbsd");
        using var late = new LateAnswer();
        await using var forward = await Running.ForwardAsync($"127.0.0.1:0:127.0.0.1:{late.Port}");
        var address = await forward.AddressAsync();
        var (status, output) = await Peers.RunAsync("/bin/sh", "-c", $"printf question | {netcat} -N 127.0.0.1 {address.Port}");
        Assert.Equal(0, status);
        Assert.Equal("the answer to question", output);
    }

    [Fact(Timeout = 60000)]
    public async Task Unix_sockets_stand_on_either_side()
    {
        var curl = Peers.Require("curl", "curl");
        var socat = Peers.Require("socat", "socat");
        using var folder = new Folder();
        using var echo = new Echo();
        var (first, second) = ($"{folder.Path}/first", $"{folder.Path}/second");
        await using var there = await Running.ForwardAsync($"unix:{first}:127.0.0.1:{echo.Port}");
        await using var back = await Running.ForwardAsync($"unix:{second}:unix:{first}");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(second));
        var (status, output) = await Peers.RunAsync("/bin/sh", "-c", $"printf across | {socat} -t 20 - UNIX-CONNECT:{second}");
        Assert.Equal((0, "across"), (status, output));
        back.Signal(Running.SIGTERM);
        Assert.Equal(0, await back.WhenOverAsync());
        Assert.False(File.Exists(second));
        Assert.NotEmpty(curl);
    }

    [Fact(Timeout = 120000)]
    public async Task The_library_example_forwards()
    {
        using var echo = new Echo();
        var port = FreePorts.One();
        var root = Repository();
        Assert.True(File.ReadAllLines($"{root}/examples/library/Program.cs").Length <= 15);
        var configuration = AppContext.BaseDirectory.Contains("/Debug/", StringComparison.Ordinal) ? "Debug" : "Release";
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            $"{root}/examples/library/bin/{configuration}/net10.0/library", [$"127.0.0.1:{port}:127.0.0.1:{echo.Port}"])
        { RedirectStandardInput = true, RedirectStandardError = true })!;
        Assert.Contains("listening", await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        using (var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port)))
            await Echo.ExchangeAsync(client, 42);
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Fairlead.slnx")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
