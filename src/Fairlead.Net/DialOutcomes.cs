using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>From the system's error to the word for how a dial ended.</summary>
internal static class DialOutcomes
{
    /// <summary>
    /// Decides by the error and the family that was dialled: two errors mean something else for a Unix socket, where .NET's
    /// <see cref="SocketError.AddressNotAvailable"/> is ENOENT too.
    /// </summary>
    public static DialOutcome From(SocketError error, AddressFamily family) => error switch
    {
        SocketError.Success => DialOutcome.Connected,

        // A reset while connecting is a listener that closes in this moment, or drops its backlog.
        SocketError.ConnectionRefused or SocketError.ConnectionReset => DialOutcome.Refused,
        SocketError.AddressNotAvailable when family == AddressFamily.Unix => DialOutcome.Refused,
        SocketError.WouldBlock when family == AddressFamily.Unix => DialOutcome.Busy,

        // EAFNOSUPPORT is a system without IPv6: no route to any such address.
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown or
        SocketError.AddressFamilyNotSupported => DialOutcome.Unreachable,

        SocketError.TimedOut => DialOutcome.TimedOut,
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => DialOutcome.NameUnknown,

        // EADDRINUSE: bound to a local port whose pair with this target is taken.
        SocketError.AddressNotAvailable or SocketError.AddressAlreadyInUse => DialOutcome.NoLocalAddress,

        // EAGAIN from connect(2) on anything but a Unix socket is a full routing cache.
        SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable or SocketError.WouldBlock => DialOutcome.NoResources,
        SocketError.OperationAborted => DialOutcome.Cancelled,
        _ => DialOutcome.Failed,
    };
}
