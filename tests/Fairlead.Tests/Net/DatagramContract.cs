using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>What the datagram listeners and flows of every <see cref="INetwork"/> do.</summary>
public abstract class DatagramContract(Func<int, DatagramRig> makeRig) : IDisposable
{
    public static TheoryData<int> Sizes => [0, 1, 1472, 1473, 9000, DatagramBatch.MaxLength];

    /// <summary>On one event loop, where there are any.</summary>
    protected DatagramRig Rig { get; } = makeRig(1);

    [Theory(Timeout = 30000), MemberData(nameof(Sizes))]
    public async Task A_datagram_of_any_size_arrives_whole_at_a_listener_and_so_does_the_answer(int size)
    {
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.Loopback, server);
        var client = Rig.Client(listener.LocalEndPoint);
        client.Send(DatagramRig.Bytes(size));
        var (datagram, peer) = await server.NextAsync();
        Assert.Equal(DatagramRig.Bytes(size), datagram);
        Assert.Equal(client.LocalEndPoint, peer.RemoteEndPoint);
        Assert.Equal(new DatagramsSent(1, size), await Rig.SendAsync(listener, peer, DatagramRig.Bytes(size, 1)));
        Assert.Equal(DatagramRig.Bytes(size, 1), await DatagramRig.ReceiveAsync(client));
    }

    [Theory(Timeout = 30000), MemberData(nameof(Sizes))]
    public async Task A_datagram_of_any_size_leaves_a_flow_whole_and_so_comes_the_answer(int size)
    {
        var sink = new DatagramRecorder();
        var server = Rig.Plain(IPAddress.Loopback);
        var flow = await Rig.OpenAsync(server.LocalEndPoint!, sink);
        Assert.Equal(new DatagramsSent(1, size), await Rig.SendAsync(flow, DatagramRig.Bytes(size)));
        var (datagram, from) = await DatagramRig.ReceiveFromAsync(server);
        Assert.Equal(DatagramRig.Bytes(size), datagram);
        Assert.Equal(flow.LocalEndPoint, from);
        Assert.Equal(server.LocalEndPoint, flow.RemoteEndPoint);
        server.SendTo(DatagramRig.Bytes(size, 1), from);
        Assert.Equal(DatagramRig.Bytes(size, 1), (await sink.NextAsync()).Datagram);
    }

    [Theory(Timeout = 30000), MemberData(nameof(Sizes))]
    public async Task IPv6_carries_every_size_too(int size)
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "There is no IPv6 here.");
        var (server, sink) = (new DatagramRecorder(), new DatagramRecorder());
        var listener = await Rig.ListenAsync(IPAddress.IPv6Loopback, server);
        var flow = await Rig.OpenAsync(listener.LocalEndPoint, sink);
        await Rig.SendAsync(flow, DatagramRig.Bytes(size));
        var (datagram, peer) = await server.NextAsync();
        Assert.Equal(DatagramRig.Bytes(size), datagram);
        Assert.Equal(flow.LocalEndPoint, peer.RemoteEndPoint);
        await Rig.SendAsync(listener, peer, DatagramRig.Bytes(size, 1));
        Assert.Equal(DatagramRig.Bytes(size, 1), (await sink.NextAsync()).Datagram);
    }

    [Fact(Timeout = 30000)]
    public async Task Mixed_sizes_in_one_batch_keep_their_order_and_their_bounds()
    {
        int[] sizes = [700, 700, 100, 700, 700, 0, 0, 1, 1, 2, 1400, 1400, 1400, 1399, 1400, DatagramBatch.MaxLength, 5, 5, 9000, 9000, 9000, 8, 0, 8, 30_000, 30_000, 30_000];
        var datagrams = sizes.Select(DatagramRig.Bytes).ToArray();
        var (server, sink) = (new DatagramRecorder(), new DatagramRecorder());
        var listener = await Rig.ListenAsync(IPAddress.Loopback, server);
        var plain = Rig.Plain(IPAddress.Loopback);
        foreach (var target in new[] { plain.LocalEndPoint!, listener.LocalEndPoint })
        {
            var flow = await Rig.OpenAsync(target, sink);
            Assert.Equal(new DatagramsSent(sizes.Length, sizes.Sum()), await Rig.SendAsync(flow, datagrams));
        }
        foreach (var datagram in datagrams)
            Assert.Equal(datagram, await DatagramRig.ReceiveAsync(plain));
        DatagramPeer peer = default;
        foreach (var datagram in datagrams)
        {
            (var arrived, peer) = await server.NextAsync();
            Assert.Equal(datagram, arrived);
        }

        // And back, from the listener to the flow.
        Assert.Equal(new DatagramsSent(sizes.Length, sizes.Sum()), await Rig.SendAsync(listener, peer, datagrams));
        foreach (var datagram in datagrams)
            Assert.Equal(datagram, (await sink.NextAsync()).Datagram);
    }

    [Theory(Timeout = 30000), InlineData(1), InlineData(200), InlineData(1000), InlineData(1400)]
    public async Task Equal_ones_in_a_row_arrive_apart_and_whole(int size)
    {
        var datagrams = Enumerable.Range(0, 64).Select(number => DatagramRig.Bytes(size, number)).Append(DatagramRig.Bytes(size / 2)).ToArray();
        var server = Rig.Plain(IPAddress.Loopback);
        var flow = await Rig.OpenAsync(server.LocalEndPoint!, new DatagramRecorder());
        Assert.Equal(65, (await Rig.SendAsync(flow, datagrams)).Sent);
        foreach (var datagram in datagrams)
            Assert.Equal(datagram, await DatagramRig.ReceiveAsync(server));
        Assert.Equal(0, server.Available);
    }

    [Fact(Timeout = 30000)]
    public async Task A_run_is_sent_as_its_datagrams()
    {
        var server = Rig.Plain(IPAddress.Loopback);
        var flow = await Rig.OpenAsync(server.LocalEndPoint!, new DatagramRecorder());
        var bytes = DatagramRig.Bytes(63_000);
        var sent = await DatagramRig.On(flow.Context, () => flow.Send(new DatagramBatch(
            bytes,
            [
                new DatagramPlace(500, 2500, 1000), new DatagramPlace(3000, 1000, 1000), new DatagramPlace(4000, 999, 1000),
                new DatagramPlace(4999, 1000, 1000), new DatagramPlace(5999, 1300, 500), new DatagramPlace(0, 500, 5),
            ])));
        Assert.Equal(new DatagramsSent(3 + 1 + 1 + 1 + 3 + 100, 2500 + 1000 + 999 + 1000 + 1300 + 500), sent);
        int[] bounds = [500, 1500, 2500, 3000, 4000, 4999, 5999, 6499, 6999, 7299];
        for (var i = 1; i < bounds.Length; i++)
            Assert.Equal(bytes[bounds[i - 1]..bounds[i]], await DatagramRig.ReceiveAsync(server));
        for (var i = 0; i < 500; i += 5)
            Assert.Equal(bytes[i..(i + 5)], await DatagramRig.ReceiveAsync(server));
    }

    [Fact(Timeout = 30000)]
    public async Task What_a_listener_receives_can_be_sent_on_as_it_lies_there()
    {
        var target = Rig.Plain(IPAddress.Loopback);
        var server = new Passer();
        var listener = await Rig.ListenAsync(IPAddress.Loopback, server);
        DatagramFlow? first = null;
        await listener.Context.RunAsync(async () =>
        {
            var dialler = Rig.Network.DatagramDialerWith();
            server.Onward = (await dialler.OpenAsync(target.LocalEndPoint!, new DatagramRecorder(), TimeSpan.FromSeconds(20))).Flow;
            first = (await dialler.OpenAsync(listener.LocalEndPoint, new DatagramRecorder(), TimeSpan.FromSeconds(20))).Flow;
        });
        var datagrams = Enumerable.Range(0, 60).Select(number => DatagramRig.Bytes(number < 40 ? 1200 : 800, number)).ToArray();
        await Rig.SendAsync(first!, datagrams);
        foreach (var datagram in datagrams)
            Assert.Equal(datagram, await DatagramRig.ReceiveAsync(target));
        await DatagramRig.On(first!.Context, first.Dispose);
        await DatagramRig.On(server.Onward!.Context, server.Onward.Dispose);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Answers_of_a_wildcard_listener_leave_from_the_address_that_was_written_to(bool dualStack)
    {
        Assert.SkipUnless(!dualStack || Socket.OSSupportsIPv6, "There is no IPv6 here.");
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(dualStack ? IPAddress.IPv6Any : IPAddress.Any, server);
        foreach (var text in new[] { "127.0.0.2", "127.0.0.1", "127.1.2.3" })
        {
            // Connected, so that an answer from elsewhere would not reach it.
            var client = Rig.Client(new IPEndPoint(IPAddress.Parse(text), listener.LocalEndPoint.Port));
            client.Send([1]);
            var (_, peer) = await server.NextAsync();
            Assert.Equal((client.LocalEndPoint, IPAddress.Parse(text)), (peer.RemoteEndPoint, peer.LocalAddress));
            Assert.Equal(3, (await Rig.SendAsync(listener, peer, [2], [3], [4, 5])).Sent);
            Assert.Equal([2], await DatagramRig.ReceiveAsync(client));
            Assert.Equal([3], await DatagramRig.ReceiveAsync(client));
            Assert.Equal([4, 5], await DatagramRig.ReceiveAsync(client));
        }
    }

    [Fact(Timeout = 30000)]
    public async Task Answers_over_IPv6_leave_from_the_address_that_was_written_to()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "There is no IPv6 here.");
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.IPv6Any, server);
        foreach (var address in OwnAddresses())
        {
            // From ::1, to which an answer would leave from ::1 by itself.
            var client = Rig.Client(new IPEndPoint(address, listener.LocalEndPoint.Port));
            client.Send([1]);
            var (_, peer) = await server.NextAsync();
            Assert.Equal((client.LocalEndPoint, address), (peer.RemoteEndPoint, peer.LocalAddress));
            await Rig.SendAsync(listener, peer, [2]);
            Assert.Equal([2], await DatagramRig.ReceiveAsync(client));
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_link_local_peer_is_answered_in_its_zone()
    {
        var own = LinkLocal();
        Assert.SkipWhen(own is null, "No interface here has a link-local IPv6 address.");
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.IPv6Any, server);
        var client = Rig.Plain(own!);
        client.Connect(new IPEndPoint(own!, listener.LocalEndPoint.Port));
        client.Send([1]);
        var (_, peer) = await server.NextAsync();
        Assert.Equal(client.LocalEndPoint, peer.RemoteEndPoint);
        Assert.NotEqual(0u, peer.Interface);
        await Rig.SendAsync(listener, peer, [2]);
        Assert.Equal([2], await DatagramRig.ReceiveAsync(client));
    }

    [Fact(Timeout = 30000)]
    public async Task A_listener_of_one_address_has_nothing_to_choose()
    {
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.Parse("127.0.0.2"), server);
        var client = Rig.Client(listener.LocalEndPoint);
        client.Send([1]);
        var (_, peer) = await server.NextAsync();
        Assert.Null(peer.LocalAddress);
        await Rig.SendAsync(listener, peer, [2]);
        Assert.Equal([2], await DatagramRig.ReceiveAsync(client));
    }

    [Fact(Timeout = 30000)]
    public async Task Peers_are_told_apart_by_address_and_by_port()
    {
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.Loopback, server);
        var one = Rig.Client(listener.LocalEndPoint);
        var other = Rig.Client(listener.LocalEndPoint);
        var samePort = Rig.Plain(IPAddress.Parse("127.0.0.9"), ((IPEndPoint)one.LocalEndPoint!).Port);
        samePort.Connect(listener.LocalEndPoint);
        var clients = new[] { one, other, samePort };
        var peers = new List<DatagramPeer>();
        foreach (var client in clients.Concat(clients))
        {
            client.Send([1]);
            peers.Add((await server.NextAsync()).Peer);
        }
        Assert.Equal(3, peers.Distinct().Count());
        Assert.Equal(peers[..3], peers[3..]);
        Assert.Equal(peers[0].GetHashCode(), peers[3].GetHashCode());
        for (var i = 0; i < 3; i++)
        {
            await Rig.SendAsync(listener, peers[i], [(byte)i]);
            Assert.Equal([(byte)i], await DatagramRig.ReceiveAsync(clients[i]));
        }
    }

    [Theory(Timeout = 30000), InlineData("127.0.0.1"), InlineData("::1")]
    public async Task A_closed_port_is_told_and_its_opening_is_enough_to_go_on(string address)
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6 || !address.Contains(':'), "There is no IPv6 here.");
        var sink = new DatagramRecorder();
        var target = ClosedPort(IPAddress.Parse(address));
        var flow = await Rig.OpenAsync(target, sink);
        await Rig.SendAsync(flow, [1]);
        Assert.Equal(DatagramError.Refused, await sink.NextErrorAsync());

        var server = Rig.Plain(target.Address, target.Port);
        Assert.Equal(new DatagramsSent(1, 1), await Rig.SendAsync(flow, [2]));
        var (datagram, from) = await DatagramRig.ReceiveFromAsync(server);
        Assert.Equal([2], datagram);
        server.SendTo([3], from);
        Assert.Equal([3], (await sink.NextAsync()).Datagram);
    }

    [Theory(Timeout = 30000), InlineData("127.0.0.1"), InlineData("::1")]
    public async Task A_pending_refusal_does_not_eat_the_next_good_datagrams(string address)
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6 || !address.Contains(':'), "There is no IPv6 here.");
        var sink = new DatagramRecorder();
        var target = ClosedPort(IPAddress.Parse(address));
        var flow = await Rig.OpenAsync(target, sink);
        Socket? server = null;

        // In one go, so that nobody reads in between: the refusal lies on the socket when the next ones are sent.
        var sent = await DatagramRig.On(flow.Context, () =>
        {
            DatagramRig.Send(flow, [1]);
            server = Rig.Plain(target.Address, target.Port);
            return DatagramRig.Send(flow, [2], [3], [4, 5]);
        });
        Assert.Equal(new DatagramsSent(3, 4), sent);
        foreach (var expected in new byte[][] { [2], [3], [4, 5] })
            Assert.Equal(expected, await DatagramRig.ReceiveAsync(server!));
        Assert.Equal(DatagramError.Refused, await sink.NextErrorAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task A_batch_to_a_closed_port_is_sent_all_the_same()
    {
        var sink = new DatagramRecorder();
        var flow = await Rig.OpenAsync(ClosedPort(IPAddress.Loopback), sink);
        var sent = await Rig.SendAsync(flow, [.. Enumerable.Range(1, 20).Select(size => new byte[size % 7])]);
        Assert.Equal(20, sent.Sent);
        Assert.Equal(DatagramError.Refused, await sink.NextErrorAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task A_listener_survives_what_comes_back_for_its_answers()
    {
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.Loopback, server);
        var gone = Rig.Client(listener.LocalEndPoint);
        gone.Send([1]);
        var (_, peer) = await server.NextAsync();
        gone.Dispose();
        for (var i = 0; i < 20; i++)
            Assert.Equal(2, (await Rig.SendAsync(listener, peer, [2], [3, 4])).Sent);

        var next = Rig.Client(listener.LocalEndPoint);
        next.Send([5]);
        (var datagram, peer) = await server.NextAsync();
        Assert.Equal([5], datagram);
        await Rig.SendAsync(listener, peer, [6]);
        Assert.Equal([6], await DatagramRig.ReceiveAsync(next));
    }

    [Fact(Timeout = 30000)]
    public async Task What_is_too_long_is_counted_and_keeps_nothing_else_back()
    {
        var (server, sink) = (new DatagramRecorder(), new DatagramRecorder());
        var listener = await Rig.ListenAsync(IPAddress.Loopback, server);
        var flow = await Rig.OpenAsync(listener.LocalEndPoint, sink);
        var tooLong = new byte[DatagramBatch.MaxLength + 1];
        var expected = new DatagramsSent(3, 6, TooLong: 2);
        Assert.Equal(expected, await Rig.SendAsync(flow, [1], tooLong, [2, 2], tooLong, [3, 3, 3]));
        DatagramPeer peer = default;
        foreach (var datagram in new byte[][] { [1], [2, 2], [3, 3, 3] })
        {
            (var arrived, peer) = await server.NextAsync();
            Assert.Equal(datagram, arrived);
        }
        Assert.Equal(expected, await Rig.SendAsync(listener, peer, [1], tooLong, [2, 2], tooLong, [3, 3, 3]));
        foreach (var datagram in new byte[][] { [1], [2, 2], [3, 3, 3] })
            Assert.Equal(datagram, (await sink.NextAsync()).Datagram);
    }

    [Fact(Timeout = 30000)]
    public async Task What_a_full_buffer_drops_is_told_to_the_last_one()
    {
        Assert.SkipUnless(Rig.CountsDropped, "Only Linux says how many a full buffer dropped.");
        const int sent = 500;
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.Loopback, null, receiveBuffer: 8192);
        Assert.InRange(listener.ReceiveBuffer, 1, 100_000);
        var client = Rig.Client(listener.LocalEndPoint);
        for (var i = 0; i < sent; i++)
            client.Send(new byte[1000]);
        await DatagramRig.On(listener.Context, () => listener.Start(server));
        await server.NextAsync();
        var arrived = 1;

        // Those that were kept are read; the next brings the count of all that were not.
        await DatagramRig.On(listener.Context, () => { });
        client.Send([1]);
        while ((await server.NextAsync()).Datagram.Length == 1000)
            arrived++;
        Assert.Equal(sent, arrived + server.BufferFull);
        Assert.InRange(server.BufferFull, 1, sent - 1);
    }

    [Fact(Timeout = 30000)]
    public async Task The_receive_buffer_is_what_was_asked_for_as_far_as_the_system_lets()
    {
        var listener = await Rig.ListenAsync(IPAddress.Loopback, null, receiveBuffer: 100_000);
        Assert.Equal(100_000, listener.ReceiveBuffer);
    }

    [Fact(Timeout = 30000)]
    public async Task Disposed_of_while_it_is_told_a_listener_tells_nothing_more()
    {
        DatagramListener? listener = null;
        var server = new DatagramRecorder { OnEach = (_, _) => listener!.Dispose() };
        listener = await Rig.ListenAsync(IPAddress.Loopback, null);
        var client = Rig.Client(listener.LocalEndPoint);

        // More than are read at once.
        for (var i = 0; i < 200; i++)
            client.Send([1]);
        await DatagramRig.On(listener.Context, () => listener.Start(server));
        var (_, peer) = await server.NextAsync();
        Assert.Equal(default, await Rig.SendAsync(listener, peer, [2]));

        // The client may be told that nobody is there.
        _ = Record.Exception(() => client.Send([3]));
        await ATurn(listener.Context);
        Assert.Equal(1, server.Calls);
        await DatagramRig.On(listener.Context, listener.Dispose);
    }

    [Fact(Timeout = 30000)]
    public async Task Disposed_of_while_it_is_told_a_flow_tells_nothing_more()
    {
        DatagramFlow? flow = null;
        var sink = new DatagramRecorder { OnEach = (_, _) => flow!.Dispose() };
        var server = Rig.Plain(IPAddress.Loopback);
        flow = await Rig.OpenAsync(server.LocalEndPoint!, sink);
        await Rig.SendAsync(flow, [1]);
        var (_, from) = await DatagramRig.ReceiveFromAsync(server);
        server.SendTo([2], from);
        await sink.NextAsync();
        Assert.Equal(default, await Rig.SendAsync(flow, [3]));
        server.SendTo([4], from);
        await ATurn(flow.Context);
        Assert.Equal(1, sink.Calls);
        Assert.Equal(0, server.Available);
    }

    [Fact(Timeout = 30000)]
    public async Task A_flow_can_be_disposed_of_by_its_refusal()
    {
        DatagramFlow? flow = null;
        var sink = new DatagramRecorder { OnEachError = _ => flow!.Dispose() };
        flow = await Rig.OpenAsync(ClosedPort(IPAddress.Loopback), sink);
        await DatagramRig.On(flow.Context, () =>
        {
            DatagramRig.Send(flow, [1]);
            DatagramRig.Send(flow, [2], [3]);
        });
        Assert.Equal(DatagramError.Refused, await sink.NextErrorAsync());
        await ATurn(flow.Context);
        Assert.Equal(1, sink.Calls);
    }

    [Fact(Timeout = 30000)]
    public async Task Only_the_peer_reaches_a_flow()
    {
        var sink = new DatagramRecorder();
        var (server, stranger) = (Rig.Plain(IPAddress.Loopback), Rig.Plain(IPAddress.Loopback));
        var flow = await Rig.OpenAsync(server.LocalEndPoint!, sink);
        stranger.SendTo([1], flow.LocalEndPoint!);
        server.SendTo([2], flow.LocalEndPoint!);
        Assert.Equal([2], (await sink.NextAsync()).Datagram);
        Assert.Equal(1, sink.Calls);
    }

    [Fact(Timeout = 30000)]
    public async Task Flows_leave_from_the_sources_in_turn()
    {
        var server = Rig.Plain(IPAddress.Loopback);
        var range = FreeRange("127.0.0.4");
        DialSource[] sources = [new(IPAddress.Parse("127.0.0.2")), new(IPAddress.IPv6Loopback), new(IPAddress.Parse("::ffff:127.0.0.3")), range];
        var dialler = Rig.Network.DatagramDialerWith(sources);
        foreach (var expected in new[] { "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.2" })
        {
            DatagramFlow? flow = null;
            await Rig.RunAsync(async () => flow = (await dialler.OpenAsync(server.LocalEndPoint!, new DatagramRecorder(), TimeSpan.FromSeconds(20))).Flow);
            await Rig.SendAsync(flow!, [1]);
            var (_, from) = await DatagramRig.ReceiveFromAsync(server);
            Assert.Equal(IPAddress.Parse(expected), from.Address);
            Assert.Equal(from, flow!.LocalEndPoint);
            if (expected == range.Address.ToString())
                Assert.Equal(range.FirstPort, from.Port);
            await DatagramRig.On(flow.Context, flow.Dispose);
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_source_that_cannot_be_left_from_is_named()
    {
        var server = Rig.Plain(IPAddress.Loopback);
        var foreign = await Rig.DialAsync(server.LocalEndPoint!, new DatagramRecorder(), new DialSource(IPAddress.Parse("203.0.113.1")));
        Assert.Equal((DialOutcome.NoLocalAddress, null), (foreign.Outcome, foreign.Flow));
        Assert.Contains("203.0.113.1", foreign.Detail, StringComparison.Ordinal);

        var otherFamily = await Rig.DialAsync(server.LocalEndPoint!, new DatagramRecorder(), new DialSource(IPAddress.IPv6Loopback));
        Assert.Equal(DialOutcome.NoLocalAddress, otherFamily.Outcome);

        // A port belongs to one flow, since two of one port could not be told apart by what comes back.
        var source = FreeRange("127.0.0.6");
        await Rig.OpenAsync(server.LocalEndPoint!, new DatagramRecorder(), source);
        var taken = await Rig.DialAsync(server.LocalEndPoint!, new DatagramRecorder(), source);
        Assert.Equal(DialOutcome.NoLocalAddress, taken.Outcome);
    }

    [Fact(Timeout = 30000)]
    public async Task A_flow_that_is_given_up_before_it_starts_is_cancelled()
    {
        DatagramDialResult opened = default;
        var dialler = Rig.Network.DatagramDialerWith();
        await Rig.RunAsync(async () => opened = await dialler.OpenAsync(
            new IPEndPoint(IPAddress.Loopback, 9), new DatagramRecorder(), TimeSpan.FromSeconds(20), new CancellationToken(canceled: true)));
        Assert.Equal((DialOutcome.Cancelled, null), (opened.Outcome, opened.Flow));
    }

    [Fact(Timeout = 30000)]
    public async Task An_IPv4_target_in_the_clothes_of_IPv6_is_IPv4()
    {
        var server = Rig.Plain(IPAddress.Loopback);
        var target = (IPEndPoint)server.LocalEndPoint!;
        var flow = await Rig.OpenAsync(new IPEndPoint(target.Address.MapToIPv6(), target.Port), new DatagramRecorder());
        await Rig.SendAsync(flow, [1]);
        Assert.Equal([1], await DatagramRig.ReceiveAsync(server));
        Assert.Equal(target, flow.RemoteEndPoint);
    }

    [Fact(Timeout = 30000)]
    public async Task Port_0_is_a_port_that_all_listeners_of_the_address_have()
    {
        using var rig = makeRig(3);
        var listeners = rig.Network.ListenDatagrams(new IPEndPoint(IPAddress.Loopback, 0), new DatagramListenOptions());
        var port = listeners.Select(listener => listener.LocalEndPoint.Port).Distinct().Single();
        Assert.NotEqual(0, port);
        foreach (var listener in listeners)
            await DatagramRig.On(listener.Context, listener.Dispose);
        // An event loop closes at the end of its turn.
        await Traffic.UntilAsync(() => IsFree(port));

        static bool IsFree(int port)
        {
            try
            {
                using var socket = new UdpClient(new IPEndPoint(IPAddress.Loopback, port));
                return true;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                return false;
            }
        }
    }

    [Theory(Timeout = 30000), InlineData(1), InlineData(3)]
    public async Task An_address_in_use_is_refused_whoever_holds_it(int loops)
    {
        using var rig = makeRig(loops);
        var listeners = rig.Network.ListenDatagrams(new IPEndPoint(IPAddress.Loopback, 0), new DatagramListenOptions());
        var foreign = Rig.Plain(IPAddress.Loopback);
        using var sharing = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        if (OperatingSystem.IsLinux())
            sharing.SetRawSocketOption(1, 15, BitConverter.GetBytes(1));
        sharing.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        foreach (var held in new[] { listeners[0].LocalEndPoint, foreign.LocalEndPoint!, sharing.LocalEndPoint! })
        {
            var refused = Assert.Throws<ListenException>(() => rig.Network.ListenDatagrams((IPEndPoint)held, new DatagramListenOptions()));
            Assert.Equal((SocketError.AddressAlreadyInUse, held), (refused.Error, refused.EndPoint));
            Assert.Contains(held.ToString()!, refused.Message, StringComparison.Ordinal);
        }
        foreach (var listener in listeners)
            await DatagramRig.On(listener.Context, listener.Dispose);
    }

    [Fact(Timeout = 30000)]
    public async Task On_any_number_of_loops_all_of_one_peer_comes_to_one_listener_in_order()
    {
        const int clients = 12, each = 100;
        using var rig = makeRig(3);
        var listeners = rig.Network.ListenDatagrams(new IPEndPoint(IPAddress.Loopback, 0), new DatagramListenOptions());
        var servers = listeners.Select(_ => new DatagramRecorder()).ToArray();
        for (var i = 0; i < servers.Length; i++)
        {
            var (listener, server) = (listeners[i], servers[i]);
            await DatagramRig.On(listener.Context, () => listener.Start(server));
        }
        var sockets = Enumerable.Range(0, clients).Select(_ => rig.Client(listeners[0].LocalEndPoint)).ToArray();
        for (var number = 0; number < each; number++)
        {
            var datagram = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(datagram, number);
            foreach (var socket in sockets)
                socket.Send(datagram);
        }
        var of = new Dictionary<DatagramPeer, (DatagramRecorder Server, int Next)>();
        for (var left = clients * each; left > 0;)
        {
            foreach (var server in servers)
            {
                while (server.HasMore)
                {
                    var (datagram, peer) = await server.NextAsync();
                    var (before, next) = of.TryGetValue(peer, out var known) ? known : (server, 0);
                    Assert.Same(before, server);
                    Assert.Equal(next, BinaryPrimitives.ReadInt32BigEndian(datagram));
                    of[peer] = (server, next + 1);
                    left--;
                }
            }
            await Task.Yield();
        }
        Assert.Equal(clients, of.Count);
        foreach (var listener in listeners)
            await DatagramRig.On(listener.Context, listener.Dispose);
    }

    [Fact(Timeout = 30000)]
    public async Task What_arrived_before_the_start_is_read_after_it()
    {
        var server = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.Loopback, null);
        var client = Rig.Client(listener.LocalEndPoint);
        for (var i = 0; i < 200; i++)
            client.Send([(byte)i]);
        await DatagramRig.On(listener.Context, () => listener.Start(server));
        for (var i = 0; i < 200; i++)
            Assert.Equal([(byte)i], (await server.NextAsync()).Datagram);
    }

    public void Dispose()
    {
        Rig.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>An address where nobody is, and where a test may bind.</summary>
    protected static IPEndPoint ClosedPort(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }

    // Whatever the system had to tell when this was called, the context has told when it completes: what comes after it, comes later.
    private async Task ATurn(SynchronizationContext context)
    {
        await DatagramRig.On(context, () => { });
        var other = new DatagramRecorder();
        var listener = await Rig.ListenAsync(IPAddress.Loopback, other);
        Rig.Client(listener.LocalEndPoint).Send([1]);
        await other.NextAsync();
        await DatagramRig.On(context, () => { });
    }

    private static DialSource FreeRange(string address)
    {
        var free = ClosedPort(IPAddress.Parse(address));
        return new DialSource(free.Address, free.Port, free.Port);
    }

    private static IEnumerable<IPAddress> OwnAddresses() =>
        from network in NetworkInterface.GetAllNetworkInterfaces()
        where network.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
        from own in network.GetIPProperties().UnicastAddresses
        where own.Address is { AddressFamily: AddressFamily.InterNetworkV6, IsIPv6LinkLocal: false }
        select own.Address;

    private static IPAddress? LinkLocal() =>
        (from network in NetworkInterface.GetAllNetworkInterfaces()
         where network.OperationalStatus == OperationalStatus.Up
         from own in network.GetIPProperties().UnicastAddresses
         where own.Address.IsIPv6LinkLocal
         select own.Address).FirstOrDefault();

    /// <summary>Sends what arrives to a flow, places and all.</summary>
    private sealed class Passer : IDatagramServer
    {
        public DatagramFlow? Onward { get; set; }

        public void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers) => Onward!.Send(batch);

        public void OnLost(DatagramLoss loss, int count)
        {
        }
    }
}
