using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Fairlead.Net;

/// <summary>
/// A UDP socket by .NET's own calls, with the overloads that leave no garbage. What it sends leaves from the address that it is bound to; .NET has no
/// way to choose another.
/// </summary>
internal sealed class PlainUdpSocket : UdpSocket
{
    private readonly SocketAddress from, to;
    private readonly bool isConnected, isV6;
    private readonly AddressKey local;
    private readonly uint @interface;
    private readonly byte[]? waiting;
    private int first = -1;

    /// <summary>Takes over a socket that is bound, and perhaps connected, and does not block.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="isConnected">Whether it has one peer only.</param>
    /// <param name="holdsBuffer">Whether a buffer has to be held while it waits, since the system cannot wait with an empty one.</param>
    /// <param name="local">The address that datagrams reach it by; default for a listener's only one.</param>
    public PlainUdpSocket(Socket socket, bool isConnected, bool holdsBuffer, IPAddress? local = null)
        : base(socket)
    {
        this.isConnected = isConnected;
        isV6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
        this.local = AddressKey.Of(local) ?? default;
        @interface = local is { IsIPv6LinkLocal: true } ? (uint)local.ScopeId : 0;
        from = new SocketAddress(socket.AddressFamily);
        to = new IPEndPoint(isV6 ? IPAddress.IPv6Any : IPAddress.Any, 0).Serialize();
        waiting = holdsBuffer ? GC.AllocateUninitializedArray<byte>(MaxLength) : null;
    }

    /// <inheritdoc/>
    public override SocketError Receive(Span<byte> buffer, out int length, out DatagramPeer peer)
    {
        (length, peer) = (0, default);
        try
        {
            if (first >= 0)
            {
                var error = first <= buffer.Length ? SocketError.Success : SocketError.MessageSize;
                if (error == SocketError.Success)
                    waiting.AsSpan(0, length = first).CopyTo(buffer);
                first = -1;
                peer = Peer();
                return error;
            }
            if (isConnected)
            {
                length = Socket.Receive(buffer, SocketFlags.None, out var error);
                return error;
            }
            // Asked first, since that there is nothing would be an exception.
            if (!Socket.Poll(0, SelectMode.SelectRead))
                return SocketError.WouldBlock;
            length = Socket.ReceiveFrom(buffer, SocketFlags.None, from);
            peer = Peer();
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.OperationAborted;
        }
    }

    /// <inheritdoc/>
    public override SocketError Send(ReadOnlySpan<byte> datagram, in DatagramPeer peer)
    {
        if (peer.Remote.IsV4 == isV6)
            return SocketError.AddressFamilyNotSupported;
        WritePeer(peer, to.Buffer.Span, isV6);
        try
        {
            Socket.SendTo(datagram, SocketFlags.None, to);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.OperationAborted;
        }
    }

    /// <inheritdoc/>
    public override ValueTask<SocketError> WaitAsync() => waiting is null ? base.WaitAsync() : WaitWithBufferAsync(waiting);

    // What comes is kept for the next receive.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<SocketError> WaitWithBufferAsync(byte[] buffer)
    {
        try
        {
            first = isConnected
                ? await Socket.ReceiveAsync(buffer.AsMemory(), SocketFlags.None).ConfigureAwait(false)
                : await Socket.ReceiveFromAsync(buffer.AsMemory(), SocketFlags.None, from).ConfigureAwait(false);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.OperationAborted;
        }
    }

    private DatagramPeer Peer() => isConnected ? default : ReadPeer(from.Buffer.Span, isV6, local, @interface);
}
