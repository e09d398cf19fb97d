using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary><c>fairlead ssh</c> with files of ssh_config(5), against servers of OpenSSH.</summary>
public sealed class SshConfigTests
{
    [Fact(Timeout = 60000)]
    public async Task A_name_of_a_file_is_enough_with_its_forwards_of_all_three_kinds()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        var (local, proxy) = (FreePorts.One(), FreePorts.One());
        var file = Write(server, $"""
            Host office
              HostName 127.0.0.1
              Port {server.Port}
              User root
              IdentityFile {server.UserKey}
              LocalForward {local} 127.0.0.1:{echo.Port}
              RemoteForward 127.0.0.1:0 127.0.0.1:{echo.Port}
              DynamicForward {proxy}
            """);
        await using var fairlead = Start("-F", file, "office");
        var remote = await fairlead.ListenAtAsync();
        foreach (var place in new[] { new IPEndPoint(IPAddress.Loopback, local), remote })
        {
            using var client = await Echo.ConnectAsync(place);
            await Echo.ExchangeAsync(client, 9);
        }
        using var through = await Socks5.ConnectAsync(new IPEndPoint(IPAddress.Loopback, proxy), new IPEndPoint(IPAddress.Loopback, echo.Port));
        await Echo.ExchangeAsync(through, 9);
        Assert.Equal(1, server.Logins);
    }

    [Theory(Timeout = 60000)]
    [InlineData("nc %h %p")]
    [InlineData("socat - TCP:%h:%p")]
    [InlineData("ssh -F none -i @KEY@ -o UserKnownHostsFile=@KNOWN@ -p %p -W %h:%p %r@%h")]
    public async Task The_connection_may_be_a_command(string command)
    {
        Peers.Require(command.Split(' ')[0], command.Split(' ')[0]);
        using var server = await SshServerRig.StartAsync();
        using var bulk = new Bulk();
        var port = FreePorts.One();
        var marked = command.Replace("@KEY@", server.UserKey, StringComparison.Ordinal).Replace("@KNOWN@", server.KnownHosts, StringComparison.Ordinal);
        var file = Write(server, $"""
            Host office
              HostName 127.0.0.1
              User root
              Port {server.Port}
              ProxyCommand sh -c 'echo $$ > {server.Folder.Path}/pid; exec {marked}'
              IdentityFile {server.UserKey}
              LocalForward {port} 127.0.0.1:{bulk.Port}
            """);
        await using (var fairlead = Start("-F", file, "office"))
        {
            await fairlead.WaitForAsync("tunnel_up");
            // More than any pipe holds.
            await bulk.CompareAsync(() => ConnectAsync(port), up: 4 << 20, down: 4 << 20);
            fairlead.Signal(Running.SIGTERM);
            Assert.Equal(0, await fairlead.WhenOverAsync());
        }
        var pid = File.ReadAllText(Path.Combine(server.Folder.Path, "pid")).Trim();
        await Until.TrueAsync(() => !Directory.Exists($"/proc/{pid}"));
    }

    [Fact(Timeout = 60000)]
    public async Task A_command_that_dies_is_told_with_its_words_and_tried_again()
    {
        using var server = await SshServerRig.StartAsync();
        await using var fairlead = Start("-o", "ProxyCommand=sh -c 'printf \"no \\033way\\n\" >&2; exit 7'", "-F", Write(server, "LocalForward 127.0.0.1:0 127.0.0.1:1"), "office");
        Assert.Equal("no \\u001bway", (await fairlead.WaitForAsync("proxy_command")).GetProperty("text").GetString());
        Assert.Equal(7, (await fairlead.WaitForAsync("proxy_command_ended")).GetProperty("status").GetInt32());
        await fairlead.WaitForAsync("tunnel_down");
        await Until.TrueAsync(() => fairlead.Entries.Count(entry => entry.GetProperty("event").GetString() == "proxy_command_ended") > 1);
    }

    [Fact(Timeout = 60000)]
    public async Task A_command_that_says_nothing_is_given_up_and_killed()
    {
        using var server = await SshServerRig.StartAsync();
        var pid = Path.Combine(server.Folder.Path, "pid");
        await using var fairlead = Start("-o", $"ProxyCommand=sh -c 'echo $$ > {pid}; exec sleep 1000'", "-o", "ConnectTimeout=1", "-F", Write(server, "LocalForward 127.0.0.1:0 127.0.0.1:1"), "office");
        await Until.TrueAsync(() => File.Exists(pid) && File.ReadAllText(pid).EndsWith('\n'));
        var first = File.ReadAllText(pid).Trim();
        await fairlead.WaitForAsync("tunnel_down");
        await Until.TrueAsync(() => !Directory.Exists($"/proc/{first}"));
    }

    [Fact(Timeout = 60000)]
    public async Task Servers_on_the_way_are_reached_by_their_own_lines()
    {
        using var door = await SshServerRig.StartAsync();
        using var inner = await SshServerRig.StartAsync();
        using var echo = new Echo();
        var port = FreePorts.One();
        var file = Write(inner, $"""
            Host door
              HostName 127.0.0.1
              Port {door.Port}
              IdentityFile {door.UserKey}
              UserKnownHostsFile {door.KnownHosts}
            Host inner
              HostName 127.0.0.1
              Port {inner.Port}
              IdentityFile {inner.UserKey}
              ProxyJump door
              LocalForward {port} 127.0.0.1:{echo.Port}
            Host *
              User root
            """);
        await using var fairlead = Start("-F", file, "inner");
        await fairlead.WaitForAsync("tunnel_up");
        using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
        Assert.Equal((1, 1), (door.Logins, inner.Logins));
    }

    [Fact(Timeout = 60000)]
    public async Task A_command_of_Match_decides_and_an_alias_names_the_key()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        var port = FreePorts.One();
        server.Folder.Write("known_hosts", $"the-office {SshKeys.Public(server.HostKey)}\n");
        var file = Write(server, $"""
            Match originalhost office exec "test -e {server.KnownHosts} && test %n = office"
              HostName 127.0.0.1
              HostKeyAlias the-office
              Port {server.Port}
            Match exec false
              Port 1
            Match all
              User root
              IdentityFile {server.UserKey}
              LocalForward {port} 127.0.0.1:{echo.Port}
            """);
        await using var fairlead = Start("-F", file, "office");
        await fairlead.WaitForAsync("tunnel_up");
        using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        await Echo.ExchangeAsync(client, 9);
    }

    [Fact(Timeout = 60000)]
    public async Task The_file_of_the_user_is_read_by_itself_and_refused_if_others_can_write_it()
    {
        using var folder = new Folder();
        Directory.CreateDirectory(Path.Combine(folder.Path, ".ssh"));
        var file = folder.Write(".ssh/config", "Host office\n  HostName 192.0.2.1\n  LocalForward 8080 web:80\n");
        var (status, output) = await RunAsync(folder, "-G", "office");
        Assert.Equal(0, status);
        Assert.Contains("\nhostname 192.0.2.1\n", output, StringComparison.Ordinal);
        Assert.Contains("\nhostname office\n", (await RunAsync(folder, "-G", "-F", "none", "office")).Output, StringComparison.Ordinal);
        // In a folder of anybody's it is refused to root for the folder.
        File.SetUnixFileMode(file, (UnixFileMode)0b110_110_110);
        (status, output) = await RunAsync(folder, "-G", "office");
        Assert.Equal(2, status);
        Assert.Contains($"{file}:1:1: error: {file} can be written by others", output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task Unknown_words_and_what_may_not_be_passed_over_end_the_start()
    {
        using var folder = new Folder();
        var file = folder.Write("config", "Host office\n  KnownHostsCommand /bin/keys\nHost *\n  HostNmae x\n");
        var (status, output) = await RunAsync(folder, "-F", file, "-D", "0", "office");
        Assert.Equal(2, status);
        Assert.Contains($"{file}:2:21: error: KnownHostsCommand asks", output, StringComparison.Ordinal);
        Assert.Contains($"{file}:4:3: error: keyword 'HostNmae' is unknown; did you mean 'HostName'?", output, StringComparison.Ordinal);
        folder.Write("config", "IgnoreUnknown HostNmae\nHostNmae x\nHost other\n  KnownHostsCommand /bin/keys\n");
        Assert.Equal(0, (await RunAsync(folder, "-G", "-F", file, "office")).Status);
    }

    [Fact(Timeout = 60000)]
    public async Task A_tunnel_of_a_configuration_has_what_its_file_says()
    {
        using var server = await SshServerRig.StartAsync();
        using var echo = new Echo();
        using var folder = new Folder();
        var file = Write(server, $"""
            Host office
              HostName 127.0.0.1
              Port {server.Port}
              User root
              IdentityFile {server.UserKey}
              ProxyCommand nc %h %p
            """);
        Peers.Require("nc", "netcat-openbsd");
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: { ssh: office, ssh_config: {{file}} } }
            forwards: [ { name: echo, listen: "127.0.0.1:0", to: "127.0.0.1:{{echo.Port}}", via: office } ]
            """);
        using var client = await Echo.ConnectAsync(await fairlead.AddressAsync());
        await Echo.ExchangeAsync(client, 9);
        Assert.Equal(1, server.Logins);
    }

    private static async Task<Socket> ConnectAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return socket;
    }

    private static async Task<(int Status, string Output)> RunAsync(Folder home, params string[] words) => await Peers.RunAsync("env", [$"HOME={home.Path}", Running.Binary, "ssh", .. words]);

    // The keys of servers are those that the rig knows.
    private static string Write(SshServerRig server, string text) => server.Folder.Write("config", $"{text}\nMatch all\n  UserKnownHostsFile {server.KnownHosts}\n");

    private static Running Start(params string[] words) => Running.Start(["ssh", "--log-format", "json", .. words]);
}
