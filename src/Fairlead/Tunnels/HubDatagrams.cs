using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>
/// A port of UDP that the hub listens on for a client: what arrives there goes into the channel, with whom it is from before it, and what comes out of the channel to whom it names. Only who has
/// sent something is answered. Where the client's connection lives.
/// </summary>
internal sealed class HubDatagrams : IDatagramSink, IDisposable
{
    /// <summary>How many senders are remembered. Who has had no answer is forgotten first, and of them who was not heard of for longest: a flood of invented ones pushes out itself.</summary>
    public const int MostPeers = 4096;

    private readonly List<DatagramListener> listeners;
    private readonly StreamSession session;
    private readonly Dictionary<(AddressKey, int), LinkedListNode<(DatagramPeer Peer, DatagramListener Listener)>> peers = [];

    // By age, the oldest first.
    private readonly LinkedList<(DatagramPeer Peer, DatagramListener Listener)> heard = [], answered = [];
    private readonly TaskCompletionSource over = new();
    private readonly byte[] message = new byte[SocksDatagramHeader.MostBytes + DatagramBatch.MaxLength + 20];
    private SshDatagrams? channel;

    private HubDatagrams(List<DatagramListener> listeners, StreamSession session)
    {
        (this.listeners, this.session) = (listeners, session);
        Place = new HubPlace(true, [.. listeners.Select(static listener => listener.LocalEndPoint.Address)], listeners[0].LocalEndPoint.Port);
    }

    /// <summary>Where. From any thread.</summary>
    public HubPlace Place { get; }

    /// <summary>Completes when the channel is over.</summary>
    public Task Over => over.Task;

    private Drops Drops => session.Binding.Forward.Drops;

    /// <summary>Binds the port.</summary>
    /// <param name="network">Whose sockets they are.</param>
    /// <param name="place">As for <see cref="HubPorts"/>.</param>
    /// <param name="session">Whose it is.</param>
    /// <param name="fault">Why it cannot be had.</param>
    public static HubDatagrams? At(INetwork network, HubPlace place, StreamSession session, out string? fault)
    {
        var listeners = HubPorts.Bind(place, address => network.ListenDatagramsHere(address, new DatagramListenOptions { Shared = true }), static listener => listener.LocalEndPoint.Port, out fault);
        return listeners is null ? null : new HubDatagrams(listeners, session);
    }

    /// <summary>Begins to pass datagrams.</summary>
    public void Start(SshDatagrams opened)
    {
        channel = opened;
        foreach (var listener in listeners)
            listener.Start(new Arrivals(this, listener));
    }

    public void Dispose()
    {
        foreach (var listener in listeners)
            listener.Dispose();
        channel?.Dispose();
        over.TrySetResult();
    }

    public void OnLost(DatagramLoss loss, int count) => Drops.Add(loss == DatagramLoss.Truncated ? Drop.Truncated : Drop.ReceiveBufferFull, count);

    public void OnError(DatagramError error) => over.TrySetResult();

    // Out of the channel.
    public void OnDatagrams(in DatagramBatch batch)
    {
        foreach (var datagram in batch)
        {
            var header = SocksDatagramHeader.Read(datagram);
            if (!header.IsWhole || header.Value.Fragment != 0)
            {
                Drops.Add(Drop.Malformed, 1);
                continue;
            }
            if (header.Value.Address is not IPEndPoint to || !peers.TryGetValue((AddressKey.Of(to.Address)!.Value, to.Port), out var known))
            {
                Drops.Add(Drop.Unwanted, 1);
                continue;
            }
            var payload = datagram[header.Length..];
            var sent = known.Value.Listener.Send(known.Value.Peer, new DatagramBatch(payload, [new DatagramPlace(0, payload.Length)]));
            Drops.Add(sent);
            session.Talk.CountFromUpstream(sent.Bytes);
            known.List!.Remove(known);
            answered.AddLast(known);
        }
    }

    // Into the channel.
    private void OnArrival(DatagramListener listener, in DatagramBatch batch, ReadOnlySpan<DatagramPeer> senders)
    {
        for (var i = 0; i < batch.Places.Length; i++)
        {
            Remember(senders[i], listener);
            var head = SocksDatagramHeader.Write(senders[i].RemoteEndPoint, message);
            foreach (var datagram in new DatagramBatch(batch.Buffer, batch.Places.Slice(i, 1)))
            {
                datagram.CopyTo(message.AsSpan(head));
                var sent = channel!.Send(new DatagramBatch(message, [new DatagramPlace(0, head + datagram.Length)]));
                Drops.Add(sent);
                if (sent.Sent > 0)
                    session.Talk.CountFromClient(datagram.Length);
            }
        }
    }

    private void Remember(in DatagramPeer peer, DatagramListener listener)
    {
        var key = (peer.Remote, (int)peer.Port);
        if (peers.TryGetValue(key, out var known))
        {
            var list = known.List!;
            list.Remove(known);
            known.Value = (peer, listener);
            list.AddLast(known);
            return;
        }
        if (peers.Count >= MostPeers)
        {
            var oldest = heard.First ?? answered.First!;
            peers.Remove((oldest.Value.Peer.Remote, oldest.Value.Peer.Port));
            oldest.List!.Remove(oldest);
        }
        peers.Add(key, heard.AddLast((peer, listener)));
    }

    // One of the addresses.
    private sealed class Arrivals(HubDatagrams owner, DatagramListener listener) : IDatagramServer
    {
        public void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> senders) => owner.OnArrival(listener, batch, senders);

        public void OnLost(DatagramLoss loss, int count) => owner.OnLost(loss, count);
    }
}
