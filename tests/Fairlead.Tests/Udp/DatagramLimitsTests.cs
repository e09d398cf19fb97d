using System.Buffers.Binary;
using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class DatagramLimitsTests
{
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1);

    [Fact]
    public void A_full_table_evicts_the_oldest_that_was_never_answered()
    {
        using var rig = Rig(new ForwardLimits { Connections = 3 });
        Receive(rig, 1, 2, 3);
        rig.Flows[0].Answer("yes");
        Receive(rig, 4);
        Assert.Equal(["evicted"], rig.Ends);
        Assert.Equal([false, true, false, false], rig.Flows.Select(flow => flow.IsDisposed));
        Receive(rig, 5);
        Assert.Equal([false, true, true, false, false], rig.Flows.Select(flow => flow.IsDisposed));
        Assert.Equal(3, rig.Forward.SessionCount);
        Assert.Empty(rig.Dropped);
    }

    [Fact]
    public void A_table_full_of_answered_sessions_refuses()
    {
        using var rig = Rig(new ForwardLimits { Connections = 2 });
        Receive(rig, 1, 2);
        rig.Flows[0].Answer("yes");
        rig.Flows[1].Answer("yes");
        Receive(rig, 3, 4);
        Assert.Equal(2, rig.Flows.Count);
        Assert.Equal(2, rig.Dropped["table_full"]);
        Assert.Empty(rig.Ends);
        rig.Run(() => rig.Forward.Close(session => session.Source == Peer(1).Remote));
        Receive(rig, 5);
        Assert.Equal(3, rig.Flows.Count);
    }

    [Fact]
    public void A_flood_with_invented_sources_fills_the_table_up_to_its_bound_and_answered_sessions_survive()
    {
        using var rig = Rig(new ForwardLimits { Connections = 50, SessionsPerSecond = null }, places: 60);
        Receive(rig, [.. Enumerable.Range(1, 20)]);
        foreach (var flow in rig.Flows)
            flow.Answer("yes");
        for (var batch = 0; batch < 100; batch++)
        {
            Receive(rig, [.. Enumerable.Range(1000 + (batch * 64), 64)]);
            Assert.Equal(50, rig.Forward.SessionCount);
        }
        Receive(rig, [.. Enumerable.Range(1, 20)]);
        Assert.All(rig.Flows.Take(20), flow => Assert.False(flow.IsDisposed));
        Assert.All(rig.Flows.Take(20), flow => Assert.Equal(2, flow.Sent.Count));
        Assert.Equal(50, rig.Flows.Count(flow => !flow.IsDisposed));
    }

    [Fact]
    public void The_bound_of_the_process_holds_likewise()
    {
        using var rig = Rig(new ForwardLimits(), places: 3);
        Receive(rig, 1, 2, 3);
        rig.Flows[2].Answer("yes");
        Receive(rig, 4, 5, 6);
        Assert.Equal(3, rig.Forward.SessionCount);
        Assert.False(rig.Flows[2].IsDisposed);
        rig.Run(() => rig.Forward.Close(static _ => true));
        Assert.True(rig.Process.TryEnter());
        Assert.True(rig.Process.TryEnter());
        Assert.True(rig.Process.TryEnter());
        Assert.False(rig.Process.TryEnter());
    }

    [Fact]
    public async Task A_connection_that_waits_for_a_place_of_the_process_gets_that_of_a_flood()
    {
        using var rig = Rig(new ForwardLimits { SessionsPerSecond = null }, places: 3);
        Receive(rig, 1, 2, 3);
        var waiting = rig.Process.EnterAsync(TestContext.Current.CancellationToken).AsTask();
        Receive(rig, 4);
        await waiting;
        Assert.Equal((2, 3), (rig.Forward.SessionCount, rig.Flows.Count));
        Assert.Equal(1, rig.Dropped["table_full"]);
        Receive(rig, 5);
        Assert.Equal((2, 4), (rig.Forward.SessionCount, rig.Flows.Count));
    }

    [Fact]
    public void Of_two_forwards_the_one_that_is_flooded_makes_room_for_the_other()
    {
        var process = new Admission(4);
        var places = new DatagramPlaces(process, new Admission(100));
        using var flooded = new DatagramRig(DatagramRig.Config(), process, places);
        using var other = new DatagramRig(DatagramRig.Config(), process, places);
        Receive(flooded, 1, 2, 3, 4);
        Receive(other, 5);
        flooded.Run(static () => { });
        Assert.Equal((3, 1), (flooded.Forward.SessionCount, other.Forward.SessionCount));
        Assert.Equal(["evicted"], flooded.Ends);
        Assert.False(process.TryEnter());
    }

    [Fact]
    public void Sessions_leave_ports_for_whoever_else_sends_from_this_machine()
    {
        using var rig = new DatagramRig(DatagramRig.Config(), ports: 2);
        Receive(rig, 1, 2, 3);
        Assert.Equal((2, 3), (rig.Forward.SessionCount, rig.Flows.Count));
        rig.Flows[1].Answer("yes");
        rig.Flows[2].Answer("yes");
        Receive(rig, 4);
        Assert.Equal(1, rig.Dropped["table_full"]);
    }

    [Theory]
    [InlineData(DialOutcome.NoLocalAddress)]
    [InlineData(DialOutcome.NoResources)]
    public void Where_the_system_has_nothing_left_the_oldest_that_was_never_answered_ends(DialOutcome shortage)
    {
        using var rig = Rig(new ForwardLimits());
        Receive(rig, 1, 2);
        rig.Opening = _ => shortage;
        Receive(rig, 3);
        Assert.Equal((1, true), (rig.Forward.SessionCount, rig.Flows[0].IsDisposed));
        rig.Opening = null;
        Receive(rig, 3);
        Assert.Equal(2, rig.Forward.SessionCount);
    }

    [Fact]
    public void A_source_that_has_enough_sessions_does_not_use_up_the_pace_of_others()
    {
        using var rig = Rig(new ForwardLimits { ConnectionsPerSource = 1, SessionsPerSecond = 10 });
        rig.Receive(Enumerable.Range(1, 100).Select(port => ($"198.51.100.1:{port}", "x")));
        Receive(rig, 1, 2, 3);
        Assert.Equal(4, rig.Flows.Count);
        Assert.Equal(99, rig.Dropped["limited"]);
    }

    [Fact]
    public void Places_are_given_back_once_however_sessions_end()
    {
        using var rig = Rig(new ForwardLimits { Connections = 5 }, places: 5);
        for (var round = 0; round < 20; round++)
        {
            Receive(rig, [.. Enumerable.Range(round * 10, 8)]);
            rig.Flows[^1].Answer("yes");
            if (round % 3 == 0)
                rig.Run(() => rig.Forward.Close(static session => session.Id % 2 == 0));
            rig.Advance(61 * second);
        }
        rig.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal(0, rig.Forward.SessionCount);
        for (var i = 0; i < 5; i++)
            Assert.True(rig.Process.TryEnter() && rig.Forward.Places.TryEnter());
        Assert.False(rig.Process.TryEnter());
        Assert.False(rig.Forward.Places.TryEnter());
    }

    [Fact]
    public void Sources_and_prefixes_have_so_many_sessions_and_no_more()
    {
        using var rig = Rig(new ForwardLimits { ConnectionsPerSource = 2, ConnectionsPerPrefix = 3 });
        rig.Receive([("198.51.100.1:1", ""), ("198.51.100.1:2", ""), ("198.51.100.1:3", ""), ("198.51.100.2:1", ""), ("198.51.100.3:1", ""), ("203.0.113.1:1", "")]);
        Assert.Equal(4, rig.Flows.Count);
        Assert.Equal(2, rig.Dropped["limited"]);
        // One line a source a second.
        Assert.Equal(2, rig.Log.Count(entry => entry.Event == "refused"));
        rig.Advance(60 * second);
        rig.Receive([("198.51.100.1:3", "")]);
        Assert.Equal(5, rig.Flows.Count);
    }

    [Fact]
    public void New_sessions_beyond_so_many_a_second_cost_no_socket()
    {
        using var rig = Rig(new ForwardLimits { SessionsPerSecond = 10 });
        Receive(rig, [.. Enumerable.Range(1, 50)]);
        Assert.Equal(10, rig.Flows.Count);
        Assert.Equal(40, rig.Dropped["too_fast"]);
        for (var i = 0; i < 10; i++)
        {
            rig.Advance(second / 10);
            Receive(rig, 100 + i, 200 + i);
        }
        Assert.Equal(20, rig.Flows.Count);
        // Those who have one go on.
        Receive(rig, 1);
        Assert.Equal(2, rig.Flows[0].Sent.Count);
    }

    [Fact]
    public void Five_thousand_a_second_are_let_in_where_nothing_is_written_and_any_number_where_it_is_off()
    {
        Assert.Equal(5000, new ForwardLimits().DatagramSessionsPerSecond);
        using var rig = Rig(new ForwardLimits(), places: 10_000);
        Receive(rig, [.. Enumerable.Range(1, 6000)]);
        Assert.Equal(5000, rig.Flows.Count);
        using var off = Rig(new ForwardLimits { SessionsPerSecond = null }, places: 10_000);
        Receive(off, [.. Enumerable.Range(1, 6000)]);
        Assert.Equal(6000, off.Flows.Count);
    }

    [Fact]
    public void Who_is_denied_costs_nothing_and_is_told_of_once_a_second()
    {
        var config = DatagramRig.Config() with { Deny = [IPNetwork.Parse("198.51.100.0/24")] };
        using var rig = new DatagramRig(config);
        for (var i = 0; i < 5; i++)
            rig.Receive("198.51.100.1:1", "let me in", "please");
        rig.Receive("203.0.113.1:1", "hello");
        Assert.Single(rig.Flows);
        Assert.Equal(10, rig.Dropped["denied"]);
        Assert.Single(rig.Log, entry => entry.Event == "refused");
        Assert.Equal(1, rig.Forward.Status(false, "native").Accepted);
    }

    [Fact]
    public void A_route_takes_the_clients_of_its_network_and_nobody_else()
    {
        var config = DatagramRig.Config() with { To = [], Routes = [new RouteConfig { From = [IPNetwork.Parse("198.51.100.0/24")], To = [new UpstreamConfig(Endpoint.Parse("192.0.2.1:53"))] }] };
        using var rig = new DatagramRig(config);
        rig.Receive([("198.51.100.1:1", "1"), ("203.0.113.1:1", "2")]);
        Assert.Equal("192.0.2.1:53", Assert.Single(rig.Flows).RemoteEndPoint!.ToString());
        Assert.Equal(1, rig.Dropped["no_route"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_beyond_a_rate_is_dropped_and_counted_each_way(bool isShared)
    {
        using var rig = Rig(isShared ? new ForwardLimits { Rate = 100_000 } : new ForwardLimits { RatePerConnection = 100_000 });
        var text = new string('x', 1000);
        Receive(rig, 1);
        for (var i = 0; i < 100; i++)
        {
            rig.Receive("10.0.0.1:1", [.. Enumerable.Repeat(text, 10)]);
            rig.Flows[0].Answer([.. Enumerable.Repeat(text, 10)]);
            rig.Advance(second / 100);
        }
        // A second's bytes, and the burst that a rest allows; of a thousand thousand.
        Assert.InRange(rig.Flows[0].Sent.Count, 100, 107);
        Assert.InRange(rig.Answers.Count, 100, 107);
        Assert.Equal(2001 - rig.Flows[0].Sent.Count - rig.Answers.Count, rig.Dropped["rate"]);
    }

    [Fact]
    public void One_that_is_larger_than_the_burst_passes_and_is_paid_for()
    {
        using var rig = Rig(new ForwardLimits { Rate = 10_000 });
        rig.Receive("10.0.0.1:1", new string('x', 60_000));
        rig.Receive("10.0.0.1:1", "x");
        Assert.Single(rig.Flows[0].Sent);
        rig.Advance(5 * second);
        rig.Receive("10.0.0.1:1", "x");
        Assert.Single(rig.Flows[0].Sent);
        rig.Advance(second);
        rig.Receive("10.0.0.1:1", "x");
        Assert.Equal(2, rig.Flows[0].Sent.Count);
    }

    [Fact]
    public void What_a_socket_does_not_take_and_what_the_kernel_lost_are_counted_by_their_reasons()
    {
        using var rig = Rig(new ForwardLimits());
        Receive(rig, 1);
        rig.Flows[0].Outcome = _ => new DatagramsSent(0, 0, TooLong: 1, NoRoom: 2, Failed: 3);
        Receive(rig, 1);
        rig.Flows[0].Lose(DatagramLoss.BufferFull, 5);
        rig.Lose(DatagramLoss.BufferFull, 7);
        rig.Lose(DatagramLoss.Truncated, 1);
        Assert.Equal([("not_sent", 3L), ("receive_buffer_full", 12), ("send_buffer_full", 2), ("too_long", 1), ("truncated", 1)], rig.Forward.Status(false, "native").Dropped.Select(pair => (pair.Key, pair.Value)));
        Assert.Single(rig.Log, entry => entry.Event == "datagrams_lost");
    }

    [Theory]
    [InlineData(ProxyDatagrams.First, 1)]
    [InlineData(ProxyDatagrams.Each, 3)]
    public void The_upstream_is_told_whom_it_talks_to_where_that_is_asked_for(ProxyDatagrams which, int headers)
    {
        using var rig = new DatagramRig(DatagramRig.Config() with { ProxyProtocol = new ProxyProtocolConfig { Send = ProxyHeader.V2, Udp = which } });
        rig.Receive("198.51.100.1:4660@203.0.113.1", "one", "two");
        rig.Receive("198.51.100.1:4660@203.0.113.1", "three");
        Assert.Equal(headers, rig.Flows[0].Sent.Count(text => text.StartsWith("\r\n\r\n\0\r\nQUIT\n", StringComparison.Ordinal)));
        var first = Encoding.Latin1.GetBytes(rig.Flows[0].Sent[0]);
        // Version 2, PROXY; IPv4, DGRAM; 12 bytes of addresses and ports.
        Assert.Equal([0x21, 0x12, 0, 12, 198, 51, 100, 1, 203, 0, 113, 1, 0x12, 0x34, 0, 53, .. "one"u8], first[12..]);
        Assert.Equal(11, rig.Forward.Status(false, "native").BytesFromClients);
    }

    [Fact]
    public void A_session_that_moves_tells_its_new_upstream_too()
    {
        using var rig = new DatagramRig(DatagramRig.Config("192.0.2.1:53", "192.0.2.2:53") with { Balance = BalanceKind.First, ProxyProtocol = new ProxyProtocolConfig { Send = ProxyHeader.V2 } });
        rig.Receive("198.51.100.1:1", "one");
        rig.Flows[0].Fail(DatagramError.Refused);
        rig.Receive("198.51.100.1:1", "two");
        Assert.EndsWith("two", Assert.Single(rig.Flows[1].Sent), StringComparison.Ordinal);
        Assert.StartsWith("\r\n\r\n\0\r\nQUIT\n", rig.Flows[1].Sent[0], StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_is_evicted_in_the_middle_of_its_batch_makes_room_all_the_same()
    {
        using var rig = Rig(new ForwardLimits { Connections = 1 });
        Receive(rig, 1, 2, 1, 2, 1);
        Assert.Equal(1, rig.Forward.SessionCount);
        Assert.Equal([true, false], rig.Flows.Select(flow => flow.IsDisposed));
        Receive(rig, 1);
        Assert.Equal([true, true, false], rig.Flows.Select(flow => flow.IsDisposed));
    }

    [Fact]
    public void A_header_of_IPv6_has_its_addresses()
    {
        var header = ProxyProtocolHeader.WriteV2(IPEndPoint.Parse("[2001:db8::1]:1"), IPEndPoint.Parse("[2001:db8::2]:53"), isDatagram: true);
        Assert.Equal((0x22, 36), (header[13], BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(14))));
        Assert.Equal(IPAddress.Parse("2001:db8::1").GetAddressBytes(), header[16..32]);
        Assert.Equal(IPAddress.Parse("2001:db8::2").GetAddressBytes(), header[32..48]);
        Assert.Equal([0, 1, 0, 53], header[48..]);
    }

    private static DatagramRig Rig(ForwardLimits limits, int places = 1000) => new(DatagramRig.Config() with { Limits = limits }, places);

    private static DatagramPeer Peer(int client) => DatagramRig.Peer(Text(client));

    private static string Text(int client) => $"10.{client >> 16}.{(client >> 8) & 255}.{client & 255}:1";

    // One datagram of each client.
    private static void Receive(DatagramRig rig, params int[] clients) => rig.Receive(clients.Select(client => (Text(client), "x")));
}
