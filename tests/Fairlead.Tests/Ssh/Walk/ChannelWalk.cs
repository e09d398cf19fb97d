using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>
/// An open connection that a peer and its own user lead step by step, and a model of what the protocol allows. After each step it is as the model says: what the peer may do does not end it, and
/// what it may not do does; bytes arrive, in their order; no window is exceeded and none is forgotten; every question has one answer, in its turn. At its end nothing is left.
/// </summary>
internal sealed partial class ChannelWalk
{
    private const int MaxChannels = 8;

    private static readonly string[] ciphers = [.. SshAlgorithms.Default.Ciphers];

    private readonly List<WalkedChannel> all = [];
    private readonly Dictionary<uint, WalkedChannel> byOwnId = [];
    private readonly Queue<byte[]> pongs = [];
    private readonly Queue<uint> unknown = [];
    private readonly List<byte> held = [];
    private AttackRig rig = null!;
    private uint nextPeerId, tokens;
    private long moved;

    // Whether the peer has done what it may not.
    private bool isBroken;
    private Fairlead.Ssh.SshOptions options = null!;

    private ChannelWalk()
    {
    }

    private ScriptedPeer Peer => rig.Peer;

    /// <summary>Walks.</summary>
    /// <param name="isServer">Whether it is a server that is attacked.</param>
    /// <param name="setting">Chooses its windows, packets, cipher, and how long keys are used.</param>
    /// <param name="steps">What happens.</param>
    public static async Task RunAsync(bool isServer, int setting, params IReadOnlyList<Step> steps)
    {
        var walk = new ChannelWalk();
        await AttackRig.RunAsync(isServer, rig => walk.RunAsync(rig, steps), options => walk.Set(options, new Random(setting))).WaitAsync(TimeSpan.FromMinutes(1));
    }

    private Fairlead.Ssh.SshOptions Set(Fairlead.Ssh.SshOptions plain, Random random)
    {
        int[] packets = [1, 100, 1000, 32 << 10];
        var packet = packets[random.Next(packets.Length)];
        var window = packet * random.Next(1, 20);
        options = plain with
        {
            ChannelPacket = packet,
            ChannelWindow = window,
            MaxChannelWindow = window << random.Next(5),
            MaxChannels = MaxChannels,
            RekeyBytes = random.Next(3) > 0 ? 1 << 30 : random.Next(20_000, 200_000),
            Algorithms = SshAlgorithms.Default with { Ciphers = [ciphers[random.Next(ciphers.Length)]], KeyExchanges = ["curve25519-sha256"] },
            OnOpen = OnOpen,
        };
        if (options is SshServerOptions server)
            options = server with { OnListen = bind => OnListen(bind), OnCancel = async bind => await OnListen(bind) is not null };
        return options;
    }

