namespace Fairlead.SystemTests;

/// <summary><c>fairlead ssh</c> against a server of OpenSSH, as a person has it.</summary>
public sealed class SshCommandTests
{
    [Fact(Timeout = 60000)]
    public async Task It_forwards_until_it_is_told_to_stop()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        var port = Peers.FreePort();
        await using var fairlead = Start(server, "-L", $"{port}:127.0.0.1:{echo.Port}");
        await fairlead.WaitForAsync("tunnel_up");
        using var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
        client.Dispose();
        fairlead.Signal(Running.SIGTERM);
        Assert.Equal(0, await fairlead.WhenOverAsync());
    }

    [Fact(Timeout = 60000)]
    public async Task A_server_that_is_not_believed_ends_it_with_1_and_says_why()
    {
        using var server = await SshServerRig.StartAsync();
        File.WriteAllText(server.KnownHosts, "");
        await using var fairlead = Start(server, "-L", $"{Peers.FreePort()}:127.0.0.1:1");
        Assert.Equal(1, await fairlead.WhenOverAsync());
        Assert.Contains(fairlead.Entries, entry => entry.GetProperty("event").GetString() == "tunnel_host_key");
        Assert.Equal(0, server.Logins);
    }

    [Fact(Timeout = 60000)]
    public async Task A_listen_that_is_refused_ends_it_only_where_that_was_asked_for()
    {
        using var server = await SshServerRig.StartAsync("PermitListen none");
        await using (var strict = Start(server, "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1"))
            Assert.Equal(1, await strict.WhenOverAsync());
        using var echo = new Echo();
        var port = Peers.FreePort();
        await using var lenient = Start(server, "-R", "0:127.0.0.1:1", "-L", $"{port}:127.0.0.1:{echo.Port}");
        await lenient.WaitForAsync("tunnel_listen_refused");
        using var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
    }

    private static Running Start(SshServerRig server, params string[] forwards) => Running.Start(
        ["ssh", "--log-format", "json", "-p", $"{server.Port}", "-i", server.UserKey, "-o", $"UserKnownHostsFile={server.KnownHosts}", .. forwards, "root@127.0.0.1"]);
}
