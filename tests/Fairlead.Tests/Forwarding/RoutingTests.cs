using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>Where clients go by who they are, and who is let in, on either engine. All of 127.0.0.0/8 is this machine's.</summary>
public abstract class RoutingContract(EngineKind kind)
{
    [Fact(Timeout = 30000)]
    public async Task One_port_leads_to_another_host_for_each_network_of_clients()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(rig.Greet("everybody")) with
        {
            Routes =
            [
                Route("127.0.0.7/32", rig.Greet("seven")),
                Route("127.0.0.0/28", rig.Greet("few")),
                Route("127.0.0.0/24", rig.Greet("many")),
            ],
        });
        Assert.Equal("seven", await WordAsync("127.0.0.7", through));
        Assert.Equal("few", await WordAsync("127.0.0.8", through));
        Assert.Equal("many", await WordAsync("127.0.0.77", through));
        Assert.Equal("everybody", await WordAsync("127.0.1.1", through));
    }

    [Fact(Timeout = 30000)]
    public async Task An_IPv4_client_of_a_listen_on_every_address_is_known_as_IPv4()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(rig.Greet("everybody"), ":0") with { Routes = [Route("127.0.0.7/32", rig.Greet("seven")), Route("::1/128", rig.Greet("six"))] });
        var port = ((IPEndPoint)through).Port;
        Assert.Equal("seven", await WordAsync("127.0.0.7", new IPEndPoint(IPAddress.Loopback, port)));
        Assert.Equal("everybody", await WordAsync("127.0.0.1", new IPEndPoint(IPAddress.Loopback, port)));
        if (Socket.OSSupportsIPv6)
            Assert.Equal("six", await WordAsync("::1", new IPEndPoint(IPAddress.IPv6Loopback, port)));
    }

    [Fact(Timeout = 30000)]
    public async Task Whom_no_route_takes_is_reset_where_there_is_nothing_else()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(rig.Greet("x")) with { To = [], Routes = [Route("127.0.0.7/32", rig.Greet("seven"))] });
        Assert.Equal("seven", await WordAsync("127.0.0.7", through));
        Assert.Equal("reset", await WordAsync("127.0.0.8", through));
        await Traffic.UntilAsync(() => rig.Sessions.Any(session => (string)session["end"]! == "no_route"));
        await Traffic.UntilAsync(() => rig.Engine.Status()[0] is { Denied: 1, Connections: 0 });
    }

    [Fact(Timeout = 30000)]
    public async Task Deny_comes_first_then_only_those_whom_allow_names()
    {
        await using var rig = new ForwardingRig(kind);
        var config = rig.Forward(rig.Greet("in")) with { Name = "web", Deny = [IPNetwork.Parse("127.0.0.7/32")], Allow = [IPNetwork.Parse("127.0.0.0/24")] };
        var through = rig.Start(config);
        Assert.Equal("in", await WordAsync("127.0.0.1", through));
        Assert.Equal("reset", await WordAsync("127.0.0.7", through));
        Assert.Equal("reset", await WordAsync("127.0.1.1", through));
        rig.Engine.Apply([config with { Allow = null }]);
        Assert.Equal("in", await WordAsync("127.0.1.1", through));
        Assert.Equal("reset", await WordAsync("127.0.0.7", through));
        rig.Engine.Apply([config with { Allow = [], Deny = [] }]);
        Assert.Equal("reset", await WordAsync("127.0.0.1", through));
    }

    [Fact(Timeout = 30000)]
    public async Task A_source_that_is_refused_again_and_again_leaves_few_lines_and_is_counted()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(rig.Greet("in")) with { Allow = [] });
        for (var i = 0; i < 200; i++)
            Assert.Equal("reset", await WordAsync("127.0.0.7", through));
        await Traffic.UntilAsync(() => rig.Engine.Status()[0] is { Denied: 200, Connections: 0 });
        Assert.InRange(rig.Sessions.Count, 1, 100);
    }

    [Fact(Timeout = 30000)]
    public async Task A_dead_upstream_is_passed_over_and_its_clients_served_by_another()
    {
        await using var rig = new ForwardingRig(kind);
        var dead = new IPEndPoint(IPAddress.Loopback, FreePorts.One());
        var through = rig.Start(rig.Forward(dead) with { To = [Target(dead), Target(rig.Greet("alive"))] });
        for (var i = 0; i < 12; i++)
            Assert.Equal("alive", await rig.ReadWordAsync(through));
        var upstreams = rig.Engine.Status()[0].Upstreams;
        Assert.False(upstreams[0].IsUp);
        Assert.True(upstreams[1].IsUp);
        Assert.Equal(12, upstreams[1].Dialled);
        Assert.Contains(rig.Log, entry => entry.Event == "upstream_down");
    }

    [Fact(Timeout = 30000)]
    public async Task Upstreams_take_turns_over_all_connections()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(rig.Greet("x")) with { To = [Target(rig.Greet("a")) with { Weight = 2 }, Target(rig.Greet("b"))] });
        var words = new List<string>();
        for (var i = 0; i < 30; i++)
            words.Add(await rig.ReadWordAsync(through));
        Assert.Equal(20, words.Count(word => word == "a"));
        Assert.Equal(10, words.Count(word => word == "b"));
    }

    [Fact(Timeout = 30000)]
    public async Task Dials_leave_from_the_source_that_is_named()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var through = rig.Start(rig.Forward(server.LocalEndPoint) with { Source = [new DialSource(IPAddress.Parse("127.0.0.9"))] });
        using var client = await rig.ConnectAsync(through);
        using var accepted = await rig.AcceptAsync(server);
        Assert.Equal("127.0.0.9", ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString());
    }

    [Fact(Timeout = 30000)]
    public async Task Active_checks_find_a_dead_upstream_before_any_client_does()
    {
        await using var rig = new ForwardingRig(kind);
        var dead = new IPEndPoint(IPAddress.Loopback, FreePorts.One());
        var health = new HealthConfig { Interval = TimeSpan.FromMilliseconds(10), Rise = 1, Fall = 2 };
        var through = rig.Start(rig.Forward(dead) with { To = [Target(dead), Target(rig.Greet("alive"))], Health = health, Balance = BalanceKind.First });
        await Traffic.UntilAsync(() => rig.Engine.Status()[0].Upstreams is [{ IsUp: false }, { IsUp: true }]);
        Assert.Equal("alive", await rig.ReadWordAsync(through));
        rig.Greet("back", dead);
        await Traffic.UntilAsync(() => rig.Engine.Status()[0].Upstreams[0].IsUp);
        Assert.Equal("back", await rig.ReadWordAsync(through));
        Assert.Contains(rig.Log, entry => entry.Event == "upstream_up");
    }

    private static RouteConfig Route(string network, EndPoint to) => new() { From = [IPNetwork.Parse(network)], To = [Target(to)] };

    private static UpstreamConfig Target(EndPoint to) => new(Endpoint.Parse(to.ToString()!));

    private static async Task<string> WordAsync(string from, EndPoint to)
    {
        using var client = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        try
        {
            await client.ConnectAsync(to);
            var buffer = new byte[64];
            var length = 0;
            int count;
            while ((count = await client.ReceiveAsync(buffer.AsMemory(length))) > 0)
                length += count;
            return string.Concat(buffer.Take(length).Select(letter => (char)letter));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted)
        {
            return "reset";
        }
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeRoutingTests() : RoutingContract(EngineKind.Native);

public sealed class PortableRoutingTests() : RoutingContract(EngineKind.Portable);
