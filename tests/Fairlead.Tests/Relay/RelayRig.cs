using System.Net;
using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>What a relay is tried on: two connections with a relay between them.</summary>
public abstract class RelayRig : IDisposable
{
    /// <summary>How much a bulk test moves each way.</summary>
    public virtual int Bulk => 6 << 20;

    /// <summary>Four times as much as limited transports and the relay hold, at the least.</summary>
    public virtual int MoreThanFits => 4 << 20;

    /// <summary>Whether a reset at that end can be told from an end of stream.</summary>
    public virtual bool HasReset(Side side) => true;

    /// <summary>Runs a test where the connections may be used.</summary>
    public virtual Task RunAsync(Func<Task> test) => test();

    /// <summary>The connection of one side: its far end, which the test plays, and the end that the relay has.</summary>
    public abstract Task<(Connection Outer, Connection Inner)> ConnectAsync(Side side);

    public virtual Relay Make(Connection client, Connection upstream, RelayOptions options) => new CopyRelay(client, upstream, options);

    /// <summary>Lets the transport of this end hold little, so that a writer soon has to wait.</summary>
    public virtual void Limit(Connection connection)
    {
    }

    /// <summary>Once the relay has ended: that it gave back what it borrowed.</summary>
    public virtual void AssertNothingIsKept()
    {
    }

    public abstract void Dispose();
}

/// <summary>Copying between pairs in memory.</summary>
public sealed class MemoryRelayRig(int capacity) : RelayRig
{
    public override int Bulk => Math.Min(capacity * 500, base.Bulk);

    public override int MoreThanFits => Math.Min(capacity * 500, base.MoreThanFits);

    public override Task<(Connection Outer, Connection Inner)> ConnectAsync(Side side)
    {
        var (outer, inner) = MemoryConnection.CreatePair(capacity);
        return Task.FromResult<(Connection, Connection)>((outer, inner));
    }

    public override void Dispose()
    {
    }
}

/// <summary>Over a network, with a kind of sockets for each side; copying.</summary>
public class NetworkRelayRig(NetworkRig clients, NetworkRig upstreams) : RelayRig
{
    public NetworkRelayRig(NetworkRig both)
        : this(both, both)
    {
    }

    public override bool HasReset(Side side) => RigOf(side).HasReset;

    /// <summary>What limited sockets hold, about, in bytes.</summary>
    protected virtual int SocketBuffer => 128 << 10;

    public override Task RunAsync(Func<Task> test) => clients.RunAsync(test);

    public override async Task<(Connection Outer, Connection Inner)> ConnectAsync(Side side)
    {
        var (dialled, accepted) = await RigOf(side).ConnectAsync();
        return side == Side.Client ? (dialled, accepted) : (accepted, dialled);
    }

    public override void Limit(Connection connection)
    {
        if (connection is ForeignConnection { Inner: var inner })
            connection = inner;
        if (connection is SocketConnection { Socket: var socket })
            socket.SendBufferSize = socket.ReceiveBufferSize = SocketBuffer;
        else if (OperatingSystem.IsLinux() && connection is NativeConnection { Descriptor: var descriptor })
            LimitNative(descriptor);
    }

    public override void Dispose()
    {
        clients.Dispose();
        if (upstreams != clients)
            upstreams.Dispose();
    }

    private NetworkRig RigOf(Side side) => side == Side.Client ? clients : upstreams;

    [SupportedOSPlatform("linux")]
    private void LimitNative(int descriptor)
    {
        // asm-generic/socket.h
        const int SO_SNDBUF = 7, SO_RCVBUF = 8;
        Libc.setsockopt(descriptor, Libc.SOL_SOCKET, SO_SNDBUF, SocketBuffer);
        Libc.setsockopt(descriptor, Libc.SOL_SOCKET, SO_RCVBUF, SocketBuffer);
    }
}

/// <summary>Native sockets on one event loop, between which the kernel moves bulk if that is asked for.</summary>
[SupportedOSPlatform("linux")]
public sealed class NativeRelayRig : NetworkRelayRig
{
    private readonly NativeNetwork network;
    private readonly int bufferSize;

    private NativeRelayRig(NativeNetwork network, int bufferSize, NetworkRig clients, NetworkRig upstreams)
        : base(clients, upstreams)
    {
        this.network = network;
        this.bufferSize = bufferSize;
    }

    /// <summary>A rig whose sockets and buffers are as asked for.</summary>
    public static NativeRelayRig Of(bool splice, bool unixClients = false, bool unixUpstreams = false, int bufferSize = 64 << 10, long pipeMemory = 48 << 20)
    {
        var network = new NativeNetwork(new NativeNetworkOptions { Loops = 1, Splice = splice, BufferSize = bufferSize, PipeMemory = pipeMemory });
        NetworkRig clients = unixClients ? new NativeUnixRig(network) : new NativeTcpRig(network);
        NetworkRig upstreams = unixUpstreams == unixClients ? clients : unixUpstreams ? new NativeUnixRig(network) : new NativeTcpRig(network);
        return new NativeRelayRig(network, bufferSize, clients, upstreams);
    }

    // A few bytes at a time move little in time.
    public override int Bulk => (int)Math.Min(bufferSize * 50_000L, base.Bulk);

    public override int MoreThanFits => (int)Math.Min(bufferSize * (512L << 10), base.MoreThanFits);

    protected override int SocketBuffer => bufferSize == 1 ? 16 << 10 : base.SocketBuffer;

    internal EventLoop Loop => network.Loops[0];

    internal BufferPool Buffers => Loop.Buffers;

    public override Relay Make(Connection client, Connection upstream, RelayOptions options)
    {
        var relay = Relay.Between(client, upstream, options);
        Assert.IsType<NativeRelay>(relay);
        return relay;
    }

    public override void AssertNothingIsKept()
    {
        Assert.Equal(0, Buffers.Lent);
        Assert.Equal(Buffers.Pipes.Made, Buffers.IdlePipes);
    }
}

/// <summary>Native sockets on two event loops: the test, with the relay and the far ends, is on one, and of each side the end that the relay has is there, or on the other loop.</summary>
[SupportedOSPlatform("linux")]
public sealed class ForeignRelayRig : NetworkRelayRig
{
    private readonly NativeNetwork network;
    private readonly Side[] foreign;

    private ForeignRelayRig(NativeNetwork network, Side[] foreign)
        : base(new NativeTcpRig(network))
    {
        this.network = network;
        this.foreign = foreign;
    }

    /// <summary>A rig with these sides on the other loop.</summary>
    public static ForeignRelayRig Of(params Side[] foreign) => new(new NativeNetwork(new NativeNetworkOptions { Loops = 2 }), foreign);

    public override async Task<(Connection Outer, Connection Inner)> ConnectAsync(Side side)
    {
        using var acceptor = network.ListenHere(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions());
        Connection? inner = null;
        await network.Loops[foreign.Contains(side) ? 1 : 0].RunAsync(async () => inner = (await network.Dialer.DialAsync(acceptor.LocalEndPoint, TimeSpan.FromSeconds(20))).Connection);
        return (await NetworkRig.AcceptAsync(acceptor), ForeignConnection.For(network.Loops[0], inner!));
    }

    public override Relay Make(Connection client, Connection upstream, RelayOptions options)
    {
        Assert.Equal(foreign.Contains(Side.Client), client is ForeignConnection);
        Assert.Equal(foreign.Contains(Side.Upstream), upstream is ForeignConnection);
        var relay = Relay.Between(client, upstream, options);
        Assert.IsType<CopyRelay>(relay);
        return relay;
    }
}
