using System.Net;
using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests;

/// <summary>What the hub lets those do whom it lets in, on either engine.</summary>
public abstract class HubContract(EngineKind kind)
{
    [Theory(Timeout = 30000)]
    [InlineData("", true), InlineData("permitopen=\"127.0.0.1:*\"", true), InlineData("permitopen=\"127.0.0.1:1\"", false), InlineData("restrict", false), InlineData("restrict,port-forwarding", true), InlineData("no-port-forwarding", false)]
    public async Task A_key_connects_where_it_may(string options, bool may)
    {
        await using var rig = new TunnelRig(kind);
        rig.Authorize(options);
        rig.StartHub();
        rig.Start(rig.Near.Forward(rig.Far.Greet("inside")) with { Name = "mail", Tunnel = "office" });
        if (may)
        {
            Assert.Equal("inside", await rig.Near.ReadWordAsync(rig.ListenOf("mail")));
            return;
        }
        await rig.Near.ConnectAndBeResetAsync(rig.ListenOf("mail"));
        await Traffic.UntilAsync(() => rig.Near.Sessions.Count == 1);
        Assert.Equal("not_allowed", rig.Near.Sessions[0]["end"]);
        Assert.Contains(rig.Far.Log, entry => entry.Event == "hub_refused");
    }

    [Theory(Timeout = 30000)]
    [InlineData("", "localhost", 0, true), InlineData("", "", 0, true), InlineData("", "0.0.0.0", 0, true), InlineData("", "192.0.2.1", 0, false), InlineData("", "localhost", 1023, false)]
    [InlineData("permitlisten=\"localhost:1\"", "localhost", 0, false), InlineData("restrict", "localhost", 0, false), InlineData("permitlisten=\"none\"", "localhost", 0, false)]
    public async Task A_key_has_listens_where_it_may(string options, string host, int port, bool may)
    {
        await using var rig = new TunnelRig(kind);
        rig.Authorize(options);
        rig.StartHub();
        rig.Start(rig.Near.Forward(rig.Near.Greet("desk"), $"{host}:{port}") with { Name = "desk", At = "office" });
        await rig.UntilToldAsync(rig.Near, may ? "tunnel_listening" : "tunnel_listen_refused");
        if (!may)
            return;
        // Without a word of the key or the configuration, the loopback alone.
        Assert.Equal("desk", await rig.Far.ReadWordAsync(await rig.RemoteAsync()));
        Assert.Contains(rig.Far.Log, entry => entry.Event == "hub_listening" && entry.Message.Contains("localhost:", StringComparison.Ordinal));
    }

    [Theory(Timeout = 30000), InlineData("169.254.169.254", ""), InlineData("fd00:ec2::254", ""), InlineData("169.254.169.254", "permitopen=\"*:80\"")]
    public async Task What_clouds_tell_a_machine_is_not_reached_by_a_key_that_does_not_name_it(string host, string options)
    {
        await using var rig = new TunnelRig(kind);
        rig.Authorize(options);
        rig.StartHub();
        rig.Start(rig.Near.Forward(new IPEndPoint(IPAddress.Parse(host), 80)) with { Name = "cloud", Tunnel = "office" });
        await rig.Near.ConnectAndBeResetAsync(rig.ListenOf("cloud"));
        await Traffic.UntilAsync(() => rig.Near.Sessions.Count == 1);
        Assert.Equal("not_allowed", rig.Near.Sessions[0]["end"]);
    }

