using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>What the errors of a UDP socket mean.</summary>
internal static class UdpFaults
{
    /// <summary>How often a datagram is sent again whose sending told of an earlier one's fate: each try takes one such message off the socket.</summary>
    public const int MostTries = 4;

    /// <summary>
    /// Whether it is the network's word about an earlier datagram (ICMP): it waits on the socket, and the next call gets it, whichever that is.
    /// WSAECONNRESET is what Windows calls a port unreachable, and WSAENETRESET a time to live that ran out.
    /// </summary>
    public static bool IsWord(SocketError error) => error is SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.NetworkReset or
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown or SocketError.ProtocolOption;

    /// <summary>What to tell about it.</summary>
    public static DatagramError Tell(SocketError error) => error switch
    {
        SocketError.ConnectionRefused or SocketError.ConnectionReset => DatagramError.Refused,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown or
        SocketError.NetworkReset => DatagramError.Unreachable,
        _ => DatagramError.Failed,
    };

    /// <summary>Whether the socket is none any more, so that nothing will ever come from it.</summary>
    public static bool IsEnd(SocketError error) => error is SocketError.OperationAborted or SocketError.NotSocket;

    /// <summary>Whether an error can be another datagram's, so that it is worth to try again: whatever does not say that this one has no room, or is too long.</summary>
    public static bool MayBeAnothers(SocketError error) => !IsEnd(error) && error is not (
        SocketError.Success or SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable or SocketError.MessageSize);

    /// <summary>What became of one datagram.</summary>
    public static DatagramsSent Count(SocketError error, int length) => error switch
    {
        SocketError.Success => new DatagramsSent(1, length),
        SocketError.MessageSize => new DatagramsSent(0, TooLong: 1),
        SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable => new DatagramsSent(0, NoRoom: 1),
        _ => new DatagramsSent(0, Failed: 1),
    };
}
