using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>A flow over a connected UDP socket of .NET, which it owns.</summary>
internal sealed class SocketDatagramFlow : DatagramFlow, IUdpReceiver
{
    private readonly SerialContext context;
    private readonly IDatagramSink sink;
    private readonly UdpReader reader;

    /// <summary>Takes over a connected socket, and begins to read.</summary>
    public SocketDatagramFlow(UdpSocket socket, EndPoint local, EndPoint remote, SerialContext context, IDatagramSink sink)
    {
        this.context = context;
        this.sink = sink;
        LocalEndPoint = local;
        RemoteEndPoint = remote;
        reader = new UdpReader(socket, context, this);
        reader.Start();
    }

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint { get; }

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint { get; }

    /// <inheritdoc/>
    public override SynchronizationContext Context => context;

    /// <inheritdoc/>
    public override DatagramsSent Send(in DatagramBatch batch)
    {
        var sent = default(DatagramsSent);
        var told = SocketError.Success;
        foreach (var datagram in batch)
        {
            if (reader.IsClosed)
                return sent;
            var error = Send(datagram, ref told);
            if (reader.IsClosed && error == SocketError.OperationAborted)
                return sent;
            sent += UdpFaults.Count(error, datagram.Length);

            // The buffer is full for those that follow too.
            if (error == SocketError.WouldBlock)
                return sent + new DatagramsSent(0, NoRoom: batch.Count - Counted(sent));
        }
        return sent;
    }

    /// <inheritdoc/>
    public override void Dispose() => reader.Dispose();

    void IUdpReceiver.OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers) => sink.OnDatagrams(batch);

    void IUdpReceiver.OnLost(DatagramLoss loss, int count) => sink.OnLost(loss, count);

    void IUdpReceiver.OnError(SocketError error) => sink.OnError(UdpFaults.IsEnd(error) ? DatagramError.Closed : UdpFaults.Tell(error));

    private static int Counted(in DatagramsSent sent) => sent.Sent + sent.TooLong + sent.NoRoom + sent.Failed;

    // An error may tell what became of an earlier datagram: then this one was not sent, and is once more. Said twice, it is this one's own.
    private SocketError Send(ReadOnlySpan<byte> datagram, ref SocketError told)
    {
        var error = reader.Socket.Send(datagram);
        for (var tries = 1; tries < UdpFaults.MostTries && UdpFaults.MayBeAnothers(error); tries++)
        {
            var again = reader.Socket.Send(datagram);
            var isOwn = again == error && UdpFaults.Tell(error) != DatagramError.Refused;

            // A packet filter's word is nobody's but the sender's, who counts it.
            if (UdpFaults.IsWord(error) && (!isOwn || error != told))
                sink.OnError(UdpFaults.Tell(told = error));
            error = again;
            if (isOwn || reader.IsClosed)
                break;
        }
        return error;
    }
}
