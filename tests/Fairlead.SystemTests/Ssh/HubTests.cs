using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>Our own server as OpenSSH's client meets it.</summary>
public sealed class HubTests
{
    [Fact(Timeout = 60000)]
    public async Task Nobody_comes_in_without_a_key_that_is_listed()
    {
        await using var hub = await HubRig.StartAsync();
        var stranger = await SshKeys.MakeAsync(Path.Combine(hub.Folder.Path, "stranger"));
        foreach (var options in new string[][] { [], ["-o", "PubkeyAuthentication=no"], ["-o", "PreferredAuthentications=password,keyboard-interactive"] })
        {
            var (status, output) = await OpenSshClient.RunAsync(stranger, "alice", hub.Port, [.. options, "-N", "127.0.0.1"]);
            Assert.Equal(255, status);
            Assert.Contains("alice@127.0.0.1: Permission denied (publickey).", output, StringComparison.Ordinal);
        }
        // Who was turned away, and with which key, is in the access log.
        await hub.Running.SessionAsync($"alice {await SshKeys.FingerprintAsync(stranger)}");
        Assert.DoesNotContain(hub.Running.Entries, entry => entry.GetProperty("event").GetString() == "hub_login");
    }

    [Fact(Timeout = 60000)]
    public async Task The_log_names_the_user_the_key_and_its_comment()
    {
        await using var hub = await HubRig.StartAsync();
        using var ssh = await hub.ConnectAsync();
        var login = await hub.Running.WaitForAsync("hub_login");
        Assert.Equal("alice", login.GetProperty("user").GetString());
        Assert.Equal(await SshKeys.FingerprintAsync(hub.UserKey), login.GetProperty("key").GetString());
        Assert.Equal("alice's laptop", login.GetProperty("comment").GetString());
        Assert.StartsWith("SSH-2.0-OpenSSH_", login.GetProperty("identification").GetString(), StringComparison.Ordinal);
    }

    // Who asks for every address and may not have them gets the loopback, as with OpenSSH.
    [Theory(Timeout = 60000)]
    [InlineData(false, new[] { "127.0.0.1,::1", "127.0.0.1,::1", "127.0.0.1,::1", "127.0.0.1" })]
    [InlineData(true, new[] { "127.0.0.1,::1", "::", "0.0.0.0", "127.0.0.1" })]
    public async Task Listens_are_of_the_loopback_unless_the_configuration_says_more(bool gatewayPorts, string[] addresses)
    {
        await using var hub = await HubRig.StartAsync(more: $"gateway_ports: {(gatewayPorts ? "true" : "false")}");
        var asked = new[] { "localhost:0", "*:0", "0.0.0.0:0", "127.0.0.1:0" };
        for (var i = 0; i < asked.Length; i++)
        {
            using var ssh = await hub.ConnectAsync("-R", $"{asked[i]}:127.0.0.1:1");
            Assert.Equal(addresses[i].Split(','), RemoteListenTests.Listens(await ssh.AllocatedPortAsync()));
        }
    }

    [Fact(Timeout = 60000)]
    public async Task What_a_client_listened_on_is_free_when_it_has_gone()
    {
        await using var hub = await HubRig.StartAsync();
        using var echo = new Echo();
        int port;
        using (var ssh = await hub.ConnectAsync("-R", $"0:127.0.0.1:{echo.Port}"))
        {
            port = await ssh.AllocatedPortAsync();
            using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        }
        await Until.TrueAsync(() => RemoteListenTests.Listens(port).Length == 0);
        using var again = await hub.ConnectAsync("-R", $"{port}:127.0.0.1:{echo.Port}");
        await again.WaitForAsync("remote forward success");
        using var other = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
    }

    [Fact(Timeout = 60000)]
    public async Task A_hundred_ports_at_once_are_told_each_to_its_own_forward()
    {
        await using var hub = await HubRig.StartAsync(more: "max_listens: 100");
        var targets = Enumerable.Range(0, 100).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        targets.ForEach(target => target.Start());
        try
        {
            using var ssh = await hub.ConnectAsync([.. targets.SelectMany(target => new[] { "-R", $"0:{target.LocalEndpoint}" })]);
            foreach (var target in targets)
            {
                var line = $" for remote forward to {target.LocalEndpoint}";
                await ssh.WaitForAsync(line);
                var told = ssh.Said.ReplaceLineEndings("\n").Split('\n').Single(said => said.EndsWith(line, StringComparison.Ordinal));
                var port = int.Parse(told.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture);
                // Who connects there comes out at that target, and at no other.
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
                using var server = await target.AcceptSocketAsync(TestContext.Current.CancellationToken);
            }
        }
        finally
        {
            targets.ForEach(target => target.Dispose());
        }
    }

    [Fact(Timeout = 60000)]
    public async Task Its_key_is_made_once_and_kept()
    {
        using var state = new Folder();
        var key = Path.Combine(state.Path, "hub_ed25519");
        byte[] made;
        await using (var hub = await HubRig.StartAsync(state: state.Path))
        {
            using var ssh = await hub.ConnectAsync();
            made = File.ReadAllBytes(key);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(key));
            // OpenSSH reads it, and it is what the client was shown.
            await ssh.WaitForAsync($"Server host key: ssh-ed25519 {await SshKeys.FingerprintAsync(key)}");
        }
        await using (var hub = await HubRig.StartAsync(state: state.Path))
        {
            using var ssh = await hub.ConnectAsync();
            Assert.Equal(made, File.ReadAllBytes(key));
            Assert.Equal(["hub_ed25519"], Directory.GetFiles(state.Path).Select(Path.GetFileName));
        }
    }

    [Fact(Timeout = 60000)]
    public async Task Two_that_start_at_once_in_one_folder_have_the_same_key()
    {
        using var state = new Folder();
        var hubs = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => HubRig.StartAsync(state: state.Path)));
        try
        {
            foreach (var hub in hubs)
            {
                using var ssh = await hub.ConnectAsync();
                await ssh.WaitForAsync($"Server host key: ssh-ed25519 {await SshKeys.FingerprintAsync(Path.Combine(state.Path, "hub_ed25519"))}");
            }
            Assert.Equal(["hub_ed25519"], Directory.GetFiles(state.Path).Select(Path.GetFileName));
        }
        finally
        {
            foreach (var hub in hubs)
                await hub.DisposeAsync();
        }
    }
}
