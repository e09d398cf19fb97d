using System.Buffers;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>Who gets what a <see cref="UdpReader"/> reads, each call where it belongs.</summary>
internal interface IUdpReceiver
{
    /// <summary>Datagrams have arrived. The bytes are lent for the call.</summary>
    void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers);

    /// <summary>Datagrams were lost on this machine.</summary>
    void OnLost(DatagramLoss loss, int count);

    /// <summary>The socket has told an error; reading goes on unless <see cref="UdpFaults.IsEnd"/>.</summary>
    void OnError(SocketError error);
}

/// <summary>Reads a UDP socket for its owner: waits for one datagram, takes what else is there, and hands it on as one batch. It owns the socket.</summary>
/// <param name="socket">The socket.</param>
/// <param name="context">Where the receiver is called.</param>
/// <param name="receiver">Who gets it.</param>
/// <param name="longest">How long a datagram may be; longer ones are lost, and counted. Smaller than all there are only in tests.</param>
/// <param name="time">What an error is waited out by; null: the system's.</param>
internal sealed class UdpReader(
    UdpSocket socket, SerialContext context, IUdpReceiver receiver, int longest = UdpSocket.MaxLength, TimeProvider? time = null) : IDisposable
{
    // What one batch holds at the most. The area is borrowed for as long as it is read and handed on.
    private const int MostDatagrams = 64, AreaLength = 256 << 10;

    private volatile bool isClosed;
    private Task? reading;

    /// <summary>The socket that is read.</summary>
    public UdpSocket Socket => socket;

    /// <summary>Whether it reads no more.</summary>
    public bool IsClosed => isClosed;

    /// <summary>Begins to read, once. Its receiver is not called before this has returned to where it belongs.</summary>
    public void Start() => context.Post(static reader => ((UdpReader)reader!).Begin(), this);

    /// <summary>Closes the socket. The receiver is not called any more.</summary>
    public void Dispose()
    {
        isClosed = true;
        socket.Dispose();
    }

    private void Begin() => reading ??= ReadAsync();

    private async Task ReadAsync()
    {
        while (!isClosed)
        {
            var error = await socket.WaitAsync().ConfigureAwait(false);
            await context.NextTurn();
            if (isClosed)
                return;
            if (error == SocketError.Success)
                error = ReadBatch();
            if (error == SocketError.Success || isClosed)
                continue;
            if (error == SocketError.MessageSize)
                receiver.OnLost(DatagramLoss.Truncated, 1);
            else
                receiver.OnError(error);
            if (UdpFaults.IsEnd(error))
                return;
            // The network's words come one by one, each with a packet; what is not known could come at once again.
            if (error != SocketError.MessageSize && !UdpFaults.IsWord(error))
                await Task.Delay(AcceptFault.NextPause(), time ?? TimeProvider.System).ConfigureAwait(false);
        }
    }

    // Success, unless the socket told an error that is to be told on.
    private SocketError ReadBatch()
    {
        var area = ArrayPool<byte>.Shared.Rent(AreaLength);
        try
        {
            Span<DatagramPlace> places = stackalloc DatagramPlace[MostDatagrams];
            Span<DatagramPeer> peers = stackalloc DatagramPeer[MostDatagrams];
            var error = SocketError.Success;
            int count = 0, end = 0, truncated = 0;
            for (var reads = 0; reads < MostDatagrams && AreaLength - end >= longest; reads++)
            {
                error = socket.Receive(area.AsSpan(end, longest), out var length, out var peer);
                if (error == SocketError.MessageSize)
                {
                    truncated++;
                    error = SocketError.Success;
                    continue;
                }
                if (error != SocketError.Success)
                    break;
                places[count] = new DatagramPlace(end, length);
                peers[count++] = peer;
                end += length;
            }
            if (truncated > 0)
                receiver.OnLost(DatagramLoss.Truncated, truncated);
            if (!isClosed && socket.TakeOverflow() is > 0 and var overflow)
                receiver.OnLost(DatagramLoss.BufferFull, overflow);
            if (!isClosed && count > 0)
                receiver.OnDatagrams(new DatagramBatch(area.AsSpan(0, end), places[..count]), peers[..count]);
            return error == SocketError.WouldBlock ? SocketError.Success : error;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(area);
        }
    }
}
