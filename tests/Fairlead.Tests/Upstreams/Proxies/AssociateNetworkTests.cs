using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>Flows through a proxy over the sockets of a network.</summary>
public abstract class AssociateNetworkContract(Net.DatagramRig rig) : IDisposable
{
    private static readonly byte[] header = [0, 0, 0, 1, 10, 0, 0, 5, 0, 53];

    protected Net.DatagramRig Rig { get; } = rig;

    [Fact(Timeout = 30000)]
    public async Task Datagrams_pass_both_ways_until_the_proxy_ends_it()
    {
        var sink = new DatagramRecorder();
        await using var proxy = new PlainProxy(Rig);
        var flow = await OpenAsync(proxy.Address, sink);
        await proxy.Serving;
        var datagrams = Enumerable.Range(0, 40).Select(number => Net.DatagramRig.Bytes(1000, number)).ToArray();
        Assert.Equal(new DatagramsSent(40, 40_000), await Rig.SendAsync(flow, datagrams));
        IPEndPoint from = null!;
        foreach (var datagram in datagrams)
        {
            (var arrived, from) = await Net.DatagramRig.ReceiveFromAsync(proxy.Relay);
            Assert.Equal([.. header, .. datagram], arrived);
        }
        Assert.Equal(flow.LocalEndPoint, from);
        foreach (var datagram in datagrams)
            await proxy.Relay.SendToAsync((byte[])[.. header, .. datagram], from, TestContext.Current.CancellationToken);
        foreach (var datagram in datagrams)
            Assert.Equal(datagram, (await sink.NextAsync()).Datagram);

        proxy.Control!.Close();
        Assert.Equal(DatagramError.Closed, await sink.NextErrorAsync());
        await Net.DatagramRig.On(flow.Context, flow.Dispose);
    }

    [Fact(Timeout = 30000)]
    public async Task The_end_of_the_flow_ends_the_connection_to_the_proxy()
    {
        var sink = new DatagramRecorder();
        await using var proxy = new PlainProxy(Rig);
        var flow = await OpenAsync(proxy.Address, sink);
        await proxy.Serving;
        await Net.DatagramRig.On(flow.Context, flow.Dispose);
        Assert.Equal(0, await proxy.Control!.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        Assert.Equal(0, sink.Calls);
    }

    [Fact(Timeout = 30000)]
    public async Task A_proxy_that_does_not_answer_times_it_out()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        DatagramDialResult opened = default;
        await Rig.RunAsync(async () => opened = await Dialer(silent.LocalEndpoint).OpenAsync(IPEndPoint.Parse("10.0.0.5:53"), new DatagramRecorder(), TimeSpan.FromMilliseconds(100)));
        Assert.Equal((DialOutcome.TimedOut, null), (opened.Outcome, opened.Flow));
    }

    public void Dispose() => Rig.Dispose();

    protected async Task<DatagramFlow> OpenAsync(EndPoint proxy, IDatagramSink sink)
    {
        DatagramDialResult opened = default;
        await Rig.RunAsync(async () => opened = await Dialer(proxy).OpenAsync(IPEndPoint.Parse("10.0.0.5:53"), sink, TimeSpan.FromSeconds(20)));
        Assert.Equal((DialOutcome.Connected, null), (opened.Outcome, opened.Detail));
        return opened.Flow!;
    }

    private AssociateDialer Dialer(EndPoint proxy) => new(ProxyUrl.Parse($"socks5://{proxy}"), Rig.Network.Dialer, Rig.Network.DatagramDialerWith(), Rig.Network.Time);

    /// <summary>A proxy of plain sockets that takes one association.</summary>
    protected sealed class PlainProxy : IAsyncDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);

        public PlainProxy(Net.DatagramRig rig)
        {
            listener.Start();
            Relay = rig.Plain(IPAddress.Loopback);
            Serving = ServeAsync();
        }

        public EndPoint Address => listener.LocalEndpoint;

        public Socket Relay { get; }

        public Socket? Control { get; private set; }

        public Task Serving { get; }

        public async ValueTask DisposeAsync()
        {
            listener.Dispose();
            await Serving;
            Control?.Dispose();
        }

        private async Task ServeAsync()
        {
            Control = await listener.AcceptSocketAsync();
            using var stream = new NetworkStream(Control, ownsSocket: false);
            await stream.ReadExactlyAsync(new byte[3]);
            await stream.WriteAsync(new byte[] { 5, 0 });
            await stream.ReadExactlyAsync(new byte[10]);
            await stream.WriteAsync(Socks5Reply.Write(0, new IPEndPoint(IPAddress.Any, ((IPEndPoint)Relay.LocalEndPoint!).Port)));
        }
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeAssociateTests : AssociateNetworkContract
{
    private readonly NativeDatagramRig rig;

    public NativeAssociateTests()
        : this(new NativeDatagramRig(new NativeNetworkOptions { Loops = 1 }))
    {
    }

    private NativeAssociateTests(NativeDatagramRig rig)
        : base(rig) => this.rig = rig;

    [Fact(Timeout = 30000)]
    public async Task Equal_ones_in_a_row_are_one_message_of_the_kernel_with_their_headers_too()
    {
        await using var proxy = new PlainProxy(rig);
        var flow = await OpenAsync(proxy.Address, new DatagramRecorder());
        var sent = await Net.DatagramRig.On(flow.Context, () =>
        {
            var before = rig.Loop.Buffers.DatagramSender.Messages;
            flow.Send(new DatagramBatch(new byte[40_000], [new DatagramPlace(0, 40_000, 1000)]));
            return rig.Loop.Buffers.DatagramSender.Messages - before;
        });
        Assert.Equal(1, sent);
        await Net.DatagramRig.On(flow.Context, flow.Dispose);
    }
}

public sealed class PortableAssociateTests() : AssociateNetworkContract(new Net.DatagramRig(new PortableNetwork()));
