using System.Buffers;
using System.Net;
using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>
/// A channel of which each message is a datagram, used where its connection lives. Whatever cannot be sent at once is dropped: where the peer's window is used up, or more waits to be sent than
/// a datagram may stand behind.
/// </summary>
public sealed class SshDatagrams : DatagramFlow
{
    /// <summary>The longest message: the longest datagram of UDP, and before it whom it is for or from (RFC 1928 section 7), which may be a name.</summary>
    internal const int MostMessage = DatagramBatch.MaxLength + 20 + 262;

    private const int AreaLength = 128 << 10;

    private readonly SshChannel channel;
    private readonly List<DatagramPlace> places = [];
    private byte[] area = [];
    private int end;
    private bool isOver;

    internal SshDatagrams(SshChannel channel, IDatagramSink sink) => (this.channel, Sink) = (channel, sink);

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint => null;

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint => null;

    /// <inheritdoc/>
    public override SynchronizationContext Context => channel.Owner.Context;

    internal IDatagramSink Sink { get; }

    /// <inheritdoc/>
    public override DatagramsSent Send(in DatagramBatch batch)
    {
        var sent = default(DatagramsSent);
        foreach (var datagram in batch)
            sent += channel.TrySend(datagram);
        return sent;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        isOver = true;
        channel.Dispose();
        Clear();
    }

    /// <summary>A message came. All that come at once are handed on together.</summary>
    internal void OnMessage(ReadOnlySpan<byte> message)
    {
        if (end + message.Length > area.Length)
            Deliver();
        if (area.Length == 0)
            area = ArrayPool<byte>.Shared.Rent(AreaLength);
        if (places.Count == 0)
            channel.Owner.WakeLater(channel);
        message.CopyTo(area.AsSpan(end));
        places.Add(new DatagramPlace(end, message.Length));
        end += message.Length;
    }

    /// <summary>Hands on what has come.</summary>
    internal void Deliver()
    {
        if (places.Count == 0)
            return;
        // It may end meanwhile.
        var (came, count, buffer) = (places.ToArray(), end, area);
        (area, end) = ([], 0);
        places.Clear();
        Sink.OnDatagrams(new DatagramBatch(buffer, came));
        ArrayPool<byte>.Shared.Return(buffer);
        channel.Consume(count);
    }

    /// <summary>The channel is over.</summary>
    internal void OnOver()
    {
        Clear();
        if (isOver)
            return;
        isOver = true;
        Sink.OnError(DatagramError.Closed);
    }

    private void Clear()
    {
        if (area.Length > 0)
            ArrayPool<byte>.Shared.Return(area);
        (area, end) = ([], 0);
        places.Clear();
    }
}