    [Fact(Timeout = 30000)]
    public async Task A_session_whose_upstream_takes_nothing_ends_with_its_connection()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        rig.Start(rig.Near.Forward(server.LocalEndPoint) with { Name = "mail", Tunnel = "office" });
        var client = await rig.Near.ConnectAsync(rig.ListenOf("mail"));
        await rig.Far.AcceptAsync(server);
        var written = 0L;
        var writing = Traffic.SendAsync(client, new byte[64 << 20]);
        await Traffic.UntilStillAsync(() => written = rig.Far.Engine.Connections().Sum(session => session.BytesFromClient));
        Assert.False(writing.IsCompleted);
        rig.Near.Engine.Apply([], tunnels: []);
        await Traffic.UntilAsync(() => rig.Far.Engine.Connections().Count == 0);
        await Assert.ThrowsAsync<ConnectionException>(() => writing);
    }

    [Fact(Timeout = 30000)]
    public async Task A_change_that_is_refused_leaves_the_hub_its_key()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var other = SshPrivateKey.Generate();
        var path = rig.Write("other_key", other.WriteOpenSsh("other"));
        using var taken = rig.Far.Listen();
        Assert.Throws<ForwardException>(() => rig.Far.Engine.Apply([rig.Far.Forward(taken.LocalEndPoint, taken.LocalEndPoint.ToString()!)], hub: rig.Hub with { HostKeys = [path] }));
        rig.Start(rig.Near.Forward(rig.Far.Greet("inside")) with { Name = "mail", Tunnel = "office" });
        Assert.Equal("inside", await rig.Near.ReadWordAsync(rig.ListenOf("mail")));
    }

    [Fact(Timeout = 30000)]
    public async Task Gateway_ports_are_for_every_address()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub(rig.Hub with { GatewayPorts = true });
        rig.Start(rig.Near.Forward(rig.Near.Greet("desk"), ":0") with { Name = "desk", At = "office" });
        Assert.Equal("desk", await rig.Far.ReadWordAsync(await rig.RemoteAsync()));
        Assert.Contains(rig.Far.Log, entry => entry.Event == "hub_listening" && entry.Message.Contains("[::]:", StringComparison.Ordinal));
    }

    [Theory(Timeout = 30000), InlineData("permitlisten=\"*\"", "localhost:"), InlineData("permitlisten=\"*:*\"", "[::]:")]
    public async Task Only_a_host_in_permitlisten_says_more_than_the_loopback(string options, string where)
    {
        await using var rig = new TunnelRig(kind);
        rig.Authorize(options);
        rig.StartHub();
        rig.Start(rig.Near.Forward(rig.Near.Greet("desk"), ":0") with { Name = "desk", At = "office" });
        await rig.RemoteAsync();
        Assert.Contains(rig.Far.Log, entry => entry.Event == "hub_listening" && entry.Message.Contains($"listening on {where}", StringComparison.Ordinal));
    }

    [Fact(Timeout = 30000)]
    public async Task A_key_has_so_many_listens_and_no_more_until_it_gives_one_up()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub(rig.Hub with { MaxListens = 1 });
        ForwardConfig Desk(string name) => rig.Near.Forward(rig.Near.Greet(name), "localhost:0") with { Name = name, At = "office" };
        rig.Start(Desk("first"));
        var at = await rig.RemoteAsync();
        rig.Start(Desk("first"), Desk("second"));
        await rig.UntilToldAsync(rig.Near, "tunnel_listen_refused");
        rig.Start(Desk("third"));
        await rig.Far.UntilNobodyIsLetInAsync(at);
    }

    [Fact(Timeout = 30000)]
    public async Task A_key_has_so_many_connections_and_no_more()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub(rig.Hub with { MaxConnectionsPerKey = 1 });
        rig.Near.Engine.Apply(
            [rig.Near.Forward(rig.Far.Greet("one")) with { Name = "one", Tunnel = "office" }, rig.Near.Forward(rig.Far.Greet("two")) with { Name = "two", Tunnel = "second" }],
            tunnels: [rig.Tunnel, rig.Tunnel with { Name = "second" }]);
        await rig.UntilToldAsync(rig.Near, "tunnel_down");
        Assert.Contains(rig.Near.Log, entry => entry.Event == "tunnel_down" && entry.Message.Contains("this key has too many connections", StringComparison.Ordinal));
    }

    [Fact(Timeout = 30000)]
    public async Task Channels_beyond_the_bound_are_refused_and_those_within_go_on()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub(rig.Hub with { MaxChannels = 2 });
        var server = rig.Far.Listen();
        rig.Start(rig.Near.Forward(server.LocalEndPoint) with { Name = "mail", Tunnel = "office" });
        var sessions = new List<(Connection, Connection)>();
        for (var i = 0; i < 2; i++)
        {
            var client = await rig.Near.ConnectAsync(rig.ListenOf("mail"));
            sessions.Add((client, await rig.Far.AcceptAsync(server)));
        }
        await rig.Near.ConnectAndBeResetAsync(rig.ListenOf("mail"));
        foreach (var (client, accepted) in sessions)
            await Traffic.SayAsync(client, accepted, "still here");
    }

    [Fact(Timeout = 30000)]
    public async Task What_goes_through_is_shown_and_can_be_closed()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var server = rig.Far.Listen();
        rig.Start(rig.Near.Forward(server.LocalEndPoint) with { Name = "mail", Tunnel = "office" });
        var client = await rig.Near.ConnectAsync(rig.ListenOf("mail"));
        var accepted = await rig.Far.AcceptAsync(server);
        await Traffic.SayAsync(client, accepted, "hello");
        var channel = Assert.Single(rig.Far.Engine.Connections(), connection => connection.Forward == HubForwards.Channels);
        Assert.Equal(server.LocalEndPoint.ToString(), channel.Upstream);
        Assert.StartsWith("127.0.0.1:", channel.Client, StringComparison.Ordinal);
        var connection = Assert.Single(rig.Far.Engine.Connections(), connection => connection.Forward == HubForwards.Connections);
        Assert.StartsWith("alice SHA256:", connection.Upstream, StringComparison.Ordinal);
        Assert.True(rig.Far.Engine.Close(channel.Id));
        await ForwardingRig.AssertResetAsync(client);
        await ForwardingRig.AssertResetAsync(accepted);
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 1);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_comes_too_slowly_is_cut_and_too_many_of_them_are_refused()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub(rig.Hub with { MaxStartups = 1, LoginGrace = TimeSpan.FromSeconds(1) });
        var at = new IPEndPoint(IPAddress.Loopback, rig.Port);
        var slow = await rig.Far.ConnectAsync(at);
        await Traffic.ExpectAsync(slow, "SSH-2.0-Fairlead"u8.ToArray());
        var refused = await rig.Far.ConnectAsync(at);
        Assert.Empty((await Traffic.DrainAsync(refused)).Bytes);
        await Traffic.DrainAsync(slow);
        rig.Start(rig.Near.Forward(rig.Far.Greet("mail")) with { Name = "mail", Tunnel = "office" });
        Assert.Equal("mail", await rig.Near.ReadWordAsync(rig.ListenOf("mail")));
    }

    [Fact(Timeout = 30000)]
    public async Task A_shell_is_declined_politely()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        var dial = await rig.Far.ConnectAsync(new IPEndPoint(IPAddress.Loopback, rig.Port));
        var result = await SshConnection.ConnectAsync(dial, Ssh.SshPair.ClientOptions, TestContext.Current.CancellationToken);
        var connection = result.Connection!;
        await connection.Context.RunAsync(async () =>
        {
            var opened = await connection.OpenAsync(new SshOpen.Session(), cancel: TestContext.Current.CancellationToken);
            opened.Channel!.SendRequest("shell", static _ => { });
            var (bytes, error) = await Traffic.DrainAsync(opened.Channel);
            Assert.Null(error);
            Assert.Contains("it has no shell", System.Text.Encoding.ASCII.GetString(bytes), StringComparison.Ordinal);
            var unix = await connection.OpenAsync(new SshOpen.DirectStreamlocal("/run/docker.sock"), cancel: TestContext.Current.CancellationToken);
            Assert.Equal(SshOpenFailure.AdministrativelyProhibited, unix.Failure);
            connection.Dispose();
        });
    }

    [Fact(Timeout = 30000)]
    public async Task Listens_of_a_client_end_with_it()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        rig.Start(rig.Near.Forward(rig.Near.Greet("desk"), "localhost:0") with { Name = "desk", At = "office" });
        var at = await rig.RemoteAsync();
        await rig.Near.StopAsync();
        await rig.Far.UntilNobodyIsLetInAsync(at);
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 0);
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeHubTests() : HubContract(EngineKind.Native);

public sealed class PortableHubTests() : HubContract(EngineKind.Portable);
