using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// The C library's calls, names and constants in their C spelling. Every call that can fail returns its result or, below zero,
/// the negated <c>errno</c>.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class Libc
{
    public const int EPERM = 1, ENOENT = 2, EINTR = 4, EBADF = 9, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EINVAL = 22, ENFILE = 23, EMFILE = 24;
    public const int EIO = 5, EPIPE = 32, EPROTO = 71, ENOTSOCK = 88, EMSGSIZE = 90, ENOPROTOOPT = 92, EOPNOTSUPP = 95, EAFNOSUPPORT = 97, EADDRINUSE = 98, EADDRNOTAVAIL = 99;
    public const int ENETDOWN = 100, ENETUNREACH = 101, ENETRESET = 102, ECONNABORTED = 103, ECONNRESET = 104, ENOBUFS = 105, ENOTCONN = 107;
    public const int ENONET = 64, ETIMEDOUT = 110, ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113, EINPROGRESS = 115;

    public const int AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10;
    public const int SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_NONBLOCK = 0x800, SOCK_CLOEXEC = 0x80000;
    public const int O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    public const int SHUT_WR = 1;
    public const int MSG_PEEK = 2, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;

    public const int F_SETFD = 2, F_GETFL = 3, F_SETFL = 4, F_DUPFD_CLOEXEC = 1030, FD_CLOEXEC = 1;
    public const int SO_TYPE = 3, SO_ACCEPTCONN = 30, SO_PROTOCOL = 38, SO_DOMAIN = 39, IPPROTO_MPTCP = 262;

    public const int SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_ERROR = 4, SO_KEEPALIVE = 9, SO_LINGER = 13, SO_REUSEPORT = 15, SO_ATTACH_FILTER = 26;
    public const int SO_SNDBUF = 7, SO_RCVBUF = 8, SO_NO_CHECK = 11, SO_SNDBUFFORCE = 32, SO_RCVBUFFORCE = 33, SO_RXQ_OVFL = 40;
    public const int IPPROTO_TCP = 6, TCP_NODELAY = 1, TCP_KEEPIDLE = 4, TCP_KEEPINTVL = 5, TCP_KEEPCNT = 6, TCP_USER_TIMEOUT = 18;
    public const int IPPROTO_UDP = 17, UDP_SEGMENT = 103, UDP_GRO = 104;
    public const int IPPROTO_IP = 0, IP_PKTINFO = 8, IP_MTU_DISCOVER = 10, IP_RECVERR = 11, IP_BIND_ADDRESS_NO_PORT = 24, IP_PMTUDISC_DONT = 0;
    public const int IPPROTO_IPV6 = 41, IPV6_MTU_DISCOVER = 23, IPV6_RECVERR = 25, IPV6_V6ONLY = 26, IPV6_RECVPKTINFO = 49, IPV6_PKTINFO = 50, IPV6_PMTUDISC_DONT = 0;

    public const int EPOLL_CLOEXEC = 0x80000, EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3;
    public const uint EPOLLIN = 1, EPOLLPRI = 2, EPOLLOUT = 4, EPOLLERR = 8, EPOLLHUP = 0x10, EPOLLRDHUP = 0x2000, EPOLLEXCLUSIVE = 1u << 28, EPOLLET = 1u << 31;

    public const int EFD_NONBLOCK = 0x800, EFD_CLOEXEC = 0x80000;
    public const uint SPLICE_F_MOVE = 1, SPLICE_F_NONBLOCK = 2;
    public const int F_GETFD = 1, F_SETPIPE_SZ = 1031;
    public const int RLIMIT_NOFILE = 7, PR_SET_TIMERSLACK = 29;

    public static int epoll_create1(int flags) => Result(Native.epoll_create1(flags));

    public static int epoll_ctl(int epfd, int op, int fd, void* @event) => Result(Native.epoll_ctl(epfd, op, fd, @event));

    public static int epoll_wait(int epfd, void* events, int maxevents, int timeout) => Result(Native.epoll_wait(epfd, events, maxevents, timeout));

    public static int eventfd(uint initval, int flags) => Result(Native.eventfd(initval, flags));

    public static int read(int fd, void* buf, nuint count) => Result(Native.read(fd, buf, count));

    public static int write(int fd, void* buf, nuint count) => Result(Native.write(fd, buf, count));

    public static int close(int fd) => Result(Native.close(fd));

    public static int socket(int domain, int type, int protocol) => Result(Native.socket(domain, type, protocol));

    public static int bind(int fd, void* addr, uint addrlen) => Result(Native.bind(fd, addr, addrlen));

    public static int listen(int fd, int backlog) => Result(Native.listen(fd, backlog));

    public static int accept4(int fd, void* addr, uint* addrlen, int flags) => Result(Native.accept4(fd, addr, addrlen, flags));

    public static int connect(int fd, void* addr, uint addrlen) => Result(Native.connect(fd, addr, addrlen));

    public static int shutdown(int fd, int how) => Result(Native.shutdown(fd, how));

    public static int getsockname(int fd, void* addr, uint* addrlen) => Result(Native.getsockname(fd, addr, addrlen));

    public static int recv(int fd, void* buf, nuint len, int flags) => Result(Native.recv(fd, buf, len, flags));

    public static int send(int fd, void* buf, nuint len, int flags) => Result(Native.send(fd, buf, len, flags));

    public static int recvmmsg(int fd, mmsghdr* msgvec, uint vlen, int flags) => Result(Native.recvmmsg(fd, msgvec, vlen, flags, null));

    public static int sendmmsg(int fd, mmsghdr* msgvec, uint vlen, int flags) => Result(Native.sendmmsg(fd, msgvec, vlen, flags));

    public static int splice(int from, int to, nuint len, uint flags) => Result(Native.splice(from, null, to, null, len, flags));

    public static int pipe2(int* pipefd, int flags) => Result(Native.pipe2(pipefd, flags));

    public static int fcntl(int fd, int cmd, int arg) => Result(Native.fcntl(fd, cmd, arg));

    public static int prctl(int option, nuint arg) => Result(Native.prctl(option, arg, 0, 0, 0));

    /// <summary>Sleeps for less than a second; a signal ends it.</summary>
    public static int nanosleep(long nanoseconds)
    {
        var duration = stackalloc long[] { 0, nanoseconds };
        return Result(Native.nanosleep(duration, null));
    }

    /// <summary>Sets an integer option.</summary>
    public static int setsockopt(int fd, int level, int name, int value) => Result(Native.setsockopt(fd, level, name, &value, sizeof(int)));

    public static int setsockopt(int fd, int level, int name, void* value, uint length) => Result(Native.setsockopt(fd, level, name, value, length));

    /// <summary>Reads an integer option that is never negative; below zero the negated <c>errno</c>.</summary>
    public static int getsockopt(int fd, int level, int name)
    {
        int value = 0;
        uint length = sizeof(int);
        var result = Result(Native.getsockopt(fd, level, name, &value, &length));
        return result < 0 ? result : value;
    }

    /// <summary>The soft and the hard limit of a resource.</summary>
    public static int getrlimit(int resource, out (ulong Soft, ulong Hard) limit)
    {
        var pair = stackalloc ulong[2];
        var result = Result(Native.getrlimit(resource, pair));
        limit = (pair[0], pair[1]);
        return result;
    }

    public static int setrlimit(int resource, (ulong Soft, ulong Hard) limit)
    {
        var pair = stackalloc ulong[] { limit.Soft, limit.Hard };
        return Result(Native.setrlimit(resource, pair));
    }

    /// <summary>The system's words for a positive <c>errno</c>.</summary>
    public static string strerror(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    // The runtime keeps errno over its own work between the call and here, so it may be read directly.
    private static int Result(nint result) => result >= 0 ? (int)result : -Marshal.GetLastSystemError();

    /// <summary>A piece of memory; see readv(2).</summary>
    public struct iovec
    {
        public void* iov_base;
        public nuint iov_len;
    }

    /// <summary>A message: whose it is, where its bytes lie, and what the kernel is told or tells besides; see recvmsg(2).</summary>
    public struct msghdr
    {
        public void* msg_name;
        public uint msg_namelen;
        public iovec* msg_iov;
        public nuint msg_iovlen;
        public void* msg_control;
        public nuint msg_controllen;
        public int msg_flags;
    }

    /// <summary>One message of several; see recvmmsg(2).</summary>
    public struct mmsghdr
    {
        public msghdr msg_hdr;
        public uint msg_len;
    }

    private static partial class Native
    {
        [LibraryImport("libc")] public static partial int epoll_create1(int flags);
        [LibraryImport("libc")] public static partial int epoll_ctl(int epfd, int op, int fd, void* @event);
        [LibraryImport("libc")] public static partial int epoll_wait(int epfd, void* events, int maxevents, int timeout);
        [LibraryImport("libc")] public static partial int eventfd(uint initval, int flags);
        [LibraryImport("libc")] public static partial nint read(int fd, void* buf, nuint count);
        [LibraryImport("libc")] public static partial nint write(int fd, void* buf, nuint count);
        [LibraryImport("libc")] public static partial int close(int fd);
        [LibraryImport("libc")] public static partial int socket(int domain, int type, int protocol);
        [LibraryImport("libc")] public static partial int bind(int fd, void* addr, uint addrlen);
        [LibraryImport("libc")] public static partial int listen(int fd, int backlog);
        [LibraryImport("libc")] public static partial int accept4(int fd, void* addr, uint* addrlen, int flags);
        [LibraryImport("libc")] public static partial int connect(int fd, void* addr, uint addrlen);
        [LibraryImport("libc")] public static partial int shutdown(int fd, int how);
        [LibraryImport("libc")] public static partial int getsockname(int fd, void* addr, uint* addrlen);
        [LibraryImport("libc")] public static partial nint recv(int fd, void* buf, nuint len, int flags);
        [LibraryImport("libc")] public static partial nint send(int fd, void* buf, nuint len, int flags);
        [LibraryImport("libc")] public static partial int recvmmsg(int fd, mmsghdr* msgvec, uint vlen, int flags, void* timeout);
        [LibraryImport("libc")] public static partial int sendmmsg(int fd, mmsghdr* msgvec, uint vlen, int flags);
        [LibraryImport("libc")] public static partial nint splice(int fd_in, long* off_in, int fd_out, long* off_out, nuint len, uint flags);
        [LibraryImport("libc")] public static partial int pipe2(int* pipefd, int flags);
        [LibraryImport("libc")] public static partial int fcntl(int fd, int cmd, int arg);
        [LibraryImport("libc")] public static partial int setsockopt(int fd, int level, int name, void* value, uint length);
        [LibraryImport("libc")] public static partial int getsockopt(int fd, int level, int name, void* value, uint* length);
        [LibraryImport("libc")] public static partial int prctl(int option, nuint arg2, nuint arg3, nuint arg4, nuint arg5);
        [LibraryImport("libc")] public static partial int nanosleep(long* duration, long* rem);
        [LibraryImport("libc")] public static partial int getrlimit(int resource, ulong* limit);
        [LibraryImport("libc")] public static partial int setrlimit(int resource, ulong* limit);
    }
}
