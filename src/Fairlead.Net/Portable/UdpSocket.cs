using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fairlead.Net;

/// <summary>A UDP socket of .NET that never blocks, and what a system offers on it. Errors are values here.</summary>
internal abstract class UdpSocket(Socket socket) : IDisposable
{
    /// <summary>No datagram is longer: the length field of UDP has 16 bits (RFC 768).</summary>
    public const int MaxLength = 65_535;

    protected Socket Socket { get; } = socket;

    /// <summary>Takes a datagram that is there already.</summary>
    /// <returns>
    /// <see cref="SocketError.WouldBlock"/> when there is none; <see cref="SocketError.MessageSize"/> when it was longer than the buffer, and is lost.
    /// </returns>
    public abstract SocketError Receive(Span<byte> buffer, out int length, out DatagramPeer peer);

    /// <summary>Sends a datagram to whom a listener has received from, from the address that he wrote to.</summary>
    public abstract SocketError Send(ReadOnlySpan<byte> datagram, in DatagramPeer peer);

    /// <summary>Sends a datagram to whom the socket is connected to.</summary>
    public SocketError Send(ReadOnlySpan<byte> datagram)
    {
        try
        {
            Socket.Send(datagram, SocketFlags.None, out var error);
            return error;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.OperationAborted;
        }
    }

    /// <summary>How many datagrams the system has dropped because the receive buffer was full, since this was asked last; 0 where it does not say.</summary>
    public virtual int TakeOverflow() => 0;

    /// <summary>
    /// Waits until a datagram is there, or an error. With an empty buffer .NET peeks, so that none has to be held meanwhile; not so on Windows.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public virtual async ValueTask<SocketError> WaitAsync()
    {
        try
        {
            await Socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, Stopping).ConfigureAwait(false);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException)
        {
            return SocketError.OperationAborted;
        }
    }

    /// <summary>Closes the socket, which ends what waits.</summary>
    public void Dispose() => Close();

    /// <summary>Closes the socket; more than once is fine.</summary>
    protected virtual void Close() => Socket.Dispose();

    /// <summary>Ends what waits without closing the socket.</summary>
    protected virtual CancellationToken Stopping => default;

    /// <summary>Whether an address means something on one interface only (<c>fe80::/10</c>, RFC 4291 section 2.5.6).</summary>
    public static bool IsLinkLocal(AddressKey address) => !address.IsV4 && address.Bits >> 118 == 0x3FA;

    /// <summary>Reads a <c>sockaddr_in</c> or <c>sockaddr_in6</c>, whose fields behind the family lie at the same places on all systems.</summary>
    protected static DatagramPeer ReadPeer(ReadOnlySpan<byte> sockaddr, bool isV6, AddressKey local, uint @interface)
    {
        var remote = AddressKey.Read(isV6 ? sockaddr.Slice(8, 16) : sockaddr.Slice(4, 4));
        var scope = isV6 ? MemoryMarshal.Read<uint>(sockaddr[24..]) : 0;
        return new DatagramPeer(remote, BinaryPrimitives.ReadUInt16BigEndian(sockaddr[2..]), scope, local, @interface);
    }

    /// <summary>Writes everything of a <c>sockaddr</c> but the family: IPv4 in IPv6's clothes for a dual-stack socket.</summary>
    protected static void WritePeer(in DatagramPeer peer, Span<byte> sockaddr, bool isV6)
    {
        BinaryPrimitives.WriteUInt16BigEndian(sockaddr[2..], peer.Port);
        WriteAddress(peer.Remote, isV6 ? sockaddr.Slice(8, 16) : sockaddr.Slice(4, 4));
        if (isV6)
            MemoryMarshal.Write(sockaddr[24..], peer.Scope);
    }

    /// <summary>Writes an address in network order: 4 bytes, or 16.</summary>
    protected static void WriteAddress(AddressKey address, Span<byte> bytes)
    {
        if (bytes.Length == 4)
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)address.Bits);
        else
            BinaryPrimitives.WriteUInt128BigEndian(bytes, address.IsV4 ? address.Bits | ((UInt128)0xFFFF << 32) : address.Bits);
    }
}
