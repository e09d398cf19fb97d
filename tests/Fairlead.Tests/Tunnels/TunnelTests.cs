using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests;

/// <summary>Forwards through tunnels to a hub, on either engine.</summary>
public abstract class TunnelContract(EngineKind kind)
{
    [Fact(Timeout = 30000)]
    public async Task The_far_end_dials_and_a_half_close_lets_the_answer_through()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        rig.Start(Via(rig, server.LocalEndPoint, "mail"));
        var client = await rig.Near.ConnectAsync(rig.ListenOf("mail"));
        var accepted = await rig.Far.AcceptAsync(server);
        byte[] question = Traffic.RandomBytes(300_000, seed: 1), answer = Traffic.RandomBytes(500_000, seed: 2);
        await Task.WhenAll(Traffic.SendAsync(client, question), Traffic.ExpectToEndAsync(accepted, question));
        await Task.WhenAll(Traffic.SendAsync(accepted, answer), Traffic.ExpectToEndAsync(client, answer));
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task A_reset_at_either_end_is_a_reset_at_the_other(bool fromClient)
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        rig.Start(Via(rig, server.LocalEndPoint, "mail"));
        var client = await rig.Near.ConnectAsync(rig.ListenOf("mail"));
        var accepted = await rig.Far.AcceptAsync(server);
        await Traffic.SayAsync(client, accepted, "hello");
        (fromClient ? client : accepted).Abort();
        await ForwardingRig.AssertResetAsync(fromClient ? accepted : client);
    }

    [Fact(Timeout = 30000)]
    public async Task The_far_end_listens_and_says_who_came()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Near.Listen();
        rig.Start(rig.Near.Forward(server.LocalEndPoint, "localhost:0") with { Name = "desk", At = "office" });
        var at = await rig.RemoteAsync();
        var client = await rig.Far.ConnectAsync(at);
        var accepted = await rig.Near.AcceptAsync(server);
        await Traffic.SayAsync(client, accepted, "hello");
        Assert.Equal(client.LocalEndPoint!.ToString(), rig.Near.Engine.Connections().Single().Client);
        byte[] bytes = Traffic.RandomBytes(400_000, seed: 3);
        await Task.WhenAll(Traffic.SendAsync(accepted, bytes), Traffic.ExpectToEndAsync(client, bytes));
        await Task.WhenAll(Traffic.SendAsync(client, bytes), Traffic.ExpectToEndAsync(accepted, bytes));
    }

    [Fact(Timeout = 30000)]
    public async Task Rules_hold_for_who_comes_through_a_tunnel()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Start(rig.Near.Forward(rig.Near.Greet("inside"), "localhost:0") with { Name = "desk", At = "office", Deny = [IPNetwork.Parse("127.0.0.0/8")] });
        await rig.Far.ConnectAndBeResetAsync(await rig.RemoteAsync());
        await Traffic.UntilAsync(() => rig.Near.Sessions.Count == 1);
        Assert.Equal("denied", rig.Near.Sessions[0]["end"]);
    }

    [Theory(Timeout = 30000), InlineData("127.0.0.1", 0), InlineData("nosuch.invalid", 4), InlineData("127.0.0.1", 5)]
    public async Task SOCKS_is_answered_when_the_far_end_has_dialled_and_with_the_right_code(string host, byte code)
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Start(new ForwardConfig { Name = "browse", Listen = [Endpoint.Parse("127.0.0.1:0")], To = [new UpstreamConfig(new DynamicEndpoint())], Tunnel = "office", Engine = kind });
        var port = code == 0 ? ((IPEndPoint)rig.Far.Greet("hello")).Port : FreePorts.One();
        var client = await rig.Near.ConnectAsync(rig.ListenOf("browse"));
        await client.WriteAsync(new byte[] { 5, 1, 0 });
        await Traffic.ExpectAsync(client, [5, 0]);
        await client.WriteAsync((byte[])[5, 1, 0, 3, (byte)host.Length, .. System.Text.Encoding.ASCII.GetBytes(host), (byte)(port >> 8), (byte)port]);
        var head = new byte[10];
        Assert.Equal(head.Length, await client.ReadAsync(head));
        Assert.Equal(code, head[1]);
        if (code == 0)
            await Traffic.ExpectToEndAsync(client, "hello"u8.ToArray());
    }

    [Fact(Timeout = 30000)]
    public async Task Whoever_asks_for_a_tunnel_that_has_ended_is_told_so()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Start(new ForwardConfig { Name = "browse", Listen = [Endpoint.Parse("127.0.0.1:0")], To = [new UpstreamConfig(new DynamicEndpoint())], Tunnel = "office", Engine = kind });
        await rig.UntilToldAsync(rig.Near, "tunnel_up");
        var client = await rig.Near.ConnectAsync(rig.ListenOf("browse"));
        await client.WriteAsync(new byte[] { 5, 1, 0 });
        await Traffic.ExpectAsync(client, [5, 0]);
        rig.Near.Engine.Apply([]);
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 0);
        await client.WriteAsync((byte[])[5, 1, 0, 1, 127, 0, 0, 1, 0, 80]);
        var answer = new byte[10];
        Assert.Equal(answer.Length, await client.ReadAsync(answer));
        Assert.NotEqual(0, answer[1]);
    }

    [Fact(Timeout = 30000)]
    public async Task A_certificate_that_is_none_does_not_make_its_key_useless()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Write("user_key-cert.pub", "ssh-ed25519-cert-v01@openssh.com AAAA nothing\n"u8.ToArray());
        rig.Start(Via(rig, rig.Far.Greet("word"), "word"));
        Assert.Equal("word", await rig.Near.ReadWordAsync(rig.ListenOf("word")));
        Assert.Contains(rig.Near.Log, entry => entry.Event == "tunnel_key_left_out" && entry.Message.Contains("user_key-cert.pub", StringComparison.Ordinal));
    }

    [Fact(Timeout = 30000)]
    public async Task Several_connections_that_meet_a_new_server_write_it_down_once()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Near.Engine.Apply([Via(rig, rig.Far.Greet("word"), "word")], tunnels: [rig.Tunnel with { HostKey = [], AcceptNew = true, Connections = 4 }]);
        await rig.UntilToldAsync(rig.Near, "tunnel_up", times: 4);
        Assert.Single(File.ReadAllLines(rig.PathOf("known_hosts")));
    }

    [Fact(Timeout = 30000)]
    public async Task What_a_tunnel_does_is_shown_whether_it_stands_or_not()
    {
        await using var rig = new TunnelRig(kind);
        rig.Start(rig.Near.Forward(rig.Near.Greet("desk"), "localhost:0") with { Name = "desk", At = "office" }, Via(rig, rig.Far.Listen().LocalEndPoint, "mail"));
        await Traffic.UntilAsync(() => Office().Fault is not null);
        Assert.Equal(("office", $"alice@127.0.0.1:{rig.Port}", null, 0), (Office().Name, Office().Server, Office().UpSince, Office().Channels));
        rig.StartHub();
        var port = ((IPEndPoint)await rig.RemoteAsync()).Port;
        var client = await rig.Near.ConnectAsync(rig.ListenOf("mail"));
        await Traffic.UntilAsync(() => Office().Channels == 1);
        Assert.Equal([$"localhost:{port}"], Office().Listen);
        Assert.Null(Office().Fault);
        Assert.InRange(Office().UpSince!.Value, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);
        client.Abort();
        await Traffic.UntilAsync(() => Office().Channels == 0);
        rig.Start(Via(rig, rig.Far.Listen().LocalEndPoint, "mail"));
        await Traffic.UntilAsync(() => Office().Listen.Count == 0);
        rig.Near.Engine.Apply([]);
        Assert.Empty(rig.Near.Engine.Tunnels());

        TunnelStatus Office() => Assert.Single(rig.Near.Engine.Tunnels());
    }

    [Fact(Timeout = 30000)]
    public async Task A_reload_that_changes_forwards_leaves_the_connection_alone()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        rig.Start(Via(rig, server.LocalEndPoint, "mail"), rig.Near.Forward(rig.Near.Greet("desk"), "localhost:0") with { Name = "desk", At = "office" });
        var at = await rig.RemoteAsync();
        var (client, accepted) = await SessionAsync(rig, server, "mail");
        rig.Start(Via(rig, server.LocalEndPoint, "mail"), Via(rig, rig.Far.Greet("more"), "more"));
        await rig.Far.UntilNobodyIsLetInAsync(at);
        Assert.Equal("more", await rig.Near.ReadWordAsync(rig.ListenOf("more")));
        await Traffic.SayAsync(client, accepted, "still here");
        Assert.Single(rig.Far.Log, entry => entry.Event == "hub_login");
    }

    [Fact(Timeout = 30000)]
    public async Task A_changed_tunnel_connects_anew_and_what_goes_through_the_old_one_finishes()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        ForwardConfig[] forwards = [Via(rig, server.LocalEndPoint, "mail"), Via(rig, rig.Far.Greet("word"), "word")];
        rig.Start(forwards);
        var (client, accepted) = await SessionAsync(rig, server, "mail");
        rig.Near.Engine.Apply(forwards, tunnels: [rig.Tunnel with { Ssh = rig.Tunnel.Ssh with { User = "bob" } }]);
        await rig.UntilToldAsync(rig.Far, "hub_login", times: 2);
        Assert.Equal("word", await rig.Near.ReadWordAsync(rig.ListenOf("word")));
        await Traffic.SayAsync(client, accepted, "still here");
        await Traffic.SayAsync(accepted, client, "so am I");
    }

    [Fact(Timeout = 30000)]
    public async Task A_tunnel_that_is_lost_comes_back_with_all_its_forwards()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Start(Via(rig, rig.Far.Greet("mail"), "mail"), rig.Near.Forward(rig.Near.Greet("desk"), "localhost:0") with { Name = "desk", At = "office" });
        var first = await rig.RemoteAsync();
        Assert.Equal("desk", await rig.Far.ReadWordAsync(first));
        Assert.Equal(1, rig.Far.Engine.CloseAll(HubForwards.Connections));
        var second = await rig.RemoteAsync(number: 2);
        Assert.Equal("desk", await rig.Far.ReadWordAsync(second));
        Assert.Equal("mail", await rig.Near.ReadWordAsync(rig.ListenOf("mail")));
        Assert.Contains(rig.Near.Log, entry => entry.Event == "tunnel_down");
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_whose_key_is_another_is_never_logged_in_at()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var other = SshPrivateKey.Generate();
        rig.Near.Engine.Apply([Via(rig, rig.Far.Greet("mail"), "mail")], tunnels: [rig.Tunnel with { HostKey = [HostKeyPin.Parse(other.PublicKey.Fingerprint)] }]);
        await Traffic.UntilAsync(() => !rig.Near.Hopeless.IsEmpty);
        Assert.Contains("which is none of those in host_key", rig.Near.Hopeless.First(), StringComparison.Ordinal);
        Assert.DoesNotContain(rig.Far.Log, entry => entry.Event == "hub_login");
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_that_is_not_known_is_believed_only_where_that_was_asked_for_and_a_changed_one_never()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var unpinned = rig.Tunnel with { HostKey = [] };
        var forward = Via(rig, rig.Far.Greet("mail"), "mail");
        rig.Near.Engine.Apply([forward], tunnels: [unpinned]);
        await Traffic.UntilAsync(() => rig.Near.Hopeless.Any(reason => reason.Contains("is not known", StringComparison.Ordinal)));
        rig.Near.Engine.Apply([forward], tunnels: [unpinned with { AcceptNew = true }]);
        await rig.UntilToldAsync(rig.Near, "tunnel_up");
        Assert.Equal("mail", await rig.Near.ReadWordAsync(rig.ListenOf("mail")));
        using var other = SshPrivateKey.Generate();
        File.WriteAllText(rig.PathOf("known_hosts"), $"[127.0.0.1]:{rig.Port} {other.PublicKey}\n");
        rig.Near.Hopeless.Clear();
        rig.Near.Engine.Apply([forward], tunnels: [unpinned with { AcceptNew = true, Keepalive = TimeSpan.FromSeconds(14) }]);
        await Traffic.UntilAsync(() => rig.Near.Hopeless.Any(reason => reason.Contains("WARNING", StringComparison.Ordinal)));
        Assert.Single(rig.Far.Log, entry => entry.Event == "hub_login");
    }

    [Fact(Timeout = 30000)]
    public async Task A_user_who_is_not_let_in_is_told_why()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Authorize("from=\"192.0.2.1\"");
        rig.Start(Via(rig, rig.Far.Greet("mail"), "mail"));
        await Traffic.UntilAsync(() => !rig.Near.Hopeless.IsEmpty);
        Assert.Contains("lets nobody in as alice with ssh-ed25519 SHA256:", rig.Near.Hopeless.First(), StringComparison.Ordinal);
        await Traffic.UntilAsync(() => rig.Far.Sessions.Count > 0);
        Assert.Equal("bad_login", rig.Far.Sessions[0]["end"]);
    }

    [Fact(Timeout = 30000)]
    public async Task Servers_on_the_way_are_gone_through()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        await using var behind = new TunnelRig(kind);
        behind.StartHub();
        File.WriteAllText(rig.PathOf("known_hosts"), $"[127.0.0.1]:{behind.Port} {Ssh.SshPair.HostKey.PublicKey}\n");
        rig.Near.Engine.Apply([Via(rig, behind.Far.Greet("behind"), "mail")], tunnels: [rig.Tunnel with { Jump = [new SshTarget("bob", "127.0.0.1", behind.Port)] }]);
        Assert.Equal("behind", await rig.Near.ReadWordAsync(rig.ListenOf("mail")));
        Assert.Single(behind.Far.Log, entry => entry.Event == "hub_login" && entry.Message.Contains("as bob", StringComparison.Ordinal));
        Assert.Single(rig.Far.Log, entry => entry.Event == "hub_login" && entry.Message.Contains("as alice", StringComparison.Ordinal));
    }

    [Fact(Timeout = 30000)]
    public async Task Routes_to_several_tunnels_each_go_their_own_way()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        await using var other = new TunnelRig(kind);
        other.StartHub();
        var (first, second) = (rig.Far.Greet("first"), other.Far.Greet("second"));
        var config = Via(rig, first, "both") with
        {
            Routes = [new RouteConfig { From = [IPNetwork.Parse("127.0.0.2/32")], To = Via(other, second, "x").To, Tunnel = "branch" }],
        };
        rig.Near.Engine.Apply([config], tunnels: [rig.Tunnel, other.Tunnel with { Name = "branch" }]);
        Assert.Equal("first", await rig.Near.ReadWordAsync(rig.ListenOf("both")));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        await socket.ConnectAsync(rig.ListenOf("both"), TestContext.Current.CancellationToken);
        var word = new byte[6];
        await socket.ReceiveAsync(word, TestContext.Current.CancellationToken);
        Assert.Equal("second", System.Text.Encoding.ASCII.GetString(word));
    }

    [Fact(Timeout = 30000)]
    public async Task A_hundred_sessions_at_once_keep_their_bytes_apart()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Start(Via(rig, rig.Far.Echo(), "echo"));
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            using var client = await rig.Near.ConnectAsync(rig.ListenOf("echo"));
            var bytes = Traffic.RandomBytes(50_000 + i, seed: i);
            await Task.WhenAll(Traffic.SendAsync(client, bytes, Traffic.OddSizes(i)), Traffic.ExpectToEndAsync(client, bytes));
        }));
    }

    [Fact(Timeout = 30000)]
    public async Task A_stop_waits_for_what_goes_through_and_then_ends_the_tunnel()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        rig.Start(Via(rig, server.LocalEndPoint, "mail"));
        var (client, accepted) = await SessionAsync(rig, server, "mail");
        var stopping = rig.Near.StopAsync();
        await Traffic.SayAsync(accepted, client, "last words");
        await Task.WhenAll(client.CompleteWritesAsync().AsTask(), accepted.CompleteWritesAsync().AsTask());
        Assert.Equal(0, await stopping);
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 0);
    }

    [Fact(Timeout = 30000)]
    public async Task A_session_through_a_tunnel_that_cannot_be_had_is_told_so_and_reset()
    {
        await using var rig = new TunnelRig(kind);
        rig.Start(Via(rig, rig.Far.Greet("mail"), "mail"));
        await rig.UntilToldAsync(rig.Near, "tunnel_down");
        await rig.Near.ConnectAndBeResetAsync(rig.ListenOf("mail"));
        await Traffic.UntilAsync(() => rig.Near.Sessions.Count == 1);
    }

    [Fact(Timeout = 30000)]
    public async Task Channels_are_spread_over_the_connections_that_stand()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        rig.Near.Engine.Apply([Via(rig, server.LocalEndPoint, "mail")], tunnels: [rig.Tunnel with { Connections = 3 }]);
        await rig.UntilToldAsync(rig.Near, "tunnel_up", times: 3);
        for (var i = 0; i < 6; i++)
            await SessionAsync(rig, server, "mail");
        var channels = rig.Far.Engine.Connections().Where(connection => connection.Forward == HubForwards.Channels).CountBy(connection => connection.Client);
        Assert.Equal([2, 2, 2], channels.Select(pair => pair.Value));
        // What goes through one that is lost is lost, and the others go on.
        Assert.True(rig.Far.Engine.Close(Connections(rig)[0].Id));
        await Traffic.UntilAsync(() => rig.Far.Engine.Connections().Count(connection => connection.Forward == HubForwards.Channels) == 4);
        await rig.UntilToldAsync(rig.Near, "tunnel_down");
        for (var i = 0; i < 4; i++)
            await SessionAsync(rig, server, "mail");
    }

    [Fact(Timeout = 30000)]
    public async Task A_listen_goes_to_another_connection_when_its_own_is_lost()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var port = FreePorts.One();
        rig.Near.Engine.Apply([rig.Near.Forward(rig.Near.Greet("desk"), $"localhost:{port}") with { Name = "desk", At = "office" }], tunnels: [rig.Tunnel with { Connections = 2 }]);
        await rig.UntilToldAsync(rig.Near, "tunnel_up", times: 2);
        await rig.RemoteAsync();
        var (holder, other) = Connections(rig) is var both && both[0].Client == ClientOf(Listening(rig)[0]) ? (both[0], both[1]) : (both[1], both[0]);
        Assert.Equal(holder.Client, ClientOf(Listening(rig)[0]));
        Assert.True(rig.Far.Engine.Close(holder.Id));
        Assert.Equal("desk", await rig.Far.ReadWordAsync(await rig.RemoteAsync(number: 2)));
        Assert.Equal(other.Client, ClientOf(Listening(rig)[1]));
    }

    [Fact(Timeout = 30000)]
    public async Task A_reload_makes_more_connections_or_lets_some_go_and_what_goes_through_finishes()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        ForwardConfig[] forwards = [Via(rig, server.LocalEndPoint, "mail"), rig.Near.Forward(rig.Near.Greet("desk"), "localhost:0") with { Name = "desk", At = "office" }];
        rig.Start(forwards);
        await rig.RemoteAsync();
        var first = await SessionAsync(rig, server, "mail");
        rig.Near.Engine.Apply(forwards, tunnels: [rig.Tunnel with { Connections = 2 }]);
        await rig.UntilToldAsync(rig.Far, "hub_login", times: 2);
        await rig.UntilToldAsync(rig.Near, "tunnel_up", times: 2);
        var second = await SessionAsync(rig, server, "mail");
        rig.Start(forwards);
        // The second connection goes once its last session has ended, and nobody new takes it.
        var third = await SessionAsync(rig, server, "mail");
        await Traffic.SayAsync(second.Client, second.Server, "still here");
        await Task.WhenAll(second.Client.CompleteWritesAsync().AsTask(), second.Server.CompleteWritesAsync().AsTask());
        await Traffic.UntilAsync(() => Connections(rig).Length == 1);
        await Traffic.SayAsync(first.Client, first.Server, "so am I");
        await Traffic.SayAsync(third.Client, third.Server, "and I");
        Assert.Equal("desk", await rig.Far.ReadWordAsync(await rig.RemoteAsync()));
        Assert.Equal(2, rig.Far.Log.Count(entry => entry.Event == "hub_login"));
    }

    private static ConnectionStatus[] Connections(TunnelRig rig) => [.. rig.Far.Engine.Connections().Where(connection => connection.Forward == HubForwards.Connections)];

    private static LogEntry[] Listening(TunnelRig rig) => [.. rig.Far.Log.Where(entry => entry.Event == "hub_listening")];

    private static string ClientOf(LogEntry entry) => (string)entry.Fields.Single(field => field.Key == "client").Value!;

    private static async Task<(Connection Client, Connection Server)> SessionAsync(TunnelRig rig, IAcceptor server, string name)
    {
        var client = await rig.Near.ConnectAsync(rig.ListenOf(name));
        var accepted = await rig.Far.AcceptAsync(server);
        await Traffic.SayAsync(client, accepted, "hello");
        return (client, accepted);
    }

    private static ForwardConfig Via(TunnelRig rig, EndPoint to, string name) => rig.Near.Forward(to) with { Name = name, Tunnel = "office" };
}

[SupportedOSPlatform("linux")]
public sealed class NativeTunnelTests() : TunnelContract(EngineKind.Native);

public sealed class PortableTunnelTests() : TunnelContract(EngineKind.Portable);
