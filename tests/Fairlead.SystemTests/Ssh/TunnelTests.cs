using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>A tunnel to a server of OpenSSH that is lost, that is another, or that does not let the user in; and one whose forwards change.</summary>
public sealed partial class TunnelTests
{
    [Fact(Timeout = 60000)]
    public async Task When_the_connection_is_lost_all_forwards_come_back()
    {
        await using var office = await Office.StartAsync();
        using var cut = await Echo.ConnectAsync(office.Local);
        office.Server.KillSessions();
        // Whose connection went through it learns that it did not end well.
        var error = await Assert.ThrowsAsync<SocketException>(async () => await cut.ReceiveAsync(new byte[1]));
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
        await office.UpAsync(2);
        await office.UseAllAsync();
        Assert.Equal(2, office.Server.Logins);
        Assert.Contains(office.Fairlead.Entries, entry => entry.GetProperty("event").GetString() == "tunnel_down");
    }

    [Fact(Timeout = 60000)]
    public async Task When_the_server_goes_down_it_is_tried_until_it_is_up_again()
    {
        await using var office = await Office.StartAsync();
        office.Server.Stop();
        await office.Fairlead.WaitForAsync(entry => entry.GetProperty("event").GetString() == "tunnel_down" && entry.GetProperty("reason").GetString()!.Contains("refused", StringComparison.Ordinal));
        // Clients are not left waiting.
        await ResetAsync(office.Local);
        await office.Server.StartServerAsync();
        await office.UpAsync(2);
        await office.UseAllAsync();
    }

