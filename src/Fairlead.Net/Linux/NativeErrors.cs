using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>What an <c>errno</c> means for a connection.</summary>
[SupportedOSPlatform("linux")]
internal static class NativeErrors
{
    /// <summary>No errno: the connection was aborted or disposed at this end.</summary>
    public const int ECLOSEDHERE = 100_000;

    /// <summary>How a connection broke that reported a positive errno.</summary>
    public static ConnectionError Classify(int errno)
    {
        return errno == ECLOSEDHERE ? ConnectionError.Aborted : ConnectionErrors.From(ToSocketError(errno));
    }

    public static ConnectionException Exception(int errno)
    {
        return errno == ECLOSEDHERE ? Aborted() : new ConnectionException(Classify(errno), Libc.strerror(errno));
    }

    public static ConnectionException Aborted() => new(ConnectionError.Aborted, "The connection was closed at this end.");

    /// <summary>
    /// Whether a positive errno of a UDP socket is what ICMP tells (<c>icmp_err_convert</c> of the kernel), or a route. The first belongs to an earlier
    /// datagram and is told once.
    /// </summary>
    public static bool IsOfTheWay(int errno) =>
        errno is Libc.ECONNREFUSED or Libc.EHOSTUNREACH or Libc.ENETUNREACH or Libc.EHOSTDOWN or Libc.ENETDOWN or Libc.ENONET or Libc.EACCES or
            Libc.EPROTO or Libc.ENOPROTOOPT or Libc.EOPNOTSUPP;

    /// <summary>What such an errno means for a flow.</summary>
    public static DatagramError ToDatagramError(int errno) => errno switch
    {
        Libc.ECONNREFUSED => DatagramError.Refused,
        Libc.EHOSTUNREACH or Libc.ENETUNREACH or Libc.EHOSTDOWN or Libc.ENETDOWN or Libc.ENONET => DatagramError.Unreachable,
        _ => DatagramError.Failed,
    };

    /// <summary>The error of .NET for a positive errno.</summary>
    public static SocketError ToSocketError(int errno) => errno switch
    {
        Libc.EPERM or Libc.EACCES => SocketError.AccessDenied,
        Libc.ENOENT => SocketError.AddressNotAvailable,
        Libc.EINTR => SocketError.Interrupted,
        Libc.EBADF or Libc.ENOTSOCK => SocketError.NotSocket,
        Libc.EAGAIN => SocketError.WouldBlock,
        Libc.ENOMEM or Libc.ENOBUFS => SocketError.NoBufferSpaceAvailable,
        Libc.EINVAL => SocketError.InvalidArgument,
        Libc.ENFILE or Libc.EMFILE => SocketError.TooManyOpenSockets,
        Libc.EPIPE => SocketError.Shutdown,
        Libc.EPROTO => SocketError.ProtocolOption,
        Libc.EOPNOTSUPP => SocketError.OperationNotSupported,
        Libc.EAFNOSUPPORT => SocketError.AddressFamilyNotSupported,
        Libc.EADDRINUSE => SocketError.AddressAlreadyInUse,
        Libc.EADDRNOTAVAIL => SocketError.AddressNotAvailable,
        Libc.ENETDOWN => SocketError.NetworkDown,
        Libc.ENETUNREACH => SocketError.NetworkUnreachable,
        Libc.ENETRESET => SocketError.NetworkReset,
        Libc.ECONNABORTED => SocketError.ConnectionAborted,
        Libc.ECONNRESET => SocketError.ConnectionReset,
        Libc.ENOTCONN => SocketError.NotConnected,
        Libc.ETIMEDOUT => SocketError.TimedOut,
        Libc.ECONNREFUSED => SocketError.ConnectionRefused,
        Libc.EHOSTDOWN => SocketError.HostDown,
        Libc.EHOSTUNREACH => SocketError.HostUnreachable,
        _ => SocketError.SocketError,
    };
}
