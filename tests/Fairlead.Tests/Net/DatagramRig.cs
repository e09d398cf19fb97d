using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>A network under test, and plain sockets as the other ends: what the contracts of datagram listeners and flows run on.</summary>
public class DatagramRig(INetwork network) : IDisposable
{
    private readonly List<IDisposable> made = [];

    public INetwork Network { get; } = network;

    /// <summary>Whether the system says how many datagrams a full buffer dropped.</summary>
    public bool CountsDropped { get; init; } = true;

    /// <summary>Runs a function where flows may be opened. A network with event loops runs it on one.</summary>
    public virtual Task RunAsync(Func<Task> function) => function();

    /// <summary>Listens on one socket, and reads unless told otherwise.</summary>
    internal async Task<DatagramListener> ListenAsync(IPAddress address, IDatagramServer? server, int receiveBuffer = 4 << 20)
    {
        var options = new DatagramListenOptions { Shared = true, ReceiveBuffer = receiveBuffer };
        var listener = Network.ListenDatagrams(new IPEndPoint(address, 0), options).Single();
        Keep(listener, listener.Context);
        if (server is not null)
            await On(listener.Context, () => listener.Start(server));
        return listener;
    }

    internal async Task<DatagramFlow> OpenAsync(EndPoint target, IDatagramSink sink, params DialSource[] sources)
    {
        var opened = await DialAsync(target, sink, sources);
        Assert.Equal(DialOutcome.Connected, opened.Outcome);
        return opened.Flow!;
    }

    internal async Task<DatagramDialResult> DialAsync(EndPoint target, IDatagramSink sink, params DialSource[] sources)
    {
        DatagramDialResult opened = default;
        var dialer = Network.DatagramDialerWith(sources);
        await RunAsync(async () => opened = await dialer.OpenAsync(target, sink, TimeSpan.FromSeconds(20)));
        if (opened.Flow is { } flow)
            Keep(flow, flow.Context);
        return opened;
    }

    internal Task<DatagramsSent> SendAsync(DatagramFlow flow, params byte[][] datagrams) => On(flow.Context, () => Send(flow, datagrams));

    internal Task<DatagramsSent> SendAsync(DatagramListener listener, DatagramPeer peer, params byte[][] datagrams) =>
        On(listener.Context, () => Send(listener, peer, datagrams));

    internal static DatagramsSent Send(DatagramFlow flow, params byte[][] datagrams)
    {
        var (bytes, places) = Join(datagrams);
        return flow.Send(new DatagramBatch(bytes, places));
    }

    internal static DatagramsSent Send(DatagramListener listener, DatagramPeer peer, params byte[][] datagrams)
    {
        var (bytes, places) = Join(datagrams);
        return listener.Send(peer, new DatagramBatch(bytes, places));
    }

    /// <summary>Runs something where a listener or a flow belongs.</summary>
    internal static Task On(SynchronizationContext context, Action action) => On(context, () =>
    {
        action();
        return true;
    });

    internal static async Task<T> On<T>(SynchronizationContext context, Func<T> function)
    {
        T result = default!;
        await context.RunAsync(() =>
        {
            result = function();
            return Task.CompletedTask;
        });
        return result;
    }

