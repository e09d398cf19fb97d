using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>Each limit of a forward at its bound, on either engine.</summary>
public abstract class LimitsContract(EngineKind kind)
{
    [Fact(Timeout = 30000)]
    public async Task Clients_beyond_the_connections_of_a_forward_wait_and_another_forward_is_not_held_up()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var full = rig.Forward(server.LocalEndPoint) with { Name = "full", Limits = new ForwardLimits { Connections = 2 } };
        var listens = rig.Engine.Start(full, rig.Forward(rig.Greet("free")) with { Name = "other" });
        var (first, firstServed) = await rig.SessionAsync(listens[0], server);
        await rig.SessionAsync(listens[0], server);
        var third = await rig.ConnectAsync(listens[0]);
        Assert.Equal("free", await rig.ReadWordAsync(listens[1]));
        Assert.Equal(2, rig.Engine.Status()[0].Connections);
        Assert.Equal(2, rig.Engine.Status()[0].Accepted);

        first.Dispose();
        firstServed.Dispose();
        var served = await rig.AcceptAsync(server);
        await Traffic.SayAsync(third, served, "my turn");
        Assert.Equal(3, rig.Engine.Status()[0].Accepted);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_waits_is_let_in_by_a_reload_that_raises_the_limit()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", Limits = new ForwardLimits { Connections = 1 } };
        var through = rig.Start(config);
        await rig.SessionAsync(through, server);
        var second = await rig.ConnectAsync(through);
        rig.Engine.Apply([config with { Limits = new ForwardLimits { Connections = 2 } }]);
        await Traffic.SayAsync(second, await rig.AcceptAsync(server), "in");
        rig.Engine.Apply([config]);
        await rig.ConnectAsync(through);
        rig.Engine.Apply([config with { Limits = new ForwardLimits() }]);
        await rig.AcceptAsync(server);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_source_beyond_its_connections_is_reset_until_one_of_its_own_ends(bool byPrefix)
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var limits = byPrefix ? new ForwardLimits { ConnectionsPerPrefix = 2 } : new ForwardLimits { ConnectionsPerSource = 2 };
        var through = rig.Start(rig.Forward(server.LocalEndPoint) with { Name = "web", Limits = limits });
        var (first, firstServed) = await rig.SessionAsync(through, server);
        await rig.SessionAsync(through, server);
        await rig.ConnectAndBeResetAsync(through);
        await Traffic.UntilAsync(() => rig.Sessions.Any(session => (string)session["end"]! == "limited"));
        await Traffic.UntilAsync(() => rig.Engine.Status()[0].Limited == 1);
        first.Dispose();
        firstServed.Dispose();
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 1);
        await rig.SessionAsync(through, server);
    }

    [Fact(Timeout = 30000)]
    public async Task A_limit_of_sources_that_comes_with_a_reload_counts_those_who_are_there()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web" };
        var through = rig.Start(config);
        var (first, firstServed) = await rig.SessionAsync(through, server);
        await rig.SessionAsync(through, server);
        rig.Engine.Apply([config with { Limits = new ForwardLimits { ConnectionsPerSource = 2 } }]);
        await rig.ConnectAndBeResetAsync(through);
        first.Dispose();
        firstServed.Dispose();
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 1);
        await rig.SessionAsync(through, server);
    }

    [Fact(Timeout = 30000)]
    public async Task Clients_that_come_too_fast_wait_and_are_all_served()
    {
        await using var rig = new ForwardingRig(kind);
        var target = rig.Greet("in");
        var listens = rig.Engine.Start(
            rig.Forward(target) with { Name = "slow", Limits = new ForwardLimits { AcceptsPerSecond = 5 } }, rig.Forward(target) with { Name = "fast" });
        var slow = Task.WhenAll(Enumerable.Range(0, 5).Select(_ => rig.ReadWordAsync(listens[0])));
        for (var i = 0; i < 5; i++)
            Assert.Equal("in", await rig.ReadWordAsync(listens[1]));
        Assert.False(slow.IsCompleted);
        Assert.All(await slow, word => Assert.Equal("in", word));
    }

    [Theory(Timeout = 60000), InlineData(false), InlineData(true)]
    public async Task A_rate_holds_bytes_back_and_loses_none(bool perConnection)
    {
        const int length = 128 << 10;
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var limits = perConnection ? new ForwardLimits { RatePerConnection = length / 2 } : new ForwardLimits { Rate = length / 2 };
        var listens = rig.Engine.Start(rig.Forward(server.LocalEndPoint) with { Name = "slow", Limits = limits }, rig.Forward(server.LocalEndPoint) with { Name = "fast" });
        var slow = await rig.SessionAsync(listens[0], server);
        var fast = await rig.SessionAsync(listens[1], server);
        var (up, down) = (TransferAsync(slow.Client, slow.Server, length), TransferAsync(slow.Server, slow.Client, length));
        await TransferAsync(fast.Client, fast.Server, length);
        Assert.False(up.IsCompleted || down.IsCompleted);
        await Task.WhenAll(up, down);

        // What has arrived is counted a moment later.
        await Traffic.UntilAsync(() => rig.Engine.Status().All(forward => forward.BytesFromClients >= length));
    }

    private static Task TransferAsync(Connection from, Connection to, int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return Task.WhenAll(from.WriteAsync(bytes).AsTask(), Traffic.ExpectAsync(to, bytes));
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeLimitsTests() : LimitsContract(EngineKind.Native);

public sealed class PortableLimitsTests() : LimitsContract(EngineKind.Portable);
