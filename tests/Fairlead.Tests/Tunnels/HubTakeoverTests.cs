using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Fairlead.Net;
using Fairlead.Ssh;
using Fairlead.Tests.Ssh;

namespace Fairlead.Tests;

/// <summary>How a key that comes back takes over what its lost connection listens on, on either engine, by a clock that stands.</summary>
public abstract class HubTakeoverContract(EngineKind kind)
{
    private static readonly byte[] success = [Message.SSH_MSG_REQUEST_SUCCESS], failure = [Message.SSH_MSG_REQUEST_FAILURE];

    private readonly ManualTime time = new();
    private readonly uint port = (uint)FreePorts.One();

    [Fact(Timeout = 30000)]
    public async Task A_key_takes_over_from_its_connection_that_does_not_answer_for_5_s()
    {
        await using var rig = Start();
        var old = await ListenAsync(rig);
        var next = await rig.LogInAsync();
        await next.SendAsync(Messages.Listen("localhost", port));
        await AskedAsync(old);
        time.Advance(TimeSpan.FromSeconds(4.9));
        // Held back are the answers to requests, and those alone.
        await next.SendAsync(Messages.GlobalRequest("any"));
        await PingAsync(next);
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(success, await next.ReadAsync());
        Assert.Equal(failure, await next.ReadAsync());
        await rig.Far.ConnectAsync(new IPEndPoint(IPAddress.Loopback, (int)port));
        await next.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN);

