using System.Net;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>A connected UDP socket on an event loop. Small, since each session has one.</summary>
[SupportedOSPlatform("linux")]
internal sealed class NativeDatagramFlow : DatagramFlow, IPollable
{
    private readonly EventLoop loop;
    private readonly IDatagramSink sink;
    private readonly IPEndPoint target;
    private readonly int descriptor;
    private int slot = -1;
    private uint dropped;
    private ushort mergesBelow = DatagramSender.MergesAll;
    private StreamSense stream;
    private bool isClosed;

    private NativeDatagramFlow(EventLoop loop, int descriptor, IPEndPoint target, IDatagramSink sink)
    {
        (this.loop, this.descriptor, this.target, this.sink) = (loop, descriptor, target, sink);
    }

    /// <summary>For tests, which ask it for its options.</summary>
    internal int Descriptor => descriptor;

    public override EndPoint? LocalEndPoint => isClosed ? null : SocketName.OfSocket(descriptor).ToEndPoint();

    public override EndPoint? RemoteEndPoint => target;

    public override SynchronizationContext Context => loop;

    /// <summary>Takes over a connected socket and watches it.</summary>
    /// <returns>The flow, or null (and the descriptor closed) if the loop cannot watch it: then <paramref name="error"/> is the errno.</returns>
    public static NativeDatagramFlow? Open(EventLoop loop, int descriptor, IPEndPoint target, IDatagramSink sink, out int error)
    {
        var flow = new NativeDatagramFlow(loop, descriptor, target, sink);
        // Level-triggered: what a turn leaves behind is told again.
        flow.slot = loop.Watch(descriptor, flow, Libc.EPOLLIN);
        error = Math.Max(0, -flow.slot);
        if (flow.slot >= 0)
            return flow;
        flow.Dispose();
        return null;
    }

    public override DatagramsSent Send(in DatagramBatch batch)
    {
        loop.Verify();
        if (isClosed)
            return default;
        var sent = loop.Buffers.DatagramSender.Send(descriptor, batch, ref mergesBelow, out var told);
        // Not before all is sent: whoever is told may send as well, by what this used.
        if (told != 0)
            sink.OnError(NativeErrors.ToDatagramError(told));
        return sent;
    }

    public void OnEvents(uint events)
    {
        var bytes = 0;
        for (var batches = 0; batches < DatagramReceiver.MostBatches && bytes < DatagramReceiver.TurnBytes && !isClosed && slot >= 0; batches++)
        {
            var arrival = loop.Buffers.DatagramReceiver.Read(descriptor, ref dropped);
            if (arrival.Errno != 0)
            {
                if (arrival.Errno is Libc.EAGAIN or Libc.EINTR)
                    return;
                OnError(arrival.Errno);
                continue;
            }
            bytes += arrival.Bytes;
            if (arrival.Dropped > 0)
                sink.OnLost(DatagramLoss.BufferFull, arrival.Dropped);
            if (arrival.Truncated > 0 && !isClosed)
                sink.OnLost(DatagramLoss.Truncated, arrival.Truncated);
            if (arrival.Batch.Places.Length > 0 && !isClosed)
                sink.OnDatagrams(arrival.Batch);
            if (stream.IsOn(arrival, batches == 0, ofOnePeer: true))
                loop.Gather();
            if (arrival.IsLast)
                return;
        }
    }

    private void OnError(int errno)
    {
        if (NativeErrors.IsOfTheWay(errno))
        {
            sink.OnError(NativeErrors.ToDatagramError(errno));
            return;
        }
        // Of the socket itself, and it would be told again and again.
        if (slot >= 0)
            loop.Unwatch(descriptor, slot);
        slot = -1;
        sink.OnError(DatagramError.Closed);
    }

    public override void Dispose()
    {
        if (isClosed)
            return;
        loop.Verify();
        isClosed = true;
        loop.Close(descriptor, slot);
    }
}
