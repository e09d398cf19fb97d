using System.Net;

namespace Fairlead.Net;

/// <summary>Datagrams of many peers on one address: a bound UDP socket.</summary>
/// <remarks>
/// It is used where it belongs (<see cref="Context"/>), and so is whom it serves. Of one peer, all datagrams come to the same listener in the order of
/// their arrival, as long as no listener of the address comes or goes.
/// </remarks>
public abstract class DatagramListener : IDisposable
{
    /// <summary>The address, with the port that the system chose where 0 was asked for.</summary>
    public abstract IPEndPoint LocalEndPoint { get; }

    /// <summary>Where the listener and whom it serves are called: an event loop, or a context that runs one call after the other.</summary>
    public abstract SynchronizationContext Context { get; }

    /// <summary>How many bytes of arrived datagrams the system keeps at the most until they are read; see <see cref="DatagramListenOptions.ReceiveBuffer"/>.</summary>
    public abstract int ReceiveBuffer { get; }

    /// <summary>Begins to read; until then datagrams wait in the system's buffer. Once.</summary>
    public abstract void Start(IDatagramServer server);

    /// <summary>
    /// Sends what can be sent without waiting, in its order, from the very address that the peer wrote to. Never throws for what the network does; after
    /// <see cref="Dispose"/> nothing is sent.
    /// </summary>
    public abstract DatagramsSent Send(in DatagramPeer peer, in DatagramBatch batch);

    /// <summary>Closes the socket; the server is not called any more.</summary>
    public abstract void Dispose();
}

/// <summary>Who gets what a <see cref="DatagramListener"/> receives. Called where that belongs; it must neither block nor throw.</summary>
public interface IDatagramServer
{
    /// <summary>Datagrams have arrived. The bytes are lent for the call.</summary>
    /// <param name="batch">The datagrams.</param>
    /// <param name="peers">Of each place, whose they are.</param>
    void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers);

    /// <summary>Datagrams were lost on this machine, and have not been told yet.</summary>
    void OnLost(DatagramLoss loss, int count);
}

/// <summary>Both ends of a datagram on a listener: what makes it part of a session, and what an answer needs.</summary>
public readonly record struct DatagramPeer
{
    internal DatagramPeer(AddressKey remote, int port, uint scope, AddressKey local = default, uint @interface = 0)
    {
        (Remote, Port, Scope, Local, Interface) = (remote, (ushort)port, scope, local, @interface);
    }

    /// <summary>The peer's address.</summary>
    internal AddressKey Remote { get; }

    /// <summary>The address that it wrote to; default where the listener has only one.</summary>
    internal AddressKey Local { get; }

    /// <summary>The zone of a link-local address of the peer; 0 else.</summary>
    internal uint Scope { get; }

    /// <summary>The interface that it came by, where an answer has to leave there: link-local addresses, and multicast; 0 else.</summary>
    internal uint Interface { get; }

    internal ushort Port { get; }

    /// <summary>The peer's address and port.</summary>
    public IPEndPoint RemoteEndPoint
    {
        get
        {
            var address = Remote.ToAddress();
            return new IPEndPoint(Scope == 0 ? address : new IPAddress(address.GetAddressBytes(), Scope), Port);
        }
    }

    /// <summary>The address that it wrote to; null where the listener has only one.</summary>
    public IPAddress? LocalAddress => Local == default ? null : Local.ToAddress();

    /// <summary>A hash that a stranger cannot foresee.</summary>
    public override int GetHashCode() => HashCode.Combine((ulong)(Remote.Bits >> 64), (ulong)Remote.Bits, ((ulong)Port << 32) | Scope, (ulong)Local.Bits);
}

/// <summary>How to receive the datagrams of an address.</summary>
public sealed record DatagramListenOptions
{
    /// <summary>Whether one socket is to serve all, on one of the event loops, instead of one each: fewer descriptors, one core.</summary>
    public bool Shared { get; init; }

    /// <summary>
    /// How many bytes may wait to be read (<c>SO_RCVBUF</c>). The system caps it (<c>net.core.rmem_max</c>) where the process lacks CAP_NET_ADMIN;
    /// <see cref="DatagramListener.ReceiveBuffer"/> says what it came to.
    /// </summary>
    public int ReceiveBuffer { get; init; } = 4 << 20;
}
