using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>UDP sockets on event loops; flows are opened on the first.</summary>
[SupportedOSPlatform("linux")]
public sealed class NativeDatagramRig(NativeNetwork network) : DatagramRig(network)
{
    public NativeDatagramRig(NativeNetworkOptions options)
        : this(new NativeNetwork(options))
    {
    }

    internal EventLoop Loop => network.Loops[0];

    public override Task RunAsync(Func<Task> function) => Loop.RunAsync(function);
}

[SupportedOSPlatform("linux")]
public sealed class NativeDatagramContractTests() : DatagramContract(loops => new NativeDatagramRig(new NativeNetworkOptions { Loops = loops }));

/// <summary>What is so of UDP sockets on event loops besides.</summary>
[SupportedOSPlatform("linux")]
public sealed class NativeDatagramTests : IDisposable
{
    private readonly NativeDatagramRig rig = new(new NativeNetworkOptions { Loops = 1 });

    [Theory(Timeout = 30000)]
    [InlineData("64 x 1000", 1)]
    [InlineData("64 x 1000, 1 x 500", 2)]
    [InlineData("63 x 1000, 1 x 500", 1)]
    [InlineData("65 x 10", 2)]
    [InlineData("60 x 1400", 2)]
    [InlineData("3 x 700, 1 x 100, 2 x 700", 2)]
    [InlineData("3 x 700, 2 x 100", 2)]
    [InlineData("3 x 100, 3 x 700", 2)]
    [InlineData("2 x 5, 1 x 0, 2 x 5", 3)]
    [InlineData("3 x 0", 3)]
    [InlineData("2 x 32000, 2 x 33000", 3)]
    public async Task Equal_ones_in_a_row_are_one_message_and_all_messages_are_one_call(string what, int messages)
    {
        var groups = what.Split(", ").Select(group => group.Split(" x ").Select(int.Parse).ToArray());
        var datagrams = groups.SelectMany(group => Enumerable.Range(0, group[0]).Select(number => DatagramRig.Bytes(group[1], number))).ToArray();
        var (server, sink) = (new DatagramRecorder(), new DatagramRecorder());
        var listener = await rig.ListenAsync(IPAddress.Loopback, server);
        var flow = await rig.OpenAsync(listener.LocalEndPoint, sink);
        Assert.Equal((datagrams.Length, messages, 1), await CountAsync(() => DatagramRig.Send(flow, datagrams)));
        DatagramPeer peer = default;
        foreach (var datagram in datagrams)
        {
            (var arrived, peer) = await server.NextAsync();
            Assert.Equal(datagram, arrived);
        }

        // What the kernel does not cut, since the receiver takes runs, comes as it was sent.
        Assert.Equal(messages < datagrams.Length, server.Runs > 0);
        Assert.Equal((datagrams.Length, messages, 1), await CountAsync(() => DatagramRig.Send(listener, peer, datagrams)));
        foreach (var datagram in datagrams)
            Assert.Equal(datagram, (await sink.NextAsync()).Datagram);
    }

    [Fact(Timeout = 30000)]
    public async Task What_the_kernel_does_not_merge_is_sent_one_by_one_and_remembered()
    {
        var (server, sink) = (new DatagramRecorder(), new DatagramRecorder());
        var listener = await rig.ListenAsync(IPAddress.Loopback, server);
        var flow = await rig.OpenAsync(listener.LocalEndPoint, sink);
        var datagrams = Enumerable.Range(0, 10).Select(number => DatagramRig.Bytes(1000, number)).ToArray();

        // A socket without checksums has nothing merged (udp_send_skb of the kernel).
        foreach (var descriptor in new[] { ((NativeDatagramFlow)flow).Descriptor, ((NativeDatagramListener)listener).Descriptor })
            Assert.Equal(0, Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_NO_CHECK, 1));
        Assert.Equal((10, 1 + 10, 2), await CountAsync(() => DatagramRig.Send(flow, datagrams)));
        Assert.Equal((10, 10, 1), await CountAsync(() => DatagramRig.Send(flow, datagrams)));
        DatagramPeer peer = default;
        for (var i = 0; i < 20; i++)
        {
            (var arrived, peer) = await server.NextAsync();
            Assert.Equal(datagrams[i % 10], arrived);
        }
        Assert.Equal((10, 1 + 10, 2), await CountAsync(() => DatagramRig.Send(listener, peer, datagrams)));
        Assert.Equal((10, 10, 1), await CountAsync(() => DatagramRig.Send(listener, peer, datagrams)));
        for (var i = 0; i < 20; i++)
            Assert.Equal(datagrams[i % 10], (await sink.NextAsync()).Datagram);

