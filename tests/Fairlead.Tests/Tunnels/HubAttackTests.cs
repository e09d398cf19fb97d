using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Fairlead.Net;
using Fairlead.Ssh;
using Fairlead.Tests.Ssh;

namespace Fairlead.Tests;

/// <summary>What strangers, and people with a key, can do to a hub: little, and each leaves a line that says what it was. By a clock that stands.</summary>
public abstract class HubAttackContract(EngineKind kind)
{
    private static readonly byte[] failure = [Message.SSH_MSG_REQUEST_FAILURE];

    private readonly ManualTime time = new();

    [Theory(Timeout = 30000), InlineData(""), InlineData("S"), InlineData("SSH-2.0-slow\r\n")]
    public async Task Who_does_not_log_in_within_the_grace_is_cut_whatever_he_says_now_and_then(string says)
    {
        await using var rig = Start();
        var client = await rig.Far.ConnectAsync(At(rig));
        await Traffic.ExpectAsync(client, "SSH-2.0-"u8.ToArray());
        for (var second = 0; second < 19; second++)
        {
            if (second < says.Length)
                await client.WriteAsync(Encoding.ASCII.GetBytes(says[second..(second + 1)]));
            time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(1, rig.Far.Engine.HubCounts.Startups);
        time.Advance(TimeSpan.FromSeconds(1));
        await Traffic.DrainAsync(client);
        await AssertEndAsync(rig, "first_bytes_timeout", "the peer took longer than 20 s to get to the end of authentication");
    }

    [Theory(Timeout = 30000)]
    [InlineData("GET / HTTP/1.1\r\nHost: hub\r\n\r\n", "SSH is spoken here, and the peer speaks something else")]
    [InlineData("SSH-1.5-old\r\n", "only version 2 of SSH is spoken here")]
    [InlineData("\0\u0001\u0002\n", "SSH is spoken here, and the peer speaks something else")]
    [InlineData(null, "SSH is spoken here: a line is longer than 255 characters")]
    public async Task Who_speaks_something_else_is_told_so(string? says, string detail)
    {
        await using var rig = Start();
        var client = await rig.Far.ConnectAsync(At(rig));
        await client.WriteAsync(Encoding.Latin1.GetBytes(says ?? new string('x', 300)));
        var (bytes, _) = await Traffic.DrainAsync(client);
        Assert.Contains(detail, Encoding.Latin1.GetString(bytes), StringComparison.Ordinal);
        await AssertEndAsync(rig, "bad_request", detail);
    }

    [Theory(Timeout = 30000)]
    [InlineData("length", "a packet of 4294967295 bytes is none")]
    [InlineData("padding", "a packet of 20 bytes with 19 of padding is none")]
    [InlineData("order", "message 90 came before keys were exchanged")]
    [InlineData("authentication", "message 90 came before authentication")]
    public async Task What_is_wrong_before_the_login_is_told_and_logged(string what, string detail)
    {
        await using var rig = Start();
        var peer = await rig.ConnectAsync();
        await peer.SayAsync();
        switch (what)
        {
            case "length":
                await peer.WriteAsync([255, 255, 255, 255, 4, 0, 0, 0]);
                break;
            case "padding":
                await peer.WriteAsync(peer.Seal(20, 19, new byte[19]));
                break;
            case "order":
                await peer.SendAsync(Messages.Open(0));
                break;
            default:
                await peer.ExchangeAsync();
                await peer.SendAsync(Messages.Open(0));
                break;
        }
        await AssertToldAsync(peer, SshDisconnectReason.ProtocolError, detail);
        await AssertEndAsync(rig, "bad_request", detail);
    }

    [Theory(Timeout = 30000)]
    [InlineData("length", SshDisconnectReason.ProtocolError, "bytes is none")]
    [InlineData("padding", SshDisconnectReason.ProtocolError, "of padding is none")]
    [InlineData("tag", SshDisconnectReason.MacError, "a packet was changed on the way")]
    [InlineData("exchange", SshDisconnectReason.ProtocolError, "message 30 is of a key exchange, and none is under way")]
    [InlineData("answer", SshDisconnectReason.ProtocolError, "an answer came to what nobody asked")]
    [InlineData("window", SshDisconnectReason.ProtocolError, "bytes came at once for a channel that takes")]
    [InlineData("closed", SshDisconnectReason.ProtocolError, "there is no channel 0")]
    [InlineData("after the end", SshDisconnectReason.ProtocolError, "data came after the end of a channel")]
    [InlineData("nowhere", SshDisconnectReason.ProtocolError, "there is no channel 77")]
    [InlineData("field", SshDisconnectReason.ProtocolError, "a port is above 65535")]
    public async Task What_is_wrong_after_the_login_is_told_and_logged(string what, SshDisconnectReason reason, string detail)
    {
        await using var rig = Start();
        var peer = await rig.LogInAsync();
        switch (what)
        {
            case "length":
                await peer.WriteAsync(peer.Seal(1 << 30, 4, new byte[27]));
                break;
            case "padding":
                await peer.WriteAsync(peer.Seal(32, 250, new byte[31]));
                break;
            case "tag":
                var packet = peer.Seal(Messages.GlobalRequest("any").Written);
                packet[^1] ^= 1;
                await peer.WriteAsync(packet);
                break;
            case "exchange":
                await peer.SendAsync(Messages.Of(Message.SSH_MSG_KEXDH_INIT));
                break;
            case "answer":
                await peer.SendAsync(failure);
                break;
            case "window":
                await OpenAsync(rig, peer);
                await peer.SendAsync(Messages.Data(0, 40_000));
                break;
            case "closed":
                await OpenAsync(rig, peer);
                await peer.SendAllAsync([Messages.Close(0), Messages.Data(0, 10)]);
                break;
            case "after the end":
                // What was sent before the end is whole, and goes on to the server, whose turn it is then.
                using (await OpenAsync(rig, peer))
                    await peer.SendAllAsync([Messages.Eof(0), Messages.Data(0, 10)]);
                break;
            case "nowhere":
                await peer.SendAsync(Messages.Data(77, 10));
                break;
            default:
                await peer.SendAsync(Messages.Listen("localhost", 70_000));
                break;
        }
        await AssertToldAsync(peer, reason, detail);
        await AssertEndAsync(rig, "bad_request", detail);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_never_answers_is_given_up_and_the_line_says_so()
    {
        await using var rig = Start();
        await rig.LogInAsync();
        await time.AdvanceUntilAsync(rig.UntilSessionAsync("lost"), TimeSpan.FromSeconds(15));
        await AssertEndAsync(rig, "lost", "the peer has not answered 3 questions whether it is there, 15 s apart");
    }

    [Fact(Timeout = 60000)]
    public async Task Who_never_reads_fills_no_more_than_is_kept_for_him_and_is_given_up()
    {
        await using var rig = Start();
        var peer = await rig.LogInAsync();
        var sent = 0L;
        var flood = FloodAsync();
        while (!flood.IsCompleted)
        {
            await Traffic.UntilStillAsync(() => Interlocked.Read(ref sent));
            time.Advance(TimeSpan.FromSeconds(15));
        }
        await AssertEndAsync(rig, "lost", "the peer has not answered 3 questions whether it is there, 15 s apart");

        // Ends when it is not taken any more, and the connection is given up.
        async Task FloodAsync()
        {
            var ping = new SshWriter(33_000).Begin(Message.SSH2_MSG_PING).WriteString(new byte[30_000]).ToArray();
            try
            {
                for (; ; Interlocked.Increment(ref sent))
                    await peer.SendAsync(ping);
            }
            catch (ConnectionException)
            {
                // That was it.
            }
        }
    }

    [Fact(Timeout = 60000)]
    public async Task A_flood_of_one_source_keeps_no_other_from_logging_in()
    {
        await using var rig = Start(hub => hub with { MaxStartups = 20 });
        // Each asks for an exchange of keys, which costs time, and then says nothing more.
        var flood = new List<ScriptedPeer>();
        for (var i = 0; i < 30; i++)
        {
            var peer = await rig.ConnectAsync();
            flood.Add(peer);
            await peer.WriteAsync("SSH-2.0-flood\r\n"u8.ToArray());
        }
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 10);
        Assert.Equal(10, rig.Far.Engine.HubCounts.Startups);
        var refused = await rig.UntilSessionAsync("limited");
        Assert.Equal("too many connections from this address have not logged in yet", refused["detail"]);
        await LogInFromElsewhereAsync(rig);
        flood.ForEach(peer => peer.Abort());
        await AssertNothingIsLeftAsync(rig);
    }

    [Fact(Timeout = 60000)]
    public async Task Networks_have_so_many_startups_and_no_more()
    {
        await using var rig = Start(hub => hub with { MaxStartupsPerSource = 2, MaxStartupsPerPrefix = 3 });
        var sockets = new List<Socket>();
        for (var i = 0; i < 6; i++)
            sockets.Add(await FromAsync(rig, $"127.0.9.{1 + (i / 2)}"));
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 3);
        await LogInFromElsewhereAsync(rig);
        sockets.ForEach(socket => socket.Dispose());
        await AssertNothingIsLeftAsync(rig);
    }

