using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests.Forwarding.Dynamic;

public sealed class NativeSocksServerTests() : SocksServerContract(EngineKind.Native);

public sealed class PortableSocksServerTests() : SocksServerContract(EngineKind.Portable);

/// <summary>What clients of SOCKS get from <c>to: dynamic</c>.</summary>
public abstract class SocksServerContract : IAsyncDisposable
{
    private readonly ForwardingRig rig;
    private readonly LookUps lookUps = new(name => name switch
    {
        "echo.example" => [IPAddress.Loopback],
        "rebound.example" => [IPAddress.Parse("169.254.169.254")],
        _ => throw new SocketException((int)SocketError.HostNotFound),
    });

    protected SocksServerContract(EngineKind kind) => rig = new ForwardingRig(kind, lookUps);

    public async ValueTask DisposeAsync()
    {
        await rig.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    public static TheoryData<string> Requests() => ["4", "4a", "5", "5 name", "5 login"];

    [Theory(Timeout = 60000), MemberData(nameof(Requests))]
    public async Task A_client_gets_where_it_wants_to_go_however_its_bytes_are_cut(string kind)
    {
        var (proxy, echo) = Start(kind == "5 login" ? [new ProxyUser("alice", new Secret("wonder land"))] : []);
        var messages = Connect(kind, echo.Port);
        var total = messages.Sum(message => message.Sent.Length);
        for (var cut = 0; cut < total; cut += Math.Max(1, total / 40))
        {
            using var client = await rig.ConnectAsync(proxy);
            var at = 0;
            foreach (var (sent, answer) in messages)
            {
                var inside = Math.Clamp(cut - at, 0, sent.Length);
                at += sent.Length;
                await client.WriteAsync(sent.AsMemory(0, inside));
                await client.WriteAsync(sent.AsMemory(inside));
                await ExpectBeginningAsync(client, answer);
            }
            await client.WriteAsync("hello"u8.ToArray());
            await Traffic.ExpectAsync(client, "hello"u8.ToArray());
            await client.CompleteWritesAsync();
            Assert.Equal((0, null), (await Traffic.DrainAsync(client)) is var (rest, error) ? (rest.Length, error) : default);
        }
    }

    [Fact(Timeout = 30000)]
    public async Task What_a_client_says_before_the_answer_is_kept_and_passed_on_first()
    {
        var (proxy, echo) = Start();
        using var client = await rig.ConnectAsync(proxy);
        await client.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.Connect, echo), .. "early"u8]);
        await ExpectBeginningAsync(client, [5, 0]);
        await ExpectBeginningAsync(client, [5, 0, 0, 1]);
        await Traffic.ExpectAsync(client, "early"u8.ToArray());
    }

    [Theory(Timeout = 30000)]
    [InlineData("closed", SocksReplies.ConnectionRefused, "refused")]
    [InlineData("unknown.example", SocksReplies.HostUnreachable, "name_unknown")]
    [InlineData("denied.example", SocksReplies.NotAllowed, "not_allowed")]
    public async Task The_answer_says_why_it_cannot_go_there(string host, byte code, string word)
    {
        var (proxy, _) = Start(change: forward => forward with { DenyTo = [DestinationPattern.Parse("denied.example")] });
        EndPoint target = host == "closed" ? new IPEndPoint(IPAddress.Loopback, FreePorts.One()) : new DnsEndPoint(host, 80);
        using var client = await rig.ConnectAsync(proxy);
        await client.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.Connect, target)]);

        var (answer, error) = await Traffic.DrainAsync(client);
        Assert.Equal([5, 0, 5, code], answer[..4]);
        Assert.Null(error);
        client.Dispose();
        await rig.StopAsync();
        Assert.Equal([word], rig.Sessions.Select(session => session["end"]));
    }

    [Theory(Timeout = 30000)]
    [InlineData(new byte[] { 5, 0 }, new byte[] { 5, 0xFF }, "bad_request")]
    [InlineData(new byte[] { 5, 1, 2 }, new byte[] { 5, 0xFF }, "bad_request")]
    [InlineData(new byte[] { 5, 1, 0, 5, 9, 0, 1, 127, 0, 0, 1, 0, 80 }, new byte[] { 5, 0, 5, SocksReplies.CommandNotSupported }, "bad_request")]
    [InlineData(new byte[] { 5, 1, 0, 5, 1, 0, 7, 1 }, new byte[] { 5, 0, 5, SocksReplies.AddressTypeNotSupported }, "bad_request")]
    [InlineData(new byte[] { 5, 1, 0, 5, 1, 0, 3, 0, 0, 80 }, new byte[] { 5, 0, 5, SocksReplies.GeneralFailure }, "bad_request")]
    [InlineData(new byte[] { 5, 1, 0, 6, 1, 0, 1, 127, 0, 0, 1, 0, 80 }, new byte[] { 5, 0, 5, SocksReplies.GeneralFailure }, "bad_request")]
    [InlineData(new byte[] { 4, 9, 0, 80, 127, 0, 0, 1, 0 }, new byte[] { 0, SocksReplies.Rejected }, "bad_request")]
    [InlineData(new byte[] { 4, 1, 0, 80, 0, 0, 0, 1, 0, 0 }, new byte[] { 0, SocksReplies.Rejected }, "bad_request")]
    public async Task What_is_wrong_is_answered_as_far_as_the_protocol_has_words_for_it(byte[] said, byte[] answered, string word)
    {
        var (proxy, _) = Start();
        using var client = await rig.ConnectAsync(proxy);
        await client.WriteAsync(said);

        var (answer, error) = await Traffic.DrainAsync(client);
        Assert.Equal(answered, answer[..answered.Length]);
        Assert.Null(error);
        // Who stays is waited for, a while.
        client.Dispose();
        await rig.StopAsync();
        Assert.Equal([word], rig.Sessions.Select(session => session["end"]));
    }

    [Fact(Timeout = 30000)]
    public async Task Where_users_are_asked_for_only_they_get_in()
    {
        var (proxy, echo) = Start([new ProxyUser("alice", new Secret("wonder land"))]);
        foreach (var (said, answered) in ((byte[], byte[])[])[
            ([5, 1, 0], [5, 0xFF]),
            ([5, 1, 2, .. Socks5Login.Credentials("alice", "wonder lane"u8)], [5, 2, 1, 1]),
            ([5, 1, 2, .. Socks5Login.Credentials("bob", "wonder land"u8)], [5, 2, 1, 1]),
            ([5, 1, 2, .. Socks5Login.Credentials("", ""u8)], [5, 2, 1, 1]),
            ([4, 1, .. Socks4.Request(SocksCommand.Connect, echo, "alice")[2..]], [0, SocksReplies.OtherUser])])
        {
            using var client = await rig.ConnectAsync(proxy);
            await client.WriteAsync(said);
            var (answer, _) = await Traffic.DrainAsync(client);
            Assert.Equal(answered, answer[..answered.Length]);
        }
        await rig.StopAsync();
        Assert.Equal(Enumerable.Repeat("bad_login", 5), rig.Sessions.Select(session => session["end"]).Concat(Enumerable.Repeat<object?>("bad_login", 5 - rig.Sessions.Count)));
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_says_too_little_in_time_is_reset()
    {
        var (proxy, _) = Start(change: forward => forward with { Timeouts = forward.Timeouts with { FirstBytes = TimeSpan.FromMilliseconds(100) } });
        using var client = await rig.ConnectAsync(proxy);
        await client.WriteAsync((byte[])[5, 1]);
        await ForwardingRig.AssertResetAsync(client);
        await rig.StopAsync();
        Assert.Equal("first_bytes_timeout", rig.Sessions.Single()["end"]);
    }

    [Fact(Timeout = 30000)]
    public async Task Bind_listens_where_the_client_is_and_lets_one_in_from_where_it_says()
    {
        var (proxy, _) = Start();
        using var client = await rig.ConnectAsync(proxy);
        await client.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.Bind, new IPEndPoint(IPAddress.Loopback, 0))]);
        await Traffic.ExpectAsync(client, [5, 0]);
        var first = await ReplyAsync(client);
        Assert.Equal((SocksReplies.Succeeded, IPAddress.Loopback), (first.Code, ((IPEndPoint)first.Bound).Address));

        // From elsewhere nobody gets in; and after the one who does, nobody else.
        if ((await DialFromAsync("127.0.0.2", first.Bound)).Connection is { } stranger)
            await ForwardingRig.AssertResetAsync(rig.Own(stranger));
        var peer = rig.Own((await DialFromAsync("127.0.0.1", first.Bound)).Connection!);
        var second = await ReplyAsync(client);
        Assert.Equal((SocksReplies.Succeeded, peer.LocalEndPoint), (second.Code, second.Bound));
        Assert.Equal(DialOutcome.Refused, await rig.TryConnectAsync(first.Bound));
        await Traffic.SayAsync(client, peer, "hello");
        await Traffic.SayAsync(peer, client, "hello yourself");
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task A_bind_ends_with_its_client(bool isAborted)
    {
        var (proxy, _) = Start();
        using var client = await rig.ConnectAsync(proxy);
        await client.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.Bind, new IPEndPoint(IPAddress.Any, 0))]);
        await Traffic.ExpectAsync(client, [5, 0]);
        var first = await ReplyAsync(client);
        if (isAborted)
            client.Abort();
        else
            client.Dispose();
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 0);
        await rig.Engine.ProbeAsync();
        Assert.Equal(DialOutcome.Refused, await rig.TryConnectAsync(first.Bound));
    }

    [Fact(Timeout = 30000)]
    public async Task What_a_client_says_while_a_bind_waits_is_passed_on_first()
    {
        var (proxy, _) = Start();
        using var client = await rig.ConnectAsync(proxy);
        await client.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.Bind, new IPEndPoint(IPAddress.Any, 0))]);
        await Traffic.ExpectAsync(client, [5, 0]);
        var first = await ReplyAsync(client);
        await client.WriteAsync("early"u8.ToArray());
        var peer = rig.Own((await DialFromAsync("127.0.0.1", first.Bound)).Connection!);
        await ReplyAsync(client);
        await Traffic.ExpectAsync(peer, "early"u8.ToArray());
        await Traffic.SayAsync(client, peer, "late");
        await client.CompleteWritesAsync();
        await Traffic.SayAsync(peer, client, "after the end");
        Assert.Empty((await Traffic.DrainAsync(peer)).Bytes);
    }

    [Fact(Timeout = 30000)]
    public async Task A_stop_ends_a_bind_that_waits()
    {
        var (proxy, _) = Start();
        using var client = await rig.ConnectAsync(proxy);
        await client.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.Bind, new IPEndPoint(IPAddress.Any, 0))]);
        await Traffic.ExpectAsync(client, [5, 0]);
        var first = await ReplyAsync(client);
        Assert.Equal(1, await rig.StopAsync(TimeSpan.Zero));
        Assert.Equal(DialOutcome.Refused, await rig.TryConnectAsync(first.Bound));
    }

    [Fact(Timeout = 30000)]
    public async Task Datagrams_of_an_association_go_where_they_say_and_come_back_with_whom_they_are_from()
    {
        var (proxy, _) = Start();
        using var one = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var other = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var client = await rig.ConnectAsync(proxy);
        var relay = await AssociateAsync(client);
        Assert.Equal(IPAddress.Loopback, relay.Address);
        using var socket = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Connect(relay);

        foreach (var (peer, word) in ((UdpClient, string)[])[(one, "to one"), (other, "to the other"), (one, "")])
        {
            await socket.SendAsync(Datagram(peer.Client.LocalEndPoint!, word), Cancel);
            var got = await peer.ReceiveAsync(Cancel);
            Assert.Equal(word, Encoding.ASCII.GetString(got.Buffer));
            await peer.SendAsync(Encoding.ASCII.GetBytes($"{word}!"), got.RemoteEndPoint, Cancel);
            Assert.Equal(Datagram(peer.Client.LocalEndPoint!, $"{word}!"), (await socket.ReceiveAsync(Cancel)).Buffer);
        }
        // By name too.
        await socket.SendAsync(Datagram(new DnsEndPoint("echo.example", ((IPEndPoint)one.Client.LocalEndPoint!).Port), "by name"), Cancel);
        Assert.Equal("by name", Encoding.ASCII.GetString((await one.ReceiveAsync(Cancel)).Buffer));
    }

    [Fact(Timeout = 30000)]
    public async Task An_association_drops_what_is_not_its_client_s_and_who_was_not_written_to()
    {
        var (proxy, _) = Start();
        using var peer = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var stranger = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var client = await rig.ConnectAsync(proxy);
        var relay = await AssociateAsync(client);
        using var socket = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Connect(relay);
        await socket.SendAsync(Datagram(peer.Client.LocalEndPoint!, "first"), Cancel);
        var outward = (await peer.ReceiveAsync(Cancel)).RemoteEndPoint;

        // A fragment, no header, another port of the client's address, another address; then what is right.
        var fragment = Datagram(peer.Client.LocalEndPoint!, "fragment");
        fragment[2] = 1;
        await socket.SendAsync(fragment, Cancel);
        await socket.SendAsync(new byte[] { 1, 2, 3 }, Cancel);
        using var otherPort = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await otherPort.SendAsync(Datagram(peer.Client.LocalEndPoint!, "other port"), relay, Cancel);
        using var otherAddress = new UdpClient(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        await otherAddress.SendAsync(Datagram(peer.Client.LocalEndPoint!, "other address"), relay, Cancel);
        await socket.SendAsync(Datagram(peer.Client.LocalEndPoint!, "last"), Cancel);
        Assert.Equal("last", Encoding.ASCII.GetString((await peer.ReceiveAsync(Cancel)).Buffer));

        await stranger.SendAsync("unasked"u8.ToArray(), outward, Cancel);
        await peer.SendAsync("asked"u8.ToArray(), outward, Cancel);
        Assert.Equal(Datagram(peer.Client.LocalEndPoint!, "asked"), (await socket.ReceiveAsync(Cancel)).Buffer);
        var dropped = rig.Engine.Status().Single().Dropped;
        Assert.Equal((2, 2, 1), (dropped["malformed"], dropped["denied"], dropped["unwanted"]));
    }

    [Fact(Timeout = 30000)]
    public async Task An_association_ends_with_its_connection()
    {
        var (proxy, _) = Start();
        using var client = await rig.ConnectAsync(proxy);
        var relay = await AssociateAsync(client);
        client.Dispose();
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 0);
        // A loop closes at the end of its turn.
        await rig.Engine.ProbeAsync();
        using var free = new UdpClient(relay);
        await rig.StopAsync();
        Assert.Equal("closed", rig.Sessions.Single()["end"]);
    }

    [Theory(Timeout = 30000), InlineData("127.0.0.1"), InlineData("127.0.0.2")]
    public async Task The_ports_that_are_opened_are_at_the_address_that_the_client_has_reached(string address)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "127.0.0.2 is an address of this machine on Linux.");
        var reached = IPAddress.Parse(address);
        var (listen, _) = Start(change: forward => forward with { Listen = [Endpoint.Parse("0.0.0.0:0")], Allow = [IPNetwork.Parse("127.0.0.0/8")] });
        var proxy = new IPEndPoint(reached, listen.Port);
        using var peer = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var client = await rig.ConnectAsync(proxy);
        var relay = await AssociateAsync(client);
        Assert.Equal(reached, relay.Address);
        using var socket = new UdpClient(new IPEndPoint(((IPEndPoint)client.LocalEndPoint!).Address, 0));
        socket.Connect(relay);
        await socket.SendAsync(Datagram(peer.Client.LocalEndPoint!, "question"), Cancel);
        await peer.SendAsync("answer"u8.ToArray(), (await peer.ReceiveAsync(Cancel)).RemoteEndPoint, Cancel);
        // A connected socket hears its relay's own address alone.
        Assert.Equal(Datagram(peer.Client.LocalEndPoint!, "answer"), (await socket.ReceiveAsync(Cancel)).Buffer);
        using var another = await rig.ConnectAsync(proxy);
        await another.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.Bind, new IPEndPoint(IPAddress.Any, 0))]);
        await Traffic.ExpectAsync(another, [5, 0]);
        Assert.Equal(reached, ((IPEndPoint)(await ReplyAsync(another)).Bound).Address);
    }

    [Fact(Timeout = 30000)]
    public async Task Clients_are_told_the_address_that_is_advertised()
    {
        var (proxy, _) = Start(change: forward => forward with { Advertise = IPAddress.Parse("203.0.113.7") });
        using var client = await rig.ConnectAsync(proxy);
        Assert.Equal(IPAddress.Parse("203.0.113.7"), (await AssociateAsync(client)).Address);
        using var another = await rig.ConnectAsync(proxy);
        await another.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.Bind, new IPEndPoint(IPAddress.Any, 0))]);
        await Traffic.ExpectAsync(another, [5, 0]);
        Assert.Equal(IPAddress.Parse("203.0.113.7"), ((IPEndPoint)(await ReplyAsync(another)).Bound).Address);
    }

    [Fact(Timeout = 60000)]
    public async Task Datagrams_that_wait_for_names_are_bounded_and_so_are_the_names()
    {
        using var asking = new SemaphoreSlim(0);
        await using var slow = new ForwardingRig(rig.Kind, new LookUps(_ =>
        {
            asking.Wait(Cancel);
            return [IPAddress.Loopback];
        }));
        var proxy = slow.Start(new ForwardConfig { Listen = [Endpoint.Parse("127.0.0.1:0")], To = [new UpstreamConfig(new DynamicEndpoint())], Engine = rig.Kind, Timeouts = new ForwardTimeouts { Connect = TimeSpan.FromSeconds(50) } });
        using var client = await slow.ConnectAsync(proxy);
        using var socket = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Connect(await AssociateAsync(client));
        // Of forty names sixteen are asked for, and of what waits for them so many bytes are kept.
        long Dropped(string why) => slow.Engine.Status().Single().Dropped.GetValueOrDefault(why);
        for (var sent = 0; Dropped("waiting") == 0 || Dropped("denied") == 0; sent++)
        {
            await socket.SendAsync((byte[])[.. Datagram(new DnsEndPoint($"n{sent % 40}.example", 9), ""), .. new byte[8000]], Cancel);
            await Task.Yield();
        }
        asking.Release(10_000);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private (IPEndPoint Proxy, IPEndPoint Echo) Start(ProxyUser[]? users = null, Func<ForwardConfig, ForwardConfig>? change = null)
    {
        var forward = new ForwardConfig { Listen = [Endpoint.Parse("127.0.0.1:0")], To = [new UpstreamConfig(new DynamicEndpoint())], Users = [.. users ?? []], Engine = rig.Kind };
        return ((IPEndPoint)rig.Start(change?.Invoke(forward) ?? forward), (IPEndPoint)rig.Echo());
    }

    private static List<(byte[] Sent, byte[] Answer)> Connect(string kind, int port)
    {
        var (address, name) = (new IPEndPoint(IPAddress.Loopback, port), new DnsEndPoint("echo.example", port));
        return kind switch
        {
            "4" => [(Socks4.Request(SocksCommand.Connect, address, "me"), [0, SocksReplies.Granted])],
            "4a" => [(Socks4.Request(SocksCommand.Connect, name, "me"), [0, SocksReplies.Granted])],
            "5" => [([5, 1, 0], [5, 0]), (Socks5Request.Write(SocksCommand.Connect, address), [5, 0, 0, 1])],
            "5 name" => [([5, 2, 2, 0], [5, 0]), (Socks5Request.Write(SocksCommand.Connect, name), [5, 0, 0, 1])],
            _ => [([5, 2, 0, 2], [5, 2]), (Socks5Login.Credentials("alice", "wonder land"u8), [1, 0]), (Socks5Request.Write(SocksCommand.Connect, address), [5, 0, 0, 1])],
        };
    }

    // An answer of SOCKS5 to a request, and of SOCKS4, goes on with the address that it dialled from.
    private static async Task ExpectBeginningAsync(Connection client, byte[] beginning)
    {
        await Traffic.ExpectAsync(client, beginning);
        if (beginning is [0, _] or [_, _, _, _])
            await ReadAsync(client, 6);
    }

    private static async Task<Socks5Reply> ReplyAsync(Connection client)
    {
        var reply = Socks5Reply.Read(await ReadAsync(client, 10));
        Assert.True(reply.IsWhole);
        return reply.Value;
    }

    private static async Task<byte[]> ReadAsync(Connection client, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
        {
            var got = await client.ReadAsync(bytes.AsMemory(read));
            Assert.NotEqual(0, got);
            read += got;
        }
        return bytes;
    }

    private static async Task<IPEndPoint> AssociateAsync(Connection client)
    {
        await client.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.UdpAssociate, SocksAddress.None)]);
        await Traffic.ExpectAsync(client, [5, 0]);
        var reply = await ReplyAsync(client);
        Assert.Equal(SocksReplies.Succeeded, reply.Code);
        return (IPEndPoint)reply.Bound;
    }

    // Who is refused may be told while he connects.
    private static async Task<DialResult> DialFromAsync(string address, EndPoint to)
    {
        using var network = new PortableNetwork();
        return await network.DialerWith(SocketTuning.Default, [new DialSource(IPAddress.Parse(address))]).DialAsync(to, TimeSpan.FromSeconds(20), Cancel);
    }

    private static byte[] Datagram(EndPoint address, string text)
    {
        var datagram = new byte[SocksDatagramHeader.MostBytes];
        return [.. datagram[..SocksDatagramHeader.Write(address, datagram)], .. Encoding.ASCII.GetBytes(text)];
    }
}
