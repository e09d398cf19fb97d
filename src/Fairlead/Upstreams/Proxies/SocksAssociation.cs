using System.Buffers;
using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Who gets what a <see cref="SocksAssociation"/> receives. Called where that belongs; it must neither block nor throw.</summary>
internal interface IAssociationSink
{
    /// <summary>Datagrams have arrived, all from one sender, the same object as long as it does not change. The bytes are lent for the call.</summary>
    void OnDatagrams(EndPoint from, in DatagramBatch batch);

    /// <summary>As <see cref="IDatagramSink.OnLost"/>.</summary>
    void OnLost(DatagramLoss loss, int count);

    /// <summary>As <see cref="IDatagramSink.OnError"/>, of the way to the relay; <see cref="DatagramError.Closed"/> when the proxy ends the association.</summary>
    void OnError(DatagramError error);
}

/// <summary>What became of opening an association.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Association">The association, which the caller owns; null unless connected.</param>
/// <param name="Detail">The reason for a failure, for logs; it names the proxy.</param>
internal readonly record struct AssociationResult(DialOutcome Outcome, SocksAssociation? Association = null, string? Detail = null);

/// <summary>
/// Datagrams through a SOCKS5 proxy, to and from whomever (UDP ASSOCIATE, RFC 1928 section 7): a connection to the proxy that it lives as long as, and a flow to the
/// proxy's relay, in which each datagram has a header. Through a tunnel it is such a flow alone.
/// </summary>
internal sealed class SocksAssociation : IDatagramSink, IDisposable
{
    // Room for the longest datagram twice; what is more is sent in several calls.
    private const int AreaBytes = 128 << 10, MostPlaces = 64;

    private readonly Connection? control;
    private readonly IAssociationSink sink;
    private DatagramFlow? relay;
    private byte[] header = [];
    private EndPoint? from;
    private bool isClosed;

    private SocksAssociation(Connection? control, IAssociationSink sink) => (this.control, this.sink) = (control, sink);

    /// <summary>This end's address of the flow to the relay; null where there is none.</summary>
    public EndPoint? LocalEndPoint => relay!.LocalEndPoint;

    /// <summary>Where it and its sink are called.</summary>
    public SynchronizationContext Context => relay!.Context;

    /// <summary>Watches the control connection; ends with it. For tests.</summary>
    internal Task Watching { get; private set; } = Task.CompletedTask;

    /// <summary>Opens an association that is one flow. It belongs where that does.</summary>
    /// <param name="open">Opens the flow for whoever gets what it receives.</param>
    /// <param name="sink">Who gets what is received.</param>
    public static async ValueTask<AssociationResult> OpenAsync(Func<IDatagramSink, ValueTask<DatagramDialResult>> open, IAssociationSink sink)
    {
        var association = new SocksAssociation(null, sink);
        var opened = await open(association);
        association.relay = opened.Flow;
        return new AssociationResult(opened.Outcome, opened.Flow is null ? null : association, opened.Detail);
    }

    /// <summary>Opens an association. It belongs where this is called.</summary>
    /// <param name="proxy">The proxy, of a SOCKS5 scheme.</param>
    /// <param name="inner">Who dials the proxy.</param>
    /// <param name="datagrams">Who opens the flow to its relay.</param>
    /// <param name="sink">Who gets what is received. Not called before this has returned to where it belongs.</param>
    /// <param name="timeout">For all of it.</param>
    /// <param name="time">Measures it.</param>
    /// <param name="cancel">Gives it up.</param>
    public static async ValueTask<AssociationResult> OpenAsync(
        ProxyUrl proxy, IDialer inner, IDatagramDialer datagrams, IAssociationSink sink, TimeSpan timeout, TimeProvider time, CancellationToken cancel)
    {
        var deadline = new Deadline(time, timeout);
        var text = Printable.Escape(proxy.ToString());
        EndPoint bound = SocksAddress.None;
        var dial = await ProxyHandshake.RunAsync(inner, proxy.EndPoint, text, TalkAsync, timeout, time, cancel);
        if (dial.Connection is not { } control)
            return new AssociationResult(dial.Outcome, null, dial.Detail);
        var association = new SocksAssociation(control, sink);
        // By one dial more, a proxy behind another is reached through that one's association, which takes a name.
        var own = proxy.EndPoint is DnsEndPoint && datagrams is not AssociateDialer ? control.RemoteEndPoint : proxy.EndPoint;
        var opened = RelayOf(bound, own) is { } address
            ? await datagrams.OpenAsync(address, association, deadline.Left, cancel)
            : new DatagramDialResult(DialOutcome.Failed, null, $"it has its relay at {Destination.ToText(bound)}, which is no place to send to");
        if (opened.Flow is null)
        {
            control.Dispose();
            return new AssociationResult(opened.Outcome, null, opened.Detail is null ? null : $"proxy {text}: {opened.Detail}");
        }
        association.relay = opened.Flow;
        association.Watching = association.WatchAsync();
        return new AssociationResult(DialOutcome.Connected, association);

        // What the datagrams will be sent from is not known yet, and behind a NAT it never is: zeros say so (RFC 1928 section 6).
        async ValueTask<DialResult> TalkAsync(Connection connection)
        {
            var answer = await SocksConversation.Ask5Async(connection, proxy, SocksCommand.UdpAssociate, SocksAddress.None);
            bound = answer.Bound ?? bound;
            return answer.Outcome == DialOutcome.Connected ? DialResult.To(connection) : new DialResult(answer.Outcome, null, answer.Detail);
        }
    }