    /// <summary>A plain socket with room for what a test sends, bound to an address and a port of the system's choice.</summary>
    public Socket Plain(IPAddress address, int port = 0)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20, SendBufferSize = 4 << 20 };
        made.Add(socket);
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    }

    /// <summary>The same, connected: it takes answers from nowhere else.</summary>
    public Socket Client(EndPoint target)
    {
        var address = ((IPEndPoint)target).Address;
        var socket = Plain(address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback);
        socket.Connect(target);
        return socket;
    }

    public static async Task<byte[]> ReceiveAsync(Socket socket)
    {
        var buffer = new byte[65_536];
        return buffer[..await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken)];
    }

    public static async Task<(byte[] Datagram, IPEndPoint From)> ReceiveFromAsync(Socket socket)
    {
        var buffer = new byte[65_536];
        var any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        var received = await socket.ReceiveFromAsync(buffer, any, TestContext.Current.CancellationToken);
        return (buffer[..received.ReceivedBytes], (IPEndPoint)received.RemoteEndPoint);
    }

    /// <summary>So many bytes that differ from those of another length or number.</summary>
    public static byte[] Bytes(int length, int number = 0)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = (byte)((i * 31) + (i >> 8) + length + (number * 7));
        return bytes;
    }

    public static (byte[] Bytes, DatagramPlace[] Places) Join(byte[][] datagrams)
    {
        var places = new DatagramPlace[datagrams.Length];
        var offset = 0;
        for (var i = 0; i < datagrams.Length; i++)
        {
            places[i] = new DatagramPlace(offset, datagrams[i].Length);
            offset += datagrams[i].Length;
        }
        return ([.. datagrams.SelectMany(datagram => datagram)], places);
    }

    public virtual void Dispose()
    {
        made.ForEach(one => one.Dispose());
        Network.Dispose();
    }

    private void Keep(IDisposable mine, SynchronizationContext context) => made.Add(new Belonging(mine, context));

    /// <summary>Something that is disposed where it belongs.</summary>
    private sealed class Belonging(IDisposable mine, SynchronizationContext context) : IDisposable
    {
        public void Dispose() => On(context, mine.Dispose).Wait(TimeSpan.FromSeconds(20));
    }
}

/// <summary>Keeps what a listener or a flow is told, in its order.</summary>
internal sealed class DatagramRecorder : IDatagramServer, IDatagramSink
{
    private readonly Channel<(byte[] Datagram, DatagramPeer Peer)> arrived = Channel.CreateUnbounded<(byte[], DatagramPeer)>();
    private readonly Channel<DatagramError> errors = Channel.CreateUnbounded<DatagramError>();
    private int calls;

    /// <summary>How often anything was told.</summary>
    public int Calls => Volatile.Read(ref calls);

    /// <summary>Of each kind of loss, how many were told.</summary>
    public int BufferFull, Truncated;

    /// <summary>How many places of several datagrams there were.</summary>
    public int Runs;

    /// <summary>Called where it belongs, with each datagram.</summary>
    public Action<byte[], DatagramPeer>? OnEach { get; init; }

    /// <summary>Called where it belongs, with each error.</summary>
    public Action<DatagramError>? OnEachError { get; init; }

    public ValueTask<(byte[] Datagram, DatagramPeer Peer)> NextAsync() => arrived.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public ValueTask<DatagramError> NextErrorAsync() => errors.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public bool HasMore => arrived.Reader.TryPeek(out _);

    public void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
    {
        Interlocked.Increment(ref calls);
        Assert.Equal(batch.Places.Length, peers.Length);
        for (var i = 0; i < peers.Length; i++)
            Take(new DatagramBatch(batch.Buffer, batch.Places.Slice(i, 1)), peers[i]);
    }

    public void OnDatagrams(in DatagramBatch batch)
    {
        Interlocked.Increment(ref calls);
        Take(batch, default);
    }

    public void OnLost(DatagramLoss loss, int count)
    {
        Interlocked.Increment(ref calls);
        if (loss == DatagramLoss.BufferFull)
            BufferFull += count;
        else
            Truncated += count;
    }

    public void OnError(DatagramError error)
    {
        Interlocked.Increment(ref calls);
        errors.Writer.TryWrite(error);
        OnEachError?.Invoke(error);
    }

    private void Take(DatagramBatch batch, DatagramPeer peer)
    {
        foreach (var place in batch.Places)
            Runs += place.Count > 1 ? 1 : 0;
        foreach (var datagram in batch)
        {
            var copy = datagram.ToArray();
            arrived.Writer.TryWrite((copy, peer));
            OnEach?.Invoke(copy, peer);
        }
    }
}
