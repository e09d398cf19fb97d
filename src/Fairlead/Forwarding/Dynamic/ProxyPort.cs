using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>An association with a proxy or the far end of a tunnel, by which a client's datagrams leave.</summary>
internal sealed class ProxyPort : IOutwardPort, IAssociationSink
{
    private readonly OutwardSink sink;
    private SocksAssociation? association;

    private ProxyPort(OutwardSink sink, bool takesNames) => (this.sink, TakesNames) = (sink, takesNames);

    public bool TakesNames { get; }

    /// <summary>Asks for an association.</summary>
    public static async ValueTask<(IOutwardPort? Port, DialResult Failure)> OpenAsync(Way way, OutwardSink sink, TimeSpan timeout)
    {
        if (way.OpenAssociation is not { } open)
            return (null, new DialResult(DialOutcome.NotSupported, null, "the proxies that are dialled through do not carry UDP"));
        var port = new ProxyPort(sink, way.TakesNames);
        var opened = await open(port, timeout, CancellationToken.None);
        port.association = opened.Association;
        return opened.Association is null ? (null, new DialResult(opened.Outcome, null, opened.Detail)) : (port, default);
    }

    public bool Reaches(IPAddress address) => true;

    public DatagramsSent Send(EndPoint target, in DatagramBatch batch) => association!.Send(target, batch);

    public void OnDatagrams(EndPoint from, in DatagramBatch batch) => sink.OnAnswer(from, batch);

    public void OnLost(DatagramLoss loss, int count) => sink.OnLost(loss, count);

    public void OnError(DatagramError error)
    {
        if (error == DatagramError.Closed)
            sink.OnClosed();
    }

    public void Dispose() => association?.Dispose();
}
