using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What an FTP conversation may do beside its two control connections. Everything happens where those belong.</summary>
internal interface IFtpMeans
{
    /// <summary>Listens for one connection of the client, where it has reached us: here, or at the far end of a tunnel.</summary>
    /// <param name="reached">The address that it has reached.</param>
    /// <param name="ports">Which ports may be taken; port 0: the system chooses.</param>
    /// <param name="from">Who may come. Whoever else comes is reset, and goes on being waited for.</param>
    /// <returns>Null where no port is free.</returns>
    ValueTask<IFtpDoor?> ListenForClientAsync(IPAddress reached, PortRange ports, IPAddress from);

    /// <summary>Listens for one connection of the server.</summary>
    /// <param name="at">A local address.</param>
    /// <param name="ports">Which ports may be taken; port 0: the system chooses.</param>
    /// <param name="from">Who may come. Whoever else comes is reset, and goes on being waited for.</param>
    /// <returns>Null where no port is free.</returns>
    IFtpDoor? ListenOnce(IPAddress at, PortRange ports, IPAddress from);

    /// <summary>Dials another port of the host to which the upstream's control connection leads, in the same way.</summary>
    ValueTask<DialResult> DialUpstreamAsync(int port);

    /// <summary>Dials the client, from the local address that it has reached.</summary>
    ValueTask<DialResult> DialClientAsync(IPEndPoint target, IPAddress from);

    /// <summary>Ends TLS of a client here, as the server.</summary>
    /// <param name="plain">The connection, which belongs to the one that is returned.</param>
    /// <returns>Null where the client could not agree with us, or took too long; the plain connection is the caller's still.</returns>
    ValueTask<Connection?> SecureAsync(Connection plain);

    /// <summary>Asks for the descriptors of one data connection: a listen, and then two legs.</summary>
    bool TryTakePlaces();

    /// <summary>Gives them back.</summary>
    void LeavePlaces();

    /// <summary>Writes to the log, where the client or its server has done something that somebody should know of.</summary>
    /// <param name="level">How much it matters.</param>
    /// <param name="event">What, as one word.</param>
    /// <param name="message">What, as a sentence; a stranger's text in it is escaped already.</param>
    void Log(LogLevel level, string @event, string message);
}

/// <summary>A listen for one connection.</summary>
internal interface IFtpDoor : IDisposable
{
    /// <summary>Where, with the port.</summary>
    IPEndPoint LocalEndPoint { get; }

    /// <summary>Waits for whom it is for; null once it is disposed. Called once.</summary>
    ValueTask<Connection?> AcceptAsync();
}
