using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>The options that UDP sockets get, in .NET's words where it has some.</summary>
internal static class UdpOptions
{
    /// <summary>How many bytes a socket that is dialled may have waiting, each way.</summary>
    public const int BufferLength = 4 << 20;

    // mstcpip.h; .NET has no name for it.
    private const int SIO_UDP_CONNRESET = -1744830452;

    // Less is what every system has by itself.
    private const int LeastBuffer = 64 << 10;

    /// <summary>Asks for buffers of so many bytes; the system gives what it allows.</summary>
    public static void Buffer(Socket socket, int receive, int send)
    {
        if (OperatingSystem.IsLinux())
        {
            // Beyond the system's cap where the process may (CAP_NET_ADMIN).
            var descriptor = (int)socket.SafeHandle.DangerousGetHandle();
            if (Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_RCVBUFFORCE, receive) < 0)
                socket.ReceiveBufferSize = receive;
            if (Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_SNDBUFFORCE, send) < 0)
                socket.SendBufferSize = send;
            return;
        }
        Ask(receive, length => socket.ReceiveBufferSize = length);
        Ask(send, length => socket.SendBufferSize = length);
    }

    /// <summary>What the system has granted. Linux counts its own overhead in, and says twice what it was asked for; see socket(7).</summary>
    public static int ReceiveBuffer(Socket socket) => OperatingSystem.IsLinux() ? socket.ReceiveBufferSize / 2 : socket.ReceiveBufferSize;

    /// <summary>Turns path-MTU discovery off: what is longer than the way carries is sent in fragments.</summary>
    public static void Fragment(Socket socket)
    {
        if (OperatingSystem.IsLinux())
        {
            var descriptor = (int)socket.SafeHandle.DangerousGetHandle();
            Libc.setsockopt(descriptor, Libc.IPPROTO_IP, Libc.IP_MTU_DISCOVER, Libc.IP_PMTUDISC_DONT);
            if (socket.AddressFamily == AddressFamily.InterNetworkV6)
                Libc.setsockopt(descriptor, Libc.IPPROTO_IPV6, Libc.IPV6_MTU_DISCOVER, Libc.IPV6_PMTUDISC_DONT);
            return;
        }
        try
        {
            // Of IPv6, .NET has no word for it, and other systems leave it off for UDP.
            if (socket.AddressFamily == AddressFamily.InterNetwork)
                socket.DontFragment = false;
        }
        catch (SocketException)
        {
            // A system without the option has the discovery off, or keeps it.
        }
    }

    /// <summary>Keeps a listening socket from being told what became of its answers, which Windows tells by failing its receives.</summary>
    public static void IgnoreReplies(Socket socket)
    {
        if (OperatingSystem.IsWindows())
            socket.IOControl(SIO_UDP_CONNRESET, [0, 0, 0, 0], null);
    }

    // Some systems refuse what is more than they allow, where others give less.
    private static void Ask(int length, Action<int> set)
    {
        for (; ; length /= 2)
        {
            try
            {
                set(length);
                return;
            }
            catch (SocketException) when (length > LeastBuffer)
            {
            }
            catch (SocketException)
            {
                return;
            }
        }
    }
}
