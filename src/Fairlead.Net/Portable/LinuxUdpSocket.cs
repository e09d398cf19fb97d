using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// A UDP socket of .NET on Linux, read and written by recvmmsg(2) and sendmmsg(2), which tell the address that the peer wrote to and take the one to answer
/// from (<c>IP_PKTINFO</c>, ip(7); <c>IPV6_PKTINFO</c>, ipv6(7)), and how many datagrams were dropped (<c>SO_RXQ_OVFL</c>, socket(7)).
/// </summary>
[SupportedOSPlatform("linux")]
internal unsafe class LinuxUdpSocket : UdpSocket
{
    // struct sockaddr_in6, in_pktinfo and in6_pktinfo.
    private const int NameLength = 28, InPktinfoLength = 12, In6PktinfoLength = 20;

    // All that a dual-stack socket tells at once: 32, 40 and 24 bytes.
    private const int ControlLength = 96;

    private readonly bool isConnected, isV6, choosesAddress;
    private uint dropped, told;

    /// <summary>Takes over a socket that is bound, and perhaps connected, and does not block.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="isConnected">Whether it has one peer only.</param>
    /// <param name="choosesAddress">Whether it is bound to all addresses, so that an answer has to say which one it leaves from.</param>
    public LinuxUdpSocket(Socket socket, bool isConnected, bool choosesAddress)
        : base(socket)
    {
        this.isConnected = isConnected;
        this.choosesAddress = choosesAddress;
        isV6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
        var descriptor = (int)socket.SafeHandle.DangerousGetHandle();
        Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_RXQ_OVFL, 1);
        if (!choosesAddress)
            return;
        // Of IPv4, a dual-stack socket tells the address of the interface only so; the other way it tells a broadcast's address too.
        socket.SetRawSocketOption(Libc.IPPROTO_IP, Libc.IP_PKTINFO, BitConverter.GetBytes(1));
        if (isV6)
            socket.SetRawSocketOption(Libc.IPPROTO_IPV6, Libc.IPV6_RECVPKTINFO, BitConverter.GetBytes(1));
    }

    /// <inheritdoc/>
    public override SocketError Receive(Span<byte> buffer, out int length, out DatagramPeer peer)
    {
        (length, peer) = (0, default);
        var name = stackalloc byte[NameLength];
        var control = stackalloc byte[ControlLength];
        fixed (byte* bytes = buffer)
        {
            var vector = new Libc.iovec { iov_base = bytes, iov_len = (nuint)buffer.Length };
            var message = new Libc.mmsghdr();
            ref var header = ref message.msg_hdr;
            header.msg_iov = &vector;
            header.msg_iovlen = 1;
            header.msg_control = control;
            header.msg_controllen = ControlLength;
            if (!isConnected)
            {
                header.msg_name = name;
                header.msg_namelen = NameLength;
            }
            var result = Call(&message, isSent: false);
            if (result < 0)
                return ToError(-result);
            ReadControl(control, header.msg_controllen, out var local, out var @interface);
            if (!isConnected)
                peer = ReadPeer(new ReadOnlySpan<byte>(name, NameLength), isV6, local, @interface);
            length = (int)message.msg_len;
            return (header.msg_flags & Libc.MSG_TRUNC) == 0 ? SocketError.Success : SocketError.MessageSize;
        }
    }

    /// <inheritdoc/>
    public override SocketError Send(ReadOnlySpan<byte> datagram, in DatagramPeer peer)
    {
        if (!isV6 && !peer.Remote.IsV4)
            return SocketError.AddressFamilyNotSupported;
        var name = stackalloc byte[NameLength];
        var control = stackalloc byte[ControlLength];
        MemoryMarshal.Write(new Span<byte>(name, NameLength), (ushort)(isV6 ? Libc.AF_INET6 : Libc.AF_INET));
        WritePeer(peer, new Span<byte>(name, NameLength), isV6);
        fixed (byte* bytes = datagram)
        {
            var vector = new Libc.iovec { iov_base = bytes, iov_len = (nuint)datagram.Length };
            var message = new Libc.mmsghdr();
            ref var header = ref message.msg_hdr;
            header.msg_iov = &vector;
            header.msg_iovlen = 1;
            header.msg_name = name;
            header.msg_namelen = isV6 ? 28u : 16u;
            if (choosesAddress && (peer.Local != default || peer.Interface != 0))
            {
                header.msg_control = control;
                header.msg_controllen = (nuint)WriteControl(peer, control);
            }
            var result = Call(&message, isSent: true);
            return result < 0 ? ToError(-result) : SocketError.Success;
        }
    }

    /// <inheritdoc/>
    public override int TakeOverflow()
    {
        // The system's count begins again after 32 bits.
        var count = (int)Math.Min(unchecked(dropped - told), int.MaxValue);
        told = dropped;
        return count;
    }

    private void ReadControl(byte* control, nuint length, out AddressKey local, out uint @interface)
    {
        (local, @interface) = (default, 0);
        for (var messages = new ControlMessages(control, length); messages.MoveNext();)
        {
            var data = messages.Data;
            switch (messages.Level, messages.Type)
            {
                case (Libc.IPPROTO_IP, Libc.IP_PKTINFO) when data.Length >= InPktinfoLength:
                    // ipi_spec_dst: what to answer from, also where the datagram went to all. An answer finds its interface by the routes.
                    (local, @interface) = (AddressOf(data.Slice(4, 4)), 0);
                    break;
                case (Libc.IPPROTO_IPV6, Libc.IPV6_PKTINFO) when data.Length >= In6PktinfoLength:
                    var written = AddressKey.Read(data[..16]);
                    if (written.IsV4)
                        break;
                    var isMulticast = written.Bits >> 120 == 0xFF;
                    local = isMulticast ? default : written;
                    @interface = isMulticast || IsLinkLocal(written) ? MemoryMarshal.Read<uint>(data[16..]) : 0;
                    break;
                case (Libc.SOL_SOCKET, Libc.SO_RXQ_OVFL) when data.Length >= sizeof(uint):
                    dropped = MemoryMarshal.Read<uint>(data);
                    break;
            }
        }
    }

    private static AddressKey AddressOf(ReadOnlySpan<byte> address)
    {
        var key = AddressKey.Read(address);
        return key.Bits == 0 ? default : key;
    }

    // How many bytes the message has.
    private static int WriteControl(in DatagramPeer peer, byte* control)
    {
        if (peer.Remote.IsV4)
        {
            var data = ControlMessages.Write(control, Libc.IPPROTO_IP, Libc.IP_PKTINFO, InPktinfoLength);
            MemoryMarshal.Write(data, peer.Interface);
            WriteAddress(peer.Local, data.Slice(4, 4));
            return ControlMessages.Space(InPktinfoLength);
        }
        var data6 = ControlMessages.Write(control, Libc.IPPROTO_IPV6, Libc.IPV6_PKTINFO, In6PktinfoLength);
        WriteAddress(peer.Local, data6[..16]);
        MemoryMarshal.Write(data6[16..], peer.Interface);
        return ControlMessages.Space(In6PktinfoLength);
    }

    private static SocketError ToError(int errno) => errno == Libc.EMSGSIZE ? SocketError.MessageSize : NativeErrors.ToSocketError(errno);

    // Below zero the negated errno. The handle is kept meanwhile, so that its number is not another's.
    private int Call(Libc.mmsghdr* message, bool isSent)
    {
        var handle = Socket.SafeHandle;
        var isKept = false;
        try
        {
            handle.DangerousAddRef(ref isKept);
            var descriptor = (int)handle.DangerousGetHandle();
            int result;
            do
                result = isSent ? Libc.sendmmsg(descriptor, message, 1, Libc.MSG_NOSIGNAL) : Libc.recvmmsg(descriptor, message, 1, 0);
            while (result == -Libc.EINTR);
            return result;
        }
        catch (ObjectDisposedException)
        {
            return -Libc.EBADF;
        }
        finally
        {
            if (isKept)
                handle.DangerousRelease();
        }
    }
}
