using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>What to do about an accept that failed.</summary>
internal enum AcceptRemedy
{
    /// <summary>It concerned one connection, which is lost: accept the next.</summary>
    CarryOn,

    /// <summary>It concerns us all and passes: wait <see cref="AcceptFault.NextPause"/>, then accept again.</summary>
    Pause,

    /// <summary>The listening socket is no listening socket any more: nothing will ever be accepted from it.</summary>
    Stop,
}

/// <summary>Failed accepts, in three tiers.</summary>
internal static class AcceptFault
{
    /// <summary>
    /// After so many faults in a row without a connection, carrying on becomes a pause: a security module refuses before the
    /// connection leaves the queue, and would be asked about the same one forever.
    /// </summary>
    public const int MaxInARow = 16;

    /// <summary>
    /// Decides by the error alone. What is not known is waited out, which costs a tenth of a second; to carry on could spin, and
    /// to stop would leave a listener that looks alive and is not.
    /// </summary>
    public static AcceptRemedy Decide(SocketError error) => error switch
    {
        // EMFILE and ENFILE; ENOBUFS and ENOMEM. The connection stays in the queue, so trying again at once would spin.
        SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable => AcceptRemedy.Pause,

        // EBADF (.NET says OperationAborted), ENOTSOCK, EINVAL (not listening).
        SocketError.OperationAborted or SocketError.NotSocket or SocketError.InvalidArgument => AcceptRemedy.Stop,

        // accept(2): Linux passes errors that are pending on the new socket; they are to be treated like EAGAIN.
        // EPERM is a firewall's.
        SocketError.ConnectionAborted or SocketError.ConnectionReset or SocketError.TimedOut or
        SocketError.NetworkDown or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.HostUnreachable or
        SocketError.ProtocolOption or SocketError.ProtocolNotSupported or SocketError.OperationNotSupported or
        SocketError.AccessDenied or SocketError.Interrupted or SocketError.WouldBlock => AcceptRemedy.CarryOn,

        _ => AcceptRemedy.Pause,
    };

    /// <summary>What <see cref="IAcceptor.WaitAsync"/> throws after <see cref="AcceptRemedy.Stop"/>.</summary>
    public static ListenException Broken(EndPoint endPoint, SocketError error) =>
        new(endPoint, error, $"Nothing will be accepted on {endPoint} any more: {new SocketException((int)error).Message}.");

    /// <summary>50 to 150 ms, at random, so that the listeners of one process do not all come back in the same moment.</summary>
    public static TimeSpan NextPause() => TimeSpan.FromMilliseconds(Random.Shared.Next(50, 151));
}
