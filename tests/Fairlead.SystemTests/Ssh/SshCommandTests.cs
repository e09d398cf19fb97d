using System.Globalization;
namespace Fairlead.SystemTests;

/// <summary><c>fairlead ssh</c> against a server of OpenSSH, as a person has it.</summary>
public sealed class SshCommandTests
{
    [Fact(Timeout = 60000)]
    public async Task It_forwards_until_it_is_told_to_stop()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        var port = FreePorts.One();
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
        await using var fairlead = Start(server, "-L", $"{FreePorts.One()}:127.0.0.1:1");
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
        var port = FreePorts.One();
        await using var lenient = Start(server, "-R", "0:127.0.0.1:1", "-L", $"{port}:127.0.0.1:{echo.Port}");
        await lenient.WaitForAsync("tunnel_listen_refused");
        using var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
    }

    [Fact(Timeout = 60000)]
    public async Task A_running_one_is_told_to_forward_more_and_less_and_to_stop()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        int first = FreePorts.One(), second = FreePorts.One(), remote = FreePorts.One();
        await using var fairlead = Start(server, "-L", $"{first}:127.0.0.1:{echo.Port}");
        await fairlead.WaitForAsync("tunnel_up");
        Assert.Equal((0, $"running (pid={fairlead.Id})"), await TellAsync(server, "check"));
        string[] more = ["-L", $"{second}:127.0.0.1:{echo.Port}", "-R", $"127.0.0.1:{remote}:127.0.0.1:{echo.Port}"];
        Assert.Equal((0, ""), await TellAsync(server, "forward", more));
        await fairlead.WaitForAsync("tunnel_listening");
        foreach (var port in new[] { first, second, remote })
        {
            using var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
            await Echo.ExchangeAsync(client, 9);
        }
        // A port that the server chooses is told, as ssh(1) tells it.
        var (done, chosen) = await TellAsync(server, "forward", "-R", $"0:127.0.0.1:{echo.Port}");
        Assert.Equal(0, done);
        using (var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, int.Parse(chosen, CultureInfo.InvariantCulture))))
            await Echo.ExchangeAsync(client, 9);
        // What the server refuses is told, and not forwarded.
        (done, chosen) = await TellAsync(server, "forward", "-R", $"127.0.0.1:{echo.Port}:127.0.0.1:1");
        Assert.Equal(1, done);
        Assert.Contains($"the server does not listen on 127.0.0.1:{echo.Port}", chosen, StringComparison.Ordinal);
        // What is taken already is refused, and nothing of the order is done.
        var (status, output) = await TellAsync(server, "forward", "-D", $"{FreePorts.One()}", "-L", $"{first}:127.0.0.1:1");
        Assert.Equal(1, status);
        Assert.Contains($"localhost:{first}", output, StringComparison.Ordinal);
        Assert.Equal((0, ""), await TellAsync(server, "cancel", more));
        await Until.TrueAsync(() => RemoteListenTests.Listens(second).Length == 0 && RemoteListenTests.Listens(remote).Length == 0);
        (status, output) = await TellAsync(server, "cancel", more);
        Assert.Equal(1, status);
        Assert.Contains("is not forwarded so", output, StringComparison.Ordinal);
        using (var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, first)))
            await Echo.ExchangeAsync(client, 9);
        Assert.Equal(1, server.Logins);
        Assert.Equal(0, (await TellAsync(server, "stop")).Status);
        Assert.Equal(0, await fairlead.WhenOverAsync());
        (status, output) = await TellAsync(server, "check");
        Assert.Equal(1, status);
        Assert.Contains("is running", output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task One_that_takes_orders_begins_with_nothing_and_ends_at_once_when_it_is_told_to()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        var (socket, port) = (Path.Combine(server.Folder.Path, "orders"), FreePorts.One());
        await using var fairlead = Start(server, "-M", "-S", socket);
        await fairlead.WaitForAsync("tunnel_up");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket));
        Assert.Equal((0, ""), await TellAsync(server, "forward", "-S", socket, "-L", $"{port}:127.0.0.1:{echo.Port}"));
        using var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
        // Another that must have the same socket does not start.
        await using (var other = Start(server, "-M", "-S", socket))
            Assert.Equal(2, await other.WhenOverAsync());
        Assert.Equal(0, (await TellAsync(server, "exit", "-S", socket)).Status);
        Assert.Equal(0, await fairlead.WhenOverAsync());
        Assert.False(File.Exists(socket));
    }

    [Fact(Timeout = 60000)]
    public async Task Several_connections_are_made_where_that_is_asked_for()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        var port = FreePorts.One();
        await using var fairlead = Start(server, "--connections", "3", "-L", $"{port}:127.0.0.1:{echo.Port}");
        await Until.TrueAsync(() => server.Logins == 3);
        using var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
        fairlead.Signal(Running.SIGTERM);
        client.Dispose();
        Assert.Equal(0, await fairlead.WhenOverAsync());
    }

    private static async Task<(int Status, string Output)> TellAsync(SshServerRig server, string order, params string[] more)
    {
        var (status, output) = await Peers.RunAsync(Running.Binary, ["ssh", "-O", order, "-p", $"{server.Port}", .. more, "root@127.0.0.1"]);
        return (status, output.Trim());
    }

    private static Running Start(SshServerRig server, params string[] forwards) => Running.Start(
        ["ssh", "--log-format", "json", "-p", $"{server.Port}", "-i", server.UserKey, "-o", $"UserKnownHostsFile={server.KnownHosts}", .. forwards, "root@127.0.0.1"]);
}
