using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Peers that do not take what they are sent.</summary>
public sealed class OutputBoundTests
{
    // What lies in between: two pipes of 64 KiB, what was read, what is on its way out.
    private const int Between = 1 << 20;

    public static TheoryData<bool, byte> Askers()
    {
        var askers = new TheoryData<bool, byte>();
        foreach (var question in new[] { Message.SSH2_MSG_PING, Message.SSH_MSG_GLOBAL_REQUEST, Message.SSH_MSG_CHANNEL_OPEN, Message.SSH_MSG_CHANNEL_REQUEST, (byte)250 })
        {
            askers.Add(false, question);
            askers.Add(true, question);
        }
        return askers;
    }

    [Theory(Timeout = 30000), MemberData(nameof(Askers))]
    public Task Who_asks_and_does_not_take_the_answers_is_not_read_from(bool isServer, byte question) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        await rig.OpenChannelAsync();
        var message = question switch
        {
            Message.SSH2_MSG_PING => new SshWriter().Begin(question).WriteString(new byte[10_000]).ToArray(),
            Message.SSH_MSG_CHANNEL_OPEN => Messages.Open(1, type: "x11"),
            _ => Messages.Of(question),
        };
        long written = 0;
        var asking = AskAsync();
        await Traffic.UntilStillAsync(() => written);
        Assert.False(asking.IsCompleted);
        Assert.InRange(written, SshTransport.MostOutput / 4, (3 * SshTransport.MostOutput) + Between);
        // Once it takes them, it is heard again.
        var before = written;
        for (var answers = 0; written == before; answers++)
            await rig.Peer.ReadAsync();
        rig.Connection.Dispose();
        await Assert.ThrowsAsync<ConnectionException>(() => asking);

        async Task AskAsync()
        {
            while (true)
            {
                var packets = Enumerable.Range(0, Math.Max(1, 8000 / message.Length)).SelectMany(_ => rig.Peer.Seal(message)).ToArray();
                await rig.Peer.WriteAsync(packets);
                written += packets.Length;
            }
        }
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Such_a_peer_is_given_up(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var channel = await rig.OpenChannelAsync(uint.MaxValue);
        var writer = new Writer(channel, new byte[4 << 20]);
        await Traffic.UntilStillAsync(() => writer.Written);
        Assert.InRange(writer.Written, SshTransport.HighWater, SshTransport.HighWater + Between);
        for (var tick = 0; tick < 4; tick++)
        {
            rig.Time.Advance(TimeSpan.FromSeconds(15));
            await AttackRig.SettleAsync();
        }
        await rig.AssertEndAsync(SshEndCause.NoAnswer);
        Assert.Equal(ConnectionError.Reset, await writer.Ending);
    }, options => options with { Keepalive = TimeSpan.FromSeconds(15) });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task It_is_told_why_it_is_left_and_not_waited_for(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var channel = await rig.OpenChannelAsync(uint.MaxValue);
        var writer = new Writer(channel, new byte[4 << 20]);
        await Traffic.UntilStillAsync(() => writer.Written);
        await rig.Peer.SendAsync(Messages.Data(9, 1));
        await AttackRig.SettleAsync();
        Assert.False(rig.Connection.Ended.IsCompleted);
        Assert.Equal(ConnectionError.Reset, await writer.Ending);
        rig.Time.Advance(TimeSpan.FromSeconds(2));
        await rig.AssertEndAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Writers_wait_once_however_often_their_windows_are_opened(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var channel = await rig.OpenChannelAsync(uint.MaxValue >> 1);
        var writer = new Writer(channel, new byte[4 << 20]);
        await Traffic.UntilStillAsync(() => writer.Written);
        for (var i = 0; i < 100; i++)
            await rig.Peer.SendAllAsync(Enumerable.Repeat(Messages.Window(0, (uint)i % 2), 100));
        await AttackRig.SettleAsync();
        Assert.Equal(1, rig.Connection.Transport.WaiterCount);
        // And none is forgotten.
        for (var read = 0L; read < 4 << 20;)
            read += ScriptedPeer.StringOf((await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_DATA))[4..]).Length;
        Assert.Null(await writer.Ending);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Of_many_who_wait_for_room_one_may_end_the_connection(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var writers = new List<Task<ConnectionError?>>();
        for (uint number = 0; number < 20; number++)
        {
            var channel = await rig.OpenChannelAsync(uint.MaxValue, number: number);
            writers.Add(WriteAsync(channel, ends: number == 5));
        }
        await AttackRig.SettleAsync();
        Assert.Equal(20, rig.Connection.Transport.WaiterCount);
        while (!rig.Connection.Ended.IsCompleted && await Record.ExceptionAsync(() => rig.Peer.ReadAsync().AsTask()) is null)
            await Task.Yield();
        await rig.AssertEndAsync(SshEndCause.Closed);
        Assert.Equal(0, rig.Connection.Transport.WaiterCount);
        Assert.All(await Task.WhenAll(writers), error => Assert.NotNull(error));

        // Each is told by the one who ends it, in the middle of being told.
        async Task<ConnectionError?> WriteAsync(SshChannel channel, bool ends)
        {
            try
            {
                for (var isFirst = true; ; isFirst = false)
                {
                    var write = channel.WriteAsync(new byte[300 << 10]);
                    var waited = !write.IsCompleted;
                    await write;
                    if (ends && waited && !isFirst)
                        rig.Connection.Dispose();
                }
            }
            catch (ConnectionException e)
            {
                return e.Error;
            }
        }
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_channel_that_is_closed_while_it_waits_for_room_waits_no_more(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var (first, second) = (await rig.OpenChannelAsync(uint.MaxValue), await rig.OpenChannelAsync(uint.MaxValue, number: 1));
        var (writer, aborted) = (new Writer(first, new byte[1 << 20]), new Writer(second, new byte[1 << 20]));
        await Traffic.UntilStillAsync(() => writer.Written + aborted.Written);
        second.Abort();
        Assert.Equal(ConnectionError.Aborted, await aborted.Ending);
        for (var read = 0L; read < 1 << 20;)
        {
            var message = (await rig.Peer.ReadAsync())!;
            if (message[0] == Message.SSH_MSG_CHANNEL_DATA && message[4] == 0)
                read += message.Length - 9;
        }
        Assert.Null(await writer.Ending);
    });
}
