using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>The port of this machine from which a client's datagrams leave: one socket for both families, or one of each where sources are given.</summary>
internal sealed class LocalPort : IOutwardPort, IDatagramServer
{
    private readonly DatagramListener? v4, v6;
    private readonly OutwardSink sink;

    private LocalPort(DatagramListener? v4, DatagramListener? v6, OutwardSink sink) => (this.v4, this.v6, this.sink) = (v4, v6, sink);

    public bool TakesNames => false;

    /// <summary>Binds the port, and begins to receive.</summary>
    /// <param name="network">Whose sockets they are.</param>
    /// <param name="sources">Which addresses to leave from; empty: as the system routes.</param>
    /// <param name="sink">Who gets what comes.</param>
    /// <exception cref="ListenException">It cannot be had; nothing is left bound.</exception>
    public static LocalPort Open(INetwork network, IReadOnlyList<DialSource> sources, OutwardSink sink)
    {
        var options = new DatagramListenOptions { Shared = true };
        DatagramListener? v4 = null, v6 = null;
        try
        {
            if (sources.Count == 0)
                (v4, v6) = network.ListenDatagramsHere(new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, 0), options) is var both && Socket.OSSupportsIPv6 ? (both, both) : (both, null);
            else
                (v4, v6) = (BindTo(AddressFamily.InterNetwork), BindTo(AddressFamily.InterNetworkV6));
        }
        catch
        {
            v4?.Dispose();
            throw;
        }
        var port = new LocalPort(v4, v6, sink);
        v4?.Start(port);
        if (v6 != v4)
            v6?.Start(port);
        return port;

        DatagramListener? BindTo(AddressFamily family)
        {
            return sources.FirstOrDefault(source => source.Address.AddressFamily == family)?.Address is { } address ? network.ListenDatagramsHere(new IPEndPoint(address, 0), options) : null;
        }
    }

    public bool Reaches(IPAddress address) => ListenerFor(address) is not null;

    public DatagramsSent Send(EndPoint target, in DatagramBatch batch)
    {
        var ip = (IPEndPoint)target;
        var scope = ip.Address.AddressFamily == AddressFamily.InterNetworkV6 ? (uint)ip.Address.ScopeId : 0;
        return ListenerFor(ip.Address)?.Send(new DatagramPeer(AddressKey.Of(ip.Address)!.Value, ip.Port, scope), batch) ?? new DatagramsSent(0, Failed: batch.Count);
    }

    void IDatagramServer.OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
    {
        for (var i = 0; i < batch.Places.Length; i++)
            sink.OnAnswer(peers[i].RemoteEndPoint, new DatagramBatch(batch.Buffer, batch.Places.Slice(i, 1)));
    }

    void IDatagramServer.OnLost(DatagramLoss loss, int count) => sink.OnLost(loss, count);

    public void Dispose()
    {
        v4?.Dispose();
        v6?.Dispose();
    }

    private DatagramListener? ListenerFor(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? v4 : v6;
}
