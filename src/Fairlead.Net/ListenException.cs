using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>An address could not be listened on.</summary>
public sealed class ListenException : IOException
{
    /// <summary>Makes one that names the address and the system's reason.</summary>
    public ListenException(EndPoint endPoint, SocketError error, string message, Exception? inner = null)
        : base(message, inner)
    {
        EndPoint = endPoint;
        Error = error;
    }

    /// <summary>The address.</summary>
    public EndPoint EndPoint { get; }

    /// <summary>
    /// The reason: <see cref="SocketError.AddressAlreadyInUse"/>, <see cref="SocketError.AccessDenied"/>,
    /// <see cref="SocketError.AddressNotAvailable"/>, <see cref="SocketError.AddressFamilyNotSupported"/>,
    /// <see cref="SocketError.TooManyOpenSockets"/>, …
    /// </summary>
    public SocketError Error { get; }
}