    /// <summary>Sends what can be sent without waiting, as <see cref="DatagramFlow.Send"/> does.</summary>
    /// <param name="target">To whom: what <see cref="SocksAddress.CanWrite"/>.</param>
    /// <param name="batch">What.</param>
    public DatagramsSent Send(EndPoint target, in DatagramBatch batch)
    {
        Span<byte> to = stackalloc byte[SocksDatagramHeader.MostBytes];
        return Send(to[..SocksDatagramHeader.Write(target, to)], batch);
    }

    /// <summary>The same with the target's header, as <see cref="SocksDatagramHeader.Write"/> writes it.</summary>
    public DatagramsSent Send(ReadOnlySpan<byte> target, in DatagramBatch batch)
    {
        var (sum, end) = (default(DatagramsSent), 0);
        var runs = new DatagramRuns(stackalloc DatagramPlace[MostPlaces]);
        var area = ArrayPool<byte>.Shared.Rent(AreaBytes);
        foreach (var datagram in batch)
        {
            var length = target.Length + datagram.Length;
            if (length > AreaBytes)
            {
                sum += new DatagramsSent(0, TooLong: 1);
                continue;
            }
            if (length > AreaBytes - end || !runs.TryAdd(end, length))
            {
                sum += relay!.Send(new DatagramBatch(area, runs.Places));
                runs.Clear();
                end = 0;
                runs.TryAdd(end, length);
            }
            target.CopyTo(area.AsSpan(end));
            datagram.CopyTo(area.AsSpan(end + target.Length));
            end += length;
        }
        if (end > 0)
            sum += relay!.Send(new DatagramBatch(area, runs.Places));
        ArrayPool<byte>.Shared.Return(area);
        return sum with { Bytes = sum.Bytes - ((long)sum.Sent * target.Length) };
    }

    /// <summary>Ends it; its sink is not called any more.</summary>
    public void Dispose()
    {
        isClosed = true;
        relay?.Dispose();
        control?.Dispose();
    }

    void IDatagramSink.OnDatagrams(in DatagramBatch batch)
    {
        Span<DatagramPlace> payloads = stackalloc DatagramPlace[MostPlaces];
        var count = 0;
        foreach (var place in batch.Places)
        {
            for (var at = 0; at < place.Length; at += place.SegmentSize)
            {
                var (offset, length) = (place.Offset + at, Math.Min(place.SegmentSize, place.Length - at));
                var datagram = batch.Buffer.Slice(offset, length);
                var isSame = header.Length > 0 && datagram.StartsWith(header);
                if (count == payloads.Length || (!isSame && count > 0))
                {
                    sink.OnDatagrams(from!, new DatagramBatch(batch.Buffer, payloads[..count]));
                    count = 0;
                    if (isClosed)
                        return;
                }
                if (isSame || TryLearn(datagram))
                    payloads[count++] = new DatagramPlace(offset + header.Length, length - header.Length);
            }
        }
        if (count > 0)
            sink.OnDatagrams(from!, new DatagramBatch(batch.Buffer, payloads[..count]));
    }

    void IDatagramSink.OnLost(DatagramLoss loss, int count) => sink.OnLost(loss, count);

    void IDatagramSink.OnError(DatagramError error) => sink.OnError(error);

    // Another sender than the last one's. Fragments are dropped: whoever puts nothing together must (RFC 1928 section 7).
    private bool TryLearn(ReadOnlySpan<byte> datagram)
    {
        var read = SocksDatagramHeader.Read(datagram);
        if (!read.IsWhole || read.Value.Fragment != 0)
            return false;
        (header, from) = (datagram[..read.Length].ToArray(), read.Value.Address);
        return true;
    }

    // Zeros are the proxy's own address. A name is nothing that a flow is opened to.
    private static EndPoint? RelayOf(EndPoint bound, EndPoint? own) => bound switch
    {
        { } when bound is not IPEndPoint { Port: > 0 } => null,
        IPEndPoint ip when !ip.Address.Equals(IPAddress.Any) && !ip.Address.Equals(IPAddress.IPv6Any) => ip,
        IPEndPoint ip => own switch
        {
            IPEndPoint proxy => new IPEndPoint(proxy.Address, ip.Port),
            DnsEndPoint proxy => new DnsEndPoint(proxy.Host, ip.Port),
            _ => null,
        },
        _ => null,
    };

    // "A UDP association terminates when the TCP connection that the UDP ASSOCIATE request arrived on terminates." Nothing is to come on it.
    private async Task WatchAsync()
    {
        var ignored = new byte[16];
        try
        {
            while (await control!.ReadAsync(ignored) > 0)
            {
            }
        }
        catch (ConnectionException)
        {
            // However it ends, it has ended.
        }
        Context.Run(Over);
    }

    private void Over()
    {
        if (!isClosed)
            sink.OnError(DatagramError.Closed);
    }
}