    [Fact(Timeout = 60000)]
    public async Task Who_fails_to_log_in_again_and_again_is_refused_before_it_costs_anything_and_let_in_later()
    {
        using var stranger = SshPrivateKey.Generate();
        await using var rig = Start();
        for (var i = 0; i < 4; i++)
        {
            var peer = await rig.ConnectAsync();
            await peer.SayAsync();
            await peer.ExchangeAsync();
            await peer.BeginAuthenticationAsync();
            await peer.SendAsync(peer.SignedRequest(stranger));
            await peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE);
            peer.Abort();
            // Its line is written by then.
            await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 0);
        }
        // The last line about this source is a second old.
        time.Advance(TimeSpan.FromSeconds(1));
        var client = await rig.Far.ConnectAsync(At(rig));
        Assert.Empty((await Traffic.DrainAsync(client)).Bytes);
        Assert.Equal("too many logins from this address have failed", (await rig.UntilSessionAsync("limited"))["detail"]);
        await LogInFromElsewhereAsync(rig);
        time.Advance(TimeSpan.FromSeconds(4));
        (await rig.LogInAsync()).Abort();
        await AssertNothingIsLeftAsync(rig);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_only_asks_how_to_log_in_has_not_failed_to()
    {
        await using var rig = Start();
        var peer = await rig.ConnectAsync();
        await peer.SayAsync();
        await peer.ExchangeAsync();
        await peer.BeginAuthenticationAsync();
        await peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_USERAUTH_REQUEST).WriteString("me").WriteString("ssh-connection").WriteString("none"));
        await peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE);
        time.Advance(TimeSpan.FromSeconds(20));
        await AssertEndAsync(rig, "first_bytes_timeout", "the peer took longer than 20 s to get to the end of authentication");
    }

    [Fact(Timeout = 60000)]
    public async Task Whoever_sends_to_a_port_of_UDP_and_has_an_answer_is_not_pushed_out_by_strangers()
    {
        await using var rig = Start();
        var peer = await rig.LogInAsync();
        var address = new IPEndPoint(IPAddress.Loopback, FreePorts.One());
        await peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString("udp-listen@fairlead").WriteUInt32(0).WriteUInt32(1 << 20).WriteUInt32(1 << 17).WriteString("localhost").WriteUInt32((uint)address.Port));
        var channel = BinaryPrimitives.ReadUInt32BigEndian((await peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION)).AsSpan(5));
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await client.SendAsync("hello"u8.ToArray(), address, TestContext.Current.CancellationToken);
        var header = (await peer.ExpectAsync(Message.SSH_MSG_CHANNEL_DATA))[9..^5];
        await AnswerAsync("once");
        const int AtOnce = 64;
        for (var round = 0; round <= HubDatagrams.MostPeers / AtOnce; round++)
        {
            for (var i = 0; i < AtOnce; i++)
            {
                using var stranger = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
                await stranger.SendAsync("x"u8.ToArray(), address, TestContext.Current.CancellationToken);
            }
            for (var i = 0; i < AtOnce; i++)
                await peer.ExpectAsync(Message.SSH_MSG_CHANNEL_DATA);
        }
        await AnswerAsync("and again");

        async Task AnswerAsync(string text)
        {
            await peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_CHANNEL_DATA).WriteUInt32(channel).WriteString((byte[])[.. header, .. Encoding.ASCII.GetBytes(text)]));
            Assert.Equal(text, Encoding.ASCII.GetString((await client.ReceiveAsync(TestContext.Current.CancellationToken)).Buffer));
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_source_has_so_many_connections_and_no_more()
    {
        await using var rig = Start(hub => hub with { MaxConnectionsPerSource = 2 });
        var first = await rig.LogInAsync();
        await rig.LogInAsync();
        await rig.Far.ConnectAndBeResetAsync(At(rig));
        await LogInFromElsewhereAsync(rig);
        first.Abort();
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 1);
        await rig.LogInAsync();
    }

    [Fact(Timeout = 60000)]
    public async Task Ten_thousand_channels_are_each_refused_or_opened_within_the_bound_and_leave_nothing()
    {
        const int Count = 10_000;
        await using var rig = Start(hub => hub with { MaxChannels = 50 });
        var (open, closed) = (rig.Far.Listen(), FreePorts.One());
        var peer = await rig.LogInAsync();
        var answers = CountAsync(peer, Count, Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION, Message.SSH_MSG_CHANNEL_OPEN_FAILURE);
        for (uint i = 0; i < Count; i++)
            await peer.SendAsync(Direct(i, "127.0.0.1", (uint)(i % 2 == 0 ? ((IPEndPoint)open.LocalEndPoint).Port : closed)));
        Assert.InRange((await answers)[Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION], 1, 50);
        Assert.InRange(rig.Far.Engine.SessionCount, 1, 52);
        peer.Abort();
        await AssertNothingIsLeftAsync(rig);
    }

    [Fact(Timeout = 60000)]
    public async Task Ten_thousand_requests_are_each_answered_and_leave_nothing()
    {
        const int Count = 10_000;
        await using var rig = Start();
        var peer = await rig.LogInAsync();
        var answers = CountAsync(peer, Count, Message.SSH_MSG_REQUEST_SUCCESS, Message.SSH_MSG_REQUEST_FAILURE);
        for (var i = 0; i < Count; i++)
            await peer.SendAsync(i % 2 == 0 ? Messages.Listen("localhost", 0) : Messages.GlobalRequest("any").ToArray());
        Assert.Equal(32, (await answers)[Message.SSH_MSG_REQUEST_SUCCESS]);
        Assert.InRange(rig.Far.Log.Count(entry => entry.Event == "hub_refused"), 1, 10);
        peer.Abort();
        await AssertNothingIsLeftAsync(rig);
    }

    private TunnelRig Start(Func<HubConfig, HubConfig>? with = null)
    {
        var rig = new TunnelRig(kind, time);
        rig.StartHub(with?.Invoke(rig.Hub) ?? rig.Hub);
        return rig;
    }

    private static IPEndPoint At(TunnelRig rig) => new(IPAddress.Loopback, rig.Port);

    private static async Task<Socket> FromAsync(TunnelRig rig, string address)
    {
        var socket = rig.Far.Own(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        await socket.ConnectAsync(At(rig), TestContext.Current.CancellationToken);
        return socket;
    }

    // From another address and network than the attack.
    private static async Task LogInFromElsewhereAsync(TunnelRig rig)
    {
        var socket = await FromAsync(rig, "127.77.0.1");
        var result = await SshConnection.ConnectAsync(new SocketConnection(socket, socket.LocalEndPoint, socket.RemoteEndPoint), SshPair.ClientOptions, TestContext.Current.CancellationToken);
        Assert.Null(result.End);
        result.Connection!.Dispose();
    }

    private static byte[] Direct(uint number, string host, uint port) =>
        new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString("direct-tcpip").WriteUInt32(number).WriteUInt32(1 << 20).WriteUInt32(32 << 10)
            .WriteString(host).WriteUInt32(port).WriteString("127.0.0.1").WriteUInt32(1000).ToArray();

    private static async Task<IAcceptor> OpenAsync(TunnelRig rig, ScriptedPeer peer)
    {
        var server = rig.Far.Listen();
        await peer.SendAsync(Direct(0, "127.0.0.1", (uint)((IPEndPoint)server.LocalEndPoint).Port));
        await peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
        return server;
    }

    // Reads so many of two messages, and lets those between them be.
    private static Task<Dictionary<byte, int>> CountAsync(ScriptedPeer peer, int count, byte one, byte other) => Task.Run(async () =>
    {
        var counts = new Dictionary<byte, int> { [one] = 0, [other] = 0 };
        while (counts.Values.Sum() < count)
        {
            var message = await peer.ReadAsync();
            Assert.NotNull(message);
            if (message[0] == one || message[0] == other)
                counts[message[0]]++;
        }
        return counts;
    });

    private static async Task AssertToldAsync(ScriptedPeer peer, SshDisconnectReason reason, string detail)
    {
        var fields = new SshReader((await peer.ReadToAsync(Message.SSH_MSG_DISCONNECT)).AsSpan(1));
        Assert.Equal(reason, (SshDisconnectReason)fields.ReadUInt32());
        Assert.Contains(detail, fields.ReadText(), StringComparison.Ordinal);
    }

    private static async Task AssertEndAsync(TunnelRig rig, string end, string detail)
    {
        var session = await rig.UntilSessionAsync(end);
        Assert.Contains(detail, (string?)session["detail"], StringComparison.Ordinal);
        await AssertNothingIsLeftAsync(rig);
    }

    private static async Task AssertNothingIsLeftAsync(TunnelRig rig)
    {
        var counts = rig.Far.Engine.HubCounts;
        await Traffic.UntilAsync(() => (rig.Far.Engine.SessionCount, counts.Startups, counts.Keys) == (0, 0, 0));
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeHubAttackTests() : HubAttackContract(EngineKind.Native);

public sealed class PortableHubAttackTests() : HubAttackContract(EngineKind.Portable);
