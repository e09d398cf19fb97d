using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>Forwards from end to end, on both engines.</summary>
public abstract class EngineContract(EngineKind kind)
{
    private static readonly TimeSpan generous = TimeSpan.FromSeconds(20);

    [Fact(Timeout = 30000)]
    public async Task Bytes_reach_the_target_and_its_answers_the_client()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(rig.Echo()));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            var bytes = Traffic.RandomBytes(200_000 + i, seed: i);
            using var client = await rig.ConnectAsync(through);
            await Task.WhenAll(Traffic.SendAsync(client, bytes, Traffic.OddSizes(i)), Traffic.ExpectToEndAsync(client, bytes));
        }));
        Assert.Equal(0, await rig.StopAsync());
        Assert.Equal(20, rig.Sessions.Count);
        Assert.All(rig.Sessions, session => Assert.Equal(("closed", "client"), (session["end"], session["by"])));
        Assert.Equal(Enumerable.Range(200_000, 20).Select(count => (long)count), rig.Sessions.Select(session => (long)session["bytes_from_client"]!).Order());
    }

    [Fact(Timeout = 30000)]
    public async Task A_session_leaves_one_entry_with_all_there_is_to_say()
    {
        await using var rig = new ForwardingRig(kind);
        using var server = rig.Listen();
        var through = rig.Start(rig.Forward(server.LocalEndPoint) with { Name = "web" });
        var (client, accepted) = await rig.SessionAsync(through, server);
        var address = client.LocalEndPoint!.ToString();
        Assert.Equal(1, rig.Engine.SessionCount);
        await Traffic.SendAsync(accepted, new byte[1000]);
        await Traffic.ExpectToEndAsync(client, new byte[1000]);
        await Traffic.SendAsync(client, []);
        await Traffic.ExpectToEndAsync(accepted, []);
        await rig.StopAsync();

        var entry = Assert.Single(rig.Log, entry => entry.Event == "session");
        var fields = Assert.Single(rig.Sessions);
        Assert.Equal(["id", "forward", "client", "listen", "upstream", "end", "by", "detail", "duration_ms", "bytes_from_client", "bytes_from_upstream"], fields.Keys);
        Assert.Equal(
            ("web", address, through.ToString(), server.LocalEndPoint.ToString(), "closed", "upstream", null, 5L, 1000L),
            (fields["forward"], fields["client"], fields["listen"], fields["upstream"], fields["end"], fields["by"], fields["detail"], fields["bytes_from_client"], fields["bytes_from_upstream"]));
        Assert.True((double)fields["duration_ms"]! >= 0);
        Assert.StartsWith($"{address} > {through} > {server.LocalEndPoint}: closed by the upstream after ", entry.Message, StringComparison.Ordinal);
        Assert.EndsWith(" s, 5 B up, 1000 B down", entry.Message, StringComparison.Ordinal);
        Assert.Equal(LogLevel.Information, entry.Level);
        Assert.Equal(0, rig.Engine.SessionCount);
    }

    [Fact(Timeout = 30000)]
    public async Task Ranges_map_one_to_one()
    {
        const int count = 3;
        for (var attempt = 1; ; attempt++)
        {
            await using var rig = new ForwardingRig(kind);
            var (from, to) = (FreePorts.Range(count), FreePorts.Range(count));
            try
            {
                for (var i = 0; i < count; i++)
                    rig.Greet($"{i}", new IPEndPoint(IPAddress.Loopback, to + i));
                rig.Engine.Start(ForwardConfig.Parse($"127.0.0.1:{from}-{from + count - 1}:127.0.0.1:{to}-{to + count - 1}") with { Engine = kind });
            }
            catch (Exception e) when (e is ListenException or ForwardException && attempt < 5)
            {
                // Somebody else was quicker.
                continue;
            }
            for (var i = 0; i < count; i++)
                Assert.Equal($"{i}", await rig.ReadWordAsync(new IPEndPoint(IPAddress.Loopback, from + i)));
            return;
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_bind_that_fails_in_the_middle_leaves_nothing_bound_and_names_who_is_there()
    {
        await using var rig = new ForwardingRig(kind);
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var first = FreePorts.Range(3);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, first + 1));
        taken.Listen();
        var refused = Assert.Throws<ForwardException>(() => rig.Engine.Start(
            ForwardConfig.Parse($"127.0.0.1:0:127.0.0.1:1") with { Engine = kind },
            ForwardConfig.Parse($"127.0.0.1:{first}-{first + 2}:127.0.0.1:1") with { Engine = kind }));
        Assert.StartsWith($"cannot listen on 127.0.0.1:{first + 1}: the port is in use", refused.Message, StringComparison.Ordinal);
        if (OperatingSystem.IsLinux())
            Assert.Contains($"(process {Environment.ProcessId}); stop that program, or choose another port", refused.Message, StringComparison.Ordinal);
        foreach (var port in new[] { first, first + 2 })
        {
            using var again = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            again.Bind(new IPEndPoint(IPAddress.Loopback, port));
        }
        Assert.DoesNotContain(rig.Log, entry => entry.Event == "listening");
    }

    [Fact(Timeout = 30000)]
    public async Task An_address_of_another_machine_is_refused()
    {
        await using var rig = new ForwardingRig(kind);
        var refused = Assert.Throws<ForwardException>(() => rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, 1), "192.0.2.1:0")));
        Assert.Equal("cannot listen on 192.0.2.1:0: 192.0.2.1 is no address of this machine; 'ip address' shows those it has", refused.Message);
    }

    [Fact(Timeout = 30000)]
    public async Task The_same_listen_twice_is_refused_before_anything_is_bound()
    {
        await using var rig = new ForwardingRig(kind);
        var refused = Assert.Throws<ForwardException>(() => rig.Engine.Start(ForwardConfig.Parse("127.0.0.1:8080:a:80"), ForwardConfig.Parse("8080:b:80")));
        Assert.Contains(":8080 is listened on by forward 127.0.0.1:8080 to a:80 already", refused.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30000)]
    public async Task Every_error_of_the_configuration_is_told()
    {
        await using var rig = new ForwardingRig(kind);
        var forward = rig.Forward(new IPEndPoint(IPAddress.Loopback, 1));
        var refused = Assert.Throws<ForwardException>(() => rig.Engine.Start(forward with { Name = "A B" }, forward with { Listen = [] }));
        Assert.Equal(2, refused.Message.Split('\n').Length);
    }

    [Fact(Timeout = 30000)]
    public async Task IPv6_is_listened_on_and_dialled()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "There is no IPv6 here.");
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(rig.Greet("six", new IPEndPoint(IPAddress.IPv6Loopback, 0)), "[::1]:0"));
        Assert.Equal("six", await rig.ReadWordAsync(through));
    }

    [Fact(Timeout = 30000)]
    public async Task Every_address_is_both_families()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "There is no IPv6 here.");
        await using var rig = new ForwardingRig(kind);
        var port = ((IPEndPoint)rig.Start(rig.Forward(rig.Greet("both"), ":0"))).Port;
        foreach (var loopback in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
            Assert.Equal("both", await rig.ReadWordAsync(new IPEndPoint(loopback, port)));
        await rig.StopAsync();
        Assert.Equal(["127.0.0.1", "[::1]"], rig.Sessions.Select(session => session["client"]!.ToString()!).Select(client => client[..client.LastIndexOf(':')]).Order());
    }

    [Fact(Timeout = 30000)]
    public async Task Localhost_is_listened_on_in_both_families_at_one_port()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "There is no IPv6 here.");
        await using var rig = new ForwardingRig(kind);
        var both = rig.Engine.Start(rig.Forward(rig.Greet("here"), "localhost:0")).Cast<IPEndPoint>().ToList();
        Assert.Equal([IPAddress.Loopback, IPAddress.IPv6Loopback], both.Select(endPoint => endPoint.Address));
        Assert.Single(both.Select(endPoint => endPoint.Port).Distinct());
        foreach (var endPoint in both)
            Assert.Equal("here", await rig.ReadWordAsync(endPoint));
    }

    [Fact(Timeout = 30000)]
    public async Task Each_listen_on_port_0_has_a_port_of_its_own()
    {
        await using var rig = new ForwardingRig(kind);
        var forward = rig.Forward(rig.Greet("any")) with { Listen = [Endpoint.Parse("127.0.0.1:0"), Endpoint.Parse("127.0.0.1:0")] };
        var endPoints = rig.Engine.Start(forward);
        Assert.Equal(2, endPoints.Distinct().Count());
        foreach (var endPoint in endPoints)
            Assert.Equal("any", await rig.ReadWordAsync(endPoint));
        Assert.Equal(endPoints.Select(endPoint => endPoint.ToString()), rig.Log.Where(entry => entry.Event == "listening").Select(entry => entry.Fields.Single(field => field.Key == "listen").Value));
    }

    [Fact(Timeout = 30000)]
    public async Task Unix_sockets_are_listened_on_and_dialled()
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-");
        await using (var rig = new ForwardingRig(kind))
        {
            EndPoint listen = new UnixDomainSocketEndPoint(Path.Combine(folder.FullName, "listen")), target = new UnixDomainSocketEndPoint(Path.Combine(folder.FullName, "target"));
            rig.Start(rig.Forward(rig.Greet("unix", target), $"unix:{listen}"));
            Assert.Equal("unix", await rig.ReadWordAsync(listen));
            await rig.StopAsync();
            Assert.Equal(("unix", $"unix:{listen}", $"unix:{target}"), (rig.Sessions[0]["client"], rig.Sessions[0]["listen"], rig.Sessions[0]["upstream"]));
            Assert.False(File.Exists(listen.ToString()));
        }
        folder.Delete(recursive: true);
    }

    [Fact(Timeout = 30000)]
    public async Task A_refusal_of_the_target_is_a_reset_for_the_client()
    {
        await using var rig = new ForwardingRig(kind);
        // Bound but not listening, so that nobody else comes to listen there.
        var bound = rig.Own(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var through = rig.Start(rig.Forward(bound.LocalEndPoint!));
        await rig.ConnectAndBeResetAsync(through);
        await rig.StopAsync();
        var session = Assert.Single(rig.Sessions);
        Assert.Equal(("refused", "upstream", 0L, 0L), (session["end"], session["by"], session["bytes_from_client"], session["bytes_from_upstream"]));
        Assert.NotEmpty((string)session["detail"]!);
    }

    [Fact(Timeout = 30000)]
    public async Task A_target_that_does_not_answer_is_given_up_in_time()
    {
        await using var rig = new ForwardingRig(kind);
        var target = await ListenDeafAsync(rig);
        var limit = TimeSpan.FromMilliseconds(300);
        var through = rig.Start(rig.Forward(target, timeouts: new ForwardTimeouts { Connect = limit }));
        var start = Stopwatch.GetTimestamp();
        await rig.ConnectAndBeResetAsync(through);
        // Timers of .NET may be a little early.
        Assert.InRange(Stopwatch.GetElapsedTime(start), limit * 0.9, generous);
        await rig.StopAsync();
        Assert.Equal("connect_timeout", Assert.Single(rig.Sessions)["end"]);
    }

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public async Task A_side_that_dies_in_the_middle_is_a_reset_for_the_other(Side dies)
    {
        await using var rig = new ForwardingRig(kind);
        using var server = rig.Listen();
        var (client, accepted) = await rig.SessionAsync(rig.Start(rig.Forward(server.LocalEndPoint)), server);
        (dies == Side.Client ? client : accepted).Abort();
        await ForwardingRig.AssertResetAsync(dies == Side.Client ? accepted : client);
        await rig.StopAsync();
        var session = Assert.Single(rig.Sessions);
        Assert.Equal(("reset", dies.ToString().ToLowerInvariant(), 5L), (session["end"], session["by"], session["bytes_from_client"]));
    }

    [Fact(Timeout = 30000)]
    public async Task A_silent_session_ends_by_its_idle_timeout()
    {
        await using var rig = new ForwardingRig(kind);
        using var server = rig.Listen();
        var through = rig.Start(rig.Forward(server.LocalEndPoint, timeouts: new ForwardTimeouts { Idle = TimeSpan.FromMilliseconds(50) }));
        var client = await rig.ConnectAsync(through);
        var accepted = await rig.AcceptAsync(server);
        await ForwardingRig.AssertResetAsync(client);
        await ForwardingRig.AssertResetAsync(accepted);
        await rig.StopAsync();
        Assert.Equal(("idle", "fairlead"), (rig.Sessions[0]["end"], rig.Sessions[0]["by"]));
    }

    [Fact(Timeout = 30000)]
    public async Task A_drain_lets_sessions_finish_and_nobody_in()
    {
        await using var rig = new ForwardingRig(kind);
        using var server = rig.Listen();
        var through = rig.Start(rig.Forward(server.LocalEndPoint));
        var (client, accepted) = await rig.SessionAsync(through, server);
        var stopping = rig.StopAsync(TimeSpan.FromHours(1));
        while (await rig.TryConnectAsync(through) == DialOutcome.Connected)
            await Task.Yield();

        // Who still got in is not to hold the end up.
        server.Dispose();
        await Traffic.SayAsync(accepted, client, "still here");
        Assert.False(stopping.IsCompleted);
        await client.CompleteWritesAsync();
        await Traffic.ExpectToEndAsync(accepted, []);
        await Traffic.SendAsync(accepted, "goodbye"u8.ToArray());
        await Traffic.ExpectToEndAsync(client, "goodbye"u8.ToArray());
        Assert.Equal(0, await stopping);
        Assert.Contains(rig.Sessions, session => (string?)session["end"] == "closed");
    }

    [Fact(Timeout = 30000)]
    public async Task Whom_the_kernel_had_accepted_before_a_stop_is_served()
    {
        const int clients = 10;
        await using var rig = new ForwardingRig(kind, loops: 1);
        using var server = rig.Listen();
        var through = rig.Start(rig.Forward(server.LocalEndPoint));

        // The end of a first session holds the event loop up, so that the others stay in the backlog.
        using var release = new ManualResetEventSlim();
        using var isHeld = new SemaphoreSlim(0);
        rig.OnLog = entry =>
        {
            if (entry.Event != "session")
                return;
            rig.OnLog = null;
            isHeld.Release();
            release.Wait(generous);
        };
        var (first, accepted) = await rig.SessionAsync(through, server);
        first.Abort();
        await isHeld.WaitAsync(TestContext.Current.CancellationToken);
        var waiting = new List<Connection>();
        for (var i = 0; i < clients; i++)
            waiting.Add(await rig.ConnectAsync(through));
        var stopping = rig.StopAsync(TimeSpan.FromHours(1));
        release.Set();
        foreach (var client in waiting)
        {
            await client.WriteAsync("served?"u8.ToArray());
            await client.CompleteWritesAsync();
        }
        for (var i = 0; i < clients; i++)
        {
            var one = await rig.AcceptAsync(server);
            await Traffic.ExpectToEndAsync(one, "served?"u8.ToArray());
            await Traffic.SendAsync(one, "yes"u8.ToArray());
        }
        foreach (var client in waiting)
            await Traffic.ExpectToEndAsync(client, "yes"u8.ToArray());
        Assert.Equal(0, await stopping);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task What_outlasts_the_drain_is_reset_and_counted(bool atOnce)
    {
        await using var rig = new ForwardingRig(kind);
        using var server = rig.Listen();
        var through = rig.Start(rig.Forward(server.LocalEndPoint));
        var sessions = new List<(Connection Client, Connection Server)>();
        for (var i = 0; i < 5; i++)
            sessions.Add(await rig.SessionAsync(through, server));
        using var cancel = new CancellationTokenSource();
        var stopping = rig.Engine.StopAsync(atOnce ? TimeSpan.FromHours(1) : TimeSpan.FromMilliseconds(50), cancel.Token);
        Assert.False(stopping.IsCompleted);
        if (atOnce)
            await cancel.CancelAsync();
        Assert.Equal(5, await stopping);
        foreach (var (client, accepted) in sessions)
        {
            await ForwardingRig.AssertResetAsync(client);
            await ForwardingRig.AssertResetAsync(accepted);
        }
        Assert.Equal(5, rig.Sessions.Count);
        Assert.All(rig.Sessions, session => Assert.Equal(("stopped", "fairlead"), (session["end"], session["by"])));
    }

    [Fact(Timeout = 30000)]
    public async Task The_longest_drain_of_the_forwards_counts_and_off_is_the_longest()
    {
        await using var rig = new ForwardingRig(kind);
        using var server = rig.Listen();
        var through = rig.Engine.Start(
            rig.Forward(server.LocalEndPoint, timeouts: new ForwardTimeouts { Drain = TimeSpan.Zero }),
            rig.Forward(server.LocalEndPoint, timeouts: new ForwardTimeouts { Drain = Timeout.InfiniteTimeSpan }));
        var (client, accepted) = await rig.SessionAsync(through[0], server);
        var stopping = rig.StopAsync(null);
        await Traffic.SayAsync(client, accepted, "still here");
        await Task.WhenAll(Traffic.SendAsync(client, []), Traffic.SendAsync(accepted, []));
        Assert.Equal(0, await stopping);
    }

    [Fact(Timeout = 30000)]
    public async Task A_stop_gives_up_dials_under_way()
    {
        await using var rig = new ForwardingRig(kind);
        var target = await ListenDeafAsync(rig);
        var through = rig.Start(rig.Forward(target, timeouts: new ForwardTimeouts { Connect = Timeout.InfiniteTimeSpan }));
        var client = await rig.ConnectAsync(through);
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 1);
        Assert.Equal(1, await rig.StopAsync(TimeSpan.Zero));
        await ForwardingRig.AssertResetAsync(client);
        Assert.Equal(("stopped", "fairlead"), (rig.Sessions[0]["end"], rig.Sessions[0]["by"]));
    }

    [Theory(Timeout = 30000), InlineData("close"), InlineData("close all"), InlineData("on_change")]
    public async Task A_session_that_is_closed_while_it_dials_is_over_and_its_place_free(string how)
    {
        await using var rig = new ForwardingRig(kind);
        var config = rig.Forward(await ListenDeafAsync(rig), timeouts: new ForwardTimeouts { Connect = Timeout.InfiniteTimeSpan }) with
        {
            Name = "web",
            Limits = new ForwardLimits { Connections = 1 },
        };
        var through = rig.Start(config);
        var client = await rig.ConnectAsync(through);
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 1);
        if (how == "close")
            Assert.True(rig.Engine.Close(Assert.Single(rig.Engine.Connections()).Id));
        else if (how == "close all")
            Assert.Equal(1, rig.Engine.CloseAll("web"));
        var greet = rig.Forward(rig.Greet("my turn")).To;
        rig.Engine.Apply([config with { To = greet, OnChange = how == "on_change" ? OnChange.Close : OnChange.Keep }]);
        await ForwardingRig.AssertResetAsync(client);
        Assert.Equal("my turn", await rig.ReadWordAsync(through));
        var session = rig.Sessions[0];
        Assert.Equal(("stopped", "fairlead"), (session["end"], session["by"]));
        Assert.Equal(0, Assert.Single(rig.Engine.Status()).Failed);
    }

    [Fact(Timeout = 30000)]
    public async Task To_close_one_session_leaves_the_dials_of_others_alone()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(await ListenDeafAsync(rig), timeouts: new ForwardTimeouts { Connect = Timeout.InfiniteTimeSpan }));
        var closed = await rig.ConnectAsync(through);
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 1);
        var id = Assert.Single(rig.Engine.Connections()).Id;
        await rig.ConnectAsync(through);
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 2);
        Assert.True(rig.Engine.Close(id));
        await ForwardingRig.AssertResetAsync(closed);
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 1);
        await Traffic.UntilStillAsync(() => rig.Engine.SessionCount);
        Assert.NotEqual(id, Assert.Single(rig.Engine.Connections()).Id);
    }

    [Fact(Timeout = 30000)]
    public async Task A_name_that_cannot_be_resolved_is_warned_of_and_served_once_it_can()
    {
        var isKnown = false;
        var lookUps = new LookUps(_ => Volatile.Read(ref isKnown) ? [IPAddress.Loopback] : throw new SocketException((int)SocketError.HostNotFound));
        await using var rig = new ForwardingRig(kind, lookUps);
        var port = ((IPEndPoint)rig.Greet("found")).Port;
        var through = rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, port)) with
        {
            To = [new(new PortEndpoint("upstream.test", new PortRange(port)))],
            Resolve = TimeSpan.FromSeconds(1.1),
        });
        await rig.ConnectAndBeResetAsync(through);
        await Traffic.UntilAsync(() => rig.Sessions.Count == 1);
        Assert.Equal("name_unknown", rig.Sessions[0]["end"]);
        Assert.Contains(rig.Log, entry => entry is { Event: "name_unresolved", Level: LogLevel.Warning });

        Volatile.Write(ref isKnown, true);
        await Traffic.UntilAsync(() => rig.Log.Any(entry => entry.Event == "name_resolved"));
        Assert.Equal("found", await rig.ReadWordAsync(through));
    }

    [Fact(Timeout = 30000)]
    public async Task Of_the_addresses_of_a_name_one_that_answers_is_found()
    {
        // Where the first answers, the other's turn is called off; where it refuses, it is dialled at once.
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere, 127.0.0.2 is not this machine.");
        foreach (var (addresses, sessions) in new[] { ("127.0.0.1 127.0.0.2", 300), ("127.0.0.2 127.0.0.1", 100) })
        {
            var lookUps = new LookUps(_ => [.. addresses.Split(' ').Select(IPAddress.Parse)]);
            await using var rig = new ForwardingRig(kind, lookUps);
            var port = ((IPEndPoint)rig.Greet("found")).Port;
            var through = rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, port)) with { To = [new(new PortEndpoint("upstream.test", new PortRange(port)))] });
            await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
            {
                for (var i = 0; i < sessions / 10; i++)
                    Assert.Equal("found", await rig.ReadWordAsync(through));
            }));
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_port_that_the_system_may_give_to_clients_is_warned_of()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux tells its range.");
        for (var attempt = 1; ; attempt++)
        {
            await using var rig = new ForwardingRig(kind);
            int port;
            using (var chosen = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
            {
                chosen.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                port = ((IPEndPoint)chosen.LocalEndPoint!).Port;
            }
            try
            {
                rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, 1), $"127.0.0.1:{port}"));
            }
            catch (ForwardException) when (attempt < 5)
            {
                continue;
            }
            var warning = Assert.Single(rig.Log, entry => entry.Event == "ephemeral_port");
            Assert.Contains($"127.0.0.1:{port} lies in the range", warning.Message, StringComparison.Ordinal);
            return;
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_port_that_the_system_chose_is_not_warned_of()
    {
        await using var rig = new ForwardingRig(kind);
        var through = rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, 1)));
        var entry = Assert.Single(rig.Log);
        Assert.Equal(("listening", LogLevel.Information), (entry.Event, entry.Level));
        Assert.StartsWith($"listening on {through}, forwarding to 127.0.0.1:1 (", entry.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30000)]
    public async Task Starting_and_stopping_are_done_once()
    {
        await using var rig = new ForwardingRig(kind);
        rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, 1)));
        Assert.Throws<InvalidOperationException>(() => rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, 1))));
        Assert.Equal(0, await rig.StopAsync());
        Assert.Equal(0, await rig.StopAsync());
        Assert.Throws<InvalidOperationException>(() => rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, 1))));
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_was_never_started_stops()
    {
        await using var rig = new ForwardingRig(kind);
        Assert.Equal(0, await rig.StopAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task Stops_in_the_midst_of_arrivals_and_traffic_end()
    {
        for (var round = 0; round < 15; round++)
        {
            await using var rig = new ForwardingRig(kind);
            var through = rig.Start(rig.Forward(rig.Echo()));
            var clients = Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
            {
                while (await rig.TryConnectAsync(through) == DialOutcome.Connected)
                {
                    try
                    {
                        using var client = await rig.ConnectAsync(through);
                        _ = new Writer(client, new byte[200_000]);
                        await Traffic.DrainAsync(client);
                    }
                    catch (Exception e) when (e is Xunit.Sdk.XunitException or ConnectionException)
                    {
                        // Between the two, the listener was closed.
                    }
                }
            })).ToList();
            await Traffic.UntilAsync(() => rig.Sessions.Count > 10);
            await rig.StopAsync(TimeSpan.FromMilliseconds(round % 3));
            await Task.WhenAll(clients);
            Assert.Equal(0, rig.Engine.SessionCount);
        }
    }

    /// <summary>A listener whose backlog is full, so that the kernel answers nobody.</summary>
    private static async Task<EndPoint> ListenDeafAsync(ForwardingRig rig)
    {
        var deaf = rig.Own(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        deaf.Listen(0);
        for (var i = 0; i < 8; i++)
        {
            var filler = rig.Own(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            try
            {
                await filler.ConnectAsync(deaf.LocalEndPoint!, limit.Token);
            }
            catch (OperationCanceledException)
            {
                return deaf.LocalEndPoint!;
            }
        }
        throw new InvalidOperationException("The backlog never filled.");
    }
}

public sealed class NativeEngineTests() : EngineContract(EngineKind.Native);

public sealed class PortableEngineTests() : EngineContract(EngineKind.Portable);
