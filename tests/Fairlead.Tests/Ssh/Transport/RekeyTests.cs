using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>New keys while channels carry data, begun by either side and by both, and by peers that do not mean it.</summary>
public sealed class RekeyTests
{
    private enum Beginner
    {
        This,
        Peer,
        Both,
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Data_goes_on_whoever_begins(bool isServer)
    {
        foreach (var beginner in Enum.GetValues<Beginner>())
        {
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                var channel = await rig.OpenChannelAsync();
                for (var round = 0; round < 3; round++)
                {
                    await rig.Peer.SendAsync(Messages.Data(0, 10));
                    await channel.WriteAsync(new byte[10]);
                    // New ones are of another kind each time.
                    rig.Peer.Algorithms = SshAlgorithms.Default with { Ciphers = [PacketCiphers.CipherNames[round + 1]], KeyExchanges = [KeyExchanges.Names[round + 2]] };
                    if (beginner != Beginner.Peer)
                        BeginHere(rig);
                    if (beginner == Beginner.This)
                        await rig.Peer.ReadKexInitAsync();
                    // Until the peer has begun as well it may send, and is heard.
                    if (beginner != Beginner.Peer)
                        await rig.Peer.SendAsync(Messages.Data(0, 10));
                    await rig.Peer.SendKexInitAsync();
                    if (beginner != Beginner.This)
                        await rig.Peer.ReadKexInitAsync();
                    // What is written here now is kept.
                    var write = channel.WriteAsync(new byte[10]);
                    Assert.False(write.IsCompleted);
                    await EndAsync(rig);
                    await write;
                    for (var i = 0; i < 2; i++)
                        Assert.Equal(Messages.Data(0, 10), await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_DATA));
                    await Traffic.ExpectAsync(channel, new byte[beginner == Beginner.Peer ? 10 : 20]);
                    await Traffic.UntilAsync(() => rig.Connection.Transport.Exchanges == round + 2);
                    Assert.Equal(PacketCiphers.CipherNames[round + 1], rig.Connection.Transport.Agreement!.CipherToClient);
                }
            }, Due);
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Keys_are_exchanged_once_each_time_they_are_due(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        for (var round = 0; round < 3; round++)
        {
            BeginHere(rig);
            await rig.Peer.ReadKexInitAsync();
            await rig.Peer.SendKexInitAsync();
            await rig.Peer.AgreeAsync();
            await rig.Peer.ReadNewKeysAsync();
            // The peer takes its time: until it uses the new keys, the old ones are as old as before.
            await AttackRig.SettleAsync();
            rig.Connection.Transport.RekeyIfDue();
            await AttackRig.SettleAsync();
            await rig.Peer.SendNewKeysAsync();
            await rig.Peer.SendAsync(Messages.Of(Message.SSH2_MSG_PING));
            await rig.Peer.ExpectAsync(Message.SSH2_MSG_PONG);
        }
        Assert.Equal(4, rig.Connection.Transport.Exchanges);
    }, Due);

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task The_peer_may_ask_for_new_keys_as_often_as_it_likes(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        for (var round = 0; round < 20; round++)
            await rig.Peer.ExchangeAsync();
        await rig.PingAsync();
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Data_inside_of_an_exchange_is_refused(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        await rig.OpenChannelAsync();
        await rig.Peer.SendKexInitAsync();
        await rig.Peer.SendAsync(Messages.Data(0, 10));
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Answers_are_kept_until_the_exchange_is_over(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        await rig.OpenChannelAsync();
        BeginHere(rig);
        await rig.Peer.ReadKexInitAsync();
        byte[] ping = Messages.Of(Message.SSH2_MSG_PING), request = Messages.GlobalRequest("keepalive@openssh.com").ToArray();
        byte[][] questions = [ping, request, Messages.ChannelRequest(0), Messages.Open(5, type: "x11"), Messages.Close(0)];
        foreach (var question in questions)
            await rig.Peer.SendAsync(question);
        // What is none of the layers above may come at once.
        await rig.Peer.SendAsync([250]);
        await rig.Peer.ExpectAsync(Message.SSH_MSG_UNIMPLEMENTED);
        await rig.Peer.SendKexInitAsync();
        await EndAsync(rig);
        foreach (var answer in new[] { Message.SSH2_MSG_PONG, Message.SSH_MSG_REQUEST_FAILURE, Message.SSH_MSG_CHANNEL_FAILURE, Message.SSH_MSG_CHANNEL_OPEN_FAILURE, Message.SSH_MSG_CHANNEL_CLOSE })
            Assert.Equal(answer, (await rig.Peer.ReadAsync())![0]);
    }, Due);

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task More_answers_than_are_kept_end_it_and_harm_nobody_who_asks_here(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var channel = await rig.OpenChannelAsync();
        BeginHere(rig);
        await rig.Peer.ReadKexInitAsync();
        var ping = new SshWriter(40000).Begin(Message.SSH2_MSG_PING).WriteString(new byte[32 << 10]).ToArray();
        for (var sent = 0; sent < SshTransport.MostOutput - (64 << 10); sent += ping.Length)
            await rig.Peer.SendAsync(ping);
        await AttackRig.SettleAsync();
        // Nobody who uses the connection hears of what the peer does to it before it is over.
        var opens = Enumerable.Range(0, 900).Select(_ => rig.Connection.OpenAsync(new SshOpen.DirectTcp(new string('x', 200), 80, "127.0.0.1", 1))).ToArray();
        channel.Abort();
        Assert.DoesNotContain(opens, open => open.IsCompleted);
        await rig.Peer.SendAsync(ping);
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
        Assert.All(await Task.WhenAll(opens), open => Assert.Null(open.Channel));
    }, Due);

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task An_exchange_that_the_peer_does_not_end_ends_the_connection_though_it_goes_on_talking(bool isServer)
    {
        foreach (var keepalive in new[] { TimeSpan.FromSeconds(15), Timeout.InfiniteTimeSpan })
        {
            for (var step = 0; step < 3; step++)
            {
                await AttackRig.RunAsync(isServer, async rig =>
                {
                    await rig.OpenAsync();
                    var channel = await rig.OpenChannelAsync();
                    BeginHere(rig);
                    await rig.Peer.ReadKexInitAsync();
                    if (step > 0)
                        await rig.Peer.SendKexInitAsync();
                    if (step > 1)
                        await rig.Peer.AgreeAsync();
                    var read = channel.ReadAsync(new byte[10]);
                    for (var seconds = 0; seconds <= 120 && !rig.Connection.Ended.IsCompleted; seconds += 5)
                    {
                        rig.Time.Advance(TimeSpan.FromSeconds(5));
                        await AttackRig.SettleAsync();
                        if (rig.Connection.Ended.IsCompleted)
                            break;
                        await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_IGNORE));
                    }
                    var end = await rig.AssertEndAsync(SshEndCause.NoAnswer);
                    Assert.Equal("the peer has not exchanged keys within 60 s", end.Text);
                    await Assert.ThrowsAsync<ConnectionException>(() => read.AsTask());
                }, options => Due(options) with { Keepalive = keepalive });
            }
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Keys_get_old_by_time_even_where_nobody_says_anything(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        rig.Time.Advance(TimeSpan.FromMinutes(61));
        await rig.Peer.ReadKexInitAsync();
        await rig.Peer.SendKexInitAsync();
        await EndAsync(rig);
        await rig.PingAsync();
        Assert.Equal(2, rig.Connection.Transport.Exchanges);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Keys_get_old_by_bytes_of_either_direction(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var channel = await rig.OpenChannelAsync();
        await channel.WriteAsync(new byte[60 << 10]);
        await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_DATA);
        await rig.Peer.ReadKexInitAsync();
        await rig.Peer.SendKexInitAsync();
        await EndAsync(rig);
        for (var i = 0; i < 10; i++)
            await rig.Peer.SendAsync(Messages.Data(0, 10 << 10));
        await rig.Peer.SendAsync(Messages.Of(Message.SSH2_MSG_PING));
        await rig.Peer.ReadKexInitAsync();
        await rig.Peer.SendKexInitAsync();
        await EndAsync(rig);
        await Traffic.UntilAsync(() => rig.Connection.Transport.Exchanges == 3);
    }, options => options with { RekeyBytes = 50 << 10 });

    // By time, so that it begins where a test says.
    private static Fairlead.Ssh.SshOptions Due(Fairlead.Ssh.SshOptions options) => options with { RekeyAfter = TimeSpan.FromSeconds(1) };

    private static void BeginHere(AttackRig rig)
    {
        rig.Time.Advance(TimeSpan.FromSeconds(1));
        rig.Connection.Transport.RekeyIfDue();
    }

    private static async Task EndAsync(AttackRig rig)
    {
        await rig.Peer.AgreeAsync();
        await rig.Peer.SendNewKeysAsync();
        await rig.Peer.ReadNewKeysAsync();
    }
}