        // It was this size that was refused; a smaller one is tried.
        Assert.Equal((3, 1 + 3, 2), await CountAsync(() => DatagramRig.Send(flow, new byte[10], new byte[10], new byte[10])));
    }

    [Fact(Timeout = 60000)]
    public async Task A_hundred_thousand_datagrams_each_way_allocate_nothing()
    {
        const int warm = 10_000, measured = 100_000;
        var echo = new Echo();
        echo.Listener = await rig.ListenAsync(IPAddress.Any, echo);
        var sink = new Pump(warm, warm + measured);
        var flow = sink.Flow = await rig.OpenAsync(new IPEndPoint(IPAddress.Parse("127.0.0.2"), echo.Listener.LocalEndPoint.Port), sink);

        // Runs and single ones, at all times 40 on their way.
        await rig.SendAsync(flow, [.. Enumerable.Range(0, 40).Select(number => new byte[number < 20 ? 500 : number])]);
        Assert.Equal(0, await sink.Allocated.Task);
    }

    [Fact(Timeout = 30000)]
    public async Task What_does_not_fit_is_told_as_lost_and_not_delivered_in_part()
    {
        using var small = new NativeDatagramRig(new NativeNetworkOptions { Loops = 1, DatagramSize = 100 });
        var (server, sink) = (new DatagramRecorder(), new DatagramRecorder());
        var listener = await small.ListenAsync(IPAddress.Loopback, server);
        var flow = await small.OpenAsync(listener.LocalEndPoint, sink);
        foreach (var datagrams in new byte[][][] { [[1]], [new byte[101]], [new byte[100]], [new byte[9000], new byte[9000]], [[2]] })
            await small.SendAsync(flow, datagrams);
        DatagramPeer peer = default;
        foreach (var expected in new[] { 1, 100, 1 })
        {
            (var datagram, peer) = await server.NextAsync();
            Assert.Equal(expected, datagram.Length);
        }
        Assert.Equal((3, 0), (server.Truncated, server.BufferFull));
        await small.SendAsync(listener, peer, new byte[101]);
        await small.SendAsync(listener, peer, [3]);
        Assert.Equal([3], (await sink.NextAsync()).Datagram);
        Assert.Equal(1, sink.Truncated);
    }

    [Fact(Timeout = 30000)]
    public async Task Listeners_that_stand_alone_take_the_loops_in_turn()
    {
        using var network = new NativeNetwork(new NativeNetworkOptions { Loops = 3 });
        using var three = new NativeDatagramRig(network);
        var contexts = new List<SynchronizationContext>();
        for (var i = 0; i < 4; i++)
            contexts.Add((await three.ListenAsync(IPAddress.Loopback, null)).Context);
        Assert.Equal([.. network.Loops, network.Loops[0]], contexts);
    }

    [Fact(Timeout = 30000)]
    public async Task Use_off_the_loop_is_refused()
    {
        var listener = await rig.ListenAsync(IPAddress.Loopback, null);
        var flow = await rig.OpenAsync(listener.LocalEndPoint, new DatagramRecorder());
        Assert.Throws<InvalidOperationException>(() => listener.Start(new DatagramRecorder()));
        Assert.Throws<InvalidOperationException>(() => DatagramRig.Send(listener, default, [1]));
        Assert.Throws<InvalidOperationException>(() => DatagramRig.Send(flow, [1]));
        Assert.Throws<InvalidOperationException>(flow.Dispose);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await rig.Network.DatagramDialerWith().OpenAsync(
            listener.LocalEndPoint, new DatagramRecorder(), TimeSpan.Zero, TestContext.Current.CancellationToken));
    }

    [Fact(Timeout = 30000)]
    public async Task Flows_are_cut_on_their_way_and_have_large_buffers()
    {
        var flow = (NativeDatagramFlow)await rig.OpenAsync(new IPEndPoint(IPAddress.Loopback, 9), new DatagramRecorder());
        Assert.Equal(Libc.IP_PMTUDISC_DONT, Libc.getsockopt(flow.Descriptor, Libc.IPPROTO_IP, Libc.IP_MTU_DISCOVER));
        Assert.Equal(1, Libc.getsockopt(flow.Descriptor, Libc.SOL_SOCKET, Libc.SO_RXQ_OVFL));
        Assert.Equal(0, Libc.getsockopt(flow.Descriptor, Libc.IPPROTO_IP, Libc.IP_RECVERR));

        // The system may allow less to whom it does not trust.
        var most = int.Parse(File.ReadAllText("/proc/sys/net/core/rmem_max"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(DatagramSockets.ReceiveBuffer(flow.Descriptor), Math.Min(most, 4 << 20), 4 << 20);
    }

    [Fact(Timeout = 30000)]
    public async Task A_socket_of_another_program_is_taken_over_with_what_waits_there()
    {
        using var made = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        made.Bind(new IPEndPoint(IPAddress.Any, 0));
        var port = ((IPEndPoint)made.LocalEndPoint!).Port;
        var client = rig.Client(new IPEndPoint(IPAddress.Parse("127.0.0.3"), port));
        client.Send([1]);

        // This one came before anybody asked where to.
        var server = new DatagramRecorder();
        var listener = rig.Network.AdoptDatagrams(Duplicate(made), new DatagramListenOptions());
        await DatagramRig.On(listener.Context, () => listener.Start(server));
        Assert.Equal([1], (await server.NextAsync()).Datagram);
        client.Send([2]);
        var (datagram, peer) = await server.NextAsync();
        Assert.Equal([2], datagram);
        Assert.Equal((IPAddress.Parse("127.0.0.3"), new IPEndPoint(IPAddress.Any, port)), (peer.LocalAddress, listener.LocalEndPoint));
        await rig.SendAsync(listener, peer, [3]);
        Assert.Equal([3], await DatagramRig.ReceiveAsync(client));
        await DatagramRig.On(listener.Context, listener.Dispose);
    }

    [Fact(Timeout = 30000)]
    public void What_is_no_bound_UDP_socket_is_not_taken_over()
    {
        using var unbound = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var stream = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var unix = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        stream.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var file = File.OpenRead("/proc/self/stat");
        foreach (var (descriptor, reason) in new[]
        {
            ((int)unbound.Handle, "is a UDP socket without a port"),
            ((int)stream.Handle, "is no UDP socket"),
            ((int)unix.Handle, "is no UDP socket"),
            ((int)file.SafeFileHandle.DangerousGetHandle(), "is no socket"),
        })
        {
            var refused = Assert.Throws<ArgumentException>(() => rig.Network.AdoptDatagrams(descriptor, new DatagramListenOptions()));
            Assert.StartsWith($"Descriptor {descriptor} {reason}.", refused.Message, StringComparison.Ordinal);
        }
        Assert.True(stream.IsBound);
    }

    [Fact(Timeout = 30000)]
    public async Task A_socket_that_another_program_shut_down_is_not_watched_any_more()
    {
        using var made = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        made.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var listener = (NativeDatagramListener)rig.Network.AdoptDatagrams(Duplicate(made), new DatagramListenOptions());
        await DatagramRig.On(listener.Context, () => listener.Start(new DatagramRecorder()));
        Assert.True(await DatagramRig.On(listener.Context, () => listener.IsWatched));

        // It says that it is not connected, and is shut down all the same (inet_shutdown of the kernel).
        Libc.shutdown((int)made.Handle, 2);
        while (await DatagramRig.On(listener.Context, () => listener.IsWatched))
            await Task.Yield();
        await DatagramRig.On(listener.Context, listener.Dispose);
    }

    [Fact(Timeout = 30000)]
    public async Task What_is_no_socket_any_more_is_told_once_and_not_watched()
    {
        var sink = new DatagramRecorder();
        var nowhere = new IPEndPoint(IPAddress.Loopback, 9);
        await DatagramRig.On(rig.Loop, () =>
        {
            // Readable at all times, and no socket.
            var listener = new NativeDatagramListener(rig.Loop, Libc.eventfd(1, Libc.EFD_CLOEXEC), Libc.AF_INET, nowhere);
            listener.Start(new DatagramRecorder());
            listener.OnEvents(Libc.EPOLLIN);
            Assert.False(listener.IsWatched);
            listener.Dispose();

            var flow = NativeDatagramFlow.Open(rig.Loop, Libc.eventfd(1, Libc.EFD_CLOEXEC), nowhere, sink, out var error);
            Assert.Equal(0, error);
            flow!.OnEvents(Libc.EPOLLIN);
            rig.Loop.Post(_ => flow.Dispose(), null);
        });
        Assert.Equal(DatagramError.Closed, await sink.NextErrorAsync());
        await DatagramRig.On(rig.Loop, () => { });
        Assert.Equal(1, sink.Calls);
    }

    [Fact(Timeout = 30000)]
    public async Task What_the_system_refuses_to_send_is_counted_and_the_listener_goes_on()
    {
        var server = new DatagramRecorder();
        var listener = await rig.ListenAsync(IPAddress.Loopback, server);

        // A socket may not broadcast that did not ask to (EACCES), and port 0 is nobody's (EINVAL).
        foreach (var (address, port) in new[] { (IPAddress.Broadcast, 9), (IPAddress.Loopback, 0) })
        {
            var peer = new DatagramPeer(AddressKey.Of(address)!.Value, port, 0);
            Assert.Equal(new DatagramsSent(0, Failed: 3), await rig.SendAsync(listener, peer, new byte[5], new byte[5], new byte[7]));
        }
        var client = rig.Client(listener.LocalEndPoint);
        client.Send([1]);
        await rig.SendAsync(listener, (await server.NextAsync()).Peer, [2]);
        Assert.Equal([2], await DatagramRig.ReceiveAsync(client));
    }

    [Fact(Timeout = 30000)]
    public async Task A_listener_that_epoll_refuses_to_watch_is_asked_for_again()
    {
        var server = new DatagramRecorder();
        var listener = (NativeDatagramListener)await rig.ListenAsync(IPAddress.Loopback, null);
        rig.Client(listener.LocalEndPoint).Send([1]);
        await DatagramRig.On(listener.Context, () =>
        {
            // epoll_ctl(2) refuses a descriptor that is watched already, with EEXIST; what it is short of does not matter here.
            var inTheWay = rig.Loop.Watch(listener.Descriptor, new Nobody(), Libc.EPOLLET);
            listener.Start(server);
            Assert.False(listener.IsWatched);
            rig.Loop.Unwatch(listener.Descriptor, inTheWay);
        });
        Assert.Equal([1], (await server.NextAsync()).Datagram);
    }

    [Fact(Timeout = 30000)]
    public unsafe void Control_messages_are_read_as_far_as_they_tell_the_truth()
    {
        var control = stackalloc byte[64];
        ControlMessages.Write(control, 1, 2, 4).Fill(7);
        ControlMessages.Write(control + ControlMessages.Space(4), 3, 4, 0);
        var two = new ControlMessages(control, (nuint)(ControlMessages.Space(4) + ControlMessages.Space(0)));
        Assert.True(two.MoveNext());
        Assert.Equal((1, 2, "7 7 7 7"), (two.Level, two.Type, string.Join(' ', two.Data.ToArray())));
        Assert.True(two.MoveNext());
        Assert.Equal((3, 4, 0), (two.Level, two.Type, two.Data.Length));
        Assert.False(two.MoveNext());
        foreach (var length in new nuint[] { 0, 1, 15, 21, nuint.MaxValue })
        {
            *(nuint*)control = length;
            var lie = new ControlMessages(control, 20);
            Assert.False(lie.MoveNext());
        }
    }

    public void Dispose() => rig.Dispose();

    private async Task<(int Datagrams, long Messages, long Calls)> CountAsync(Func<DatagramsSent> send)
    {
        return await DatagramRig.On(rig.Loop, () =>
        {
            var sender = rig.Loop.Buffers.DatagramSender;
            var (messages, calls) = (sender.Messages, sender.Calls);
            return (send().Sent, sender.Messages - messages, sender.Calls - calls);
        });
    }

    private static int Duplicate(Socket socket) => Libc.fcntl((int)socket.Handle, Libc.F_DUPFD_CLOEXEC, 0);

    /// <summary>Sends back what comes.</summary>
    private sealed class Echo : IDatagramServer
    {
        public DatagramListener? Listener { get; set; }

        public void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
        {
            for (var i = 0; i < peers.Length; i++)
                Listener!.Send(peers[i], new DatagramBatch(batch.Buffer, batch.Places.Slice(i, 1)));
        }

        public void OnLost(DatagramLoss loss, int count) => throw new InvalidOperationException($"{count} were lost.");
    }

    /// <summary>Sends again what comes back, and says what it cost to have so many come, after others that warm up.</summary>
    private sealed class Pump(int warm, int end) : IDatagramSink
    {
        private int count;
        private long before = -1;

        public DatagramFlow? Flow { get; set; }

        public TaskCompletionSource<long> Allocated { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void OnDatagrams(in DatagramBatch batch)
        {
            count += batch.Count;
            if (before < 0 && count >= warm)
                before = GC.GetAllocatedBytesForCurrentThread();
            if (count < end)
                Flow!.Send(batch);
            else
                Allocated.TrySetResult(GC.GetAllocatedBytesForCurrentThread() - before);
        }

        public void OnLost(DatagramLoss loss, int count) => Allocated.TrySetException(new InvalidOperationException($"{count} were lost."));

        public void OnError(DatagramError error) => Allocated.TrySetException(new InvalidOperationException($"{error}"));
    }

    private sealed class Nobody : IPollable
    {
        public void OnEvents(uint events)
        {
        }
    }
}
