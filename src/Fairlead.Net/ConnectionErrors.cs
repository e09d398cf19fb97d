using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>From the system's error to the word for how a connection broke.</summary>
internal static class ConnectionErrors
{
    /// <summary>Decides by the error alone. Whether this end aborted is for the connection to know, and to ask first.</summary>
    public static ConnectionError From(SocketError error) => error switch
    {
        // Shutdown is EPIPE. ENOTCONN is what a shutdown says after the peer's reset was already told.
        SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted or
        SocketError.NotConnected or SocketError.NetworkReset or SocketError.Disconnecting => ConnectionError.Reset,

        SocketError.OperationAborted => ConnectionError.Aborted,
        SocketError.TimedOut => ConnectionError.TimedOut,

        SocketError.HostUnreachable or SocketError.NetworkUnreachable or
        SocketError.HostDown or SocketError.NetworkDown => ConnectionError.Unreachable,

        _ => ConnectionError.Failed,
    };
}
