using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>A listening descriptor, of one acceptor or shared by one acceptor a loop; the last of them closes it.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class NativeListener
{
    private readonly UnixListen? claim;
    private readonly Lock gate = new();
    private int acceptors;

    private NativeListener(int descriptor, EndPoint localEndPoint, int acceptors, UnixListen? claim, bool isInherited = false)
    {
        IsInherited = isInherited;
        Descriptor = descriptor;
        LocalEndPoint = localEndPoint;
        this.acceptors = acceptors;
        this.claim = claim;
        // Of the loops that share a socket, one wakes up for a connection.
        Events = acceptors > 1 ? Libc.EPOLLIN | Libc.EPOLLEXCLUSIVE : Libc.EPOLLIN;
    }

    public int Descriptor { get; }

    public EndPoint LocalEndPoint { get; }

    /// <summary>Whether somebody else goes on listening on the socket.</summary>
    public bool IsInherited { get; }

    /// <summary>What to watch for.</summary>
    public uint Events { get; }

    /// <summary>
    /// Listens with <paramref name="loops"/> sockets, or with a single one that as many acceptors share.
    /// </summary>
    /// <exception cref="ListenException">The address cannot be had. Nothing is left bound.</exception>
    public static NativeListener[] Listen(EndPoint endPoint, ListenOptions options, int loops)
    {
        if (endPoint is UnixDomainSocketEndPoint unix)
            return [ListenUnix(unix, options, loops)];
        if (options.Shared || loops == 1)
            return [ListenTcp(endPoint, options, loops, Sharing.None)];
        var listeners = new List<NativeListener>();
        try
        {
            // The first bind without SO_REUSEPORT, so that it fails where another program holds the port. The option set
            // afterwards lets our own next ones in.
            listeners.Add(ListenTcp(endPoint, options, 1, Sharing.First));
            while (listeners.Count < loops)
                listeners.Add(ListenTcp(listeners[0].LocalEndPoint, options, 1, Sharing.Next));
            return [.. listeners];
        }
        catch
        {
            foreach (var listener in listeners)
                Libc.close(listener.Descriptor);
            throw;
        }
    }

    /// <summary>Takes over a socket that listens already, for so many acceptors.</summary>
    public static NativeListener Adopt(ListenSocket socket, ListenOptions options, int acceptors)
    {
        var descriptor = socket.Take();
        if (socket.LocalEndPoint is IPEndPoint)
            NativeTuning.Change(descriptor, options.Tuning);
        return new NativeListener(descriptor, socket.LocalEndPoint, acceptors, socket.Claim, socket.IsInherited);
    }

    /// <summary>Another descriptor of the socket. From any thread.</summary>
    /// <exception cref="ListenException">The last acceptor has gone, or there is no descriptor left.</exception>
    public ListenSocket Duplicate()
    {
        lock (gate)
        {
            // Closed, the number may be another's by now.
            return acceptors > 0
                ? ListenSocket.Duplicate(Descriptor, LocalEndPoint, claim, IsInherited)
                : throw AcceptFault.Broken(LocalEndPoint, SocketError.NotSocket);
        }
    }

    /// <summary>
    /// Lets no newcomer into the backlog, so that it can be emptied: a filter drops what arrives at the listening socket. Sockets in the
    /// backlog are beyond it already. A newcomer's SYN goes unanswered, and he tries again.
    /// </summary>
    public void RefuseNewcomers()
    {
        if (claim is not null)
        {
            claim.Dispose();
            return;
        }
        // struct sock_filter { BPF_RET | BPF_K, 0, 0, 0 }: keep 0 bytes. struct sock_fprog { 1, &filter }. See socket(7).
        ulong filter = 0x06;
        var program = stackalloc nint[2];
        program[0] = 1;
        program[1] = (nint)(&filter);
        Libc.setsockopt(Descriptor, Libc.SOL_SOCKET, Libc.SO_ATTACH_FILTER, program, (uint)(2 * sizeof(nint)));
    }

    /// <summary>An acceptor is done with it.</summary>
    public void Release()
    {
        lock (gate)
        {
            if (--acceptors > 0)
                return;
            claim?.Dispose();
            Libc.close(Descriptor);
        }
    }

    private static NativeListener ListenUnix(UnixDomainSocketEndPoint endPoint, ListenOptions options, int loops)
    {
        var descriptor = Require(Libc.socket(Libc.AF_UNIX, SocketType, 0), endPoint);
        try
        {
            var claim = UnixListen.Claim(
                endPoint,
                temporaryPath => Bind(descriptor, new UnixDomainSocketEndPoint(temporaryPath), endPoint),
                () => Require(Libc.listen(descriptor, options.Backlog), endPoint));
            return new NativeListener(descriptor, endPoint, loops, claim);
        }
        catch
        {
            Libc.close(descriptor);
            throw;
        }
    }

    private static NativeListener ListenTcp(EndPoint endPoint, ListenOptions options, int acceptors, Sharing sharing)
    {
        var descriptor = Require(Libc.socket(SocketName.Family(endPoint), SocketType, 0), endPoint);
        try
        {
            Require(Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_REUSEADDR, 1), endPoint);
            if (endPoint is IPEndPoint { AddressFamily: AddressFamily.InterNetworkV6 } ip)
                Require(Libc.setsockopt(descriptor, Libc.IPPROTO_IPV6, Libc.IPV6_V6ONLY, ip.Address.Equals(IPAddress.IPv6Any) ? 0 : 1), endPoint);
            if (sharing == Sharing.Next)
                Require(Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_REUSEPORT, 1), endPoint);
            Bind(descriptor, endPoint, endPoint);
            if (sharing == Sharing.First)
                Require(Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_REUSEPORT, 1), endPoint);
            // Accepted sockets inherit these: no call for each of them.
            NativeTuning.Apply(descriptor, options.Tuning);
            Require(Libc.listen(descriptor, options.Backlog), endPoint);
            // Not SocketName, which would tell a dual-stack socket's own address as IPv4.
            var port = ((IPEndPoint)SocketName.OfSocket(descriptor).ToEndPoint()!).Port;
            return new NativeListener(descriptor, new IPEndPoint(((IPEndPoint)endPoint).Address, port), acceptors, null);
        }
        catch
        {
            Libc.close(descriptor);
            throw;
        }
    }

    private static int SocketType => Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC;

    /// <summary>bind(2).</summary>
    /// <exception cref="ListenException">It is refused; <paramref name="asked"/> is what it names.</exception>
    internal static void Bind(int descriptor, EndPoint address, EndPoint asked)
    {
        var sockaddr = stackalloc byte[SocketName.MaxSockAddr];
        var length = SocketName.Write(address, new Span<byte>(sockaddr, SocketName.MaxSockAddr));
        Require(Libc.bind(descriptor, sockaddr, (uint)length), asked);
    }

    /// <summary>The result of a call that has to succeed for listening.</summary>
    /// <exception cref="ListenException">It is a negated errno.</exception>
    internal static int Require(int result, EndPoint endPoint)
    {
        return result >= 0
            ? result
            : throw new ListenException(endPoint, NativeErrors.ToSocketError(-result), $"Cannot listen on {endPoint}: {Libc.strerror(-result)}.");
    }

    private enum Sharing
    {
        None,
        First,
        Next,
    }
}
