using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>As on this system.</summary>
public sealed class PortableDatagramTests() : DatagramContract(_ => new DatagramRig(new PortableNetwork()))
{
    [Fact(Timeout = 30000)]
    public async Task A_flow_belongs_where_it_was_opened()
    {
        using var listener = await Rig.ListenAsync(IPAddress.Loopback, new DatagramRecorder());
        DatagramFlow? flow = null;
        await listener.Context.RunAsync(async () =>
        {
            flow = (await Rig.Network.DatagramDialerWith().OpenAsync(listener.LocalEndPoint, new DatagramRecorder(), TimeSpan.Zero)).Flow;
            Assert.Same(listener.Context, SynchronizationContext.Current);
        });
        Assert.Same(listener.Context, flow!.Context);
        var other = await Rig.OpenAsync(listener.LocalEndPoint, new DatagramRecorder());
        Assert.NotSame(flow.Context, other.Context);
        await DatagramRig.On(flow.Context, flow.Dispose);
    }

    [Fact(Timeout = 30000)]
    public async Task Sinks_and_servers_are_called_where_they_belong()
    {
        var wrong = 0;
        SynchronizationContext? ofListener = null, ofFlow = null;
        var server = new DatagramRecorder { OnEach = (_, _) => Check(ofListener) };
        var sink = new DatagramRecorder { OnEach = (_, _) => Check(ofFlow), OnEachError = _ => Check(ofFlow) };
        var listener = await Rig.ListenAsync(IPAddress.Loopback, null);
        ofListener = listener.Context;
        await DatagramRig.On(listener.Context, () => listener.Start(server));
        var flow = await Rig.OpenAsync(listener.LocalEndPoint, sink);
        ofFlow = flow.Context;
        await Rig.SendAsync(flow, [1]);
        var (_, peer) = await server.NextAsync();
        await Rig.SendAsync(listener, peer, [2]);
        await sink.NextAsync();
        await DatagramRig.On(listener.Context, listener.Dispose);
        await Rig.SendAsync(flow, [3]);
        await sink.NextErrorAsync();
        Assert.Equal(0, wrong);

        void Check(SynchronizationContext? expected) => wrong += ReferenceEquals(SynchronizationContext.Current, expected) ? 0 : 1;
    }

    [Fact(Timeout = 30000)]
    [SupportedOSPlatform("linux")]
    public async Task What_is_truncated_is_counted_and_not_handed_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux can be given too small a place.");
        var server = new DatagramRecorder();
        var socket = UdpSystem.Bind(new IPEndPoint(IPAddress.Loopback, 0), isDual: false, 1 << 20);
        var local = (IPEndPoint)socket.LocalEndPoint!;
        using var listener = new SocketDatagramListener(new LinuxUdpSocket(socket, isConnected: false, choosesAddress: false), local, 0, longest: 1000);
        var client = Rig.Client(local);
        client.Send(DatagramRig.Bytes(1001));
        client.Send(DatagramRig.Bytes(1000));
        client.Send(DatagramRig.Bytes(5000));
        client.Send(DatagramRig.Bytes(3));
        await DatagramRig.On(listener.Context, () => listener.Start(server));
        Assert.Equal(DatagramRig.Bytes(1000), (await server.NextAsync()).Datagram);
        Assert.Equal(DatagramRig.Bytes(3), (await server.NextAsync()).Datagram);
        Assert.Equal((2, 0), (server.Truncated, server.BufferFull));
    }

    [Fact(Timeout = 30000)]
    [SupportedOSPlatform("linux")]
    public async Task An_inherited_socket_is_read_and_answered_from()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only on Linux are sockets inherited.");
        var server = new DatagramRecorder();
        var given = Rig.Plain(IPAddress.Any);
        var port = ((IPEndPoint)given.LocalEndPoint!).Port;
        given.SetRawSocketOption(Libc.IPPROTO_UDP, Libc.UDP_GRO, BitConverter.GetBytes(1));
        var listener = Rig.Network.AdoptDatagrams(Duplicate(given), new DatagramListenOptions());
        var coalesces = BitConverter.GetBytes(-1);
        given.GetRawSocketOption(Libc.IPPROTO_UDP, Libc.UDP_GRO, coalesces);
        Assert.Equal(0, BitConverter.ToInt32(coalesces));
        Assert.Equal(new IPEndPoint(IPAddress.Any, port), listener.LocalEndPoint);
        await DatagramRig.On(listener.Context, () => listener.Start(server));
        var client = Rig.Client(new IPEndPoint(IPAddress.Parse("127.0.0.2"), port));
        client.Send([1]);
        var (_, peer) = await server.NextAsync();
        Assert.Equal(IPAddress.Parse("127.0.0.2"), peer.LocalAddress);
        await Rig.SendAsync(listener, peer, [2]);
        Assert.Equal([2], await DatagramRig.ReceiveAsync(client));

        // Whoever gave it has it still, after this end has closed it while it waited.
        await DatagramRig.On(listener.Context, listener.Dispose);
        await DatagramRig.On(listener.Context, listener.Dispose);
        client.Send([3]);
        Assert.Equal([3], await DatagramRig.ReceiveAsync(given));
        given.SendTo([4], client.LocalEndPoint!);
        Assert.Equal(1, server.Calls);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void What_is_no_bound_UDP_socket_is_not_taken()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only on Linux are sockets inherited.");
        using var unbound = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var stream = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var unix = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        using var file = File.OpenHandle("/dev/null");
        stream.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        foreach (var handle in new SafeHandle[] { unbound.SafeHandle, stream.SafeHandle, unix.SafeHandle, file })
        {
            var descriptor = (int)handle.DangerousGetHandle();
            var refused = Assert.Throws<ArgumentException>(() => Rig.Network.AdoptDatagrams(descriptor, new DatagramListenOptions()));
            Assert.Contains($"Descriptor {descriptor} is ", refused.Message, StringComparison.Ordinal);
        }

        // They are the caller's as before.
        unbound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        stream.Listen();
        Assert.False(file.IsClosed);
    }

    [Fact]
    public void Path_MTU_discovery_is_turned_off_for_both_families()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Socket.OSSupportsIPv6, "The options are asked for by Linux's names.");
        foreach (var (address, level, name) in new[] { (IPAddress.Loopback, 0, 10), (IPAddress.IPv6Loopback, 41, 23) })
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            var value = BitConverter.GetBytes(-1);
            UdpOptions.Fragment(socket);
            socket.GetRawSocketOption(level, name, value);
            Assert.Equal(0, BitConverter.ToInt32(value));
        }
    }

    [SupportedOSPlatform("linux")]
    private static int Duplicate(Socket socket) => Libc.fcntl((int)socket.SafeHandle.DangerousGetHandle(), Libc.F_DUPFD_CLOEXEC, 3);
}