        await rig.UntilToldAsync(rig.Far, "session");
        var end = Assert.Single(rig.Far.Sessions);
        Assert.Equal(("lost", "the peer has not answered within 5 s whether it is there"), (end["end"], end["detail"]));
        var told = Assert.Single(rig.Far.Log, entry => entry.Event == "hub_taken_over");
        Assert.Contains($"takes port {port} over from 127.0.0.1:", told.Message, StringComparison.Ordinal);
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task A_port_of_UDP_is_taken_over_likewise(bool answers)
    {
        await using var rig = Start();
        var old = await rig.LogInAsync();
        await old.SendAsync(ListenForDatagrams());
        await old.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
        // The same number of TCP is another port.
        var next = await rig.LogInAsync();
        await next.SendAsync(Messages.Listen("localhost", port));
        await next.ExpectAsync(Message.SSH_MSG_REQUEST_SUCCESS);

        await next.SendAsync(ListenForDatagrams());
        await AskedAsync(old);
        if (answers)
            await old.SendAsync(failure);
        else
            time.Advance(TimeSpan.FromSeconds(5));
        await next.ExpectAsync(answers ? Message.SSH_MSG_CHANNEL_OPEN_FAILURE : Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
        using var sender = new UdpClient();
        await sender.SendAsync("hello"u8.ToArray(), new IPEndPoint(IPAddress.Loopback, (int)port), TestContext.Current.CancellationToken);
        var holder = answers ? old : next;
        Assert.EndsWith("hello", Encoding.ASCII.GetString(await holder.ExpectAsync(Message.SSH_MSG_CHANNEL_DATA)), StringComparison.Ordinal);
        Assert.Equal(answers ? 0 : 1, rig.Far.Log.Count(entry => entry.Event == "hub_taken_over" && entry.Message.Contains($"takes port {port}/udp over from", StringComparison.Ordinal)));
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task A_connection_that_lives_keeps_its_listen_and_who_asks_for_it_is_refused(bool answers)
    {
        await using var rig = Start();
        var old = await ListenAsync(rig);
        var next = await rig.LogInAsync();
        await next.SendAsync(Messages.Listen("localhost", port));
        await AskedAsync(old);
        if (answers)
        {
            // At once: no time passes.
            await old.SendAsync(failure);
        }
        else
        {
            // Whatever comes is a sign of life.
            time.Advance(TimeSpan.FromSeconds(3));
            await PingAsync(old);
            time.Advance(TimeSpan.FromSeconds(2));
        }
        Assert.Equal(failure, await next.ReadAsync());
        await rig.Far.ConnectAsync(new IPEndPoint(IPAddress.Loopback, (int)port));
        await old.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN);
        Assert.Contains(rig.Far.Log, entry => entry.Event == "hub_refused" && entry.Message.Contains("another connection of this key listens there, and answers", StringComparison.Ordinal));
    }

    [Fact(Timeout = 30000)]
    public async Task Another_key_never_takes_over_and_does_not_even_have_the_holder_asked()
    {
        using var other = SshPrivateKey.Generate();
        await using var rig = Start();
        rig.AuthorizeAlso(other);
        var old = await ListenAsync(rig);
        var stranger = await rig.LogInAsync(other);
        await stranger.SendAsync(Messages.Listen("localhost", port));
        Assert.Equal(failure, await stranger.ReadAsync());
        await PingAsync(old);
    }

    [Fact(Timeout = 30000)]
    public async Task Of_many_who_ask_at_once_one_has_the_listen()
    {
        await using var rig = Start();
        var old = await ListenAsync(rig);
        var first = await rig.LogInAsync();
        await first.SendAsync(Messages.Listen("localhost", port));
        await AskedAsync(old);
        var second = await rig.LogInAsync();
        await second.SendAsync(Messages.Listen("127.0.0.1", port));
        await PingAsync(second);
        time.Advance(TimeSpan.FromSeconds(5));
        // Whoever of the two is later finds the other there, who says that he lives.
        var answers = new ConcurrentQueue<byte>();
        var living = Task.WhenAll(LiveAsync(first, answers), LiveAsync(second, answers));
        await Traffic.UntilAsync(() => answers.Count == 2);
        Assert.Equal([success[0], failure[0]], answers.Order());
        first.Abort();
        second.Abort();
        await living;
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Who_has_as_many_listens_as_a_key_may_takes_over_all_the_same(bool isUdp)
    {
        await using var rig = Start(hub => hub with { MaxListens = 1 });
        var (request, done) = isUdp ? (ListenForDatagrams(), Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION) : (Messages.Listen("localhost", port), Message.SSH_MSG_REQUEST_SUCCESS);
        var old = await rig.LogInAsync();
        await old.SendAsync(request);
        await old.ExpectAsync(done);
        var next = await rig.LogInAsync();
        await next.SendAsync(request);
        await AskedAsync(old);
        time.Advance(TimeSpan.FromSeconds(5));
        await next.ExpectAsync(done);
    }

    [Fact(Timeout = 30000)]
    public async Task Who_leaves_while_he_waits_leaves_no_listen_behind()
    {
        await using var rig = Start();
        var old = await ListenAsync(rig);
        var next = await rig.LogInAsync();
        await next.SendAsync(Messages.Listen("localhost", port));
        await AskedAsync(old);
        next.Abort();
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 1);
        time.Advance(TimeSpan.FromSeconds(5));
        await Traffic.UntilAsync(() => rig.Far.Engine.SessionCount == 0);
        await rig.Far.UntilNobodyIsLetInAsync(new IPEndPoint(IPAddress.Loopback, (int)port));
        Assert.Single(rig.Far.Log, entry => entry.Event == "hub_listening");
    }

    private TunnelRig Start(Func<HubConfig, HubConfig>? with = null)
    {
        var rig = new TunnelRig(kind, time);
        rig.StartHub(with?.Invoke(rig.Hub) ?? rig.Hub);
        return rig;
    }

    private async Task<ScriptedPeer> ListenAsync(TunnelRig rig)
    {
        var peer = await rig.LogInAsync();
        await peer.SendAsync(Messages.Listen("localhost", port));
        await peer.ExpectAsync(Message.SSH_MSG_REQUEST_SUCCESS);
        return peer;
    }

    private byte[] ListenForDatagrams() =>
        new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString("udp-listen@fairlead").WriteUInt32(0).WriteUInt32(1 << 20).WriteUInt32(1 << 17).WriteString("localhost").WriteUInt32(port).ToArray();

    // The old connection was asked for a sign of life.
    private static async Task AskedAsync(ScriptedPeer peer) => Assert.Equal("keepalive@openssh.com"u8.ToArray(), ScriptedPeer.StringOf(await peer.ExpectAsync(Message.SSH_MSG_GLOBAL_REQUEST)));

    // Nothing else comes before the answer to this.
    private static async Task PingAsync(ScriptedPeer peer)
    {
        await peer.SendAsync(new SshWriter().Begin(Message.SSH2_MSG_PING).WriteString("there?"));
        await peer.ExpectAsync(Message.SSH2_MSG_PONG);
    }

    // Says that it lives, where it is asked, and keeps what it is answered.
    private static async Task LiveAsync(ScriptedPeer peer, ConcurrentQueue<byte> answers)
    {
        try
        {
            while (await peer.ReadAsync() is { } message)
            {
                if (message[0] == Message.SSH_MSG_GLOBAL_REQUEST)
                    await peer.SendAsync(failure);
                else
                    answers.Enqueue(message[0]);
            }
        }
        catch (ConnectionException)
        {
            // It was closed here.
        }
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeHubTakeoverTests() : HubTakeoverContract(EngineKind.Native);

public sealed class PortableHubTakeoverTests() : HubTakeoverContract(EngineKind.Portable);
