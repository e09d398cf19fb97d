using System.Diagnostics;
using System.Net;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>A forward that comes back while it still has sessions: it is the same, and what limits it spans the old sessions and the new.</summary>
public abstract class ReturnContract(EngineKind kind)
{
    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Its_connections_count_those_from_before(bool byReload)
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", Limits = new ForwardLimits { Connections = 2 } };
        var (old, oldServed) = await rig.SessionAsync(rig.Start(config), server);
        var through = Return(rig, config, byReload);
        await rig.SessionAsync(through, server);
        var third = await rig.ConnectAsync(through);
        await Traffic.UntilStillAsync(() => rig.Engine.SessionCount);
        var status = Assert.Single(rig.Engine.Status());
        Assert.Equal((false, 2, 2L), (status.IsDraining, status.Connections, status.Accepted));

        await Traffic.SayAsync(old, oldServed, "still here");
        old.Dispose();
        oldServed.Dispose();
        await Traffic.SayAsync(third, await rig.AcceptAsync(server), "my turn");
        Assert.Equal(3, Assert.Single(rig.Engine.Status()).Accepted);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_source_counts_with_what_it_has_from_before(bool byPrefix)
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var limits = byPrefix ? new ForwardLimits { ConnectionsPerPrefix = 2 } : new ForwardLimits { ConnectionsPerSource = 2 };
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", Limits = limits };
        var (old, oldServed) = await rig.SessionAsync(rig.Start(config), server);
        var through = Return(rig, config);
        await rig.SessionAsync(through, server);
        await rig.ConnectAndBeResetAsync(through);
        await Traffic.UntilAsync(() => Assert.Single(rig.Engine.Status()).Limited == 1);
        old.Dispose();
        oldServed.Dispose();
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 1);
        await rig.SessionAsync(through, server);
    }

    [Fact(Timeout = 30000)]
    public async Task Its_pace_goes_on()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", Limits = new ForwardLimits { AcceptsPerSecond = 1 } };
        var through = rig.Start(config);
        var start = Stopwatch.GetTimestamp();
        await rig.SessionAsync(through, server);
        await rig.SessionAsync(Return(rig, config), server);

        // A pace that began anew would let the second in at once. Timers may be a little early.
        Assert.True(Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(0.9));
    }

    [Fact(Timeout = 30000)]
    public async Task Its_rate_is_shared_with_the_sessions_from_before()
    {
        const int length = 128 << 10;
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", Limits = new ForwardLimits { Rate = 2 * length } };
        var old = await rig.SessionAsync(rig.Start(config), server);
        var young = await rig.SessionAsync(Return(rig, config), server);
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(new[] { old, young }.Select(session => Task.WhenAll(
            session.Client.WriteAsync(new byte[length]).AsTask(), Traffic.ExpectAsync(session.Server, new byte[length]))));

        // Each by itself takes half a second.
        Assert.True(Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(0.8));
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task If_it_differs_it_may_close_the_sessions_from_before(bool differs)
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", OnChange = OnChange.Close };
        var (old, oldServed) = await rig.SessionAsync(rig.Start(config), server);
        var through = Return(rig, differs ? config with { Limits = new ForwardLimits { Connections = 7 } } : config);
        if (differs)
        {
            await ForwardingRig.AssertResetAsync(old);
            await ForwardingRig.AssertResetAsync(oldServed);
        }
        else
        {
            await Traffic.SayAsync(old, oldServed, "still here");
        }
        await rig.SessionAsync(through, server);
    }

    [Fact(Timeout = 30000)]
    public async Task Drained_again_it_waits_for_the_sessions_of_both_times_and_is_then_forgotten()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web" };
        var first = await rig.SessionAsync(rig.Start(config), server);
        var second = await rig.SessionAsync(Return(rig, config), server);
        Assert.Equal(1, rig.Engine.Drain("web"));
        var status = Assert.Single(rig.Engine.Status());
        Assert.Equal((true, 2), (status.IsDraining, status.Connections));

        // The last of the first time must not end the second one.
        End(first);
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 1);
        Assert.True(Assert.Single(rig.Engine.Status()).IsDraining);
        End(second);
        await Traffic.UntilAsync(() => rig.Engine.Status().Count == 0);

        // Then it is another, whose counters begin anew.
        await rig.SessionAsync(Return(rig, config, isDrained: true), server);
        Assert.Equal(1, Assert.Single(rig.Engine.Status()).Accepted);
    }

    [Fact(Timeout = 30000)]
    public async Task A_forward_that_came_back_is_not_forgotten_when_it_has_no_session_for_a_moment()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web" };
        var old = await rig.SessionAsync(rig.Start(config), server);
        var through = Return(rig, config);
        End(old);
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 0);
        await rig.SessionAsync(through, server);
        Assert.Equal(2, Assert.Single(rig.Engine.Status()).Accepted);
        Assert.Equal(1, rig.Engine.CloseAll("web"));
    }

    [Fact(Timeout = 30000)]
    public async Task A_stop_resets_the_sessions_of_both_times()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web" };
        var old = await rig.SessionAsync(rig.Start(config), server);
        var young = await rig.SessionAsync(Return(rig, config), server);
        Assert.Equal(2, await rig.StopAsync(TimeSpan.Zero));
        await ForwardingRig.AssertResetAsync(old.Client);
        await ForwardingRig.AssertResetAsync(young.Client);
    }

    [Fact(Timeout = 30000)]
    public async Task Whom_the_kernel_had_accepted_before_a_drain_gets_a_place_and_keeps_the_port_of_the_native_engine_until_then()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint, $"127.0.0.1:{FreePorts.One()}") with { Name = "web", Limits = new ForwardLimits { Connections = 1 } };
        var through = rig.Start(config);
        var first = await rig.SessionAsync(through, server);
        var second = await rig.ConnectAsync(through);
        Assert.Equal(1, rig.Engine.Drain("web"));
        if (kind == EngineKind.Native)
        {
            var lines = rig.Log.Count();
            var refused = Assert.Throws<ForwardException>(() => rig.Engine.Apply([config]));
            Assert.StartsWith($"cannot listen on {through} yet: the port is still being given up", refused.Message, StringComparison.Ordinal);
            Assert.Equal(lines, rig.Log.Count());
        }
        else
        {
            await Traffic.UntilAsync(() => IsFree(rig, through));
        }
        Assert.True(Assert.Single(rig.Engine.Status()).IsDraining);

        End(first);
        var served = await rig.AcceptAsync(server);
        await Traffic.SayAsync(second, served, "my turn");
        await Traffic.UntilAsync(() => IsFree(rig, through));
        rig.Engine.Apply([config]);
        End((second, served));
        await rig.SessionAsync(through, server);
    }

    [Fact(Timeout = 30000)]
    public async Task Whoever_still_waits_for_a_place_when_the_time_of_a_stop_is_over_is_reset()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var through = rig.Start(rig.Forward(server.LocalEndPoint) with { Name = "web", Limits = new ForwardLimits { Connections = 1 } });
        var (first, _) = await rig.SessionAsync(through, server);
        var second = await rig.ConnectAsync(through);
        Assert.Equal(1, rig.Engine.Drain("web"));
        Assert.Equal(1, await rig.StopAsync(TimeSpan.FromMilliseconds(50)));
        await ForwardingRig.AssertResetAsync(first);
        await ForwardingRig.AssertResetAsync(second);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_left_twice_is_remembered_while_somebody_waits_from_the_first_time()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", Limits = new ForwardLimits { Connections = 1 } };
        var through = rig.Start(config);
        var first = await rig.SessionAsync(through, server);
        var second = await rig.ConnectAsync(through);
        Return(rig, config);
        Assert.Equal(1, rig.Engine.Drain("web"));
        End(first);
        var served = await rig.AcceptAsync(server);
        await Traffic.SayAsync(second, served, "my turn");
        var status = Assert.Single(rig.Engine.Status());
        Assert.Equal((true, 1, 2L), (status.IsDraining, status.Connections, status.Accepted));
        End((second, served));
        await Traffic.UntilAsync(() => rig.Engine.Status().Count == 0);
    }

    // A port that the system chooses is another one each time, so that nobody waits for it to be free.
    private static IPEndPoint Return(ForwardingRig rig, ForwardConfig config, bool byReload = false, bool isDrained = false)
    {
        if (byReload)
            Assert.Equal("1 removed", rig.Engine.Apply([]).ToString());
        else if (!isDrained)
            Assert.Equal(1, rig.Engine.Drain("web"));
        Assert.Equal("1 added", rig.Engine.Apply([config]).ToString());
        return IPEndPoint.Parse(Assert.Single(Assert.Single(rig.Engine.Status()).Listen));
    }

    private static bool IsFree(ForwardingRig rig, EndPoint at)
    {
        try
        {
            rig.Listen(at).Dispose();
            return true;
        }
        catch (ListenException)
        {
            return false;
        }
    }

    private static void End((Connection Client, Connection Server) session)
    {
        session.Client.Dispose();
        session.Server.Dispose();
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeReturnTests() : ReturnContract(EngineKind.Native);

public sealed class PortableReturnTests() : ReturnContract(EngineKind.Portable);