/// <summary>As on a system where a socket cannot say which address it answers from: one of the calls of .NET alone, and a socket for each address.</summary>
public abstract class PlainDatagramContract(bool holdsBuffers)
    : DatagramContract(_ => new DatagramRig(new PortableNetwork(new UdpSystem(new Listed(), holdsBuffers))) { CountsDropped = false })
{
    [Fact(Timeout = 30000)]
    public async Task Addresses_that_come_are_listened_on_and_those_that_go_are_left()
    {
        // Addresses that no other test has: a port that is left could be another's at once.
        var gone = IPAddress.Parse("127.0.77.1");
        var addresses = new Listed("127.0.77.1", "127.0.77.2");
        using var rig = new DatagramRig(new PortableNetwork(new UdpSystem(addresses, holdsBuffers)));
        var server = new DatagramRecorder();
        var listener = await rig.ListenAsync(IPAddress.Any, server);
        var port = listener.LocalEndPoint.Port;
        addresses.Change("127.0.77.2", "127.0.77.3", "203.0.113.1");
        await DatagramRig.On(listener.Context, () => { });
        foreach (var text in new[] { "127.0.77.2", "127.0.77.3" })
        {
            var client = rig.Client(new IPEndPoint(IPAddress.Parse(text), port));
            client.Send([1]);
            var (_, peer) = await server.NextAsync();
            Assert.Equal(IPAddress.Parse(text), peer.LocalAddress);
            await rig.SendAsync(listener, peer, [2]);
            Assert.Equal([2], await DatagramRig.ReceiveAsync(client));
        }

        // Free for others, and no way to answer from it any more.
        rig.Plain(gone, port);
        var lost = new DatagramPeer(AddressKey.Of(gone)!.Value, 9, 0, AddressKey.Of(gone)!.Value);
        Assert.Equal(new DatagramsSent(0, Failed: 2), await rig.SendAsync(listener, lost, [1], [2]));

        // Nobody follows what was disposed of.
        await DatagramRig.On(listener.Context, listener.Dispose);
        Assert.Equal(0, addresses.Followers);
        rig.Plain(IPAddress.Parse("127.0.77.3"), port);
    }

    [Fact]
    public void A_port_that_is_taken_on_one_address_is_refused_on_all()
    {
        for (var tries = 1; ; tries++)
        {
            var foreign = Rig.Plain(IPAddress.Parse("127.0.0.2"));
            var port = ((IPEndPoint)foreign.LocalEndPoint!).Port;
            var refused = Assert.Throws<ListenException>(() => Rig.Network.ListenDatagrams(new IPEndPoint(IPAddress.Any, port), new DatagramListenOptions()));
            Assert.Equal(SocketError.AddressAlreadyInUse, refused.Error);
            try
            {
                Rig.Plain(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (tries < 10)
            {
                // Another program has just this port there.
            }
        }
    }

    /// <summary>The addresses that a test says; those of the machine where it says none.</summary>
    private sealed class Listed(params string[] texts) : LocalAddresses
    {
        private readonly List<Action> followers = [];
        private IPAddress[]? listed = texts.Length > 0 ? [.. texts.Select(IPAddress.Parse)] : null;

        public int Followers => followers.Count;

        public void Change(params string[] texts)
        {
            listed = [.. texts.Select(IPAddress.Parse)];
            followers.ForEach(changed => changed());
        }

        // The machine's own, and those of loopback that no interface names.
        public override IReadOnlyList<IPAddress> Read() => listed ?? [.. base.Read(), IPAddress.Parse("127.0.0.2"), IPAddress.Parse("127.1.2.3")];

        public override IDisposable Follow(Action changed)
        {
            followers.Add(changed);
            return new Unfollowing(() => followers.Remove(changed));
        }

        private sealed class Unfollowing(Action action) : IDisposable
        {
            public void Dispose() => action();
        }
    }
}

public sealed class PlainDatagramTests() : PlainDatagramContract(holdsBuffers: false);

public sealed class PlainBufferedDatagramTests() : PlainDatagramContract(holdsBuffers: true);

/// <summary>What is measured of the whole process, so that no other test may run meanwhile.</summary>
[Collection(nameof(PortableDatagramGarbageTests)), CollectionDefinition(nameof(PortableDatagramGarbageTests), DisableParallelization = true)]
public sealed class PortableDatagramGarbageTests
{
    [Theory(Timeout = 60000), InlineData(false), InlineData(true)]
    public async Task A_datagram_there_and_back_leaves_no_garbage(bool isPlain)
    {
        const int rounds = 8, measured = 10_000;
        using var network = isPlain ? new PortableNetwork(new UdpSystem(new LocalAddresses(), holdsBuffers: true)) : new PortableNetwork();
        using var rig = new DatagramRig(network);
        var listener = await rig.ListenAsync(IPAddress.Loopback, null);
        await DatagramRig.On(listener.Context, () => listener.Start(new Echo(listener)));
        var sink = new Counter(rounds, measured);
        var flow = await rig.OpenAsync(listener.LocalEndPoint, sink);
        await DatagramRig.On(flow.Context, () => sink.Begin(flow));
        var allocated = await sink.Done.Task;

        // Of the best round, since the runtime and what earlier tests have left behind allocate too. The smallest object has 24 bytes.
        Assert.InRange(allocated, 0, measured * 24 / 4);
    }

    private sealed class Echo(DatagramListener listener) : IDatagramServer
    {
        public void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
        {
            for (var i = 0; i < peers.Length; i++)
                listener.Send(peers[i], new DatagramBatch(batch.Buffer, batch.Places.Slice(i, 1)));
        }

        public void OnLost(DatagramLoss loss, int count)
        {
        }
    }

    // Sends what comes back again.
    private sealed class Counter(int rounds, int measured) : IDatagramSink
    {
        private DatagramFlow? flow;
        private int count, round;
        private long before, least = long.MaxValue;

        public TaskCompletionSource<long> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Begin(DatagramFlow flow)
        {
            this.flow = flow;
            DatagramRig.Send(flow, [.. Enumerable.Range(1, 8).Select(size => new byte[size * 100])]);
        }

        public void OnDatagrams(in DatagramBatch batch)
        {
            count += batch.Count;
            if (count >= measured)
            {
                var now = GC.GetTotalAllocatedBytes(precise: true);
                if (round > 0)
                    least = Math.Min(least, now - before);
                (before, count) = (now, 0);
                if (++round > rounds)
                    Done.TrySetResult(least);
            }
            if (round <= rounds)
                flow!.Send(batch);
        }

        public void OnLost(DatagramLoss loss, int count) => Done.TrySetException(new InvalidOperationException($"{count} were lost."));

        public void OnError(DatagramError error) => Done.TrySetException(new InvalidOperationException(error.ToString()));
    }
}