    [Fact(Timeout = 60000)]
    public async Task Forwards_come_and_go_on_a_standing_tunnel()
    {
        await using var office = await Office.StartAsync();
        using var kept = await Echo.ConnectAsync(office.Local);
        var added = FreePorts.One();
        office.Fairlead.Reload(office.Folder, office.Text($$"""
              - { name: local, listen: "127.0.0.1:{{office.Local.Port}}", to: "127.0.0.1:{{office.Target}}", via: office }
              - { name: more, listen: "127.0.0.1:{{added}}", to: "127.0.0.1:{{office.Target}}", via: office }
            """));
        await office.Fairlead.WaitForAsync("reloaded");
        await Echo.ExchangeAsync(kept, 5);
        using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, added));
        await Until.TrueAsync(() => RemoteListenTests.Listens(office.Remote.Port).Length == 0);
        // The server saw one connection, from one port.
        Assert.Single(Accepted().Matches(office.Server.Log).Select(match => match.Groups[1].Value).Distinct());
        Assert.Equal(1, office.Server.Logins);
    }

    [Fact(Timeout = 60000)]
    public async Task A_tunnel_that_changes_gets_another_connection_and_who_uses_the_first_keeps_it()
    {
        await using var office = await Office.StartAsync();
        using var kept = await Echo.ConnectAsync(office.Local);
        office.Fairlead.Reload(office.Folder, office.Text(office.Forwards, $"{office.Server.Tunnel[..^1]}, keepalive: 20s }}"));
        await office.UpAsync(2);
        await Echo.ExchangeAsync(kept, 5);
        await office.UseAllAsync();
        Assert.Equal(2, office.Server.Logins);
    }

    [Fact(Timeout = 60000)]
    public async Task A_server_that_falls_silent_is_given_up_and_another_connection_made()
    {
        using var server = await SshServerRig.StartAsync();
        using var folder = new Folder();
        await using var fairlead = await RunAsync(folder, $"{server.Tunnel[..^1]}, keepalive: 1s }}");
        await fairlead.WaitForAsync("tunnel_up");
        await server.FreezeSessionsAsync();
        var down = await fairlead.WaitForAsync("tunnel_down");
        server.KillSessions();
        Assert.Equal("NoAnswer", down.GetProperty("cause").GetString());
        await Until.TrueAsync(() => server.Logins == 2);
    }

    [Fact(Timeout = 60000)]
    public async Task A_changed_host_key_is_warned_of_and_never_believed()
    {
        using var server = await SshServerRig.StartAsync();
        var (known, shown) = (Path.Combine(server.Folder.Path, "other"), await SshKeys.FingerprintAsync(server.HostKey));
        await SshKeys.MakeAsync(known);
        File.WriteAllText(server.KnownHosts, $"[127.0.0.1]:{server.Port} {SshKeys.Public(known)}\n");
        using var folder = new Folder();
        // Not even where new ones are believed.
        await using var fairlead = await RunAsync(folder, $"{server.Tunnel[..^1]}, accept_new: true }}");
        var down = await fairlead.WaitForAsync("tunnel_down");
        Assert.Equal("HostKey", down.GetProperty("cause").GetString());
        var reason = down.GetProperty("reason").GetString()!;
        Assert.StartsWith($"WARNING: [127.0.0.1]:{server.Port} does not show the key that is known of it.", reason, StringComparison.Ordinal);
        Assert.Contains(shown, reason, StringComparison.Ordinal);
        Assert.Contains($"{server.KnownHosts}:1", reason, StringComparison.Ordinal);
        await NeverUpAsync(fairlead, server);
    }

    [Fact(Timeout = 60000)]
    public async Task An_unknown_host_is_refused_and_with_accept_new_believed_and_written_down()
    {
        using var server = await SshServerRig.StartAsync();
        File.WriteAllText(server.KnownHosts, "");
        using var folder = new Folder();
        await using (var fairlead = await RunAsync(folder, server.Tunnel))
        {
            var down = await fairlead.WaitForAsync("tunnel_down");
            Assert.Equal("HostKey", down.GetProperty("cause").GetString());
            Assert.Contains(await SshKeys.FingerprintAsync(server.HostKey), down.GetProperty("reason").GetString(), StringComparison.Ordinal);
            await NeverUpAsync(fairlead, server);
            Assert.Equal("", File.ReadAllText(server.KnownHosts));
        }
        await using (var fairlead = await RunAsync(folder, $"{server.Tunnel[..^1]}, accept_new: true }}"))
        {
            await fairlead.WaitForAsync("host_key_added");
            await fairlead.WaitForAsync("tunnel_up");
        }
        // OpenSSH reads what was written.
        var (status, output) = await Peers.RunAsync(Peers.Require("ssh-keygen", "openssh-client"), "-F", $"[127.0.0.1]:{server.Port}", "-f", server.KnownHosts);
        Assert.True(status == 0, output);
        Assert.Contains(SshKeys.Public(server.HostKey), output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_pin_is_believed_without_a_file_and_another_key_is_not()
    {
        using var server = await SshServerRig.StartAsync();
        using var folder = new Folder();
        string Pinned(string pin) => $"{{ ssh: \"root@127.0.0.1:{server.Port}\", identity: {server.UserKey}, host_key: \"{pin}\" }}";
        await using (var fairlead = await RunAsync(folder, Pinned(await SshKeys.FingerprintAsync(server.HostKey))))
            await fairlead.WaitForAsync("tunnel_up");
        await using (var fairlead = await RunAsync(folder, Pinned(await SshKeys.FingerprintAsync(server.UserKey))))
        {
            Assert.Equal("HostKey", (await fairlead.WaitForAsync("tunnel_down")).GetProperty("cause").GetString());
            await NeverUpAsync(fairlead, server, before: 1);
        }
    }

    [Fact(Timeout = 60000)]
    public async Task A_user_who_is_not_let_in_is_told_so()
    {
        using var server = await SshServerRig.StartAsync();
        var stranger = await SshKeys.MakeAsync(Path.Combine(server.Folder.Path, "stranger"));
        using var folder = new Folder();
        await using var fairlead = await RunAsync(folder, server.Tunnel.Replace(server.UserKey, stranger, StringComparison.Ordinal));
        var down = await fairlead.WaitForAsync("tunnel_down");
        Assert.Equal("Authentication", down.GetProperty("cause").GetString());
        Assert.Contains("publickey", down.GetProperty("reason").GetString(), StringComparison.Ordinal);
        await NeverUpAsync(fairlead, server);
    }

    [Fact(Timeout = 60000)]
    public async Task A_server_that_wants_two_keys_is_shown_both()
    {
        using var server = await SshServerRig.StartAsync("AuthenticationMethods publickey,publickey");
        var other = await SshKeys.MakeAsync(Path.Combine(server.Folder.Path, "other"));
        File.AppendAllText($"{server.UserKey}.pub", $"{SshKeys.Public(other)}\n");
        using var folder = new Folder();
        await using (var fairlead = await RunAsync(folder, server.Tunnel))
            Assert.Equal("Authentication", (await fairlead.WaitForAsync("tunnel_down")).GetProperty("cause").GetString());
        await using (var fairlead = await RunAsync(folder, server.Tunnel.Replace(server.UserKey, $"[{server.UserKey}, {other}]", StringComparison.Ordinal)))
            await fairlead.WaitForAsync("tunnel_up");
    }

    [Fact(Timeout = 60000)]
    public async Task Of_several_host_keys_the_server_is_asked_for_one_that_is_known()
    {
        using var keys = new Folder();
        var rsa = await SshKeys.MakeAsync(Path.Combine(keys.Path, "rsa"), "rsa", "2048");
        using var server = await SshServerRig.StartAsync($"HostKey {rsa}");
        File.WriteAllText(server.KnownHosts, $"[127.0.0.1]:{server.Port} {SshKeys.Public(rsa)}\n");
        using var folder = new Folder();
        await using var fairlead = await RunAsync(folder, server.Tunnel);
        Assert.Equal(await SshKeys.FingerprintAsync(rsa), (await fairlead.WaitForAsync("tunnel_up")).GetProperty("host_key").GetString());
    }

    [Fact(Timeout = 60000)]
    public async Task Two_servers_on_the_way_are_gone_through()
    {
        using var first = await SshServerRig.StartAsync();
        using var second = await SshServerRig.StartAsync();
        using var last = await SshServerRig.StartAsync();
        using var echo = new Echo();
        using var folder = new Folder();
        // One user and one file for all three.
        foreach (var server in new[] { first, second })
        {
            File.WriteAllText($"{server.UserKey}.pub", SshKeys.Public(last.UserKey));
            File.AppendAllText(last.KnownHosts, File.ReadAllText(server.KnownHosts));
        }
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{last.Tunnel[..^1]}}, jump: ["root@127.0.0.1:{{first.Port}}", "root@127.0.0.1:{{second.Port}}"] } }
            forwards: [ { name: local, listen: "127.0.0.1:0", to: "127.0.0.1:{{echo.Port}}", via: office } ]
            """);
        using var client = await Echo.ConnectAsync(await fairlead.AddressAsync("local"));
        Assert.Equal((1, 1, 1), (first.Logins, second.Logins, last.Logins));
    }

    // The reset may be there before the connection is noticed.
    private static async Task ResetAsync(IPEndPoint address)
    {
        using var client = new TcpClient();
        var error = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            await client.ConnectAsync(address);
            await client.Client.ReceiveAsync(new byte[1]);
        });
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    private static Task<Running> RunAsync(Folder folder, string tunnel) => Running.RunAsync(folder, $$"""
        tunnels: { office: {{tunnel}} }
        forwards: [ { name: local, listen: "127.0.0.1:0", to: "127.0.0.1:1", via: office } ]
        """);

    // Two attempts later nothing has changed, and a client is turned away.
    private static async Task NeverUpAsync(Running fairlead, SshServerRig server, int before = 0)
    {
        await fairlead.WaitForAsync(_ => fairlead.Entries.Count(entry => entry.GetProperty("event").GetString() == "tunnel_down") >= 2);
        await ResetAsync(await fairlead.AddressAsync());
        Assert.DoesNotContain(fairlead.Entries, entry => entry.GetProperty("event").GetString() == "tunnel_up");
        Assert.Equal(before, server.Logins);
    }

    [GeneratedRegex("Accepted publickey for root from 127.0.0.1 port ([0-9]+) ")]
    private static partial Regex Accepted();

    /// <summary>A server, and a tunnel to it with a forward of each kind.</summary>
    private sealed class Office : IAsyncDisposable
    {
        private readonly Echo echo = new();

        private Office(SshServerRig server) => Server = server;

        public SshServerRig Server { get; }

        public Folder Folder { get; } = new();

        public Running Fairlead { get; private set; } = null!;

        public int Target => echo.Port;

        public IPEndPoint Local { get; } = new(IPAddress.Loopback, FreePorts.One());

        public IPEndPoint Remote { get; } = new(IPAddress.Loopback, FreePorts.One());

        public IPEndPoint Dynamic { get; } = new(IPAddress.Loopback, FreePorts.One());

        public string Forwards => $$"""
              - { name: local, listen: "{{Local}}", to: "127.0.0.1:{{Target}}", via: office }
              - { name: remote, listen: "{{Remote}}", at: office, to: "127.0.0.1:{{Target}}" }
              - { name: dynamic, listen: "{{Dynamic}}", to: dynamic, via: office }
            """;

        public static async Task<Office> StartAsync()
        {
            var office = new Office(await SshServerRig.StartAsync());
            office.Fairlead = await Running.RunAsync(office.Folder, office.Text(office.Forwards));
            await office.UpAsync(1);
            await office.UseAllAsync();
            return office;
        }

        public string Text(string forwards, string? tunnel = null) => $"tunnels: {{ office: {tunnel ?? Server.Tunnel} }}\nforwards:\n{forwards}";

        /// <summary>Waits until it is up for the so manieth time, and the far end listens as often.</summary>
        public async Task UpAsync(int times)
        {
            foreach (var state in new[] { "tunnel_up", "tunnel_listening" })
                await Fairlead.WaitForAsync(_ => Fairlead.Entries.Count(entry => entry.GetProperty("event").GetString() == state) >= times);
        }

        public async Task UseAllAsync()
        {
            foreach (var address in new[] { Local, Remote })
            {
                using var client = await Echo.ConnectAsync(address);
            }
            using var named = await Socks5.ConnectAsync(Dynamic, new IPEndPoint(IPAddress.Loopback, Target));
            await Echo.ExchangeAsync(named, 1);
        }

        public async ValueTask DisposeAsync()
        {
            await Fairlead.DisposeAsync();
            Server.Dispose();
            Folder.Dispose();
            echo.Dispose();
        }
    }
}
