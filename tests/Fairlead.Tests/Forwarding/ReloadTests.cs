using System.Net;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>What <see cref="Engine.Apply"/> keeps, changes and refuses, on either engine.</summary>
public abstract class ReloadContract(EngineKind kind)
{
    [Fact(Timeout = 30000)]
    public async Task A_changed_target_holds_for_the_next_connection_and_the_present_one_goes_on()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web" };
        var through = rig.Start(config);
        var (client, accepted) = await rig.SessionAsync(through, server);

        var change = rig.Engine.Apply([rig.Forward(rig.Greet("new")) with { Name = "web" }]);
        Assert.Equal("1 changed", change.ToString());
        Assert.Equal("new", await rig.ReadWordAsync(through));
        await Traffic.SayAsync(client, accepted, "still here");
        await Traffic.SayAsync(accepted, client, "so am I");
    }

    [Fact(Timeout = 30000)]
    public async Task A_change_may_close_the_connections_that_began_before_it()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var through = rig.Start(rig.Forward(server.LocalEndPoint) with { Name = "web" });
        var (client, accepted) = await rig.SessionAsync(through, server);
        rig.Engine.Apply([rig.Forward(rig.Greet("new")) with { Name = "web", OnChange = OnChange.Close }]);
        await ForwardingRig.AssertResetAsync(client);
        await ForwardingRig.AssertResetAsync(accepted);
        Assert.Equal("new", await rig.ReadWordAsync(through));
    }

    [Fact(Timeout = 30000)]
    public async Task An_unchanged_forward_notices_nothing()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", OnChange = OnChange.Close };
        var through = rig.Start(config);
        var (client, accepted) = await rig.SessionAsync(through, server);
        var lines = rig.Log.Count();
        Assert.True(rig.Engine.Apply([config]).IsNothing);
        Assert.Equal(lines, rig.Log.Count());
        await Traffic.SayAsync(client, accepted, "still here");
    }

    [Fact(Timeout = 30000)]
    public async Task A_removed_forward_lets_nobody_in_and_its_sessions_finish()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var port = FreePorts.One();
        var through = rig.Start(rig.Forward(server.LocalEndPoint, $"127.0.0.1:{port}") with { Name = "web" });
        var (client, accepted) = await rig.SessionAsync(through, server);
        Assert.Equal("1 removed", rig.Engine.Apply([]).ToString());
        await rig.UntilNobodyIsLetInAsync(through);
        Assert.True(Assert.Single(rig.Engine.Status()).IsDraining);
        await Traffic.SayAsync(client, accepted, "still here");
        client.Dispose();
        accepted.Dispose();
        await Traffic.UntilAsync(() => rig.Engine.Status().Count == 0);
        Assert.Equal("again", await rig.ReadWordAsync(Started(rig.Forward(rig.Greet("again"), $"127.0.0.1:{port}"))));

        EndPoint Started(ForwardConfig forward)
        {
            rig.Engine.Apply([forward]);
            return through;
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_listen_that_stays_is_never_closed_though_its_forward_is_called_otherwise()
    {
        await using var rig = new ForwardingRig(kind);
        var listen = $"127.0.0.1:{FreePorts.One()}";
        var through = rig.Start(rig.Forward(rig.Greet("old"), listen) with { Name = "old" });
        var stop = new CancellationTokenSource();
        var knocking = Task.Run(async () =>
        {
            var words = new HashSet<string>();
            while (!stop.IsCancellationRequested)
                words.Add(await rig.ReadWordAsync(through));
            return words;
        });
        var targets = new[] { rig.Greet("a"), rig.Greet("b") };
        for (var i = 0; i < 20; i++)
            rig.Engine.Apply([rig.Forward(targets[i % 2], listen) with { Name = $"name-{i}" }]);
        stop.Cancel();
        Assert.Subset(new HashSet<string> { "old", "a", "b" }, await knocking);
    }

    [Fact(Timeout = 30000)]
    public async Task What_cannot_be_bound_changes_nothing()
    {
        await using var rig = new ForwardingRig(kind);
        var taken = rig.Listen();
        var ports = FreePorts.Range(2);
        var old = rig.Forward(rig.Greet("old"), $"127.0.0.1:{ports}") with { Name = "web" };
        var through = rig.Start(old);
        var refused = Assert.Throws<ForwardException>(() => rig.Engine.Apply(
            [rig.Forward(rig.Greet("new"), $"127.0.0.1:{ports}") with { Name = "web" }, rig.Forward(rig.Greet("new"), $"127.0.0.1:{ports + 1}"), rig.Forward(rig.Greet("new"), taken.LocalEndPoint.ToString()!)]));
        Assert.Contains(taken.LocalEndPoint.ToString()!, refused.Message, StringComparison.Ordinal);
        Assert.Equal("old", await rig.ReadWordAsync(through));
        Assert.NotEqual(DialOutcome.Connected, await rig.TryConnectAsync(new IPEndPoint(IPAddress.Loopback, ports + 1)));
        Assert.True(rig.Engine.Apply([old]).IsNothing);
    }

    [Fact(Timeout = 30000)]
    public async Task Wrong_forwards_change_nothing_and_every_error_is_told()
    {
        await using var rig = new ForwardingRig(kind);
        var old = rig.Forward(rig.Greet("old")) with { Name = "web" };
        var through = rig.Start(old);
        var refused = Assert.Throws<ForwardException>(() => rig.Engine.Apply([old with { Name = "W" }, old with { Name = "X" }]));
        Assert.Equal(2, refused.Message.Split('\n').Length);
        Assert.Equal("old", await rig.ReadWordAsync(through));
    }

    [Fact(Timeout = 30000)]
    public async Task Ports_of_a_range_go_to_their_new_numbers()
    {
        await using var rig = new ForwardingRig(kind);
        var (listens, targets) = (FreePorts.Range(3), FreePorts.Range(2));
        rig.Greet("first", new IPEndPoint(IPAddress.Loopback, targets));
        rig.Greet("second", new IPEndPoint(IPAddress.Loopback, targets + 1));
        var middle = new IPEndPoint(IPAddress.Loopback, listens + 1);
        rig.Engine.Apply([Range(listens)]);
        Assert.Equal("second", await rig.ReadWordAsync(middle));
        rig.Engine.Apply([Range(listens + 1)]);
        Assert.Equal("first", await rig.ReadWordAsync(middle));
        Assert.Equal("second", await rig.ReadWordAsync(new IPEndPoint(IPAddress.Loopback, listens + 2)));

        ForwardConfig Range(int first) => ForwardConfig.Parse($"127.0.0.1:{first}-{first + 1}:127.0.0.1:{targets}-{targets + 1}") with { Name = "range", Engine = kind };
    }

    [Fact(Timeout = 30000)]
    public async Task A_port_that_the_system_chose_stays()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(rig.Greet("old")) with { Name = "web" });
        rig.Engine.Apply([rig.Forward(rig.Greet("new")) with { Name = "web" }]);
        Assert.Equal("new", await rig.ReadWordAsync(through));
    }

    [Fact(Timeout = 30000)]
    public async Task A_forward_moves_to_the_other_engine_and_its_listen_stays()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is one engine here.");
        await using var rig = new ForwardingRig(kind);
        var config = rig.Forward(rig.Greet("word")) with { Name = "web" };
        var other = kind == EngineKind.Native ? EngineKind.Portable : EngineKind.Native;
        var through = rig.Start(config);
        using var stop = new CancellationTokenSource();
        var knocking = Task.Run(async () =>
        {
            var words = new HashSet<string>();
            while (!stop.IsCancellationRequested)
                words.Add(await rig.ReadWordAsync(through));
            return words;
        });
        for (var i = 0; i < 10; i++)
        {
            var next = i % 2 == 0 ? other : kind;
            rig.Engine.Apply([config with { Engine = next }]);
            Assert.Equal(next, Enum.Parse<EngineKind>(Assert.Single(rig.Engine.Status()).Engine, ignoreCase: true));
            Assert.Equal("word", await rig.ReadWordAsync(through));
        }
        stop.Cancel();
        Assert.Equal(["word"], await knocking);
    }

    [Fact(Timeout = 30000)]
    public async Task A_forward_that_is_full_gives_its_port_back_when_it_is_drained()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint, $"127.0.0.1:{FreePorts.One()}") with { Name = "web", Limits = new ForwardLimits { Connections = 1 } };
        var through = rig.Start(config);
        var (client, accepted) = await rig.SessionAsync(through, server);
        Assert.Equal(1, rig.Engine.Drain("web"));

        // Nobody knocks meanwhile: whom the kernel accepts is owed a place, and would keep the port until there is one.
        await Traffic.UntilAsync(() =>
        {
            try
            {
                rig.Listen(through).Dispose();
                return true;
            }
            catch (ListenException)
            {
                return false;
            }
        });
        // Its session counts on.
        rig.Engine.Apply([config with { To = rig.Forward(rig.Greet("again")).To, Limits = new ForwardLimits { Connections = 2 } }]);
        Assert.Equal("again", await rig.ReadWordAsync(through));
        await Traffic.SayAsync(client, accepted, "still here");
    }

    [Fact(Timeout = 30000)]
    public async Task Nobody_takes_the_listen_of_a_forward_that_stays_by_another_name_of_its_address()
    {
        var name = Dns.GetHostName();
        var own = Dns.GetHostAddresses(name).FirstOrDefault(address => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork);
        Assert.SkipWhen(own is null || own.ToString() == name, "The name of this machine has no IPv4 address here.");
        await using var rig = new ForwardingRig(kind);
        var port = FreePorts.One();
        var web = rig.Forward(rig.Greet("web"), $"{own}:{port}") with { Name = "web" };
        try
        {
            rig.Engine.Start(web);
        }
        catch (ForwardException e)
        {
            Assert.Skip($"The address of this machine's name cannot be listened on: {e.Message}");
        }
        var refused = Assert.Throws<ForwardException>(() => rig.Engine.Apply([web, rig.Forward(rig.Greet("thief"), $"{name}:{port}") with { Name = "thief" }]));
        Assert.Contains("forward web listens there", refused.Message, StringComparison.Ordinal);
        Assert.Equal("web", await rig.ReadWordAsync(new IPEndPoint(own!, port)));
    }

    [Fact(Timeout = 30000)]
    public async Task To_widen_an_address_takes_two_steps_and_the_refusal_says_so()
    {
        await using var rig = new ForwardingRig(kind);
        var port = FreePorts.One();
        var config = rig.Forward(rig.Greet("word"), $"127.0.0.1:{port}") with { Name = "web" };
        var through = rig.Start(config);
        var refused = Assert.Throws<ForwardException>(() => rig.Engine.Apply([config with { Listen = [Endpoint.Parse($"0.0.0.0:{port}")] }]));
        Assert.Contains($"while 127.0.0.1:{port} is listened on, which this change gives up", refused.Message, StringComparison.Ordinal);
        Assert.Equal("word", await rig.ReadWordAsync(through));
    }

    [Fact(Timeout = 30000)]
    public async Task Sockets_that_were_inherited_by_name_are_the_forwards_also_after_a_reload()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("Sockets are inherited on Linux.");
            return;
        }
        var made = new List<System.Net.Sockets.Socket>();
        for (var i = 0; i < 2; i++)
        {
            made.Add(new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp));
            made[i].Bind(new IPEndPoint(IPAddress.Loopback, 0));
            made[i].Listen();
        }
        var given = new List<InheritedSocket>();
        foreach (var socket in made)
            given.Add(new InheritedSocket("web", Libc.fcntl((int)socket.SafeHandle.DangerousGetHandle(), Libc.F_DUPFD_CLOEXEC, 3)));
        await using var rig = new ForwardingRig(kind, inherited: given);
        var config = rig.Forward(rig.Greet("one"), ":1") with { Name = "web" };
        rig.Engine.Apply([config]);
        Assert.All(made, socket => Assert.Equal("one", rig.ReadWordAsync(socket.LocalEndPoint!).GetAwaiter().GetResult()));
        rig.Engine.Apply([config with { To = rig.Forward(rig.Greet("two")).To }]);
        foreach (var socket in made)
        {
            Assert.Equal("two", await rig.ReadWordAsync(socket.LocalEndPoint!));
            socket.Dispose();
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_drained_forward_comes_back_with_the_next_reload()
    {
        await using var rig = new ForwardingRig(kind);
        var config = rig.Forward(rig.Greet("word"), $"127.0.0.1:{FreePorts.One()}") with { Name = "web" };
        var through = rig.Start(config);
        Assert.Null(rig.Engine.Drain("other"));
        Assert.Equal(1, rig.Engine.Drain("web"));
        await rig.UntilNobodyIsLetInAsync(through);
        await Traffic.UntilAsync(() => rig.Engine.Status().Count == 0);
        Assert.Equal("1 added", rig.Engine.Apply([config]).ToString());
        Assert.Equal("word", await rig.ReadWordAsync(through));
    }

    [Fact(Timeout = 30000)]
    public async Task To_drain_what_was_drained_changes_nothing()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var (web, other) = (rig.Forward(server.LocalEndPoint) with { Name = "web" }, rig.Forward(server.LocalEndPoint) with { Name = "other" });
        var through = rig.Engine.Start(web, other)[0];
        var (client, accepted) = await rig.SessionAsync(through, server);
        Assert.Equal(1, rig.Engine.Drain("web"));
        var lines = rig.Log.Count();
        Assert.Equal(0, rig.Engine.Drain("web"));
        Assert.Equal(lines, rig.Log.Count());
        Assert.Equal(1, rig.Engine.Drain());
        Assert.Equal(0, rig.Engine.Drain());
        await Traffic.SayAsync(client, accepted, "still here");
        client.Dispose();
        accepted.Dispose();
        await Traffic.UntilAsync(() => rig.Engine.Status().Count == 0);

        // The configuration still has it, until another one has not.
        Assert.Equal(0, rig.Engine.Drain("web"));
        rig.Engine.Apply([other]);
        Assert.Null(rig.Engine.Drain("web"));
        var stopped = rig.StopAsync();
        Assert.Equal(0, rig.Engine.Drain("other"));
        Assert.Null(rig.Engine.Drain("web"));
        await stopped;
    }

    [Fact(Timeout = 30000)]
    public async Task A_name_to_listen_on_whose_look_up_hangs_holds_nobody_up()
    {
        using var release = new ManualResetEventSlim();
        using var isAsked = new SemaphoreSlim(0);
        await using var rig = new ForwardingRig(kind, new LookUps(_ =>
        {
            isAsked.Release();
            release.Wait();
            return [IPAddress.Loopback];
        }));
        var web = rig.Forward(rig.Greet("web")) with { Name = "web" };
        var through = rig.Start(web);
        var reload = Task.Run(() => rig.Engine.Apply([web, rig.Forward(rig.Greet("named"), "this-machine.test:0") with { Name = "named" }]));
        try
        {
            await isAsked.WaitAsync(TestContext.Current.CancellationToken);
            Assert.Single(await Task.Run(rig.Engine.Status));
            Assert.Empty(await Task.Run(rig.Engine.Connections));
            Assert.Equal("web", await rig.ReadWordAsync(through));
            Assert.False(reload.IsCompleted);
        }
        finally
        {
            release.Set();
        }
        Assert.Equal("1 added, 1 unchanged", (await reload).ToString());
        Assert.Equal("named", await rig.ReadWordAsync(IPEndPoint.Parse(rig.Engine.Status()[1].Listen[0])));
    }

    [Fact(Timeout = 30000)]
    public async Task Nobody_tries_the_upstreams_of_a_drained_forward_out_until_it_comes_back()
    {
        var time = new ManualTime();
        await using var rig = new ForwardingRig(kind, time: time);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web", Health = new HealthConfig { Interval = TimeSpan.FromSeconds(10) } };
        var through = rig.Start(config);
        await Traffic.UntilAsync(() => time.ArmedTimers == 1);
        time.Advance(TimeSpan.FromSeconds(1));
        (await rig.AcceptAsync(server)).Dispose();
        await Traffic.UntilAsync(() => time.ArmedTimers == 1);
        var (client, accepted) = await rig.SessionAsync(through, server);

        Assert.Equal(1, rig.Engine.Drain("web"));
        await Traffic.UntilAsync(() => time.ArmedTimers == 0);
        await Traffic.SayAsync(client, accepted, "still here");
        rig.Engine.Apply([config]);
        await Traffic.UntilAsync(() => time.ArmedTimers == 1);
    }

    [Fact(Timeout = 30000)]
    public async Task A_reload_finds_as_many_places_as_the_start_whatever_sessions_and_their_pipes_hold()
    {
        const int length = 32 << 20;
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint) with { Name = "web" };
        var through = rig.Start(config);
        var places = rig.Engine.MostSessions;

        // Bulk that has come half the way: on Linux it waits in pipes.
        var (client, accepted) = await rig.SessionAsync(through, server);
        var sending = client.WriteAsync(new byte[length]).AsTask();
        var buffer = new byte[64 << 10];
        var received = 0;
        while (received < length / 2)
            received += await accepted.ReadAsync(buffer);
        rig.Engine.Apply([config, rig.Forward(server.LocalEndPoint) with { Name = "more" }]);
        rig.Engine.Apply([config]);
        Assert.Equal(places, rig.Engine.MostSessions);

        while (received < length)
            received += await accepted.ReadAsync(buffer);
        await sending;
    }

    [Fact(Timeout = 30000)]
    public async Task An_upstream_that_forwards_share_is_counted_for_each_by_itself_and_for_all_together()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var through = rig.Engine.Start(rig.Forward(server.LocalEndPoint) with { Name = "one" }, rig.Forward(server.LocalEndPoint) with { Name = "other" });
        await rig.SessionAsync(through[0], server);
        await rig.SessionAsync(through[0], server);
        await rig.SessionAsync(through[1], server);

        // A session is its upstream's as soon as the dial has ended, which the server may see a moment before.
        await Traffic.UntilAsync(() => rig.Engine.Status().Sum(forward => forward.Upstreams[0].Connections) == 3);
        Assert.Equal([(2, 3), (1, 3)], rig.Engine.Status().Select(forward => (forward.Upstreams[0].Connections, forward.Upstreams[0].SharedConnections)));
    }

    [Fact(Timeout = 30000)]
    public async Task A_process_limit_of_the_configuration_holds_and_may_be_lifted()
    {
        await using var rig = new ForwardingRig(kind);
        var server = rig.Listen();
        var config = rig.Forward(server.LocalEndPoint);
        rig.Engine.Apply([config], new ProcessLimits { Connections = 1 });
        var through = rig.Engine.Status()[0].Listen[0];
        var (first, _) = await rig.SessionAsync(IPEndPoint.Parse(through), server);
        var second = await rig.ConnectAsync(IPEndPoint.Parse(through));
        await Traffic.UntilAsync(() => rig.Log.Any(entry => entry.Event == "full"));
        Assert.Equal(1, rig.Engine.SessionCount);
        rig.Engine.Apply([config], new ProcessLimits { Connections = 2 });
        await rig.AcceptAsync(server);
        Assert.Equal(2, rig.Engine.SessionCount);
        first.Dispose();
        second.Dispose();
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeReloadTests() : ReloadContract(EngineKind.Native);

public sealed class PortableReloadTests() : ReloadContract(EngineKind.Portable);
