using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>A channel of datagrams as what its peer sends to, who alone is there: <see cref="Peer"/> stands for him.</summary>
/// <param name="context">Where the channel lives.</param>
internal sealed class ChannelListener(SynchronizationContext context) : DatagramListener, IDatagramSink
{
    private readonly TaskCompletionSource over = new();
    private IDatagramServer? server;
    private DatagramPeer[] peers = [];

    /// <summary>Who is at the other end of every channel.</summary>
    public static AddressKey Peer { get; } = AddressKey.Of(IPAddress.IPv6None)!.Value;

    /// <summary>The channel; set before anything comes.</summary>
    public SshDatagrams Channel { get; set; } = null!;

    /// <summary>Completes when the channel is over.</summary>
    public Task Over => over.Task;

    public override IPEndPoint LocalEndPoint { get; } = new(IPAddress.None, 0);

    public override SynchronizationContext Context => context;

    public override int ReceiveBuffer => 0;

    public override void Start(IDatagramServer server) => this.server = server;

    public override DatagramsSent Send(in DatagramPeer peer, in DatagramBatch batch) => Channel.Send(batch);

    public override void Dispose()
    {
        Channel.Dispose();
        over.TrySetResult();
    }

    public void OnDatagrams(in DatagramBatch batch)
    {
        if (peers.Length < batch.Places.Length)
            Array.Fill(peers = new DatagramPeer[batch.Places.Length], new DatagramPeer(Peer, 0, 0));
        server?.OnDatagrams(batch, peers);
    }

    public void OnLost(DatagramLoss loss, int count) => server?.OnLost(loss, count);

    public void OnError(DatagramError error) => over.TrySetResult();
}
