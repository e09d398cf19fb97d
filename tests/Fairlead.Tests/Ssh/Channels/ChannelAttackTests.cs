using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Peers that use a channel as none may be used, at a client and at a server.</summary>
public sealed class ChannelAttackTests
{
    private const int Window = 1000, Packet = 600;

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Nothing_is_said_about_channels_that_there_are_not(bool isServer)
    {
        byte[][] messages =
        [
            Messages.Data(1, 1), Messages.ExtendedData(1, 1), Messages.Window(1, 1), Messages.Eof(1), Messages.Close(1), Messages.ChannelRequest(1),
            Messages.Confirm(1), Messages.Refuse(1), Messages.About(Message.SSH_MSG_CHANNEL_SUCCESS, 1), Messages.About(Message.SSH_MSG_CHANNEL_FAILURE, 1), Messages.Data(uint.MaxValue, 1), Messages.Close(int.MaxValue),
        ];
        foreach (var message in messages)
            await RefusedAsync(isServer, message);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_channel_of_which_nothing_is_known_yet_is_none(bool isServer)
    {
        foreach (var message in new[] { Messages.Data(0, 1), Messages.Window(0, 1), Messages.Eof(0), Messages.Close(0), Messages.ChannelRequest(0) })
        {
            // One that the peer asks for and has no answer to, and one that it has not answered itself.
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                await rig.Peer.SendAsync(Messages.Open(0));
                await rig.Peer.SendAsync(message);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            }, options => options with { OnOpen = _ => { } });
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                var opening = rig.Connection.OpenAsync(new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1));
                await rig.Peer.SendAsync(message);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
                Assert.Null((await opening).Channel);
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task What_was_not_asked_for_is_not_confirmed_and_not_refused(bool isServer)
    {
        foreach (var message in new[] { Messages.Confirm(0), Messages.Refuse(0) })
        {
            await RefusedAsync(isServer, message);
            // And what was, once.
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                var opening = rig.Connection.OpenAsync(new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1));
                await rig.Peer.SendAsync(message);
                await rig.Peer.SendAsync(message);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
                Assert.Equal(message[0] == Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION, (await opening).Channel is not null);
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task More_than_the_window_is_refused_of_data_of_either_kind(bool isServer)
    {
        await RefusedAsync(isServer, Messages.Data(0, Packet), Messages.Data(0, Window - Packet), Messages.Data(0, 1));
        // Half of the window is opened again once that much was dropped: it counts as what is read.
        await RefusedAsync(isServer, Messages.Data(0, Packet), Messages.ExtendedData(0, Window - Packet), Messages.ExtendedData(0, 1));
        await RefusedAsync(isServer, Messages.Data(0, Packet), Messages.ExtendedData(0, Window - Packet), Messages.Data(0, 1));
        await RefusedAsync(isServer, Messages.ExtendedData(0, Packet), Messages.Data(0, Packet), Messages.Data(0, Window - Packet + 1));
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task More_than_one_packet_may_hold_is_refused_though_the_window_is_open(bool isServer)
    {
        await RefusedAsync(isServer, Messages.Data(0, Packet + 1));
        await RefusedAsync(isServer, Messages.ExtendedData(0, Packet + 1));
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task After_the_end_of_a_direction_nothing_comes_in_it(bool isServer)
    {
        foreach (var message in new[] { Messages.Data(0, 1), Messages.Data(0, 0), Messages.ExtendedData(0, 1), Messages.Eof(0) })
            await RefusedAsync(isServer, Messages.Data(0, 10), Messages.Eof(0), message);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task After_its_end_nothing_is_said_about_a_channel(bool isServer)
    {
        byte[][] messages =
        [
            Messages.Data(0, 1), Messages.ExtendedData(0, 1), Messages.Window(0, 1), Messages.Eof(0), Messages.Close(0), Messages.ChannelRequest(0),
            Messages.About(Message.SSH_MSG_CHANNEL_SUCCESS, 0),
        ];
        foreach (var message in messages)
            await RefusedAsync(isServer, Messages.Close(0), message);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_window_holds_32_bits_and_no_more(bool isServer)
    {
        await RefusedAsync(isServer, Messages.Window(0, uint.MaxValue));
        foreach (var (initial, more) in new[] { (0u, uint.MaxValue), (uint.MaxValue, 0u), (uint.MaxValue - 5, 5u) })
        {
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                var channel = await rig.OpenChannelAsync(initial);
                await rig.Peer.SendAsync(Messages.Window(0, more));
                await rig.PingAsync();
                await channel.WriteAsync(new byte[1]);
                await rig.Peer.SendAsync(Messages.Window(0, 1));
                await rig.PingAsync();
                await rig.Peer.SendAsync(Messages.Window(0, 1));
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Data_that_is_none_of_the_stream_is_dropped(bool isServer) => RunAsync(isServer, async (rig, channel) =>
    {
        for (var i = 0; i < 10; i++)
        {
            await rig.Peer.SendAsync(Messages.ExtendedData(0, 500));
            Assert.Equal(Messages.Window(0, 500), await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST));
        }
        await rig.Peer.SendAsync(Messages.Data(0, 3));
        await rig.Peer.SendAsync(Messages.ExtendedData(0, 3));
        await rig.Peer.SendAsync(Messages.Eof(0));
        await Traffic.ExpectToEndAsync(channel, new byte[3]);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task The_window_is_opened_again_only_as_somebody_reads(bool isServer) => RunAsync(isServer, async (rig, channel) =>
    {
        await rig.Peer.SendAsync(Messages.Data(0, Packet));
        await rig.Peer.SendAsync(Messages.Data(0, Window - Packet));
        await rig.Peer.SendAsync(Messages.Of(Message.SSH2_MSG_PING));
        await rig.Peer.ExpectAsync(Message.SSH2_MSG_PONG);
        await Traffic.ExpectAsync(channel, new byte[Window / 2]);
        // What was read may not be written out yet: whoever reads again has done so.
        await rig.Peer.SendAsync(Messages.Of(Message.SSH2_MSG_PING));
        await rig.Peer.ExpectAsync(Message.SSH2_MSG_PONG);
        await channel.ReadAsync(new byte[1]);
        Assert.Equal(Messages.Window(0, Window / 2), await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST));
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Until_the_peer_has_heard_that_a_channel_was_closed_it_may_go_on(bool isServer)
    {
        foreach (var isAborted in new[] { true, false })
        {
            await RunAsync(isServer, async (rig, channel) =>
            {
                if (isAborted)
                    channel.Abort();
                else
                    channel.Dispose();
                await rig.Peer.SendAllAsync([Messages.Data(0, 500), Messages.ExtendedData(0, 100), Messages.Window(0, 10), Messages.ChannelRequest(0), Messages.Data(0, 400), Messages.Eof(0)]);
                Assert.Equal(1, rig.Connection.ChannelCount);
                await rig.Peer.SendAsync(Messages.Close(0));
                if (!isAborted)
                    await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_EOF);
                await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_CLOSE);
                // No window, no answer: it is over for this end.
                await rig.PingAsync();
                Assert.Equal(0, rig.Connection.ChannelCount);
                await rig.AssertAliveAsync();
            });
        }
        await RefusedAsync(isServer, channel => channel.Abort(), Messages.Data(0, Packet), Messages.Data(0, Window - Packet), Messages.Data(0, 1));
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_close_without_an_end_is_a_reset_and_one_after_it_is_none(bool isServer)
    {
        foreach (var ends in new[] { true, false })
        {
            await RunAsync(isServer, async (rig, channel) =>
            {
                await rig.Peer.SendAsync(Messages.Data(0, 100));
                if (ends)
                    await rig.Peer.SendAsync(Messages.Eof(0));
                await rig.Peer.SendAsync(Messages.Close(0));
                await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_CLOSE);
                var (bytes, error) = await Traffic.DrainAsync(channel);
                Assert.Equal((100, ends ? null : ConnectionError.Reset), (bytes.Length, error));
                Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(() => channel.WriteAsync(new byte[1]).AsTask())).Error);
                Assert.Equal(0, rig.Connection.ChannelCount);
                channel.Dispose();
                await rig.AssertAliveAsync();
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_peer_that_takes_nothing_holds_up_its_channel_alone(bool isServer)
    {
        Func<AttackRig, SshChannel, Task>[] ends =
        [
            (_, channel) => Act(channel.Abort),
            (_, channel) => Act(channel.Dispose),
            (rig, _) => Act(rig.Connection.Dispose),
            (rig, _) => rig.Peer.SendAsync(Messages.Close(1)).AsTask(),
            (rig, _) => rig.Peer.SendAsync(Messages.Goodbye).AsTask(),
            (rig, _) => Act(rig.Peer.Abort),
        ];
        foreach (var end in ends)
        {
            await RunAsync(isServer, async (rig, channel) =>
            {
                var stuck = await rig.OpenChannelAsync(window: 0, number: 1);
                var write = stuck.WriteAsync(new byte[1]).AsTask();
                for (var i = 0; i < 10; i++)
                    await rig.Peer.SendAsync(Messages.Window(1, 0));
                await channel.WriteAsync(new byte[5]);
                Assert.Equal(Messages.Data(0, 5), await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_DATA));
                Assert.False(write.IsCompleted);
                await end(rig, stuck);
                var error = (await Assert.ThrowsAsync<ConnectionException>(() => write)).Error;
                Assert.Equal(Array.IndexOf(ends, end) < 2 ? ConnectionError.Aborted : ConnectionError.Reset, error);
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task No_packet_is_longer_than_the_peer_takes_and_no_more_than_its_window(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var channel = await rig.OpenChannelAsync(window: 25, packet: 10);
        var write = channel.WriteAsync(new byte[30]).AsTask();
        foreach (var count in new[] { 10, 10, 5 })
            Assert.Equal(Messages.Data(0, count), await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_DATA));
        Assert.False(write.IsCompleted);
        await rig.Peer.SendAsync(Messages.Window(0, 5));
        await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_DATA);
        await write;
        var large = await rig.OpenChannelAsync(uint.MaxValue, uint.MaxValue, number: 1);
        await large.WriteAsync(new byte[40 << 10]);
        Assert.Equal(Messages.Data(1, 32 << 10), await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_DATA));
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Requests_about_a_channel_are_answered_where_an_answer_is_wanted(bool isServer) => RunAsync(isServer, async (rig, channel) =>
    {
        await rig.Peer.SendAsync(Messages.ChannelRequest(0, "env", wantsAnswer: false));
        await rig.Peer.SendAsync(Messages.ChannelRequest(0, "shell"));
        Assert.Equal(Messages.About(Message.SSH_MSG_CHANNEL_FAILURE, 0), await rig.Peer.ReadAsync());
        channel.OnRequest = (type, _) => type == "exec";
        await rig.Peer.SendAsync(Messages.ChannelRequest(0, "exec"));
        Assert.Equal(Messages.About(Message.SSH_MSG_CHANNEL_SUCCESS, 0), await rig.Peer.ReadAsync());
        // Cut in the middle.
        await rig.Peer.SendAsync(Messages.ChannelRequest(0, "exec")[..^1]);
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    private static Task Act(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private static Fairlead.Ssh.SshOptions Small(Fairlead.Ssh.SshOptions options) => options with { ChannelWindow = Window, MaxChannelWindow = Window, ChannelPacket = Packet };

    private static Task RunAsync(bool isServer, Func<AttackRig, SshChannel, Task> test) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        await test(rig, await rig.OpenChannelAsync());
    }, Small);

    private static Task RefusedAsync(bool isServer, params byte[][] messages) => RefusedAsync(isServer, _ => { }, messages);

    // Only the last one is wrong.
    private static async Task RefusedAsync(bool isServer, Action<SshChannel> before, params byte[][] messages)
    {
        await RunAsync(isServer, async (rig, channel) =>
        {
            before(channel);
            await rig.Peer.SendAllAsync(messages[..^1]);
            await rig.AssertAliveAsync();
        });
        await RunAsync(isServer, async (rig, channel) =>
        {
            before(channel);
            await rig.Peer.SendAllAsync(messages);
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            await Assert.ThrowsAsync<ConnectionException>(() => channel.WriteAsync(new byte[1]).AsTask());
        });
    }
}
