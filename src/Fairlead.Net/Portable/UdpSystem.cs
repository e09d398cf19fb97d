using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// What the system lets a UDP socket do. Where it is not said which address an answer leaves from, an address of its own has a socket of its own, and
/// where nothing can be waited for with an empty buffer, one is held meanwhile.
/// </summary>
/// <param name="addresses">The addresses of this machine; null where answers can be sent from each of them by one socket.</param>
/// <param name="holdsBuffers">Whether a socket that waits holds a buffer.</param>
internal sealed class UdpSystem(LocalAddresses? addresses, bool holdsBuffers)
{
    /// <summary>The system that this runs on.</summary>
    public static UdpSystem Current { get; } = OperatingSystem.IsLinux()
        ? new UdpSystem(null, holdsBuffers: false)
        : new UdpSystem(new LocalAddresses(), OperatingSystem.IsWindows());

    /// <summary>The addresses of this machine, each of which needs a socket of its own; null where one socket serves them all.</summary>
    public LocalAddresses? Addresses => addresses;

    /// <summary>Takes over a socket with one peer.</summary>
    public UdpSocket Connected(Socket socket) => OperatingSystem.IsLinux() && addresses is null
        ? new LinuxUdpSocket(socket, isConnected: true, choosesAddress: false)
        : new PlainUdpSocket(socket, isConnected: true, holdsBuffers);

    /// <summary>Takes over a socket with many peers.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="isWildcard">Whether it is bound to all addresses.</param>
    /// <param name="local">The address that it is bound to, where it is one of several of a listener.</param>
    public UdpSocket Bound(Socket socket, bool isWildcard, IPAddress? local = null) => OperatingSystem.IsLinux() && addresses is null
        ? new LinuxUdpSocket(socket, isConnected: false, isWildcard)
        : new PlainUdpSocket(socket, isConnected: false, holdsBuffers, local);

    /// <summary>Binds a socket that does not block.</summary>
    /// <exception cref="SocketException">The address cannot be had. Nothing is left open.</exception>
    public static Socket Bind(IPEndPoint endPoint, bool isDual, int receiveBuffer)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
                socket.DualMode = isDual;
            if (OperatingSystem.IsWindows())
                socket.ExclusiveAddressUse = true;
            UdpOptions.Buffer(socket, receiveBuffer, UdpOptions.BufferLength);
            UdpOptions.Fragment(socket);
            UdpOptions.IgnoreReplies(socket);
            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    /// <summary>Checks a descriptor that was inherited, and takes it over: it blocks no more, and no child gets it.</summary>
    /// <exception cref="ArgumentException">It is no bound UDP socket; it stays the caller's.</exception>
    [SupportedOSPlatform("linux")]
    public static Socket Inherit(int descriptor, out IPEndPoint local)
    {
        local = InheritedDatagrams.Take(descriptor).LocalEndPoint;

        // Runs are not told apart here.
        Libc.setsockopt(descriptor, Libc.IPPROTO_UDP, Libc.UDP_GRO, 0);
        return new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)) { Blocking = false };
    }
}
