using System.Buffers;
using System.Globalization;
using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>
/// A port of UDP at the far end of a tunnel, as what its senders send to. Each datagram in the channel has before it whom it is from or for (RFC 1928 section 7), so that sessions are told apart here. It
/// lives where the tunnel's connection for datagrams does.
/// </summary>
internal sealed class RemoteDatagrams : DatagramListener, IDatagramSink, IRemoteListen
{
    private readonly Tunnel tunnel;
    private readonly SshOpen.UdpListen open;
    private IDatagramServer? server;
    private SshDatagrams? channel;
    private TaskCompletionSource over = new();
    private DatagramPlace[] payloads = [];
    private DatagramPeer[] peers = [];

    /// <param name="tunnel">The tunnel.</param>
    /// <param name="written">The listen, as it is written. Without a host it is every address.</param>
    public RemoteDatagrams(Tunnel tunnel, PortEndpoint written)
    {
        this.tunnel = tunnel;
        open = new SshOpen.UdpListen(written.Host == "*" ? "" : written.Host, written.Ports.First);
        LocalEndPoint = new IPEndPoint(IPAddress.TryParse(open.Host, out var address) ? address : open.Host == "localhost" ? IPAddress.Loopback : IPAddress.Any, open.Port);
    }

    public string Text => TextOf(open.Port);

    /// <summary>What is written, as far as that is an address; for those who ask where a datagram was sent to.</summary>
    public override IPEndPoint LocalEndPoint { get; }

    public override SynchronizationContext Context => tunnel.Datagrams.Context;

    public override int ReceiveBuffer => 0;

    public override void Start(IDatagramServer server)
    {
        this.server = server;
        tunnel.Datagrams.Add(this);
    }

    public async Task<RemoteListening> AskAsync(SshConnection connection)
    {
        var result = await connection.OpenDatagramsAsync(open, this);
        if (result.Datagrams is not { } opened)
            return new RemoteListening(result.Failure is null);
        (channel, over) = (opened, new TaskCompletionSource());
        return new RemoteListening(false, TextOf(result.Port ?? open.Port), GiveUpAsync, over.Task);

        Task GiveUpAsync()
        {
            opened.Dispose();
            return Task.CompletedTask;
        }
    }

    public override DatagramsSent Send(in DatagramPeer peer, in DatagramBatch batch)
    {
        if (channel is not { } present)
            return new DatagramsSent(0, Failed: batch.Count);
        var (sum, message) = (default(DatagramsSent), ArrayPool<byte>.Shared.Rent(SshDatagrams.MostMessage));
        var head = SocksDatagramHeader.Write(peer.RemoteEndPoint, message);
        foreach (var datagram in batch)
        {
            datagram.CopyTo(message.AsSpan(head));
            var sent = present.Send(new DatagramBatch(message, [new DatagramPlace(0, head + datagram.Length)]));
            sum += sent with { Bytes = sent.Bytes - (sent.Sent * head) };
        }
        ArrayPool<byte>.Shared.Return(message);
        return sum;
    }

    public override void Dispose()
    {
        server = null;
        tunnel.Datagrams.Leave(this);
    }

    public void OnDatagrams(in DatagramBatch batch)
    {
        if (payloads.Length < batch.Places.Length)
            (payloads, peers) = (new DatagramPlace[batch.Places.Length], new DatagramPeer[batch.Places.Length]);
        var count = 0;
        foreach (var place in batch.Places)
        {
            var header = SocksDatagramHeader.Read(batch.Buffer.Slice(place.Offset, place.Length));
            // Rules for sources would let in whom they cannot tell.
            if (!header.IsWhole || header.Value.Fragment != 0 || header.Value.Address is not IPEndPoint from)
                continue;
            payloads[count] = new DatagramPlace(place.Offset + header.Length, place.Length - header.Length);
            peers[count++] = new DatagramPeer(AddressKey.Of(from.Address)!.Value, from.Port, 0);
        }
        if (count > 0)
            server?.OnDatagrams(new DatagramBatch(batch.Buffer, payloads.AsSpan(0, count)), peers.AsSpan(0, count));
    }

    public void OnLost(DatagramLoss loss, int count) => server?.OnLost(loss, count);

    public void OnError(DatagramError error)
    {
        channel = null;
        over.TrySetResult();
    }

    private string TextOf(int port) => string.Create(CultureInfo.InvariantCulture, $"{RemoteListen.TextOf(new SshBind.Tcp(open.Host, port))}/udp");
}
