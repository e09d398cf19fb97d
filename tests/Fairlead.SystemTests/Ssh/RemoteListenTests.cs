using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;

namespace Fairlead.SystemTests;

/// <summary>What a server of OpenSSH listens on for us.</summary>
public sealed class RemoteListenTests
{
    [Fact(Timeout = 60000)]
    public async Task It_listens_where_it_is_asked_to_and_the_log_tells_the_port_that_it_chose()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        using var folder = new Folder();
        (string Host, string[] Addresses)[] listens = [("127.0.0.1", ["127.0.0.1"]), ("localhost", ["127.0.0.1", "::1"]), ("", ["0.0.0.0", "::"]), ("0.0.0.0", ["0.0.0.0"]), ("[::1]", ["::1"])];
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{server.Tunnel}} }
            forwards:
            {{string.Join('\n', listens.Select((listen, number) => $"  - {{ name: r{number}, listen: '{listen.Host}:0', at: office, to: '127.0.0.1:{echo.Port}' }}"))}}
            """);
        foreach (var (host, addresses) in listens)
        {
            var told = (await fairlead.WaitForAsync(entry => entry.GetProperty("event").GetString() == "tunnel_listening" && HostOf(entry) == host)).GetProperty("listen").GetString()!;
            var port = int.Parse(told[(told.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture);
            Assert.Equal(addresses, Listens(port));
            foreach (var address in addresses)
            {
                using var client = await Echo.ConnectAsync(new IPEndPoint(address switch { "0.0.0.0" => IPAddress.Loopback, "::" => IPAddress.IPv6Loopback, _ => IPAddress.Parse(address) }, port));
            }
        }

        static string HostOf(JsonElement entry) => entry.GetProperty("listen").GetString() is var listen ? listen![..listen!.LastIndexOf(':')] : "";
    }

    [Fact(Timeout = 60000)]
    public async Task What_a_reload_leaves_out_the_far_end_listens_for_no_more_and_the_connection_stays()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        using var folder = new Folder();
        var (kept, gone, added) = (FreePorts.One(), FreePorts.One(), FreePorts.One());
        string Text(params int[] ports) => $"tunnels: {{ office: {server.Tunnel} }}\nforwards:\n"
            + string.Concat(ports.Select(port => $"  - {{ name: at-{port}, listen: '127.0.0.1:{port}', at: office, to: '127.0.0.1:{echo.Port}' }}\n"));
        await using var fairlead = await Running.RunAsync(folder, Text(kept, gone));
        await Until.TrueAsync(() => Listens(kept).Length > 0 && Listens(gone).Length > 0);
        using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, kept));

        fairlead.Reload(folder, Text(kept, added));
        await Until.TrueAsync(() => Listens(gone).Length == 0 && Listens(added).Length > 0);

        await Echo.ExchangeAsync(client, 7);
        foreach (var port in new[] { kept, added })
        {
            using var other = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        }
        Assert.Equal(1, server.Logins);
    }

    [Fact(Timeout = 60000)]
    public async Task A_hundred_ports_that_it_chooses_at_once_lead_each_to_its_own_target()
    {
        using var server = await SshServerRig.StartAsync();
        using var folder = new Folder();
        // Answers with the port that was dialled.
        var targets = Enumerable.Range(0, 100).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        try
        {
            foreach (var target in targets)
            {
                target.Start();
                _ = AnswerAsync(target);
            }
            await using var fairlead = await Running.RunAsync(folder, $$"""
                tunnels: { office: {{server.Tunnel}} }
                forwards:
                {{string.Join('\n', targets.Select((target, number) => $"  - {{ name: r{number}, listen: '127.0.0.1:0', at: office, to: '{target.LocalEndpoint}' }}"))}}
                """);
            await fairlead.WaitForAsync(_ => Bound(fairlead).Count == 100);
            var ports = Bound(fairlead);
            Assert.Equal(100, ports.Distinct().Count());
            var answers = await Task.WhenAll(ports.Select(async port =>
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port);
                using var reader = new StreamReader(client.GetStream());
                return await reader.ReadToEndAsync();
            }));
            // Each target once: no two were mistaken for one another.
            Assert.Equal(targets.Select(target => $"{target.LocalEndpoint}").Order(StringComparer.Ordinal), answers.Order(StringComparer.Ordinal));
        }
        finally
        {
            targets.ForEach(target => target.Dispose());
        }

        static List<int> Bound(Running fairlead) => [.. fairlead.Entries.Where(entry => entry.GetProperty("event").GetString() == "tunnel_listening").Select(entry => IPEndPoint.Parse(entry.GetProperty("listen").GetString()!).Port)];
    }

    [Fact(Timeout = 60000)]
    public async Task A_port_that_is_taken_there_is_told_and_had_when_it_is_free()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        using var folder = new Folder();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{server.Tunnel}} }
            forwards: [ { name: remote, listen: "127.0.0.1:{{port}}", at: office, to: "127.0.0.1:{{echo.Port}}" } ]
            """);
        var refused = await fairlead.WaitForAsync("tunnel_listen_refused");
        Assert.Equal($"127.0.0.1:{port}", refused.GetProperty("listen").GetString());
        taken.Stop();
        await fairlead.WaitForAsync("tunnel_listening");
        using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task Unix_sockets_stand_at_either_end(string engine)
    {
        using var server = await SshServerRig.StartAsync();
        using var folder = new Folder();
        // From a port here to a socket there, which the far end listens on for us, and which leads here again.
        using var echo = new Echo();
        var path = Path.Combine(folder.Path, "there");
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{server.Tunnel}} }
            forwards:
              - { name: remote, engine: {{engine}}, listen: "unix:{{path}}", at: office, to: "127.0.0.1:{{echo.Port}}" }
              - { name: local, engine: {{engine}}, listen: "127.0.0.1:0", to: "unix:{{path}}", via: office }
            """);
        Assert.Equal($"unix:{path}", (await fairlead.WaitForAsync("tunnel_listening")).GetProperty("listen").GetString());
        using (var direct = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await direct.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
            await Echo.ExchangeAsync(direct, 3);
        }
        using var client = await Echo.ConnectAsync(await fairlead.AddressAsync("local"));
        var there = await Bulk.ExchangeAsync(client, 1_000_000);
        Assert.Equal((1_000_000, there.Sent), (there.GotBytes, there.Got));
    }

    [Fact(Timeout = 60000)]
    public async Task What_the_server_does_not_allow_is_told_and_the_rest_goes_on()
    {
        using var server = await SshServerRig.StartAsync("PermitListen 127.0.0.1:1\nGatewayPorts no");
        using var echo = new Echo();
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{server.Tunnel}} }
            forwards:
              - { name: remote, listen: "127.0.0.1:0", at: office, to: "127.0.0.1:{{echo.Port}}" }
              - { name: local, listen: "127.0.0.1:0", to: "127.0.0.1:{{echo.Port}}", via: office }
            """);
        Assert.Equal("127.0.0.1:0", (await fairlead.WaitForAsync("tunnel_listen_refused")).GetProperty("listen").GetString());
        using var client = await Echo.ConnectAsync(await fairlead.AddressAsync("local"));
    }

    /// <summary>The addresses on which somebody listens on a port.</summary>
    internal static string[] Listens(int port) =>
        [.. IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Where(listen => listen.Port == port).Select(listen => listen.Address.ToString()).Order(StringComparer.Ordinal)];

    private static async Task AnswerAsync(TcpListener target)
    {
        try
        {
            using var client = await target.AcceptTcpClientAsync();
            await client.Client.SendAsync(System.Text.Encoding.ASCII.GetBytes($"{target.LocalEndpoint}"));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }
}
