using System.Net.Sockets;

namespace Fairlead.Cli;

/// <summary>A datagram socket towards the service manager's. Never waits: what the manager has no room for is not sent.</summary>
internal sealed class ServiceSocket : IDisposable
{
    private readonly Socket socket;
    private readonly UnixDomainSocketEndPoint manager;

    private ServiceSocket(Socket socket, UnixDomainSocketEndPoint manager)
    {
        this.socket = socket;
        this.manager = manager;
    }

    /// <summary>Makes the socket, which the manager need not have bound yet.</summary>
    /// <param name="address">As NOTIFY_SOCKET has it: an absolute path, or <c>@</c> and an abstract name (unix(7)).</param>
    /// <returns>Null if there is no address, or it is of another kind, or the system gives no socket.</returns>
    public static ServiceSocket? Open(string? address)
    {
        if (address is not { Length: > 1 } || address[0] is not ('/' or '@'))
            return null;
        Socket? socket = null;
        try
        {
            var manager = new UnixDomainSocketEndPoint(address[0] == '@' ? $"\0{address[1..]}" : address);
            socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            return new ServiceSocket(socket, manager);
        }
        // An address longer than 108 bytes, a system without such sockets, no descriptor left.
        catch (Exception error) when (error is ArgumentException or SocketException or PlatformNotSupportedException)
        {
            socket?.Dispose();
            return null;
        }
    }

    /// <summary>Sends one message.</summary>
    /// <returns>False if there is no room for it now. True also where it can never arrive: there is nobody to tell it.</returns>
    public bool TrySend(byte[] message)
    {
        try
        {
            socket.SendTo(message, manager);
            return true;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode is not (SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable);
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    public void Dispose() => socket.Dispose();
}
