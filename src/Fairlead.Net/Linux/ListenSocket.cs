using System.Net;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// A stream socket that listens already, on its way to the network that will accept from it: inherited from another program (systemd's
/// <c>LISTEN_FDS</c>), or handed over by acceptors of another network. It owns the descriptor until <see cref="Take"/>.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ListenSocket : IDisposable
{
    private int descriptor;

    private ListenSocket(int descriptor, EndPoint localEndPoint, UnixListen? claim, bool isInherited)
    {
        this.descriptor = descriptor;
        LocalEndPoint = localEndPoint;
        Claim = claim;
        IsInherited = isInherited;
    }

    /// <summary>The address that it listens on.</summary>
    public EndPoint LocalEndPoint { get; }

    /// <summary>A share of the path that it was bound to; null for TCP, and where the path is somebody else's.</summary>
    public UnixListen? Claim { get; }

    /// <summary>Whether somebody else goes on listening on it when this process does not: it must stay as it is.</summary>
    public bool IsInherited { get; }

    /// <summary>Checks a descriptor that was inherited, and takes it over: it blocks no more, and no child gets it.</summary>
    /// <exception cref="ArgumentException">It is no stream socket that listens; it stays the caller's.</exception>
    public static ListenSocket Inherited(int descriptor)
    {
        var type = Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_TYPE);
        if (type < 0)
            throw Refused(descriptor, type == -Libc.ENOTSOCK ? "is no socket" : $"cannot be used: {Libc.strerror(-type)}");
        if (type != Libc.SOCK_STREAM)
            throw Refused(descriptor, "is a socket of datagrams or packets, not of a stream");
        var family = Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_DOMAIN);
        var protocol = Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_PROTOCOL);
        if (family != Libc.AF_UNIX && (family is not (Libc.AF_INET or Libc.AF_INET6) || protocol is not (Libc.IPPROTO_TCP or Libc.IPPROTO_MPTCP)))
            throw Refused(descriptor, "is neither a TCP nor a Unix socket");
        if (Libc.getsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_ACCEPTCONN) != 1)
            throw Refused(descriptor, "is a socket that does not listen");
        if (SocketName.EndPointOfSocket(descriptor) is not { } address)
            throw Refused(descriptor, "is a socket without an address");
        Libc.fcntl(descriptor, Libc.F_SETFD, Libc.FD_CLOEXEC);
        Libc.fcntl(descriptor, Libc.F_SETFL, Libc.fcntl(descriptor, Libc.F_GETFL, 0) | Libc.O_NONBLOCK);
        return new ListenSocket(descriptor, address, null, isInherited: true);
    }

    /// <summary>A second descriptor of a listening socket. What the first one's owner does to it from then on is not to touch the socket.</summary>
    /// <exception cref="ListenException">There is no descriptor left.</exception>
    public static ListenSocket Duplicate(int descriptor, EndPoint localEndPoint, UnixListen? claim, bool isInherited)
    {
        // A higher number than any before: epoll knows a socket by itself and the number together, and keeps what .NET registered until the
        // socket is gone. Registered under the same number again, it would be refused (EEXIST: tried).
        var duplicate = Libc.fcntl(descriptor, Libc.F_DUPFD_CLOEXEC, descriptor + 1);
        if (duplicate < 0)
            throw new ListenException(localEndPoint, NativeErrors.ToSocketError(-duplicate), $"Cannot hand {localEndPoint} over: {Libc.strerror(-duplicate)}.");
        return new ListenSocket(duplicate, localEndPoint, claim?.Share(), isInherited);
    }

    /// <summary>Gives the descriptor, and the claim with it, to the caller.</summary>
    public int Take()
    {
        var taken = descriptor;
        descriptor = -1;
        return taken;
    }

    /// <summary>Closes the descriptor unless it was taken.</summary>
    public void Dispose()
    {
        if (descriptor < 0)
            return;
        Claim?.Dispose();
        Libc.close(Take());
    }

    private static ArgumentException Refused(int descriptor, string reason) => new($"Descriptor {descriptor} {reason}.", nameof(descriptor));
}
