using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Opens an association: with a SOCKS5 proxy, or with the far end of a tunnel.</summary>
internal delegate ValueTask<AssociationResult> OpenAssociation(IAssociationSink sink, TimeSpan timeout, CancellationToken cancel);

/// <summary>Opens flows through a SOCKS5 proxy or a tunnel, each over an association of its own.</summary>
/// <param name="open">Opens the associations.</param>
internal sealed class AssociateDialer(OpenAssociation open) : IDatagramDialer
{
    /// <param name="proxy">The proxy, of a SOCKS5 scheme.</param>
    /// <param name="inner">Who dials the proxy.</param>
    /// <param name="datagrams">Who opens flows to the proxy's relay.</param>
    /// <param name="time">Measures it, where connections belong.</param>
    public AssociateDialer(ProxyUrl proxy, IDialer inner, IDatagramDialer datagrams, TimeProvider time)
        : this((sink, timeout, cancel) => SocksAssociation.OpenAsync(proxy, inner, datagrams, sink, timeout, time, cancel))
    {
    }

    /// <summary>Opens a flow to an <see cref="IPEndPoint"/>, or to a <see cref="DnsEndPoint"/>, which the proxy looks up; see <see cref="IDatagramDialer.OpenAsync"/>.</summary>
    public async ValueTask<DatagramDialResult> OpenAsync(EndPoint target, IDatagramSink sink, TimeSpan timeout, CancellationToken cancel = default)
    {
        if (target is IPEndPoint ip)
            target = Destination.Of(ip.Address, ip.Port);
        if (!SocksAddress.CanWrite(target))
            throw new ArgumentException($"{target} is no address that datagrams are sent to.", nameof(target));
        var flow = new Flow(target, sink);
        var opened = await open(flow, timeout, cancel);
        if (opened.Association is null)
            return new DatagramDialResult(opened.Outcome, null, opened.Detail);
        flow.Association = opened.Association;
        return new DatagramDialResult(DialOutcome.Connected, flow);
    }

    /// <summary>One target over an association.</summary>
    private sealed class Flow : DatagramFlow, IAssociationSink
    {
        private readonly EndPoint target;
        private readonly IDatagramSink sink;
        private readonly byte[] header;

        public Flow(EndPoint target, IDatagramSink sink)
        {
            (this.target, this.sink) = (target, sink);
            Span<byte> written = stackalloc byte[SocksDatagramHeader.MostBytes];
            header = written[..SocksDatagramHeader.Write(target, written)].ToArray();
        }

        public SocksAssociation Association { get; set; } = null!;

        public override EndPoint? LocalEndPoint => Association.LocalEndPoint;

        public override EndPoint? RemoteEndPoint => target;

        public override SynchronizationContext Context => Association.Context;

        public override DatagramsSent Send(in DatagramBatch batch) => Association.Send(header, batch);

        public override void Dispose() => Association.Dispose();

        // Whoever answers for a name tells the address that it was found at, so that any sender is the one.
        public void OnDatagrams(EndPoint from, in DatagramBatch batch)
        {
            if (target is DnsEndPoint || from.Equals(target))
                sink.OnDatagrams(batch);
        }

        public void OnLost(DatagramLoss loss, int count) => sink.OnLost(loss, count);

        public void OnError(DatagramError error) => sink.OnError(error);
    }
}
