namespace Fairlead.SystemTests;

/// <summary>Takes over what a lost connection listens on, as OpenSSH's client has it.</summary>
public sealed class HubTakeoverTests
{
    [Fact(Timeout = 60000)]
    public async Task A_client_that_stands_still_loses_its_listen_to_the_next_of_its_key()
    {
        await using var hub = await HubRig.StartAsync();
        using var echo = new Echo();
        using var old = await hub.ConnectAsync("-R", "0:127.0.0.1:1");
        var port = await old.AllocatedPortAsync();
        await old.FreezeAsync();
        using var next = await hub.ConnectAsync("-R", $"{port}:127.0.0.1:{echo.Port}");
        await next.WaitForAsync("remote forward success");
        using var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
        Assert.Equal(port, (await hub.Running.WaitForAsync("hub_taken_over")).GetProperty("port").GetInt32());
        Assert.Equal("lost", (await hub.Running.SessionAsync("has not answered within 5 s")).GetProperty("end").GetString());
    }

    [Theory(Timeout = 60000), InlineData(false), InlineData(true)]
    public async Task A_client_that_lives_keeps_its_listen_and_another_key_never_has_it(bool isOtherKey)
    {
        await using var hub = await HubRig.StartAsync();
        using var echo = new Echo();
        using var old = await hub.ConnectAsync("-R", $"0:127.0.0.1:{echo.Port}");
        var port = await old.AllocatedPortAsync();
        var key = hub.UserKey;
        if (isOtherKey)
        {
            key = await SshKeys.MakeAsync(Path.Combine(hub.Folder.Path, "other"));
            File.AppendAllText(hub.AuthorizedKeys, $"{SshKeys.Public(key)} bob\n");
            await old.FreezeAsync();
        }
        var (status, output) = await OpenSshClient.RunAsync(key, "bob", hub.Port, "-N", "-o", "ExitOnForwardFailure=yes", "-R", $"{port}:127.0.0.1:1", "127.0.0.1");
        Assert.Equal(255, status);
        Assert.Contains($"remote port forwarding failed for listen port {port}", output, StringComparison.Ordinal);
        await old.ThawAsync();
        using var client = await Echo.ConnectAsync(new(System.Net.IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
    }
}
