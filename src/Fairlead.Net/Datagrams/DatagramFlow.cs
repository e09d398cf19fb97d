using System.Net;

namespace Fairlead.Net;

/// <summary>
/// Datagrams to and from one peer: a connected UDP socket, a SOCKS association or a channel of a tunnel. Nothing is owed: a datagram that
/// cannot be sent now is dropped, and counted.
/// </summary>
/// <remarks>A flow is used where it belongs (<see cref="Context"/>), and so is its sink: nothing of it happens at the same time as anything else there.</remarks>
public abstract class DatagramFlow : IDisposable
{
    /// <summary>This end's address; null where there is none.</summary>
    public abstract EndPoint? LocalEndPoint { get; }

    /// <summary>The peer's address.</summary>
    public abstract EndPoint? RemoteEndPoint { get; }

    /// <summary>Where the flow and its sink are called: an event loop, or a context that runs one call after the other.</summary>
    public abstract SynchronizationContext Context { get; }

    /// <summary>Sends what can be sent without waiting, in its order. Never throws for what the network does; after <see cref="Dispose"/> nothing is sent.</summary>
    public abstract DatagramsSent Send(in DatagramBatch batch);

    /// <summary>Closes the flow; its sink is not called any more.</summary>
    public abstract void Dispose();
}

/// <summary>What became of datagrams that were to be sent.</summary>
/// <param name="Sent">How many the system took.</param>
/// <param name="Bytes">How many bytes those had.</param>
/// <param name="TooLong">How many are longer than the way can carry (<c>EMSGSIZE</c>).</param>
/// <param name="NoRoom">How many found no room in the socket's buffer or the system's memory (<c>EAGAIN</c>, <c>ENOBUFS</c>).</param>
/// <param name="Failed">How many were refused otherwise: no route, a packet filter.</param>
public readonly record struct DatagramsSent(int Sent, long Bytes = 0, int TooLong = 0, int NoRoom = 0, int Failed = 0)
{
    /// <summary>Both together.</summary>
    public static DatagramsSent operator +(DatagramsSent one, DatagramsSent other) =>
        new(one.Sent + other.Sent, one.Bytes + other.Bytes, one.TooLong + other.TooLong, one.NoRoom + other.NoRoom, one.Failed + other.Failed);
}

/// <summary>Who gets what a flow receives. Called where the flow belongs; it must neither block nor throw.</summary>
public interface IDatagramSink
{
    /// <summary>Datagrams have arrived, from the peer alone. The bytes are lent for the call.</summary>
    void OnDatagrams(in DatagramBatch batch);

    /// <summary>Datagrams were lost on this machine, and have not been told yet.</summary>
    void OnLost(DatagramLoss loss, int count);

    /// <summary>
    /// The network says that something did not arrive (ICMP; RFC 1122 section 4.1.3.3). The flow goes on, unless it says <see cref="DatagramError.Closed"/>.
    /// Told once for each such message, at the most.
    /// </summary>
    void OnError(DatagramError error);
}

/// <summary>How datagrams are lost on this machine.</summary>
public enum DatagramLoss
{
    /// <summary>
    /// The socket's receive buffer was full (<c>SO_RXQ_OVFL</c>). It is told with the next datagram that finds room. The kernel counts a run that it keeps in
    /// one piece as one.
    /// </summary>
    BufferFull,

    /// <summary>It did not fit into the memory that it was read into (<c>MSG_TRUNC</c>).</summary>
    Truncated,
}

/// <summary>What the network says about a flow.</summary>
public enum DatagramError
{
    /// <summary>The host answers that nobody listens there (port unreachable).</summary>
    Refused,

    /// <summary>No route, or a router said so.</summary>
    Unreachable,

    /// <summary>Anything else that the system reports.</summary>
    Failed,

    /// <summary>The flow is over, since what carried it is. It is to be disposed.</summary>
    Closed,
}

/// <summary>Opens flows.</summary>
public interface IDatagramDialer
{
    /// <summary>Opens a flow. Nothing is sent yet, so that nobody needs to be there. It belongs where this is called.</summary>
    /// <param name="target">The peer; no names, which would block.</param>
    /// <param name="sink">Who gets what the peer sends.</param>
    /// <param name="timeout">How long to wait, where there is something to be waited for.</param>
    /// <param name="cancel">Gives it up.</param>
    ValueTask<DatagramDialResult> OpenAsync(EndPoint target, IDatagramSink sink, TimeSpan timeout, CancellationToken cancel = default);
}

/// <summary>What became of opening a flow.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Flow">The flow, which the caller owns; null unless connected.</param>
/// <param name="Detail">The system's words for a failure, for logs.</param>
public readonly record struct DatagramDialResult(DialOutcome Outcome, DatagramFlow? Flow = null, string? Detail = null);
