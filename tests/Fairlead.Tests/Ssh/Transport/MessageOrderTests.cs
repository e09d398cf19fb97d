using System.Buffers.Binary;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Every message there is or could be, at every stage, to either role.</summary>
public sealed class MessageOrderTests
{
    private enum Fate
    {
        /// <summary>It is dealt with.</summary>
        Taken,

        /// <summary>The peer breaks the protocol.</summary>
        Refused,

        /// <summary>The peer is told that it is not known.</summary>
        Unknown,
    }

    public static TheoryData<Stage, bool> Stages()
    {
        var stages = new TheoryData<Stage, bool>();
        foreach (var stage in Enum.GetValues<Stage>())
        {
            stages.Add(stage, false);
            stages.Add(stage, true);
        }
        return stages;
    }

    [Theory(Timeout = 60000), MemberData(nameof(Stages))]
    public async Task Every_message_is_taken_or_refused_where_it_comes(Stage stage, bool isServer)
    {
        // A goodbye has a test of its own.
        foreach (var number in Enumerable.Range(0, 256).Where(number => number != Message.SSH_MSG_DISCONNECT))
        {
            var fate = FateOf(stage, isServer, (byte)number);
            if (fate != Fate.Unknown)
                await AttackRig.RunAsync(isServer, rig => SendAsync(rig, stage, (byte)number, fate));
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Once_the_user_is_in_what_is_not_known_is_answered_so_and_no_more(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        foreach (var number in Enumerable.Range(0, 256).Where(number => number != Message.SSH_MSG_DISCONNECT).Where(number => FateOf(Stage.Open, isServer, (byte)number) == Fate.Unknown))
        {
            var sequence = rig.Peer.Sequence;
            await rig.Peer.SendAsync([(byte)number, 1, 2, 3]);
            Assert.Equal(sequence, BinaryPrimitives.ReadUInt32BigEndian((await rig.Peer.ExpectAsync(Message.SSH_MSG_UNIMPLEMENTED)).AsSpan(1)));
        }
        await rig.AssertAliveAsync();
    });

    [Theory(Timeout = 30000), MemberData(nameof(Stages))]
    public Task The_peer_may_go_at_any_time(Stage stage, bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.BringAsync(stage);
        await rig.AssertAliveAsync();
    });

    [Theory(Timeout = 30000), MemberData(nameof(Stages))]
    public Task So_may_the_connection(Stage stage, bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.BringAsync(stage);
        rig.Peer.Dispose();
        Assert.Equal(stage == Stage.Open ? SshEndCause.ClosedByPeer : SshEndCause.Lost, (await rig.EndedAsync()).Cause);
    });

    [Theory(Timeout = 30000), MemberData(nameof(Stages))]
    public Task So_may_the_network(Stage stage, bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.BringAsync(stage);
        rig.Peer.Abort();
        await rig.AssertEndAsync(SshEndCause.Lost);
    });

    private static async Task SendAsync(AttackRig rig, Stage stage, byte number, Fate fate)
    {
        await rig.BringAsync(stage);
        if (stage == Stage.Open)
            await rig.OpenChannelAsync();
        if (stage == Stage.BeforeNewKeys && number == Message.SSH_MSG_NEWKEYS)
            await rig.Peer.SendNewKeysAsync();
        else
            await rig.Peer.SendAsync(Messages.Of(number));
        if (fate == Fate.Taken)
            await rig.AssertAliveAsync();
        else
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    }

    private static Fate FateOf(Stage stage, bool isServer, byte number) => (stage, number) switch
    {
        // Before both have said whether they are strict, that is not known. In the middle of the exchange it is.
        (Stage.BeforeExchange, Message.SSH_MSG_IGNORE or Message.SSH_MSG_UNIMPLEMENTED or Message.SSH_MSG_DEBUG or Message.SSH_MSG_KEXINIT) => Fate.Taken,
        (Stage.BeforeExchange or Stage.InExchange, _) => Fate.Refused,
        (Stage.BeforeNewKeys, Message.SSH_MSG_NEWKEYS) => Fate.Taken,
        (Stage.BeforeNewKeys, _) => Fate.Refused,
        // RFC 8308 section 2.4.
        (Stage.Open, Message.SSH_MSG_EXT_INFO) => Fate.Refused,
        // The transport's own.
        (_, Message.SSH_MSG_IGNORE or Message.SSH_MSG_UNIMPLEMENTED or Message.SSH_MSG_DEBUG or Message.SSH_MSG_EXT_INFO or Message.SSH_MSG_KEXINIT or Message.SSH2_MSG_PING) => Fate.Taken,
        (_, Message.SSH_MSG_NEWKEYS or (>= 30 and < 50)) => Fate.Refused,
        (Stage.BeforeAuthentication, Message.SSH_MSG_SERVICE_REQUEST) => isServer ? Fate.Taken : Fate.Refused,
        (Stage.BeforeAuthentication, Message.SSH_MSG_SERVICE_ACCEPT or Message.SSH_MSG_USERAUTH_BANNER) => isServer ? Fate.Refused : Fate.Taken,
        (Stage.InAuthentication, Message.SSH_MSG_USERAUTH_REQUEST) => isServer ? Fate.Taken : Fate.Refused,
        (Stage.InAuthentication, Message.SSH_MSG_USERAUTH_FAILURE or Message.SSH_MSG_USERAUTH_SUCCESS or Message.SSH_MSG_USERAUTH_BANNER) => isServer ? Fate.Refused : Fate.Taken,
        (Stage.BeforeAuthentication or Stage.InAuthentication, _) => Fate.Refused,
        // RFC 4252 section 5.3.
        (Stage.Open, Message.SSH_MSG_USERAUTH_REQUEST) when isServer => Fate.Taken,
        (Stage.Open, Message.SSH_MSG_GLOBAL_REQUEST or Message.SSH_MSG_CHANNEL_OPEN or (>= Message.SSH_MSG_CHANNEL_WINDOW_ADJUST and <= Message.SSH_MSG_CHANNEL_FAILURE)) => Fate.Taken,
        // Nobody has asked anything.
        (Stage.Open, Message.SSH_MSG_REQUEST_SUCCESS or Message.SSH_MSG_REQUEST_FAILURE or Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION or Message.SSH_MSG_CHANNEL_OPEN_FAILURE) => Fate.Refused,
        _ => Fate.Unknown,
    };
}