    private async Task RunAsync(AttackRig attacked, IReadOnlyList<Step> steps)
    {
        rig = attacked;
        rig.Peer.Algorithms = SshAlgorithms.Default with { KeyExchanges = ["curve25519-sha256"] };
        await rig.OpenAsync();
        var isOver = false;
        for (var i = 0; i < steps.Count && !isOver; i++)
        {
            try
            {
                isOver = await TakeAsync(steps[i]);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"step {i}, {steps[i]}: {error.Message} The connection {(rig.Connection.Ended.IsCompleted ? rig.Connection.Ended.Result : "goes on")}.", error);
            }
        }
        if (!isOver)
            await FinishAsync();
        await CheckEndAsync();
    }

    // Whether it is over.
    private async Task<bool> TakeAsync(Step step)
    {
        if (step.Act >= Act.UserOpen)
        {
            await SettleAsync();
            await UserAsync(step);
            if (step.Act == Act.UserDisconnect)
                return true;
        }
        else
        {
            await PeerAsync(step);
            if (step.Act is Act.Goodbye or Act.Cut)
                return true;
            if (isBroken)
            {
                await ExpectEndAsync();
                return true;
            }
            if (step.IsHeld)
                return false;
        }
        await SettleAsync();
        return false;
    }

    // Until all that was said is heard, and nothing moves any more.
    private async Task SettleAsync()
    {
        long before;
        // What readers are told of comes behind the answer to what the first of these asks.
        await PingAsync();
        do
        {
            before = moved;
            await PingAsync();
        }
        while (moved != before || await IsProvingAsync());
        foreach (var channel in all)
            Check(channel);
        Assert.True(unknown.Count == 0, "a message was not said to be unknown");
        CheckQuestions();
    }

    private async Task PingAsync()
    {
        byte[] token = [.. BitConverter.GetBytes(tokens++), 1];
        Hold(new SshWriter().Begin(Message.SSH2_MSG_PING).WriteString(token).ToArray());
        pongs.Enqueue(token);
        await FlushAsync();
        while (pongs.Contains(token))
        {
            var message = await Peer.ReadAsync();
            Assert.True(message is not null && message[0] != Message.SSH_MSG_DISCONNECT, "What the peer has done is allowed, and has ended the connection.");
            await HearAsync(message);
        }
    }

    // The peer has done what it may not: the connection ends, and it is not this program that is to blame.
    private async Task ExpectEndAsync()
    {
        byte[] token = [.. BitConverter.GetBytes(tokens++), 2];
        Hold(new SshWriter().Begin(Message.SSH2_MSG_PING).WriteString(token).ToArray());
        await FlushAsync();
        byte[]? message;
        while ((message = await TryReadAsync()) is not null && message[0] != Message.SSH_MSG_DISCONNECT)
            Assert.False(message[0] == Message.SSH2_MSG_PONG && ScriptedPeer.StringOf(message).AsSpan().SequenceEqual(token), "What the peer has done is not allowed, and the connection goes on.");
        var end = await rig.EndedAsync();
        Assert.True(end.Cause is SshEndCause.Protocol or SshEndCause.Lost, $"It ended with {end}.");
    }

    private async Task<byte[]?> TryReadAsync()
    {
        try
        {
            return await Peer.ReadAsync();
        }
        catch (Exception error) when (error is ConnectionException or SshProtocolException)
        {
            return null;
        }
    }

    private void Hold(byte[] message) => held.AddRange(Peer.Seal(message));

    private async Task FlushAsync()
    {
        byte[] bytes = [.. held];
        held.Clear();
        var random = new Random((int)tokens);
        try
        {
            for (var at = 0; at < bytes.Length;)
            {
                var count = random.Next(3) == 0 ? random.Next(1, 40) : bytes.Length;
                count = Math.Min(count, bytes.Length - at);
                await Peer.WriteAsync(bytes[at..(at + count)]);
                at += count;
                if (at < bytes.Length)
                    await Task.Yield();
            }
        }
        catch (ConnectionException) when (isBroken)
        {
        }
    }

    // The attacked end says something.
    private async Task HearAsync(byte[] message)
    {
        moved++;
        // What a barrier asks for is no movement.
        if (message[0] == Message.SSH2_MSG_PONG)
        {
            moved--;
            Assert.True(pongs.TryDequeue(out var asked) && ScriptedPeer.StringOf(message).AsSpan().SequenceEqual(asked), "an answer to a ping is not the next one");
            return;
        }
        switch (message[0])
        {
            case Message.SSH_MSG_EXT_INFO or Message.SSH_MSG_IGNORE or Message.SSH_MSG_DEBUG:
                break;
            case Message.SSH_MSG_UNIMPLEMENTED:
                Assert.True(unknown.TryDequeue(out var number) && number == Number(message, 0), "a message is said to be unknown that is not the next one");
                break;
            case Message.SSH_MSG_KEXINIT:
                await AnswerExchangeAsync(message);
                break;
            case Message.SSH_MSG_GLOBAL_REQUEST:
                HearQuestion(message);
                break;
            case Message.SSH_MSG_REQUEST_SUCCESS or Message.SSH_MSG_REQUEST_FAILURE:
                HearReply(message);
                break;
            case Message.SSH_MSG_CHANNEL_OPEN:
                HearOpen(message);
                break;
            default:
                HearOfChannel(message);
                break;
        }
    }

    private async Task AnswerExchangeAsync(byte[] message)
    {
        Peer.HearKexInit(message);
        await Peer.SendKexInitAsync();
        await Peer.AgreeAsync();
        await Peer.SendNewKeysAsync();
        await Peer.ReadNewKeysAsync();
    }

    private void HearOpen(byte[] message)
    {
        var fields = new SshReader(message.AsSpan(1));
        var type = fields.ReadText();
        var channel = all.FirstOrDefault(channel => channel is { Asked: not null, OwnId: null });
        Assert.True(channel?.Asked!.Type == type, $"{type} is opened, and nobody has asked for that");
        channel.OwnId = fields.ReadUInt32();
        Assert.True(byOwnId.TryAdd(channel.OwnId.Value, channel), $"number {channel.OwnId} is of two channels");
        (channel.Window, channel.Packet) = (fields.ReadUInt32(), fields.ReadUInt32());
        AssertWindow(channel);
        var read = SshOpen.Read(type, ref fields);
        Assert.Equal(channel.Asked, read);
    }

    private void HearOfChannel(byte[] message)
    {
        var fields = new SshReader(message.AsSpan(1));
        var id = fields.ReadUInt32();
        var channel = all.SingleOrDefault(channel => channel.PeerId == id && (channel.IsOpen || channel.Asked is null));
        Assert.True(channel is not null && !channel.IsCloseReceived, $"message {message[0]} is about channel {id}, which there is not");
        if (message[0] is Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION or Message.SSH_MSG_CHANNEL_OPEN_FAILURE)
        {
            Assert.True(channel is { Asked: null, IsOpen: false }, $"channel {id} was answered already");
            HearAnswer(channel, message[0] == Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION, ref fields);
            return;
        }
        Assert.True(channel.IsOpen, $"message {message[0]} is about channel {id}, which is not open");
        switch (message[0])
        {
            case Message.SSH_MSG_CHANNEL_WINDOW_ADJUST:
                channel.Window += fields.ReadUInt32();
                AssertWindow(channel);
                break;
            case Message.SSH_MSG_CHANNEL_DATA:
                HearData(channel, fields.ReadString());
                break;
            case Message.SSH_MSG_CHANNEL_EOF:
                Assert.False(channel.IsEofReceived, $"channel {id} ends twice");
                channel.IsEofReceived = true;
                break;
            case Message.SSH_MSG_CHANNEL_CLOSE:
                channel.IsCloseReceived = true;
                break;
            case Message.SSH_MSG_CHANNEL_SUCCESS or Message.SSH_MSG_CHANNEL_FAILURE:
                Assert.True(--channel.Answers >= 0, $"channel {id}: an answer to nothing");
                break;
            default:
                Assert.Fail($"message {message[0]} came");
                break;
        }
    }

    private void HearAnswer(WalkedChannel channel, bool isYes, ref SshReader fields)
    {
        if (!isYes)
        {
            var failure = (SshOpenFailure)fields.ReadUInt32();
            Assert.True(failure == channel.Refusal || failure == SshOpenFailure.ResourceShortage, $"channel {channel.Index} is refused as {failure}");
            channel.IsCloseReceived = true;
            return;
        }
        Assert.NotNull(channel.Incoming);
        channel.OwnId = fields.ReadUInt32();
        Assert.True(byOwnId.TryAdd(channel.OwnId.Value, channel), $"number {channel.OwnId} is of two channels");
        (channel.Window, channel.Packet, channel.IsOpen) = (fields.ReadUInt32(), fields.ReadUInt32(), true);
        AssertWindow(channel);
    }

    private static void HearData(WalkedChannel channel, ReadOnlySpan<byte> data)
    {
        Assert.False(channel.IsEofReceived, $"channel {channel.Index}: data after its end");
        Assert.True(data.Length <= channel.Granted && data.Length <= channel.PeerPacket, $"channel {channel.Index}: {data.Length} bytes at once, of {channel.Granted} that are left and {channel.PeerPacket} a packet");
        channel.Granted -= data.Length;
        if (channel.IsOfDatagrams)
        {
            Assert.True(channel.DatagramsToPeer.TryDequeue(out var sent) && data.SequenceEqual(sent), $"channel {channel.Index}: a datagram is not the next one");
            return;
        }
        Assert.True(data.SequenceEqual(channel.Bytes(channel.Received, data.Length, toUser: false)), $"channel {channel.Index}: what came at {channel.Received} is not what was written");
        channel.Received += data.Length;
        Assert.True(channel.Received <= channel.Written, $"channel {channel.Index}: more came than was written");
    }

    private void AssertWindow(WalkedChannel channel) =>
        Assert.True(channel.Window <= options.MaxChannelWindow, $"channel {channel.Index}: a window of {channel.Window}");

    // As it has to be once nothing moves.
    private void Check(WalkedChannel channel)
    {
        Assert.Null(channel.Fault);
        CheckOpening(channel);
        if (!channel.IsOpen)
            return;
        channel.CheckReading();
        channel.CheckWriting();
        Assert.True(channel.MustBeClosed == channel.IsCloseReceived, $"channel {channel.Index} {(channel.IsCloseReceived ? "was" : "was not")} closed");
        Assert.True(channel.Answers == 0 || channel.IsCloseReceived, $"channel {channel.Index}: {channel.Answers} requests have no answer");
        Assert.True(channel.IsOver || channel.DatagramsToUser.Count == 0, $"channel {channel.Index}: {channel.DatagramsToUser.Count} datagrams have not come");
        Assert.True(channel.DatagramsToPeer.Count == 0, $"channel {channel.Index}: {channel.DatagramsToPeer.Count} datagrams were not sent");
        Assert.True(!channel.IsOfDatagrams || channel.IsOver || channel.Closings == (channel.IsEofSent || channel.IsCloseSent ? 1 : 0), $"channel {channel.Index}: its end was told {channel.Closings} times");
        Assert.True(!channel.IsCompleted || channel.IsEofReceived || channel.IsCloseReceived, $"channel {channel.Index}: its end was not told");
        // Whoever has read everything, and reads on, has opened the window again.
        if (!channel.MustBeClosed && !channel.IsEofSent && (channel.IsOfDatagrams || (channel.Reading is not null && channel.Buffer.Length > 0)))
            Assert.True(channel.Window >= options.ChannelWindow / 2, $"channel {channel.Index}: all was read, and its window stays at {channel.Window}");
    }

    private void CheckOpening(WalkedChannel channel)
    {
        if (channel.Opening is not { } opening || (!channel.IsOpen && !channel.IsCloseReceived && !channel.GiveUp.IsCancellationRequested))
        {
            Assert.True(channel.Asked is not null || channel.IsOpen || channel.IsCloseReceived || channel.Incoming is { IsAnswered: false }, $"channel {channel.Index}: the peer has no answer");
            Assert.False(channel.Opening?.IsCompleted ?? false, $"channel {channel.Index}: it is said to be opened or not, and the peer has not answered");
            return;
        }
        Assert.True(opening.IsCompletedSuccessfully, $"channel {channel.Index}: whoever has asked for it has no answer");
        channel.Opening = null;
        var result = opening.Result;
        Assert.Equal(channel.IsOpen && !channel.GiveUp.IsCancellationRequested, result.Channel is not null);
        (channel.Stream, channel.Datagrams) = (channel.IsOfDatagrams ? null : result.Channel, result.Datagrams);
    }

    // Everything that is open is brought to its end, in order.
    private async Task FinishAsync()
    {
        await SettleAsync();
        while (waitingListen is not null || questions.Count > 0)
        {
            await TakeAsync(new Step(Act.UserAnswerListen));
            await TakeAsync(new Step(Act.Reply, 1));
        }
        foreach (var channel in all.ToArray())
        {
            if (channel is { Incoming.IsAnswered: false })
                AnswerOpen(channel, isYes: true);
            await SettleAsync();
            if (channel is { Asked: not null, IsOpen: false, IsCloseReceived: false, OwnId: not null })
                Refuse(channel);
            await SettleAsync();
            while (channel is { Stream: not null, IsOver: false } && (channel.Read < channel.Sent || channel.Reading is not null))
            {
                if (channel.Reading is not null && channel.Read == channel.Sent)
                    break;
                Read(channel, 64 << 10);
                await SettleAsync();
            }
            if (channel is { IsOpen: true, IsCloseSent: false })
                Close(channel);
            await SettleAsync();
            End(channel);
        }
        await SettleAsync();
        while (questions.Count > 0)
            await TakeAsync(new Step(Act.Reply, 1));
        Assert.Equal(0, rig.Connection.ChannelCount);
        Assert.Equal(0, rig.Connection.Transport.WaiterCount);
        // As if there had been none: there is room again for as many as there may be.
        for (var i = 0; i < MaxChannels; i++)
            await TakeAsync(new Step(Act.UserOpen));
        Assert.Equal(MaxChannels, rig.Connection.ChannelCount);
        await Peer.SendAsync(Messages.Goodbye);
        Assert.Equal(SshEndCause.Disconnected, (await rig.EndedAsync()).Cause);
    }

    // Nobody waits for anything, and nothing lies anywhere.
    private async Task CheckEndAsync()
    {
        await rig.EndedAsync();
        waitingListen?.TrySetResult(null);
        Task[] waiting = [.. all.SelectMany(channel => new[] { channel.Opening, channel.Reading, channel.Writing }).OfType<Task>(), .. asking.Select(asked => asked.Answer)];
        // Proofs are verified elsewhere.
        await Task.WhenAll(asking.Where(asked => asked.Kind == "prove").Select(asked => asked.Answer));
        await Traffic.UntilStillAsync(() => waiting.Count(task => task.IsCompleted));
        Assert.All(waiting, task => Assert.True(task.IsCompleted, "It has ended, and somebody waits."));
        foreach (var channel in all)
        {
            if (channel is { Incoming.IsAnswered: false })
                AnswerOpen(channel, isYes: true);
            End(channel);
            channel.GiveUp.Dispose();
        }
        Assert.Equal(0, rig.Connection.ChannelCount);
        Assert.Equal(0, rig.Connection.Transport.WaiterCount);
    }

    private static uint Number(byte[] message, int field) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(1 + (4 * field)));
}
