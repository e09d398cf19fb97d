using System.Net;

namespace Fairlead.Net;

/// <summary>
/// Where connections arrive: one listening socket, and later the far end of a tunnel.
/// </summary>
/// <remarks>
/// Waiting and accepting are apart, so that whoever counts connections can decide between the two: while nobody waits, the
/// listener is not watched, and clients wait in the kernel's backlog.
/// <code>
/// while (await acceptor.WaitAsync())
///     while (acceptor.TryAccept() is { } connection)
///         Serve(connection);
/// </code>
/// </remarks>
public interface IAcceptor : IDisposable
{
    /// <summary>The address that is listened on, with the port that the system chose where 0 was asked for.</summary>
    EndPoint LocalEndPoint { get; }

    /// <summary>
    /// Where calls of this acceptor belong: its event loop, or null where any thread will do. Accepted connections belong there too.
    /// </summary>
    SynchronizationContext? Context { get; }

    /// <summary>
    /// Waits until a connection may be there to be accepted. A fault of accepting itself (out of descriptors or memory) is waited
    /// out here.
    /// </summary>
    /// <returns>False when the acceptor was unbound and its backlog is served, or when it was disposed.</returns>
    /// <exception cref="ListenException">
    /// The listening socket is none any more: nothing will be accepted from it, however often it is asked. Its owner disposes it.
    /// </exception>
    ValueTask<bool> WaitAsync();

    /// <summary>Takes a connection that is waiting; null if there is none (any more), or if accepting failed.</summary>
    Connection? TryAccept();

    /// <summary>
    /// The same for somebody who lives elsewhere: the connection may be used in <paramref name="home"/>, by everything that is posted there from now on. It is moved there if it
    /// can be, as between event loops; else its calls go back and forth.
    /// </summary>
    /// <param name="home">An event loop, or any other context that runs one call after the other.</param>
    /// <returns>
    /// Null as well where the home is an event loop that has ended: the client is reset. One that ends, or runs out of memory, before the connection has arrived resets it there.
    /// </returns>
    Connection? TryAccept(SynchronizationContext home) => TryAccept() is { } connection ? ForeignConnection.For(home, connection) : null;

    /// <summary>
    /// Stops listening without losing anybody: no new connection is let in, and those that the kernel had already accepted are
    /// still handed out, after which <see cref="WaitAsync"/> returns false.
    /// </summary>
    /// <remarks>
    /// A socket that was adopted stays open for its other owner: newcomers are not kept out of it, and wait there for him.
    /// </remarks>
    void Unbind();

    /// <summary>Changes the options of the TCP connections that it accepts from now on; those that it has accepted keep theirs.</summary>
    void Tune(SocketTuning tuning);
}
