using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

[SupportedOSPlatform("linux")]
public sealed class LoopHomeTests() : HomeContract(HomeKind.Loop);

[SupportedOSPlatform("linux")]
public sealed class LoopOfTunnelHomeTests() : HomeContract(HomeKind.LoopOfTunnel);

public sealed class PoolHomeTests() : HomeContract(HomeKind.Pool);

[SupportedOSPlatform("linux")]
public sealed class LoopForPortableHomeTests() : HomeContract(HomeKind.LoopForPortable);

[SupportedOSPlatform("linux")]
public sealed class PoolForNativeHomeTests() : HomeContract(HomeKind.PoolForNative);

/// <summary>Sessions that are lived at home, wherever their clients were accepted.</summary>
public abstract class HomeContract(HomeKind kind)
{
    [Fact(Timeout = 30000)]
    public async Task Bytes_and_ends_reach_the_other_side()
    {
        await using var rig = await HomeRig.StartAsync(kind);
        rig.Echo();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async i => await HomeRig.TalkAsync(await rig.ConnectAsync(), 200_000 + i, seed: i)));
        await rig.Forward.WhenEmptyAsync();
        Assert.Equal(20, rig.Ended.Count);
        Assert.All(rig.Ended, session => Assert.Equal(("closed", "client"), (session["end"], session["by"])));
        Assert.Equal(Enumerable.Range(200_000, 20).Sum(count => (long)count), rig.Forward.Status(false, "").BytesFromClients);
    }

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public async Task A_half_close_lets_the_answer_through_and_a_reset_is_passed_on(Side first)
    {
        await using var rig = await HomeRig.StartAsync(kind);
        var (client, server) = await rig.SessionAsync();
        var (one, other) = first == Side.Client ? (client, server) : (server, client);
        await one.CompleteWritesAsync();
        await Traffic.ExpectToEndAsync(other, []);
        await Traffic.SayAsync(other, one, "answer");
        one.Abort();
        await Assert.ThrowsAsync<ConnectionException>(async () =>
        {
            for (; ; await Task.Yield())
                await other.WriteAsync(new byte[1]);
        });
        await rig.Forward.WhenEmptyAsync();
        var ended = Assert.Single(rig.Ended);
        Assert.Equal(("reset", first == Side.Client ? "client" : "upstream"), (ended["end"], ended["by"]));
    }

    [Fact(Timeout = 30000)]
    public async Task A_session_says_to_anybody_where_it_is_lived_and_is_stopped_there()
    {
        await using var rig = await HomeRig.StartAsync(kind);
        var (client, server) = await rig.SessionAsync();
        var session = Assert.Single(rig.Forward.Sessions());
        Assert.Same(rig.Home, session.Context);
        Assert.Equal(client.LocalEndPoint!.ToString(), session.Client);
        Assert.Equal(AddressKey.Of(IPAddress.Loopback), session.Source);
        Assert.Equal(1, rig.Forward.Close(static _ => true));
        await ForwardingRig.AssertResetAsync(client);
        await ForwardingRig.AssertResetAsync(server);
        await rig.Forward.WhenEmptyAsync();
        Assert.Equal("stopped", Assert.Single(rig.Ended)["end"]);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_stop_meets_who_is_on_the_way(bool isCut)
    {
        await using var rig = await HomeRig.StartAsync(kind);
        var busy = await rig.OccupyAsync();
        var client = await rig.ConnectAsync();
        await Traffic.UntilAsync(() => rig.Forward.SessionCount == 1);
        Assert.Same(rig.Home, Assert.Single(rig.Forward.Sessions()).Context);
        Assert.Equal(1, isCut ? rig.Forward.Abort() : rig.Forward.Close(static _ => true));
        Assert.Equal(1, rig.Forward.SessionCount);
        busy.Dispose();
        await rig.Forward.WhenEmptyAsync();
        await ForwardingRig.AssertResetAsync(client);
        AssertStopped(rig);
    }

    [Fact(Timeout = 30000)]
    public async Task A_reload_that_closes_meets_who_was_accepted_before_it()
    {
        await using var rig = await HomeRig.StartAsync(kind);
        rig.Forward.Adopt(rig.PlanOf(rig.Plan.Config with { To = [new UpstreamConfig(Endpoint.Parse("127.0.0.1:3"))], OnChange = OnChange.Close }, rig.Home));
        await rig.ConnectAndBeResetAsync();
        await rig.Forward.WhenEmptyAsync();
        AssertStopped(rig);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_begins_on_the_way_while_all_are_cut_is_reset()
    {
        await using var rig = await HomeRig.StartAsync(kind);
        rig.Forward.Abort();
        await rig.ConnectAndBeResetAsync();
        await rig.Forward.WhenEmptyAsync();
        AssertStopped(rig);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_is_on_the_way_has_its_place_of_the_forward()
    {
        await using var rig = await HomeRig.StartAsync(kind, config => config with { Limits = new ForwardLimits { Connections = 2 } });
        var busy = await rig.OccupyAsync();
        var clients = new List<Connection>();
        for (var i = 0; i < 3; i++)
            clients.Add(await rig.ConnectAsync());
        await Traffic.UntilAsync(() => rig.Forward.SessionCount == 2);
        await Traffic.UntilStillAsync(() => rig.Forward.Status(false, "").Accepted);
        Assert.Equal((2, 2), (rig.Forward.SessionCount, rig.Forward.Status(false, "").Accepted));
        busy.Dispose();

        var first = await rig.AcceptAsync();
        await rig.AcceptAsync();
        Assert.Equal(2, rig.Forward.Status(false, "").Accepted);
        first.Abort();
        await rig.AcceptAsync();
        Assert.Equal(3, rig.Forward.Status(false, "").Accepted);
    }

    [Fact(Timeout = 30000)]
    public async Task A_source_beyond_its_connections_is_reset_until_one_of_its_own_ends()
    {
        await using var rig = await HomeRig.StartAsync(kind, config => config with { Limits = new ForwardLimits { ConnectionsPerSource = 2 } });
        var (client, _) = await rig.SessionAsync();
        await rig.SessionAsync();
        await rig.ConnectAndBeResetAsync();
        await Traffic.UntilAsync(() => rig.Forward.Status(false, "").Limited == 1);
        Assert.Equal("limited", Assert.Single(rig.Ended)["end"]);
        client.Abort();
        await Traffic.UntilAsync(() => rig.Forward.SessionCount == 1);
        await rig.SessionAsync();
        Assert.Equal((2, 1), (rig.Forward.SessionCount, rig.Forward.Status(false, "").Limited));
    }

    [Theory(Timeout = 120000), InlineData(false), InlineData(true)]
    public async Task Of_a_thousand_none_is_lost(bool everywhere)
    {
        const int count = 1000, atOnce = 50;
        await using var rig = await HomeRig.StartAsync(kind, everywhere: everywhere);
        rig.Echo();
        for (var i = 0; i < count; i += atOnce)
        {
            await Task.WhenAll(Enumerable.Range(i, atOnce).Select(async number =>
            {
                using var client = await rig.ConnectAsync();
                await HomeRig.TalkAsync(client, 100, seed: number);
            }));
        }
        await rig.Forward.WhenEmptyAsync();
        var status = rig.Forward.Status(false, "");
        Assert.Equal((count, 100L * count, 0L), (status.Accepted, status.BytesFromClients, status.Failed));
        Assert.Equal(count, rig.Ended.Count(session => session["end"] is "closed"));
    }

    [Fact(Timeout = 30000)]
    public async Task Whom_an_unbound_listen_still_has_is_served()
    {
        await using var rig = await HomeRig.StartAsync(kind, config => config with { Limits = new ForwardLimits { Connections = 1 } });
        rig.Echo();
        var clients = new List<Connection>();
        for (var i = 0; i < 5; i++)
            clients.Add(await rig.ConnectAsync());
        await Traffic.UntilAsync(() => rig.Forward.SessionCount == 1);
        rig.Listen.Unbind();
        await Task.WhenAll(clients.Select((client, i) => HomeRig.TalkAsync(client, 1000, seed: i)));
        await rig.Listen.WhenOverAsync();
        await rig.Forward.WhenEmptyAsync();
        Assert.Equal(5, rig.Forward.Status(false, "").Accepted);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_says_nothing_is_given_up()
    {
        await using var rig = await HomeRig.StartAsync(kind, config => config with
        {
            ProxyProtocol = new ProxyProtocolConfig { AcceptFrom = [IPNetwork.Parse("127.0.0.0/8")] },
            Timeouts = new ForwardTimeouts { FirstBytes = TimeSpan.FromMilliseconds(30) },
        });
        await rig.ConnectAndBeResetAsync();
        await rig.Forward.WhenEmptyAsync();
        Assert.Equal("first_bytes_timeout", Assert.Single(rig.Ended)["end"]);
    }

    [Fact(Timeout = 30000)]
    public async Task Silence_ends_a_session()
    {
        await using var rig = await HomeRig.StartAsync(kind, config => config with { Timeouts = new ForwardTimeouts { Idle = TimeSpan.FromMilliseconds(30) } });
        await rig.ConnectAndBeResetAsync();
        await rig.Forward.WhenEmptyAsync();
        Assert.Equal("idle", Assert.Single(rig.Ended)["end"]);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_says_where_to_go_gets_there()
    {
        await using var rig = await HomeRig.StartAsync(kind, config => config with { To = [new UpstreamConfig(new DynamicEndpoint())] });
        var beside = rig.Serve();
        var client = await rig.ConnectAsync();
        var port = ((IPEndPoint)beside.LocalEndPoint).Port;
        await client.WriteAsync(new byte[] { 4, 1, (byte)(port >> 8), (byte)port, 127, 0, 0, 1, 0 });
        using var server = await NetworkRig.AcceptAsync(beside);
        var answer = new byte[8];
        await Traffic.UntilFullAsync(client, answer);
        Assert.Equal((0, 90), (answer[0], answer[1]));
        Assert.Same(rig.Home, Assert.Single(rig.Forward.Sessions()).Context);
        await Task.WhenAll(Traffic.SendAsync(client, [1, 2]), Traffic.ExpectToEndAsync(server, [1, 2]));
        await Task.WhenAll(Traffic.SendAsync(server, [3]), Traffic.ExpectToEndAsync(client, [3]));
        await rig.Forward.WhenEmptyAsync();
        Assert.Equal(("closed", 2L, 1L), (rig.Ended[0]["end"], rig.Ended[0]["bytes_from_client"], rig.Ended[0]["bytes_from_upstream"]));
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_of_HTTP_that_does_not_answer_is_given_up()
    {
        await using var rig = await HomeRig.StartAsync(kind, config => config with
        {
            To = [new UpstreamConfig(new DynamicEndpoint())],
            Timeouts = new ForwardTimeouts { Idle = TimeSpan.FromMilliseconds(30) },
        });
        var beside = rig.Serve();
        var client = await rig.ConnectAsync();
        await client.WriteAsync(Encoding.ASCII.GetBytes($"GET http://{beside.LocalEndPoint}/ HTTP/1.1\r\nHost: {beside.LocalEndPoint}\r\n\r\n"));
        using var server = await NetworkRig.AcceptAsync(beside);
        await ForwardingRig.AssertResetAsync(server);
        await client.CompleteWritesAsync();
        var (answer, _) = await Traffic.DrainAsync(client);
        Assert.StartsWith("HTTP/1.1 504 ", Encoding.ASCII.GetString(answer), StringComparison.Ordinal);
        await rig.Forward.WhenEmptyAsync();
    }

    [Fact(Timeout = 30000)]
    public async Task Data_of_FTP_goes_through_the_tunnel_too()
    {
        Assert.SkipWhen(kind == HomeKind.PoolForNative, "Native sockets listen on event loops only.");
        await using var rig = await HomeRig.StartAsync(kind, config => config with { Protocol = ConversationKind.Ftp });
        var beside = rig.Serve();
        var client = new FtpSpeaker(await rig.ConnectAsync());
        var server = new FtpSpeaker(await rig.AcceptAsync());
        await server.SayAsync("220 Ready");
        await client.HearAsync("220 Ready");
        await client.SayAsync("PASV");
        await server.HearAsync("PASV");
        var port = ((IPEndPoint)beside.LocalEndPoint).Port;
        await server.SayAsync($"227 Entering Passive Mode (127,0,0,1,{port >> 8},{port & 255})");
        var told = (await client.LineAsync()).Split('(', ')')[1].Split(',').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToList();
        var data = await rig.ConnectAsync(new IPEndPoint(IPAddress.Loopback, (told[4] << 8) + told[5]));
        using var dataServer = await NetworkRig.AcceptAsync(beside);
        var bytes = Traffic.RandomBytes(1 << 20, seed: 9);
        await Task.WhenAll(Traffic.SendAsync(dataServer, bytes), Traffic.ExpectToEndAsync(data, bytes));
        await data.CompleteWritesAsync();
        await Traffic.ExpectToEndAsync(dataServer, []);
        await client.Connection.CompleteWritesAsync();
        await server.HearEndAsync();
        await server.Connection.CompleteWritesAsync();
        await client.HearEndAsync();
        await rig.Forward.WhenEmptyAsync();
        Assert.Equal((2, "closed"), (rig.Tunnel.Dials, Assert.Single(rig.Ended)["end"]));
    }

    private static void AssertStopped(HomeRig rig)
    {
        var ended = Assert.Single(rig.Ended);
        Assert.Equal(("stopped", "fairlead"), (ended["end"], ended["by"]));
        var status = rig.Forward.Status(false, "");
        Assert.Equal((0, 1L, 0L), (status.Connections, status.Accepted, status.Failed));
        Assert.Equal(0, rig.Upstream.Active);
    }
}

/// <summary>What is so of single kinds.</summary>
public sealed class HomeTests
{
    [Fact(Timeout = 30000), SupportedOSPlatform("linux")]
    public async Task Where_the_home_has_ended_clients_are_reset_and_nobody_keeps_a_place()
    {
        await using var rig = await HomeRig.StartAsync(HomeKind.Loop, config => config with { Limits = new ForwardLimits { Connections = 1 } });
        var gone = new NativeNetwork(new NativeNetworkOptions { Loops = 1 });
        gone.Dispose();
        rig.Bind(rig.PlanOf(rig.Plan.Config, gone.NextContext()));
        for (var i = 0; i < 5; i++)
            await rig.ConnectAndBeResetAsync();
        Assert.Equal((0, 0L), (rig.Forward.SessionCount, rig.Forward.Status(false, "").Accepted));
        rig.Bind(rig.Plan);
        await rig.SessionAsync();
        Assert.Equal((1, 1L), (rig.Forward.SessionCount, rig.Forward.Status(false, "").Accepted));
    }

    [Fact(Timeout = 30000), SupportedOSPlatform("linux")]
    public async Task Whose_client_cannot_be_watched_at_home_gives_its_places_back()
    {
        await using var rig = await HomeRig.StartAsync(HomeKind.Loop);
        var home = (EventLoop)rig.Home;
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var far = await rig.ConnectAsync(listener.LocalEndPoint);
        var socket = listener.Accept();
        var descriptor = (int)socket.Handle;
        socket.SafeHandle.SetHandleAsInvalid();
        var client = NativeConnection.Unwatched(home, descriptor, default, listener.LocalEndPoint!);
        home.Run(() =>
        {
            // Which is watched already cannot be watched.
            var slot = home.Watch(descriptor, client, Libc.EPOLLIN | Libc.EPOLLET);
            Assert.NotEqual(0, client.Arrive());
            home.Unwatch(descriptor, slot);
        });
        await rig.EnterAsync();
        rig.Forward.Serve(rig.Listen, rig.Listen.Binding, client, rig.Process);
        await ForwardingRig.AssertResetAsync(far);
        await rig.Forward.WhenEmptyAsync();
        var ended = Assert.Single(rig.Ended);
        Assert.Equal(("stopped", "fairlead"), (ended["end"], ended["by"]));
    }

    [Fact(Timeout = 30000), SupportedOSPlatform("linux")]
    public async Task Without_a_home_a_session_is_lived_where_its_client_was_accepted()
    {
        await using var rig = await HomeRig.StartAsync(HomeKind.PoolForNative);
        rig.Bind(new ForwardPlan(rig.Plan.Config, rig.Plan.Network, (_, _, _, _, _) => new Upstream(rig.Plan.Network.Dialer, rig.Serve().LocalEndPoint, "")));
        await rig.ConnectAsync();
        await Traffic.UntilAsync(() => rig.Forward.SessionCount == 1);
        Assert.Same(((NativeNetwork)rig.Plan.Network).Loops[0], Assert.Single(rig.Forward.Sessions()).Context);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_is_itself_at_home_is_given_up_there_when_it_says_nothing()
    {
        await using var rig = await HomeRig.StartAsync(HomeKind.Pool, config => config with
        {
            ProxyProtocol = new ProxyProtocolConfig { AcceptFrom = [IPNetwork.Parse("127.0.0.0/8")] },
            Timeouts = new ForwardTimeouts { FirstBytes = TimeSpan.FromMilliseconds(30) },
        });
        var beside = rig.Serve();
        using var far = await rig.ConnectAsync(beside.LocalEndPoint);
        var client = new BoundConnection(await NetworkRig.AcceptAsync(beside), rig.Home);
        await rig.Home.RunAsync(async () =>
        {
            await rig.EnterAsync();
            rig.Forward.Serve(rig.Listen, rig.Listen.Binding, client, rig.Process);
        });
        await ForwardingRig.AssertResetAsync(far);
        await rig.Forward.WhenEmptyAsync();
        Assert.Equal("first_bytes_timeout", Assert.Single(rig.Ended)["end"]);
        Assert.Empty(client.Trespasses);
    }
}
