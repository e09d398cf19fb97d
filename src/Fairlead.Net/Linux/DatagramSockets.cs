using System.Net;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>Makes UDP sockets; see udp(7), ip(7), ipv6(7).</summary>
[SupportedOSPlatform("linux")]
internal static class DatagramSockets
{
    private const int Buffer = 4 << 20;

    // Once refused, it is not asked for again: CAP_NET_ADMIN does not come back.
    private static volatile bool mayNotForce;

    /// <summary>A new socket with its options, neither bound nor connected; below zero the negated errno.</summary>
    public static int Open(int family, int receiveBuffer = Buffer)
    {
        var descriptor = Libc.socket(family, Libc.SOCK_DGRAM | Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC, 0);
        if (descriptor >= 0)
            Prepare(descriptor, family, receiveBuffer);
        return descriptor;
    }

    /// <summary>
    /// Long datagrams are cut on their way and never refused, buffers take a burst, drops are counted, and what arrives in runs is read in runs.
    /// What the system refuses is left as it is: an older kernel has no <c>UDP_GRO</c>.
    /// </summary>
    public static void Prepare(int descriptor, int family, int receiveBuffer)
    {
        Libc.setsockopt(descriptor, Libc.IPPROTO_IP, Libc.IP_MTU_DISCOVER, Libc.IP_PMTUDISC_DONT);
        if (family == Libc.AF_INET6)
            Libc.setsockopt(descriptor, Libc.IPPROTO_IPV6, Libc.IPV6_MTU_DISCOVER, Libc.IPV6_PMTUDISC_DONT);
        SetBuffer(descriptor, Libc.SO_RCVBUFFORCE, Libc.SO_RCVBUF, receiveBuffer);
        SetBuffer(descriptor, Libc.SO_SNDBUFFORCE, Libc.SO_SNDBUF, Buffer);
        Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_RXQ_OVFL, 1);
        Libc.setsockopt(descriptor, Libc.IPPROTO_UDP, Libc.UDP_GRO, 1);
    }

    /// <summary>Has the kernel tell where each datagram was sent to. A dual-stack socket tells it of IPv4 in the words of IPv4.</summary>
    public static void TellDestinations(int descriptor, int family)
    {
        Libc.setsockopt(descriptor, Libc.IPPROTO_IP, Libc.IP_PKTINFO, 1);
        if (family == Libc.AF_INET6)
            Libc.setsockopt(descriptor, Libc.IPPROTO_IPV6, Libc.IPV6_RECVPKTINFO, 1);
    }

    /// <summary>What the receive buffer came to. The kernel doubles what it is asked for, for its own use (socket(7)), and tells that.</summary>
    public static int ReceiveBuffer(int descriptor) => Math.Max(0, Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_RCVBUF)) / 2;

    /// <summary>Checks a UDP socket that was made by another program, and takes it over: it blocks no more, and no child gets it.</summary>
    /// <exception cref="ArgumentException">It is no bound UDP socket; it stays the caller's.</exception>
    public static (int Family, IPEndPoint LocalEndPoint) Adopt(int descriptor, int receiveBuffer)
    {
        var (family, address) = InheritedDatagrams.Take(descriptor);
        Prepare(descriptor, family, receiveBuffer);
        return (family, address);
    }

    // By force, beyond what net.core.rmem_max and wmem_max allow.
    private static void SetBuffer(int descriptor, int byForce, int name, int bytes)
    {
        if (!mayNotForce)
        {
            var result = Libc.setsockopt(descriptor, Libc.SOL_SOCKET, byForce, bytes);
            mayNotForce = result == -Libc.EPERM;
            if (result >= 0)
                return;
        }
        Libc.setsockopt(descriptor, Libc.SOL_SOCKET, name, bytes);
    }
}
