using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class HealthCheckTests : IDisposable
{
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1), tick = TimeSpan.FromTicks(1);
    private static readonly HealthConfig config = new() { Interval = 2 * second, Timeout = second, Rise = 2, Fall = 3 };

    private readonly ManualTime time = new();
    private readonly FakeNetwork network;
    private readonly List<string> told = [];
    private readonly List<HealthCheck> checks = [];

    public HealthCheckTests() => network = new FakeNetwork(time);

    [Fact]
    public void It_dials_at_once_and_then_at_each_interval_and_closes_what_it_has()
    {
        network.Answer = _ => DialOutcome.Connected;
        Start(Upstream());
        for (var count = 1; count <= 5; count++)
        {
            Assert.Equal(count, network.Dials.Count);
            Assert.All(network.Dials, dial => Assert.True(dial.Connection.IsDisposed));
            time.Advance((2 * second) - tick);
            Assert.Equal(count, network.Dials.Count);
            time.Advance(tick);
        }
    }

    [Theory, InlineData(0.25, 0.05, 1.9), InlineData(0.75, 0.15, 2.1), InlineData(1.0, 0.2, 2.2)]
    public void Its_times_are_spread_by_a_tenth(double drawn, double first, double next)
    {
        network.Answer = _ => DialOutcome.Connected;
        Start(Upstream(), drawn);
        time.Advance((second * first) - tick);
        Assert.Empty(network.Dials);
        time.Advance(tick);
        Assert.Single(network.Dials);
        time.Advance((second * next) - tick);
        Assert.Single(network.Dials);
        time.Advance(tick);
        Assert.Equal(2, network.Dials.Count);
    }

    [Fact]
    public void Three_failures_take_it_down_and_two_successes_bring_it_up_each_told_once()
    {
        var upstream = Upstream();
        network.Answer = _ => network.Dials.Count is < 5 or > 7 ? DialOutcome.Refused : DialOutcome.Connected;
        Start(upstream);
        bool[] expected = [true, true, false, false, false, true, true, true, true, false];
        for (var checks = 1; checks <= expected.Length; checks++)
        {
            Assert.Equal(checks, network.Dials.Count);
            Assert.Equal(expected[checks - 1], upstream.Health.IsUp);
            time.Advance(2 * second);
        }
        Assert.Equal(["down refused", "up ", "down refused"], told);
    }

    [Fact(Timeout = 30000)]
    public async Task Failed_dials_of_clients_count_with_it()
    {
        var upstream = Upstream();
        network.Answer = _ => DialOutcome.Refused;
        Start(upstream);
        Assert.Single(network.Dials);
        for (var i = 0; i < 2; i++)
        {
            Assert.True(upstream.Health.IsUp);
            await upstream.DialAsync(time, second, null, CancellationToken.None);
        }
        Assert.Equal(["down refused"], told);
    }

    [Fact(Timeout = 30000)]
    public async Task A_dial_that_is_not_answered_in_time_is_a_failure()
    {
        var upstream = Upstream(fall: 1);
        Start(upstream);
        Assert.Single(network.Dials);
        time.Advance(second);
        await Traffic.UntilAsync(() => !upstream.Health.IsUp && time.ArmedTimers == 1);

        // The interval runs from the beginning of the dial.
        time.Advance(second - tick);
        Assert.Single(network.Dials);
        time.Advance(tick);
        Assert.Equal(2, network.Dials.Count);
        Assert.Equal(["down connect timeout"], told);
    }

    [Fact(Timeout = 30000)]
    public async Task Its_end_gives_up_a_dial_and_blames_nobody()
    {
        var upstream = Upstream(fall: 1);
        var check = Start(upstream);
        var dial = Assert.Single(network.Dials);
        check.Dispose();
        await check.Over;
        Assert.True(dial.IsGivenUp);
        Assert.True(upstream.Health.IsUp);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task Its_end_ends_the_wait_for_the_next()
    {
        network.Answer = _ => DialOutcome.Connected;
        var check = Start(Upstream());
        Assert.Equal(1, time.ArmedTimers);
        check.Dispose();
        await check.Over;
        Assert.Equal(0, time.ArmedTimers);
        Assert.Single(network.Dials);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_server_sees_a_connection_and_its_orderly_end(bool isNative)
    {
        Assert.SkipWhen(isNative && !OperatingSystem.IsLinux(), "native networks need Linux");
        using INetwork it = isNative && OperatingSystem.IsLinux() ? new NativeNetwork(new NativeNetworkOptions { Loops = 1 }) : new PortableNetwork();
        using var peers = new PortableNetwork();
        using var server = peers.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions())[0];
        var listener = it.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions())[0];
        var upstream = new Upstream(it.Dialer, server.LocalEndPoint, "it", HealthRules.Of(config));
        using var check = new HealthCheck(upstream, new HealthConfig { Interval = TimeSpan.FromMilliseconds(20), Timeout = 10 * second }, it.Time, listener.Context);
        for (var i = 0; i < 3; i++)
        {
            Connection? connection = null;
            while (connection is null && await server.WaitAsync())
                connection = server.TryAccept();
            using (connection)
                Assert.Equal(0, await connection!.ReadAsync(new byte[1]));
        }
        check.Dispose();
        await check.Over;
        Assert.True(upstream.Health.IsUp);
        listener.Context.Run(listener.Dispose);
    }

    public void Dispose()
    {
        foreach (var check in checks)
            check.Dispose();
    }

    private Upstream Upstream(int fall = 3)
    {
        return new Upstream(
            network, new IPEndPoint(IPAddress.Loopback, 80), "it", HealthRules.Of(config with { Fall = fall }), (_, isUp, reason) => told.Add($"{(isUp ? "up" : "down")} {reason}"));
    }

    // The first at once and the others at the interval itself, unless another number is drawn.
    private HealthCheck Start(Upstream upstream, double? drawn = null)
    {
        checks.Add(new HealthCheck(upstream, config, time, new Inline(), new Drawn(drawn is { } always ? [always] : [0, 0.5])));
        return checks[^1];
    }

    // Where everything happens at once, on whoever's thread.
    private sealed class Inline : SynchronizationContext
    {
        public override void Post(SendOrPostCallback callback, object? state)
        {
            var outside = Current;
            SetSynchronizationContext(this);
            try
            {
                callback(state);
            }
            finally
            {
                SetSynchronizationContext(outside);
            }
        }
    }

    // Draws what it was given, and the last of it for ever.
    private sealed class Drawn(double[] numbers) : Random
    {
        private int next;

        public override double NextDouble() => numbers[Math.Min(next++, numbers.Length - 1)];
    }
}
