using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class NativeDatagramEngineTests() : DatagramEngineContract(EngineKind.Native);

public sealed class PortableDatagramEngineTests() : DatagramEngineContract(EngineKind.Portable);

/// <summary>What an engine does with forwards of datagrams, over real sockets.</summary>
public abstract class DatagramEngineContract(EngineKind kind)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Timeout = 30000)]
    public async Task A_range_of_ports_maps_one_to_one()
    {
        await using var rig = new ForwardingRig(kind);
        using var first = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var ports = FreePorts.Range(3);
        var targets = FreePorts.Range(3);
        using var echoes = new Echoes([.. Enumerable.Range(targets, 3)]);
        rig.Engine.Start(Config(rig, $"127.0.0.1:{ports}-{ports + 2}/udp", $"127.0.0.1:{targets}-{targets + 2}"));
        for (var offset = 0; offset < 3; offset++)
            Assert.Equal($"{targets + offset}", await AskAsync(ports + offset));
    }

    [Theory(Timeout = 30000)]
    [InlineData(BalanceKind.RoundRobin)]
    [InlineData(BalanceKind.LeastConnections)]
    [InlineData(BalanceKind.Random)]
    [InlineData(BalanceKind.SourceHash)]
    [InlineData(BalanceKind.First)]
    public async Task Every_balance_policy_spreads_sessions_as_it_says(BalanceKind balance)
    {
        await using var rig = new ForwardingRig(kind);
        using var echoes = new Echoes(0, 0);
        var port = PortOf(rig.Start(Config(rig, "127.0.0.1:0/udp", echoes.Targets) with { Balance = balance }));
        var answers = await AskManyAsync(port, 60);
        var ofFirst = answers.Count(answer => answer == $"{echoes.Ports[0]}");
        if (balance is BalanceKind.RoundRobin or BalanceKind.LeastConnections)
            Assert.Equal(30, ofFirst);
        else if (balance == BalanceKind.Random)
            // Once in 10^14 runs it is not.
            Assert.InRange(ofFirst, 1, 59);
        else if (balance == BalanceKind.SourceHash)
            Assert.True(ofFirst is 0 or 60);
        else
            Assert.Equal(60, ofFirst);
    }

    [Fact(Timeout = 30000)]
    public async Task Affinity_and_quotas_belong_to_the_forward_on_whichever_loop_a_port_comes_to()
    {
        await using var rig = new ForwardingRig(kind, loops: 4);
        using var echoes = new Echoes(0, 0, 0);
        var config = Config(rig, "127.0.0.1:0/udp", echoes.Targets) with { Affinity = AffinityKind.Source, Limits = new ForwardLimits { ConnectionsPerSource = 40 } };
        var port = PortOf(rig.Start(config));
        Assert.Single((await AskManyAsync(port, 40)).Distinct());
        using var beyond = new UdpClient();
        beyond.Connect(IPAddress.Loopback, port);
        await Traffic.UntilAsync(() =>
        {
            beyond.Send("hello"u8);
            return rig.Engine.Status()[0].Dropped.ContainsKey("limited");
        });
        Assert.Equal(40, rig.Engine.SessionCount);
    }

    [Fact(Timeout = 30000)]
    public async Task Both_protocols_of_port_0_have_one_port()
    {
        await using var rig = new ForwardingRig(kind);
        // A port that is free by both, which somebody may have by one of them.
        var port = FreePorts.One();
        using var echoes = new Echoes(port);
        var word = rig.Greet("by TCP", new IPEndPoint(IPAddress.Loopback, port));
        var bound = rig.Engine.Start(Config(rig, "127.0.0.1:0/tcp+udp", echoes.Targets));
        Assert.Equal(2, bound.Count);
        Assert.Equal(PortOf(bound[0]), PortOf(bound[1]));
        Assert.Equal("by TCP", await rig.ReadWordAsync(bound[0]));
        Assert.Equal($"{PortOf(word)}", await AskAsync(PortOf(bound[1])));
    }

    [Fact(Timeout = 30000)]
    public async Task A_session_outlives_its_forward_and_another_that_wants_its_port_has_its_socket()
    {
        await using var rig = new ForwardingRig(kind);
        using var echoes = new Echoes(0, 0);
        var port = PortOf(rig.Start(Config(rig, "127.0.0.1:0/udp", echoes.Targets[0]) with { Name = "old" }));
        using var client = new UdpClient();
        client.Connect(IPAddress.Loopback, port);
        var before = await AskAsync(client);

        // Nobody new while nobody listens.
        var other = Config(rig, "127.0.0.1:0/udp", echoes.Targets[1]) with { Name = "other" };
        rig.Engine.Apply([other]);
        Assert.Equal(before, await AskAsync(client));
        using var stranger = new UdpClient();
        stranger.Connect(IPAddress.Loopback, port);
        await Traffic.UntilAsync(() =>
        {
            stranger.Send("hello"u8);
            return rig.Engine.Status().Single(forward => forward.Name == "old").Dropped.ContainsKey("not_listening");
        });

        rig.Engine.Apply([other, Config(rig, $"127.0.0.1:{port}/udp", echoes.Targets[1]) with { Name = "new" }]);
        Assert.Equal($"{echoes.Ports[1]}", await AskAsync(stranger));
        Assert.Equal(before, await AskAsync(client));
        Assert.Equal(["other", "new", "old"], rig.Engine.Status().Select(forward => forward.Name));
        Assert.Empty(rig.Engine.Status()[2].Listen);
        rig.Engine.CloseAll("old");
        await Traffic.UntilAsync(() => rig.Engine.Status().Count == 2);
    }

    [Fact(Timeout = 30000)]
    public async Task What_a_change_does_to_sessions_is_what_on_change_says()
    {
        await using var rig = new ForwardingRig(kind);
        using var echoes = new Echoes(0, 0);
        var config = Config(rig, "127.0.0.1:0/udp", echoes.Targets[0]) with { Name = "dns" };
        var port = PortOf(rig.Start(config));
        using var client = new UdpClient();
        client.Connect(IPAddress.Loopback, port);
        Assert.Equal($"{echoes.Ports[0]}", await AskAsync(client));
        config = config with { To = To(echoes.Targets[1]) };
        rig.Engine.Apply([config]);
        Assert.Equal($"{echoes.Ports[0]}", await AskAsync(client));
        rig.Engine.Apply([config with { OnChange = OnChange.Close }]);
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 0);
        Assert.Equal($"{echoes.Ports[1]}", await AskAsync(client));
    }

    [Fact(Timeout = 30000)]
    public async Task A_UDP_listen_keeps_the_engine_that_it_began_with()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The native engine needs Linux.");
        await using var rig = new ForwardingRig(kind);
        using var echoes = new Echoes(0);
        var config = Config(rig, "127.0.0.1:0/udp", echoes.Targets) with { Name = "dns" };
        var port = PortOf(rig.Start(config));
        var refusal = Assert.Throws<ForwardException>(() => rig.Engine.Apply([config with { Engine = kind == EngineKind.Native ? EngineKind.Portable : EngineKind.Native }]));
        Assert.Contains("leave engine as it was, or start again", refusal.Message, StringComparison.Ordinal);
        Assert.Equal($"{echoes.Ports[0]}", await AskAsync(port));
    }

    [Fact(Timeout = 30000)]
    public async Task The_longest_datagrams_pass_both_ways()
    {
        await using var rig = new ForwardingRig(kind);
        using var upstream = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var port = PortOf(rig.Start(Config(rig, "127.0.0.1:0/udp", upstream.Client.LocalEndPoint!.ToString()!)));
        using var client = new UdpClient();
        client.Connect(IPAddress.Loopback, port);
        var longest = new byte[DatagramBatch.MaxLength];
        Random.Shared.NextBytes(longest);
        await client.SendAsync(longest, Cancel);
        var got = await upstream.ReceiveAsync(Cancel);
        Assert.Equal(longest, got.Buffer);
        await upstream.SendAsync(longest, got.RemoteEndPoint, Cancel);
        Assert.Equal(longest, (await client.ReceiveAsync(Cancel)).Buffer);
    }

    [Fact(Timeout = 30000)]
    public async Task A_stop_ends_sessions_that_are_silent_and_leaves_nothing_bound()
    {
        await using var rig = new ForwardingRig(kind);
        using var echoes = new Echoes(0);
        var port = PortOf(rig.Start(Config(rig, "127.0.0.1:0/udp", echoes.Targets)));
        await AskAsync(port);
        Assert.Equal(0, await rig.StopAsync());
        using var again = new UdpClient(new IPEndPoint(IPAddress.Loopback, port));
    }

    /// <summary>Without CAP_NET_ADMIN the system caps what is asked for, here more than any system allows; which is told once, however many sockets there are.</summary>
    [Fact(Timeout = 30000)]
    public async Task A_buffer_that_the_system_caps_is_told_of_once_with_the_command()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Capabilities and rmem_max are Linux's.");
        var log = new System.Collections.Concurrent.ConcurrentQueue<LogEntry>();
        await using var engine = new Engine(new EngineOptions { Loops = 2, Log = log.Enqueue, DatagramBuffer = 1 << 29 });
        var config = new ForwardConfig { Listen = [Endpoint.Parse("127.0.0.1:0/udp"), Endpoint.Parse("[::1]:0/udp")], To = To("127.0.0.1:9"), Engine = kind };
        // Capabilities belong to threads, and the sockets are made on this one.
        var starting = new Thread(() =>
        {
            Capability.DropNetAdmin();
            engine.Start(config);
        });
        starting.Start();
        starting.Join();
        var entry = Assert.Single(log, entry => entry.Event == "receive_buffer_capped");
        Assert.Contains("sysctl -w net.core.rmem_max=536870912", entry.Message, StringComparison.Ordinal);
    }

    private static int PortOf(EndPoint address) => ((IPEndPoint)address).Port;

    private static ValueList<UpstreamConfig> To(params string[] targets) => [.. targets.Select(target => new UpstreamConfig(Endpoint.Parse(target)))];

    private static ForwardConfig Config(ForwardingRig rig, string listen, params string[] targets) => new() { Listen = [Endpoint.Parse(listen)], To = To(targets), Engine = rig.Kind };

    // So many clients at once, so that no two have one port, and which upstream answers each.
    private static async Task<List<string>> AskManyAsync(int port, int count)
    {
        var clients = new List<UdpClient>();
        var answers = new List<string>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                clients.Add(new UdpClient());
                clients[^1].Connect(IPAddress.Loopback, port);
                answers.Add(await AskAsync(clients[^1]));
            }
            return answers;
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    // A new client, and which upstream answers it.
    private static async Task<string> AskAsync(int port)
    {
        using var client = new UdpClient();
        client.Connect(IPAddress.Loopback, port);
        return await AskAsync(client);
    }

    private static async Task<string> AskAsync(UdpClient client)
    {
        await client.SendAsync("who?"u8.ToArray(), Cancel);
        return Encoding.ASCII.GetString((await client.ReceiveAsync(Cancel)).Buffer);
    }

    /// <summary>Upstreams that answer each datagram with their port.</summary>
    private sealed class Echoes : IDisposable
    {
        private readonly List<UdpClient> sockets = [];

        public Echoes(params int[] ports)
        {
            foreach (var port in ports)
            {
                var socket = new UdpClient(new IPEndPoint(IPAddress.Loopback, port));
                sockets.Add(socket);
                _ = AnswerAsync(socket);
            }
        }

        public int[] Ports => [.. sockets.Select(socket => PortOf(socket.Client.LocalEndPoint!))];

        public string[] Targets => [.. Ports.Select(port => $"127.0.0.1:{port}")];

        public void Dispose()
        {
            foreach (var socket in sockets)
                socket.Dispose();
        }

        private static async Task AnswerAsync(UdpClient socket)
        {
            var own = Encoding.ASCII.GetBytes($"{PortOf(socket.Client.LocalEndPoint!)}");
            try
            {
                while (true)
                    await socket.SendAsync(own, (await socket.ReceiveAsync(CancellationToken.None)).RemoteEndPoint, CancellationToken.None);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Disposed.
            }
        }
    }
}

/// <summary>capget(2) and capset(2), of the calling thread.</summary>
internal static partial class Capability
{
    private const uint Version3 = 0x20080522;
    private const int NetAdmin = 12;

    public static unsafe void DropNetAdmin()
    {
        // struct __user_cap_header_struct { version; pid }, and twice struct __user_cap_data_struct { effective; permitted; inheritable }.
        var header = stackalloc uint[] { Version3, 0 };
        var data = stackalloc uint[6];
        Assert.Equal(0, capget(header, data));
        data[0] &= ~(1u << NetAdmin);
        Assert.Equal(0, capset(header, data));
    }

    [System.Runtime.InteropServices.LibraryImport("libc")]
    private static unsafe partial int capget(uint* header, uint* data);

    [System.Runtime.InteropServices.LibraryImport("libc")]
    private static unsafe partial int capset(uint* header, uint* data);
}
