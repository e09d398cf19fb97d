using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Windows that follow bandwidth times delay, at a client and at a server.</summary>
public sealed class WindowGrowthTests
{
    private const int Window = 1000, Packet = 100;

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_peer_that_uses_up_the_window_within_a_round_trip_gets_twice_as_much(bool isServer) => RunAsync(isServer, 1 << 20, async (rig, channel) =>
    {
        await HalfAsync(rig, channel);
        await SendAsync(rig, Window / 2);
        await rig.Peer.SendAsync([Message.SSH_MSG_REQUEST_FAILURE]);
        Assert.Equal(Messages.Window(0, Window), await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST));
        // 500 from before, 500 that were opened again, and 1000 more: none of them has been read.
        await SendAsync(rig, (3 * Window / 2));
        await rig.AssertAliveAsync();
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_peer_that_does_not_use_it_up_gets_no_more(bool isServer) => RunAsync(isServer, 1 << 20, async (rig, channel) =>
    {
        await HalfAsync(rig, channel);
        await SendAsync(rig, (Window / 2) - (2 * Packet));
        await rig.Peer.SendAsync([Message.SSH_MSG_REQUEST_FAILURE]);
        await NothingIsOpenedAsync(rig);
        // The rest of what it has, and not a byte of what it would have had.
        await SendAsync(rig, (Window / 2) + (2 * Packet));
        await rig.Peer.SendAsync(Messages.Data(0, 1));
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Who_reads_slowly_has_no_need_of_a_larger_one(bool isServer) => RunAsync(isServer, 1 << 20, async (rig, channel) =>
    {
        await SendAsync(rig, Window);
        await rig.PingAsync();
        await Traffic.ExpectAsync(channel, new byte[Window / 2]);
        await channel.ReadAsync(new byte[1]);
        Assert.Equal(Messages.Window(0, Window / 2), await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST));
        await NothingIsOpenedAsync(rig);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task It_does_not_grow_beyond_its_bound(bool isServer) => RunAsync(isServer, Window, async (rig, channel) =>
    {
        await HalfAsync(rig, channel, isMeasured: false);
        await SendAsync(rig, Window / 2);
        await NothingIsOpenedAsync(rig);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Nor_do_those_of_a_connection_together(bool isServer) => RunAsync(isServer, 2 * Window, async (rig, first) =>
    {
        var channels = new List<SshChannel> { first };
        for (uint number = 1; number <= 4; number++)
            channels.Add(await rig.OpenChannelAsync(number: number));
        for (uint number = 0; number < 4; number++)
            await GrowAsync(rig, channels[(int)number], number);
        // Four have taken what there is for all; one more gets none of it until one of them has gone.
        await HalfAsync(rig, channels[4], isMeasured: false, number: 4);
        await rig.Peer.SendAsync(Messages.Close(0));
        await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_CLOSE);
        first.Dispose();
        await SendAsync(rig, Window / 2, number: 4);
        var buffer = new byte[Window];
        for (var left = Window / 2; left > 0;)
            left -= await channels[4].ReadAsync(buffer);
        _ = channels[4].ReadAsync(buffer).AsTask();
        await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST);
        Assert.Equal(Message.SSH_MSG_GLOBAL_REQUEST, (await rig.Peer.ReadToAsync(Message.SSH_MSG_GLOBAL_REQUEST))[0]);
    });

    private static async Task GrowAsync(AttackRig rig, SshChannel channel, uint number)
    {
        await HalfAsync(rig, channel, number: number);
        await SendAsync(rig, Window / 2, number);
        await rig.Peer.SendAsync([Message.SSH_MSG_REQUEST_FAILURE]);
        Assert.Equal(Messages.Window(number, Window), await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST));
    }

    // Half of the window comes and is read: it is opened again, and the way is measured where it may grow.
    private static async Task HalfAsync(AttackRig rig, SshChannel channel, bool isMeasured = true, uint number = 0)
    {
        await SendAsync(rig, Window / 2, number);
        await Traffic.ExpectAsync(channel, new byte[Window / 2]);
        _ = channel.ReadAsync(Memory<byte>.Empty).AsTask();
        Assert.Equal(Messages.Window(number, Window / 2), await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST));
        if (isMeasured)
            await rig.Peer.ReadToAsync(Message.SSH_MSG_GLOBAL_REQUEST);
    }

    private static Task SendAsync(AttackRig rig, int count, uint number = 0) =>
        rig.Peer.SendAllAsync(Enumerable.Repeat(Messages.Data(number, Packet), count / Packet)).AsTask();

    // Whatever it would have said came before the answer.
    private static async Task NothingIsOpenedAsync(AttackRig rig)
    {
        await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH2_MSG_PING).WriteString("there?"));
        while (await rig.Peer.ReadAsync() is { } message && message[0] != Message.SSH2_MSG_PONG)
            Assert.False(message[0] is Message.SSH_MSG_CHANNEL_WINDOW_ADJUST or Message.SSH_MSG_GLOBAL_REQUEST, "The window was opened, or the way measured.");
    }

    private static Task RunAsync(bool isServer, int most, Func<AttackRig, SshChannel, Task> test) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        await test(rig, await rig.OpenChannelAsync());
    }, options => options with { ChannelWindow = Window, ChannelPacket = Packet, MaxChannelWindow = most });
}
