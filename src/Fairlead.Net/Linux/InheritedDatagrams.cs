using System.Net;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>UDP sockets that another program has made and bound: systemd's <c>LISTEN_FDS</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class InheritedDatagrams
{
    /// <summary>Whether a descriptor is a socket of datagrams, of whatever kind.</summary>
    public static bool Is(int descriptor) => Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_TYPE) == Libc.SOCK_DGRAM;

    /// <summary>Checks a descriptor, and changes nothing.</summary>
    /// <returns>Its family (AF_INET or AF_INET6), and the address that it is bound to.</returns>
    /// <exception cref="ArgumentException">It is no bound UDP socket.</exception>
    public static (int Family, IPEndPoint LocalEndPoint) Check(int descriptor)
    {
        var type = Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_TYPE);
        if (type < 0)
            throw Refused(descriptor, type == -Libc.ENOTSOCK ? "is no socket" : $"cannot be used: {Libc.strerror(-type)}");
        var family = Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_DOMAIN);
        var protocol = Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_PROTOCOL);
        if (type != Libc.SOCK_DGRAM || family is not (Libc.AF_INET or Libc.AF_INET6) || protocol != Libc.IPPROTO_UDP)
            throw Refused(descriptor, "is no UDP socket");
        if (SocketName.EndPointOfSocket(descriptor) is not IPEndPoint { Port: > 0 } address)
            throw Refused(descriptor, "is a UDP socket without a port");
        return (family, address);
    }

    /// <summary>The same, and takes it over: it blocks no more, no child gets it, and what comes back for answers is nobody's error.</summary>
    /// <exception cref="ArgumentException">It is no bound UDP socket; it stays the caller's, as it was.</exception>
    public static (int Family, IPEndPoint LocalEndPoint) Take(int descriptor)
    {
        var (family, address) = Check(descriptor);
        Libc.fcntl(descriptor, Libc.F_SETFD, Libc.FD_CLOEXEC);
        Libc.fcntl(descriptor, Libc.F_SETFL, Libc.fcntl(descriptor, Libc.F_GETFL, 0) | Libc.O_NONBLOCK);
        Libc.setsockopt(descriptor, Libc.IPPROTO_IP, Libc.IP_RECVERR, 0);
        if (family == Libc.AF_INET6)
            Libc.setsockopt(descriptor, Libc.IPPROTO_IPV6, Libc.IPV6_RECVERR, 0);
        return (family, address);
    }

    private static ArgumentException Refused(int descriptor, string reason) => new($"Descriptor {descriptor} {reason}.", nameof(descriptor));
}
