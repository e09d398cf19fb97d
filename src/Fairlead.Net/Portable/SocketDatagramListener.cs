using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>A listener over UDP sockets of .NET: one, or one for each address of the machine.</summary>
internal sealed class SocketDatagramListener : DatagramListener, IUdpReceiver
{
    private readonly SerialContext context = SerialContext.Current ?? new SerialContext();
    private readonly Dictionary<(AddressKey Address, uint Interface), UdpReader> readers = [];
    private readonly UdpReader? only;
    private readonly int longest;
    private IDisposable? following;
    private IDatagramServer? server;
    private bool isDisposed;

    /// <summary>Takes over a socket that serves everybody.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="local">What it is bound to.</param>
    /// <param name="receiveBuffer">What the system has granted.</param>
    /// <param name="longest">How long a datagram may be; see <see cref="UdpReader"/>.</param>
    public SocketDatagramListener(UdpSocket socket, IPEndPoint local, int receiveBuffer, int longest = UdpSocket.MaxLength)
    {
        (LocalEndPoint, ReceiveBuffer) = (local, receiveBuffer);
        this.longest = longest;
        only = new UdpReader(socket, context, this, longest);
    }

    /// <summary>Takes over sockets that serve an address each, and follows the addresses as they come and go.</summary>
    public SocketDatagramListener(AddressSockets sockets, IPEndPoint local, int receiveBuffer)
    {
        (LocalEndPoint, ReceiveBuffer) = (local, receiveBuffer);
        longest = UdpSocket.MaxLength;
        foreach (var (address, socket) in sockets.First)
            Add(address, socket);
        following = sockets.Follow(current => context.Run(() => Change(sockets, current)));
    }

    /// <inheritdoc/>
    public override IPEndPoint LocalEndPoint { get; }

    /// <inheritdoc/>
    public override SynchronizationContext Context => context;

    /// <inheritdoc/>
    public override int ReceiveBuffer { get; }

    /// <inheritdoc/>
    public override void Start(IDatagramServer server)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        if (this.server is not null)
            throw new InvalidOperationException("The listener reads already.");
        this.server = server;
        only?.Start();
        foreach (var reader in readers.Values)
            reader.Start();
    }

    /// <inheritdoc/>
    public override DatagramsSent Send(in DatagramPeer peer, in DatagramBatch batch)
    {
        var sent = default(DatagramsSent);
        if (isDisposed)
            return sent;
        var reader = only;
        if (reader is null && !readers.TryGetValue((peer.Local, UdpSocket.IsLinkLocal(peer.Local) ? peer.Interface : 0), out reader))
            return new DatagramsSent(0, Failed: batch.Count);
        foreach (var datagram in batch)
        {
            var error = reader.Socket.Send(datagram, peer);
            for (var tries = 1; tries < UdpFaults.MostTries && UdpFaults.IsWord(error); tries++)
                error = reader.Socket.Send(datagram, peer);
            sent += UdpFaults.Count(error, datagram.Length);

            // The buffer is full for those that follow too.
            if (error == SocketError.WouldBlock)
                return sent + new DatagramsSent(0, NoRoom: batch.Count - (sent.Sent + sent.TooLong + sent.NoRoom + sent.Failed));
        }
        return sent;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        isDisposed = true;
        following?.Dispose();
        following = null;
        only?.Dispose();
        foreach (var reader in readers.Values)
            reader.Dispose();
        readers.Clear();
    }

    void IUdpReceiver.OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
    {
        if (!isDisposed)
            server!.OnDatagrams(batch, peers);
    }

    void IUdpReceiver.OnLost(DatagramLoss loss, int count)
    {
        if (!isDisposed)
            server!.OnLost(loss, count);
    }

    // Whatever became of an answer, it is no reason to end: others are served.
    void IUdpReceiver.OnError(SocketError error)
    {
    }

    private static (AddressKey Address, uint Interface) KeyOf(IPAddress address) =>
        (AddressKey.Of(address)!.Value, address.IsIPv6LinkLocal ? (uint)address.ScopeId : 0);

    private UdpReader Add(IPAddress address, UdpSocket socket) => readers[KeyOf(address)] = new UdpReader(socket, context, this, longest);

    private void Change(AddressSockets sockets, IReadOnlyList<IPAddress> current)
    {
        if (isDisposed)
            return;
        var keys = current.Where(sockets.IsServed).ToDictionary(KeyOf);
        foreach (var gone in readers.Keys.Where(key => !keys.ContainsKey(key)).ToList())
        {
            readers[gone].Dispose();
            readers.Remove(gone);
        }
        foreach (var (key, address) in keys)
        {
            if (readers.ContainsKey(key) || sockets.TryBind(address, LocalEndPoint.Port) is not { } socket)
                continue;
            var reader = Add(address, socket);
            if (server is not null)
                reader.Start();
        }
    }
}
