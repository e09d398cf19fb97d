using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// Where a process's connections come from: native sockets on event loops (<see cref="NativeNetwork"/>), or the sockets of .NET
/// (<see cref="PortableNetwork"/>).
/// </summary>
public interface INetwork : IDisposable
{
    /// <summary>Dials for this network, with <see cref="SocketTuning.Default"/>.</summary>
    IDialer Dialer { get; }

    /// <summary>The same with other options of the TCP sockets that are dialled.</summary>
    /// <param name="tuning">The options.</param>
    /// <param name="sources">
    /// What TCP dials leave from: those of the target's family in turn, the next where one has no port left. If none can be left from, the
    /// outcome is <see cref="DialOutcome.NoLocalAddress"/>. Null or empty: the system chooses. Unix sockets have no source.
    /// </param>
    IDialer DialerWith(SocketTuning tuning, IReadOnlyList<DialSource>? sources = null);

    /// <summary>Timers that fire where the caller runs: on its event loop, or on a pool thread.</summary>
    TimeProvider Time { get; }

    /// <summary>
    /// Where something may live that has connections of this network and runs one call after the other: its event loops in turn; where it has none, another context each time, on
    /// the thread pool.
    /// </summary>
    SynchronizationContext NextContext();

    /// <summary>
    /// Listens on an address. The listening sockets are bound when this returns; clients wait until the acceptors are asked.
    /// </summary>
    /// <param name="endPoint">
    /// An <see cref="IPEndPoint"/> (<see cref="IPAddress.IPv6Any"/> takes IPv4 too) or a <see cref="UnixDomainSocketEndPoint"/>.
    /// </param>
    /// <param name="options">How.</param>
    /// <returns>One acceptor for each event loop, or a single one. The caller owns them all.</returns>
    /// <exception cref="ListenException">The address cannot be listened on. Nothing is left bound.</exception>
    IReadOnlyList<IAcceptor> Listen(EndPoint endPoint, ListenOptions options);

    /// <summary>Listens on an address for connections that belong where this is called: on that event loop, or wherever.</summary>
    /// <param name="endPoint">An address; port 0 lets the system choose.</param>
    /// <param name="options">How.</param>
    /// <returns>The acceptor, which the caller owns.</returns>
    /// <exception cref="ListenException">The address cannot be listened on.</exception>
    IAcceptor ListenHere(IPEndPoint endPoint, ListenOptions options);

    /// <summary>
    /// Accepts from a socket that listens already, TCP or Unix, made by another program: systemd's <c>LISTEN_FDS</c>. Its backlog stays as
    /// it is, and so does the path of a Unix socket, at the end too.
    /// </summary>
    /// <param name="descriptor">The socket. It is the network's from now on, unless this throws.</param>
    /// <param name="options">How; all event loops share the socket.</param>
    /// <returns>One acceptor for each event loop, or a single one. The caller owns them all.</returns>
    /// <exception cref="ArgumentException">The descriptor is no stream socket that listens.</exception>
    [SupportedOSPlatform("linux")]
    IReadOnlyList<IAcceptor> Adopt(int descriptor, ListenOptions options);

    /// <summary>Opens flows of datagrams: UDP sockets, which are connected, so that only their peer's datagrams reach them.</summary>
    /// <param name="sources">As for <see cref="DialerWith"/>.</param>
    IDatagramDialer DatagramDialerWith(IReadOnlyList<DialSource>? sources = null);

    /// <summary>Receives the datagrams of an address. The sockets are bound when this returns.</summary>
    /// <param name="endPoint"><see cref="IPAddress.IPv6Any"/> takes IPv4 too.</param>
    /// <param name="options">How.</param>
    /// <returns>One for each event loop, or a single one. The caller owns them all.</returns>
    /// <exception cref="ListenException">The address cannot be had. Nothing is left bound.</exception>
    IReadOnlyList<DatagramListener> ListenDatagrams(IPEndPoint endPoint, DatagramListenOptions options);

    /// <summary>Receives the datagrams of an address where this is called: on that event loop, or in the context of the caller.</summary>
    /// <returns>The listener, which the caller owns.</returns>
    /// <exception cref="ListenException">The address cannot be had.</exception>
    DatagramListener ListenDatagramsHere(IPEndPoint endPoint, DatagramListenOptions options);

    /// <summary>Receives from a UDP socket that is bound already, made by another program: systemd's <c>LISTEN_FDS</c>.</summary>
    /// <param name="descriptor">The socket. It is the network's from now on, unless this throws.</param>
    /// <param name="options">How; a single listener serves it.</param>
    /// <exception cref="ArgumentException">The descriptor is no bound UDP socket.</exception>
    [SupportedOSPlatform("linux")]
    DatagramListener AdoptDatagrams(int descriptor, DatagramListenOptions options);
}

/// <summary>How to listen, and what accepted connections get.</summary>
public sealed record ListenOptions
{
    /// <summary>How many connections the kernel accepts ahead of the program. It caps this at <c>net.core.somaxconn</c>.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>
    /// Whether the event loops share one listening socket instead of having one each: fewer descriptors, less even.
    /// </summary>
    public bool Shared { get; init; }

    /// <summary>Options of the sockets that are accepted.</summary>
    public SocketTuning Tuning { get; init; } = SocketTuning.Default;

    /// <summary>
    /// Told each time that accepting pauses, about a tenth of a second, because of a fault of this process or system (out of
    /// descriptors, out of memory). Called from the acceptor's wait: it must neither block nor throw.
    /// </summary>
    public Action<SocketError>? OnPause { get; init; }
}

/// <summary>Options of a TCP socket; see tcp(7).</summary>
/// <param name="KeepaliveIdle">Silence after which the peer is probed (<c>TCP_KEEPIDLE</c>), and the gap between probes (<c>TCP_KEEPINTVL</c>). Whole seconds, at least one.</param>
/// <param name="KeepaliveProbes">Unanswered probes after which the connection is dead (<c>TCP_KEEPCNT</c>); 0 turns keepalive off.</param>
/// <param name="Unacknowledged">
/// How long sent bytes may stay unacknowledged (<c>TCP_USER_TIMEOUT</c>). Zero leaves it to the system's retransmissions
/// (<c>tcp_retries2</c>, about 15 minutes). Anything else also takes the place of <paramref name="KeepaliveProbes"/>, and counts
/// a living peer's zero window.
/// </param>
public sealed record SocketTuning(TimeSpan KeepaliveIdle, int KeepaliveProbes, TimeSpan Unacknowledged)
{
    /// <summary>
    /// Probes after 15 s of silence, 4 of them, so that a dead peer is found within 75 s; unacknowledged bytes are left to the
    /// system's 15 minutes.
    /// </summary>
    public static SocketTuning Default { get; } = new(TimeSpan.FromSeconds(15), 4, TimeSpan.Zero);
}
