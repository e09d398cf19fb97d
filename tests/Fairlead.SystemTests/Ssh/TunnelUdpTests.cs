using System.Net;
using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>Datagrams through <c>fairlead ssh</c> and a hub, asked and answered by the tools of others.</summary>
public sealed class TunnelUdpTests
{
    [Fact(Timeout = 60000)]
    public async Task Dig_asks_a_name_server_that_the_hub_reaches()
    {
        using var names = await NameServer.StartAsync();
        await using var hub = await HubRig.StartAsync();
        var port = FreePorts.One();
        await using var fairlead = await StartAsync(hub, "-L", $"{port}:127.0.0.1:{names.Port}/udp");
        await AskAsync(names, new IPEndPoint(IPAddress.Loopback, port));
    }

    [Fact(Timeout = 60000)]
    public async Task Dig_asks_at_the_hub_a_name_server_that_is_reached_from_here()
    {
        using var names = await NameServer.StartAsync();
        await using var hub = await HubRig.StartAsync();
        var port = FreePorts.One();
        await using var fairlead = await StartAsync(hub, "-R", $"{port}:127.0.0.1:{names.Port}/udp");
        await fairlead.WaitForAsync("tunnel_listening");
        await AskAsync(names, new IPEndPoint(IPAddress.Loopback, port));
    }

    [Fact(Timeout = 60000)]
    public async Task A_client_of_SOCKS5_sends_datagrams_through_D()
    {
        using var server = new UdpServer();
        await using var hub = await HubRig.StartAsync();
        var port = FreePorts.One();
        await using var fairlead = await StartAsync(hub, "-D", $"{port}");
        var (status, output) = await PySocks.AskAsync(new IPEndPoint(IPAddress.Loopback, port), server.Address);
        Assert.True(status == 0, output);
        Assert.Equal(3, output.Trim().Split('\n').Length);
    }

    private static async Task AskAsync(NameServer names, IPEndPoint address)
    {
        Assert.Equal("192.0.2.1\n", await names.DigAsync(address, "+short", "both.test", "A"));
        var large = await names.DigAsync(address, "+bufsize=4096", "+ignore", "large.test", "TXT");
        Assert.Equal(NameServer.Records, Regex.Count(large, "\"[a-z]{250}\""));
    }

    private static async Task<Running> StartAsync(HubRig hub, params string[] forwards)
    {
        var fairlead = Running.Start(["ssh", "--log-format", "json", "-F", "none", "-S", "none", "-p", $"{hub.Port}", "-i", hub.UserKey, "-o", "IdentityAgent=none", "-o", $"UserKnownHostsFile={Path.Combine(hub.Folder.Path, "known_hosts")}",
            "-o", "StrictHostKeyChecking=accept-new", .. forwards, "alice@127.0.0.1"]);
        await fairlead.WaitForAsync("tunnel_up");
        return fairlead;
    }
}
