using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>How a dial ended.</summary>
public enum DialOutcome
{
    /// <summary>There is a connection.</summary>
    Connected,

    /// <summary>The host answered that nothing listens there.</summary>
    Refused,

    /// <summary>No route, or a router said so.</summary>
    Unreachable,

    /// <summary>No answer in time.</summary>
    TimedOut,

    /// <summary>The name is unknown, or the resolver did not answer.</summary>
    NameUnknown,

    /// <summary>No local address or port was left to dial from.</summary>
    NoLocalAddress,

    /// <summary>The process or the system is out of descriptors or memory.</summary>
    NoResources,

    /// <summary>The listener's backlog is full (Unix sockets say so at once).</summary>
    Busy,

    /// <summary>The dial was given up by the caller.</summary>
    Cancelled,

    /// <summary>It is forbidden: by a rule of this machine, or by the proxy that was asked.</summary>
    NotAllowed,

    /// <summary>Whoever was asked does not do that: a proxy or the far end of a tunnel that carries no datagrams.</summary>
    NotSupported,

    /// <summary>Anything else; <see cref="DialResult.Detail"/> says what.</summary>
    Failed,
}

/// <summary>What became of a dial. The network is not exceptional, so this is a value.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Connection">The connection, which the caller owns; null unless connected.</param>
/// <param name="Detail">The system's words for a failure, for logs.</param>
public readonly record struct DialResult(DialOutcome Outcome, Connection? Connection = null, string? Detail = null)
{
    /// <summary>A dial that succeeded.</summary>
    public static DialResult To(Connection connection) => new(DialOutcome.Connected, connection);
}

/// <summary>Makes connections: directly, and later through a tunnel or an upstream proxy.</summary>
public interface IDialer
{
    /// <summary>
    /// Dials <paramref name="target"/>, once. On a <see cref="NativeNetwork"/> it is called on an event loop, and the connection
    /// belongs to that loop.
    /// </summary>
    /// <param name="target">
    /// An <see cref="IPEndPoint"/> or a <see cref="UnixDomainSocketEndPoint"/>; a <see cref="DnsEndPoint"/> only where the far end of a proxy or tunnel looks names up, since
    /// that would block here.
    /// </param>
    /// <param name="timeout">How long to wait for the connection to stand; <see cref="Timeout.InfiniteTimeSpan"/> leaves it to the system.</param>
    /// <param name="cancel">Gives the dial up. A connection that stood in the same moment is closed, never leaked.</param>
    ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default);
}
