using System.Net;
using System.Text;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

public sealed class SocksAssociationTests : IAssociationSink
{
    private static readonly byte[] toIp = [0, 0, 0, 1, 10, 0, 0, 5, 0, 53];
    private static readonly EndPoint target = IPEndPoint.Parse("10.0.0.5:53");
    private readonly ManualTime time = new();
    private readonly FakeRelay relay = new();
    private readonly DatagramRecorder sink = new();
    private readonly List<(EndPoint From, byte[][] Datagrams)> received = [];
    private byte[] reply = [5, 0, 0, 1, 192, 0, 2, 9, 0x12, 0x34];
    private ScriptedProxy? proxy;

    private ScriptedProxy Proxy() => proxy = new(async connection =>
    {
        await Traffic.ExpectAsync(connection, [5, 1, 0]);
        await connection.WriteAsync(new byte[] { 5, 0 });
        await Traffic.ExpectAsync(connection, [5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
        await connection.WriteAsync(reply);
    });

    private async Task<DatagramDialResult> DialAsync(EndPoint? to = null, string url = "socks5h://192.0.2.1") =>
        await new AssociateDialer(ProxyUrl.Parse(url), Proxy(), relay, time).OpenAsync(to ?? target, sink, TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);

    private async Task<(DatagramFlow Flow, FakeRelay.Flow Relay)> OpenAsync(EndPoint? to = null)
    {
        var opened = await DialAsync(to);
        Assert.Equal((DialOutcome.Connected, null), (opened.Outcome, opened.Detail));
        return (opened.Flow!, relay.Flows.Single());
    }

    private async Task<(SocksAssociation Association, FakeRelay.Flow Relay)> AssociateAsync()
    {
        var opened = await SocksAssociation.OpenAsync(ProxyUrl.Parse("socks5h://192.0.2.1"), Proxy(), relay, this, TimeSpan.FromSeconds(5), time, TestContext.Current.CancellationToken);
        return (opened.Association!, relay.Flows.Single());
    }

    void IAssociationSink.OnDatagrams(EndPoint from, in DatagramBatch batch)
    {
        var datagrams = new List<byte[]>();
        foreach (var datagram in batch)
            datagrams.Add(datagram.ToArray());
        received.Add((from, [.. datagrams]));
    }

    void IAssociationSink.OnLost(DatagramLoss loss, int count) => sink.OnLost(loss, count);

    void IAssociationSink.OnError(DatagramError error) => sink.OnError(error);

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);

    private static void Receive(FakeRelay.Flow relay, params byte[][] datagrams)
    {
        var (bytes, places) = Net.DatagramRig.Join(datagrams);
        relay.Receive(bytes, places);
    }

    private async Task<string[]> TakeAsync(int count)
    {
        var taken = new string[count];
        for (var i = 0; i < count; i++)
            taken[i] = Encoding.ASCII.GetString((await sink.NextAsync()).Datagram);
        Assert.False(sink.HasMore);
        return taken;
    }

    [Fact(Timeout = 30000)]
    public async Task Datagrams_go_to_the_relay_with_the_target_before_them_and_come_back_without()
    {
        var (flow, inner) = await OpenAsync();
        Assert.Equal((target, inner.LocalEndPoint, inner.Context), (flow.RemoteEndPoint, flow.LocalEndPoint, flow.Context));
        Assert.Equal(IPEndPoint.Parse("192.0.2.9:4660"), inner.RemoteEndPoint);
        Assert.Equal(new DatagramsSent(3, 8), Net.DatagramRig.Send(flow, Bytes("query"), [], Bytes("abc")));
        Assert.Equal([[.. toIp, .. "query"u8], toIp, [.. toIp, .. "abc"u8]], inner.Sent.Single().Datagrams);

        Receive(inner, [.. toIp, .. "answer"u8], toIp, [.. toIp, .. "more"u8]);
        Assert.Equal(["answer", "", "more"], await TakeAsync(3));
    }

    [Fact(Timeout = 30000)]
    public async Task A_name_goes_to_the_proxy_and_whoever_answers_for_it_is_it()
    {
        var (flow, inner) = await OpenAsync(new DnsEndPoint("example.org", 53));
        Net.DatagramRig.Send(flow, Bytes("query"));
        Assert.Equal([0, 0, 0, 3, 11, .. "example.org"u8, 0, 53, .. "query"u8], inner.Sent.Single().Datagrams.Single());
        Receive(inner, [.. toIp, .. "by address"u8], [0, 0, 0, 3, 11, .. "example.org"u8, 0, 53, .. "by name"u8]);
        Assert.Equal(["by address", "by name"], await TakeAsync(2));
    }

    [Fact(Timeout = 30000)]
    public async Task What_is_not_from_the_target_or_not_whole_is_dropped()
    {
        var (_, inner) = await OpenAsync(IPEndPoint.Parse("[::ffff:10.0.0.5]:53"));
        Receive(inner,
            [0, 0, 0, 1, 10, 0, 0, 6, 0, 53, 1], [0, 0, 0, 1, 10, 0, 0, 5, 0, 54, 1], [], [0], toIp[..9], [0, 0, 1, .. toIp[3..], 1], [0, 1, .. toIp[2..], 1], [0, 0, 0, 9, 9, 9], [0, 0, 0, 3, 0, 0, 53, 1],
            [.. toIp, .. "ours"u8], [0, 0, 0x81, .. toIp[3..], 1], [.. toIp, .. "and ours"u8]);
        Assert.Equal(["ours", "and ours"], await TakeAsync(2));
    }

    [Theory(Timeout = 30000), InlineData("0.0.0.0", "192.0.2.1"), InlineData("::", "192.0.2.1"), InlineData("::1", "::1"), InlineData("198.51.100.7", "198.51.100.7")]
    public async Task A_relay_at_no_address_is_at_the_proxys(string told, string expected)
    {
        reply = Socks5Reply.Write(0, new IPEndPoint(IPAddress.Parse(told), 4660));
        var (_, inner) = await OpenAsync();
        Assert.Equal(new IPEndPoint(IPAddress.Parse(expected), 4660), inner.RemoteEndPoint);
    }

    [Theory(Timeout = 30000)]
    [InlineData("10 x 100", "1100/110")]
    [InlineData("10 x 100, 1 x 50", "1160/110")]
    [InlineData("2 x 100, 1 x 50, 2 x 100", "280/110, 220/110")]
    [InlineData("1 x 0", "10/10")]
    [InlineData("3 x 0", "30/10")]
    [InlineData("2 x 50, 2 x 60", "120/60, 140/70")]
    [InlineData("1 x 65507", "65517/65517")]
    [InlineData("50 x 1400", "64860/1410, 5640/1410")]
    public async Task Runs_stay_runs(string what, string expected)
    {
        var (flow, inner) = await OpenAsync();
        var groups = what.Split(", ").Select(group => group.Split(" x ").Select(int.Parse).ToArray());
        var datagrams = groups.SelectMany(group => Enumerable.Range(0, group[0]).Select(number => Net.DatagramRig.Bytes(group[1], number))).ToArray();
        var bytes = datagrams.SelectMany(datagram => datagram).ToArray();
        var places = new List<DatagramPlace>();
        foreach (var group in groups)
            places.Add(new DatagramPlace(places.Sum(place => place.Length), group[0] * group[1], group[1]));
        var sent = what == "3 x 0" ? Net.DatagramRig.Send(flow, datagrams) : flow.Send(new DatagramBatch(bytes, places.ToArray()));
        Assert.Equal(new DatagramsSent(datagrams.Length, bytes.Length), sent);
        Assert.Equal(expected, string.Join(", ", inner.Sent.SelectMany(call => call.Places).Select(place => $"{place.Length}/{place.SegmentSize}")));
        Assert.Equal(datagrams.Select(datagram => (byte[])[.. toIp, .. datagram]), inner.Sent.SelectMany(call => call.Datagrams));
    }

    [Theory(Timeout = 30000), Seeds(2)]
    public async Task Whatever_is_sent_arrives_in_its_order(int seed)
    {
        var random = new Random(seed);
        var (flow, inner) = await OpenAsync();
        for (var round = 0; round < 20; round++)
        {
            inner.Sent.Clear();
            var datagrams = Enumerable.Range(0, random.Next(1, 100)).Select(number => Net.DatagramRig.Bytes(random.Next(4) switch { 0 => 0, 1 => 100, 2 => random.Next(2000), _ => random.Next(65_507) >> random.Next(8) }, number)).ToArray();
            Assert.Equal(new DatagramsSent(datagrams.Length, datagrams.Sum(datagram => (long)datagram.Length)), Net.DatagramRig.Send(flow, datagrams));
            var sent = inner.Sent.SelectMany(call => call.Datagrams).ToArray();
            Assert.Equal(datagrams.Length, sent.Length);
            Assert.All(sent.Zip(datagrams), pair => Assert.True(pair.First.AsSpan().SequenceEqual([.. toIp, .. pair.Second])));
            Assert.All(inner.Sent.SelectMany(call => call.Places), place => Assert.InRange(place.Length, 10, 65_535));
        }
    }

    [Fact(Timeout = 30000)]
    public async Task What_no_datagram_can_hold_is_too_long()
    {
        var (flow, inner) = await OpenAsync();
        Assert.Equal(new DatagramsSent(1, 1, TooLong: 1), Net.DatagramRig.Send(flow, new byte[200_000], new byte[1]));
        Assert.Equal(11, inner.Sent.Single().Datagrams.Single().Length);
    }

    [Fact(Timeout = 30000)]
    public async Task Runs_that_come_are_cut_where_they_are_to_be()
    {
        var (_, inner) = await OpenAsync();
        byte[] run = [.. toIp, .. "one"u8, .. toIp, .. "two"u8, .. toIp, .. "3"u8];
        inner.Receive([9, .. run, .. toIp], new DatagramPlace(1, run.Length, 13), new DatagramPlace(1 + run.Length, 10));
        Assert.Equal(["one", "two", "3", ""], await TakeAsync(4));
        var many = Enumerable.Range(0, 1000).Select(number => (byte[])[.. toIp, .. Bytes($"{number}")]).ToArray();
        Receive(inner, many);
        Assert.Equal(Enumerable.Range(0, 1000).Select(number => $"{number}"), await TakeAsync(1000));
    }

    [Fact(Timeout = 30000)]
    public async Task Of_many_targets_each_batch_is_one_senders()
    {
        var (association, inner) = await AssociateAsync();
        byte[] other = [0, 0, 0, 4, .. IPAddress.IPv6Loopback.GetAddressBytes(), 0, 80];
        association.Send(IPEndPoint.Parse("[::1]:80"), new DatagramBatch([1], [new DatagramPlace(0, 1)]));
        association.Send(new DnsEndPoint("a.example", 1), new DatagramBatch([2], [new DatagramPlace(0, 1)]));
        Assert.Equal([[.. other, 1], [0, 0, 0, 3, 9, .. "a.example"u8, 0, 1, 2]], inner.Sent.SelectMany(call => call.Datagrams));

        Receive(inner, [9], [.. toIp, 1], [.. toIp, 2], [.. other, 3], [.. other, 4], [.. toIp, 5]);
        Assert.Equal([target, IPEndPoint.Parse("[::1]:80"), target], received.Select(batch => batch.From));
        Assert.Equal([[[1], [2]], [[3], [4]], [[5]]], received.Select(batch => batch.Datagrams));
    }

    [Fact(Timeout = 30000)]
    public async Task Whoever_ends_it_while_he_is_told_is_told_no_more()
    {
        var told = 0;
        SocksAssociation? association = null;
        var ender = new Ender(() =>
        {
            told++;
            association!.Dispose();
        });
        var opened = await SocksAssociation.OpenAsync(ProxyUrl.Parse("socks5h://192.0.2.1"), Proxy(), relay, ender, TimeSpan.FromSeconds(5), time, TestContext.Current.CancellationToken);
        association = opened.Association;
        Receive(relay.Flows.Single(), [.. toIp, 1], [0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 1], [.. toIp, 1]);
        Assert.Equal(1, told);
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task It_is_over_when_the_proxy_closes_or_resets_its_connection(bool resets)
    {
        var (flow, inner) = await OpenAsync();
        await proxy!.Far!.WriteAsync(Bytes("nobody asked"));
        if (resets)
            proxy.Far.Abort();
        else
            await proxy.Far.CompleteWritesAsync();
        Assert.Equal(DatagramError.Closed, await sink.NextErrorAsync());
        Assert.False(inner.IsDisposed);
        flow.Dispose();
        Assert.True(inner.IsDisposed);
        Assert.Equal(1, sink.Calls);
    }

    [Fact(Timeout = 30000)]
    public async Task Its_end_ends_the_connection_and_is_not_told()
    {
        var (association, inner) = await AssociateAsync();
        association.Dispose();
        association.Dispose();
        await association.Watching;
        await inner.Context.RunAsync(() => Task.CompletedTask);
        Assert.True(inner.IsDisposed);
        Assert.Equal(([], null), await Traffic.DrainAsync(proxy!.Far!));
        Assert.Equal(0, sink.Calls);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task What_the_way_to_the_relay_tells_is_passed_on()
    {
        var (_, inner) = await OpenAsync();
        inner.Tell(DatagramError.Refused);
        inner.Lose(DatagramLoss.Truncated, 3);
        Assert.Equal(DatagramError.Refused, await sink.NextErrorAsync());
        Assert.Equal(3, sink.Truncated);
    }

    [Fact(Timeout = 30000)]
    public async Task A_failure_is_told_with_the_proxys_words_and_leaves_nothing_open()
    {
        reply = [5, 7, 0, 1, 0, 0, 0, 0, 0, 0];
        await AssertFailsAsync(DialOutcome.NotSupported, "proxy socks5h://192.0.2.1:1080: command not supported");
        reply = [5, 0, 0, 3, 9, .. "a.example"u8, 0, 1];
        await AssertFailsAsync(DialOutcome.Failed, "proxy socks5h://192.0.2.1:1080: it has its relay at a.example:1, which is no place to send to");
        reply = [5, 0, 0, 1, 192, 0, 2, 9, 0, 0];
        await AssertFailsAsync(DialOutcome.Failed, "proxy socks5h://192.0.2.1:1080: it has its relay at 192.0.2.9:0, which is no place to send to");
        reply = [5, 0, 0, 1, 192, 0, 2, 9, 0, 1];
        relay.Failure = new DialResult(DialOutcome.Unreachable, null, "Network is unreachable");
        await AssertFailsAsync(DialOutcome.Unreachable, "proxy socks5h://192.0.2.1:1080: Network is unreachable");
        relay.Failure = new DialResult(DialOutcome.Cancelled);
        await AssertFailsAsync(DialOutcome.Cancelled, null);
        await Assert.ThrowsAsync<ArgumentException>(() => DialAsync(new System.Net.Sockets.UnixDomainSocketEndPoint("/a")));
    }

    [Fact(Timeout = 30000)]
    public async Task Through_two_proxies_a_datagram_has_the_header_of_both()
    {
        byte[] toSecond = [0, 0, 0, 1, 198, 51, 100, 2, 0x0a, 0x0a];
        var direct = new ScriptedProxy(async connection =>
        {
            await Traffic.ExpectAsync(connection, [5, 1, 0]);
            await connection.WriteAsync(new byte[] { 5, 0 });
            var request = new byte[10];
            await connection.ReadAsync(request);
            await connection.WriteAsync(request[1] == 3 ? reply : [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            if (request[1] == 3)
                return;
            await Traffic.ExpectAsync(connection, [5, 1, 0]);
            await connection.WriteAsync(new byte[] { 5, 0 });
            await Traffic.ExpectAsync(connection, [5, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
            await connection.WriteAsync(new byte[] { 5, 0, 0, 1, 0, 0, 0, 0, 0x0a, 0x0a });
        });
        ProxyUrl[] hops = [ProxyUrl.Parse("socks5h://192.0.2.1"), ProxyUrl.Parse("socks5h://198.51.100.2")];
        var opened = await ProxyDialers.DatagramsOf(hops, direct, relay, dialer => dialer, time).OpenAsync(target, sink, TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.Equal((DialOutcome.Connected, null), (opened.Outcome, opened.Detail));
        var inner = relay.Flows.Single();
        Assert.Equal(new DatagramsSent(2, 6), Net.DatagramRig.Send(opened.Flow!, Bytes("one"), Bytes("two")));
        Assert.Equal([[.. toSecond, .. toIp, .. "one"u8], [.. toSecond, .. toIp, .. "two"u8]], inner.Sent.Single().Datagrams);
        Assert.Equal(new DatagramPlace(0, 46, 23), Assert.Single(inner.Sent.Single().Places));
        Receive(inner, [.. toSecond, .. toIp, .. "answer"u8]);
        Assert.Equal(["answer"], await TakeAsync(1));

        // The first one's end is the second one's too.
        opened.Flow!.Dispose();
        Assert.True(inner.IsDisposed);
    }

    private async Task AssertFailsAsync(DialOutcome outcome, string? detail)
    {
        Assert.Equal(new DatagramDialResult(outcome, null, detail), await DialAsync());
        Assert.Equal(([], null), await Traffic.DrainAsync(proxy!.Far!));
        Assert.Empty(relay.Flows);
        Assert.Equal(0, time.ArmedTimers);
    }

    private sealed class Ender(Action end) : IAssociationSink
    {
        public void OnDatagrams(EndPoint from, in DatagramBatch batch) => end();

        public void OnLost(DatagramLoss loss, int count) => end();

        public void OnError(DatagramError error) => end();
    }
}
