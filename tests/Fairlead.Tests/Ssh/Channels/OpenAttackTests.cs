using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Peers that open what nobody asked for, too much of it, or nothing at all.</summary>
public sealed class OpenAttackTests
{
    [Theory(Timeout = 60000), InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public async Task Of_10_000_channels_those_above_the_bound_are_refused(bool isServer, bool areTaken)
    {
        var pending = new List<SshIncoming>();
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.OpenAsync();
            var (taken, refused) = (0, 0);
            for (uint number = 0; number < 10_000; number += 100)
            {
                await rig.Peer.SendAllAsync(Enumerable.Range((int)number, 100).Select(each => Messages.Open((uint)each)));
                for (var answers = !areTaken && number < 1000 ? 100 : 0; answers < 100; answers++)
                {
                    var answer = (await rig.Peer.ReadAsync())!;
                    if (answer[0] == Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION)
                        taken++;
                    else
                        AssertRefused(answer, SshOpenFailure.ResourceShortage, ref refused);
                }
            }
            Assert.Equal((areTaken ? 1000 : 0, 9000, 1000), (taken, refused, rig.Connection.ChannelCount));
            // One that is closed makes place for one.
            if (areTaken)
                await rig.Peer.SendAsync(Messages.Close(17));
            else
                pending[17].Refuse(SshOpenFailure.ConnectFailed, "no");
            await rig.Peer.ReadAsync();
            await rig.Peer.SendAllAsync([Messages.Open(20_000), Messages.Open(20_001)]);
            var last = (await rig.Peer.ReadAsync())!;
            if (areTaken)
                last = (await rig.Peer.ReadAsync())!;
            AssertRefused(last, SshOpenFailure.ResourceShortage, ref refused);
            Assert.Equal(1000, rig.Connection.ChannelCount);
            await rig.AssertAliveAsync();
            // Who has answered too late has a channel that is over already, and leaves nothing behind.
            foreach (var late in pending.Where(each => !each.IsAnswered))
            {
                if (late == pending[^1])
                    late.Refuse(SshOpenFailure.ConnectFailed, "no");
                else
                    await Assert.ThrowsAsync<ConnectionException>(() => late.Accept().ReadAsync(new byte[1]).AsTask());
            }
        }, options => areTaken ? options : options with { OnOpen = pending.Add });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Channels_that_come_and_go_leave_nothing_behind(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        for (uint number = 0; number < 5000; number += 50)
        {
            var rounds = Enumerable.Range((int)number, 50).Select(each => (uint)each);
            await rig.Peer.SendAllAsync(rounds.SelectMany(each => new[] { Messages.Open(each), Messages.Data(each, 100), Messages.Close(each) }));
            for (var answers = 0; answers < 100; answers++)
                Assert.Contains((await rig.Peer.ReadAsync())![0], new[] { Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION, Message.SSH_MSG_CHANNEL_CLOSE });
            Assert.Equal(0, rig.Connection.ChannelCount);
            rig.Accepted.ForEach(channel => channel.Dispose());
            rig.Accepted.Clear();
        }
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_channel_that_is_closed_counts_as_long_as_bytes_of_it_lie_here(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        for (uint number = 0; number < 3; number++)
        {
            await rig.Peer.SendAllAsync([Messages.Open(number), Messages.Data(number, 100), Messages.Eof(number), Messages.Close(number)]);
            await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_CLOSE);
        }
        await rig.Peer.SendAsync(Messages.Open(3));
        await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_OPEN_FAILURE);
        // One is read to its end, another is dropped: two places.
        await Traffic.ExpectAsync(rig.Accepted[0], new byte[100]);
        Assert.Equal(0, await rig.Accepted[0].ReadAsync(new byte[1]));
        rig.Accepted[1].Dispose();
        for (uint number = 4; number < 6; number++)
        {
            await rig.Peer.SendAsync(Messages.Open(number));
            await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
        }
        await rig.Peer.SendAsync(Messages.Open(6));
        await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_OPEN_FAILURE);
        await Traffic.ExpectAsync(rig.Accepted[2], new byte[100]);
    }, options => options with { MaxChannels = 3 });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Channels_of_other_types_and_arrivals_that_nobody_asked_for_are_refused(bool isServer)
    {
        (byte[] Open, SshOpenFailure Failure)[] refused =
        [
            (Messages.Open(7, type: "forwarded-tcpip"), SshOpenFailure.AdministrativelyProhibited),
            (Offer("forwarded-streamlocal@openssh.com").WriteString("/run/x").WriteString("").ToArray(), SshOpenFailure.AdministrativelyProhibited),
            (Messages.Open(7, type: "x11"), SshOpenFailure.UnknownChannelType),
            (Messages.Open(7, type: "auth-agent@openssh.com"), SshOpenFailure.UnknownChannelType),
            (Messages.Open(7, type: ""), SshOpenFailure.UnknownChannelType),
            (Messages.Open(7, type: new string('t', 30_000)), SshOpenFailure.UnknownChannelType),
        ];
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.OpenAsync();
            var count = 0;
            foreach (var (open, failure) in refused)
            {
                await rig.Peer.SendAsync(open);
                AssertRefused(await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN_FAILURE), failure, ref count);
            }
            Assert.Empty(rig.Accepted);
            Assert.Equal(0, rig.Connection.ChannelCount);
        });
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.OpenAsync();
            var count = 0;
            await rig.Peer.SendAsync(Messages.Open(7));
            AssertRefused(await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN_FAILURE), SshOpenFailure.UnknownChannelType, ref count);
        }, options => options with { OnOpen = null });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Offers_that_make_no_sense_end_the_connection(bool isServer)
    {
        byte[][] offers =
        [
            Messages.Open(0, packet: 0),
            Messages.Open(0)[..^1],
            [Message.SSH_MSG_CHANNEL_OPEN],
            Offer("direct-tcpip").WriteString("target").WriteUInt32(65536).WriteString("").WriteUInt32(0).ToArray(),
            Offer("direct-tcpip").WriteString(new string('h', 5000)).WriteUInt32(80).WriteString("").WriteUInt32(0).ToArray(),
            Offer("direct-streamlocal@openssh.com").WriteString(new string('p', 5000)).ToArray(),
        ];
        foreach (var offer in offers)
        {
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                await rig.Peer.SendAsync(offer);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            });
        }
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.OpenAsync();
            var opening = OpenAsync(rig);
            await rig.Peer.SendAsync(Messages.Confirm(0, packet: 0));
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            Assert.Null((await opening).Channel);
        });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Where_the_connection_is_ended_by_who_is_told_of_a_channel_nothing_behind_that_is_heard(bool isServer)
    {
        AttackRig? attacked = null;
        var told = 0;
        return AttackRig.RunAsync(isServer, async rig =>
        {
            attacked = rig;
            await rig.OpenAsync();
            await rig.Peer.SendAllAsync([Messages.Open(0), Messages.Open(1), Messages.Data(7, 1), Messages.Of(Message.SSH_MSG_KEXINIT), Messages.Open(2)]);
            await rig.AssertEndAsync(SshEndCause.Closed);
            await AttackRig.SettleAsync();
            Assert.Equal((1, 0), (told, rig.Connection.ChannelCount));
        }, options => options with
        {
            OnOpen = _ =>
            {
                told++;
                attacked!.Connection.Dispose();
            },
        });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task The_same_with_a_goodbye_that_the_peer_does_not_take(bool isServer)
    {
        AttackRig? attacked = null;
        var told = 0;
        return AttackRig.RunAsync(isServer, async rig =>
        {
            attacked = rig;
            await rig.OpenAsync();
            var channel = await rig.OpenChannelAsync(uint.MaxValue);
            told = 0;
            var writer = new Writer(channel, new byte[2 << 20]);
            await Traffic.UntilStillAsync(() => writer.Written);
            await rig.Peer.SendAllAsync([Messages.Open(1), Messages.Open(2), Messages.Of(Message.SSH2_MSG_PING), Messages.Data(9, 1)]);
            await Traffic.UntilAsync(() => told > 0);
            Assert.Equal(ConnectionError.Reset, await writer.Ending);
            await AttackRig.SettleAsync();
            Assert.Equal((1, 0, false), (told, rig.Connection.ChannelCount, rig.Connection.Ended.IsCompleted));
            // It is not waited for without end.
            rig.Time.Advance(TimeSpan.FromSeconds(2));
            Assert.Equal("so long", (await rig.AssertEndAsync(SshEndCause.Closed, SshDisconnectReason.ByApplication)).Text);
        }, options => options with
        {
            OnOpen = incoming =>
            {
                told++;
                if (attacked!.Accepted.Count > 0 || !isServer)
                    _ = attacked.Connection.DisconnectAsync(SshDisconnectReason.ByApplication, "so long");
                else
                    attacked.Accepted.Add(incoming.Accept());
            },
        });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task An_offer_that_is_never_answered_can_be_given_up(bool isServer)
    {
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.OpenAsync();
            using var patience = new CancellationTokenSource();
            var openings = Enumerable.Range(0, 3).Select(_ => OpenAsync(rig, patience.Token)).ToArray();
            for (var i = 0; i < 3; i++)
                await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN);
            await patience.CancelAsync();
            foreach (var opening in openings)
                Assert.Equal(new SshOpenResult(null, null, "given up"), await opening);
            Assert.Equal(3, rig.Connection.ChannelCount);
            // What is opened all the same is closed, and what is not is forgotten.
            await rig.Peer.SendAsync(Messages.Confirm(0, number: 77));
            await rig.Peer.SendAsync(Messages.Refuse(1));
            Assert.Equal(Messages.Close(77), await rig.Peer.ReadAsync());
            await rig.Peer.SendAllAsync([Messages.Data(0, 10), Messages.Close(0)]);
            await rig.PingAsync();
            Assert.Equal(1, rig.Connection.ChannelCount);
            using var given = new CancellationTokenSource();
            await given.CancelAsync();
            Assert.Null((await OpenAsync(rig, given.Token)).Channel);
        });
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.OpenAsync();
            using var patience = new CancellationTokenSource();
            var openings = Enumerable.Range(0, 10).Select(_ => OpenAsync(rig, patience.Token)).ToArray();
            await patience.CancelAsync();
            await Task.WhenAll(openings);
            var full = await OpenAsync(rig);
            Assert.Equal((null, SshOpenFailure.ResourceShortage), (full.Channel, full.Failure));
        }, options => options with { MaxChannels = 10 });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Why_a_channel_was_not_opened_is_told_whatever_it_is(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        foreach (var (reason, description) in new[] { (2u, "refused\u001b[2J"), (0u, ""), (uint.MaxValue, new string('d', 30_000)) })
        {
            var opening = OpenAsync(rig);
            var asked = await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN);
            var number = new SshReader(asked.AsSpan(1 + 4 + "direct-tcpip".Length)).ReadUInt32();
            await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN_FAILURE).WriteUInt32(number).WriteUInt32(reason).WriteString(description).WriteString(""));
            Assert.Equal(new SshOpenResult(null, (SshOpenFailure)reason, description), await opening);
        }
        Assert.Equal(0, rig.Connection.ChannelCount);
    });

    private static SshWriter Offer(string type) => new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString(type).WriteUInt32(7).WriteUInt32(1).WriteUInt32(1);

    private static Task<SshOpenResult> OpenAsync(AttackRig rig, CancellationToken cancel = default) =>
        rig.Connection.OpenAsync(new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1), null, new DnsEndPoint("target", 80), cancel);

    private static void AssertRefused(byte[] answer, SshOpenFailure failure, ref int count)
    {
        Assert.Equal(Message.SSH_MSG_CHANNEL_OPEN_FAILURE, answer[0]);
        var fields = new SshReader(answer.AsSpan(1));
        fields.ReadUInt32();
        Assert.Equal(failure, (SshOpenFailure)fields.ReadUInt32());
        count++;
    }
}
