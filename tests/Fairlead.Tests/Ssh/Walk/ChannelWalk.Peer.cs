using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>What the peer does, and whether it may.</summary>
internal sealed partial class ChannelWalk
{
    private static readonly uint[] windows = [0, 1, 50, 1000, 40_000, 1 << 20, uint.MaxValue], peerPackets = [1, 60, 1000, 32 << 10, 100_000, uint.MaxValue];

    // Numbers that mean nothing once the user is in.
    private static readonly byte[] unknownNumbers = [0, 5, 6, 8, 19, 51, 52, 60, 61, 79, 83, 89, 101, 127, 128, 191, 194, 255];

    private Task PeerAsync(Step step)
    {
        switch (step.Act)
        {
            case Act.Open:
                return PeerOpenAsync(step);
            case Act.OpenForwarded:
                return OpenForwardedAsync(step);
            case Act.Confirm or Act.Fail:
                return AnswerOpenAsync(step);
            case Act.Data or Act.Extended:
                SendData(step);
                break;
            case Act.Window:
                SendWindow(step);
                break;
            case Act.Eof or Act.Close or Act.ChannelRequest or Act.ChannelReply:
                SendAbout(step);
                break;
            case Act.GlobalRequest:
                Ask(step);
                break;
            case Act.Reply:
                Reply(step);
                break;
            case Act.Ping:
                byte[] words = new byte[step.B % 2000];
                pongs.Enqueue(words);
                Hold(new SshWriter().Begin(Message.SSH2_MSG_PING).WriteString(words).ToArray());
                break;
            case Act.Nothing:
                Hold([(byte)(2 + (step.A % 3)), .. new byte[step.B % 100]]);
                break;
            case Act.OtherMessage:
                SendOther(step);
                break;
            case Act.Rekey:
                return RekeyAsync(step);
            case Act.Goodbye:
                return GoAsync(Messages.Goodbye, SshEndCause.Disconnected);
            case Act.Cut:
                return CutAsync(step);
        }
        return Task.CompletedTask;
    }

    // One of those of which it is so; where the step is wild, any; null: there is none.
    private WalkedChannel? Choose(Step step, Func<WalkedChannel, bool> isSo)
    {
        var some = all.Where(channel => step.IsWild || isSo(channel)).ToList();
        return some.Count == 0 ? null : some[step.A % some.Count];
    }

    private static bool MayHear(WalkedChannel channel) => channel is { IsOpen: true, IsCloseSent: false };

    // The number of a channel, or one that is none.
    private uint IdOf(Step step, WalkedChannel? channel) => channel?.OwnId ?? (step.A % 3 == 0 ? uint.MaxValue : (uint)step.A % 20);

    private WalkedChannel? Addressed(uint id) => byOwnId.TryGetValue(id, out var channel) && MayHear(channel) ? channel : null;

    private void Send(byte[] message, bool mayBe)
    {
        Hold(message);
        isBroken |= !mayBe;
    }

    private async Task PeerOpenAsync(Step step)
    {
        await SettleAsync();
        var channel = new WalkedChannel(all.Count, nextPeerId++) { Granted = windows[step.B % 7], PeerPacket = peerPackets[step.B / 7 % 6] };
        var (window, packet) = ((uint)channel.Granted, (uint)channel.PeerPacket);
        if (step.IsWild && step.A % 4 == 0)
            packet = 0;
        var head = new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN);
        var kind = (step.A / 4 % 8) switch { 0 => "session", 1 => "x11", 2 or 3 => "udp-association@fairlead", 4 => "udp-listen@fairlead", 5 => "direct-streamlocal@openssh.com", _ => "direct-tcpip" };
        head.WriteString(kind).WriteUInt32(channel.PeerId).WriteUInt32(window).WriteUInt32(packet);
        var name = channel.Index.ToString(System.Globalization.CultureInfo.InvariantCulture);
        SshOpen? open = kind switch
        {
            "udp-association@fairlead" => new SshOpen.UdpAssociation(name, 1),
            "udp-listen@fairlead" => new SshOpen.UdpListen(name, step.IsWild && step.A % 4 == 1 ? 65536 : 7),
            "direct-streamlocal@openssh.com" => new SshOpen.DirectStreamlocal(name),
            "direct-tcpip" => new SshOpen.DirectTcp(name, step.IsWild && step.A % 4 == 1 ? 65536 : 80, "127.0.0.1", 1 << 20),
            _ => null,
        };
        var isFull = CountsAll() >= MaxChannels;
        // A place that is not free is said before the rest is looked at.
        var isWrong = !isFull && (packet == 0 || open is SshOpen.UdpListen { Port: > 65535 } or SshOpen.DirectTcp { Port: > 65535 });
        channel.IsOfDatagrams = open is SshOpen.UdpAssociation or SshOpen.UdpListen;
        channel.PeerPacket = Math.Min(channel.PeerPacket, channel.IsOfDatagrams ? SshDatagrams.MostMessage : 32 << 10);
        channel.Refusal = isFull ? SshOpenFailure.ResourceShortage : kind == "x11" ? SshOpenFailure.UnknownChannelType : kind == "session" || step.B % 5 == 0 ? SshOpenFailure.ConnectFailed : null;
        IsDeferred = step.B % 5 == 1;
        all.Add(channel);
        Send((open is null ? head : open.Write(head)).ToArray(), !isWrong);
        if (!isWrong)
            await SettleAsync();
    }

    private async Task OpenForwardedAsync(Step step)
    {
        await SettleAsync();
        var bind = listens.Count > 0 && step.A % 4 > 0 ? listens.ElementAt(step.A % listens.Count) : new SshBind.Tcp("host", 1);
        var isFull = CountsAll() >= MaxChannels;
        var channel = new WalkedChannel(all.Count, nextPeerId++) { Granted = 10_000, PeerPacket = 1000 };
        channel.Refusal = isFull ? SshOpenFailure.ResourceShortage : listens.Contains(bind) ? null : SshOpenFailure.AdministrativelyProhibited;
        all.Add(channel);
        SshOpen open = bind is SshBind.Tcp tcp ? new SshOpen.ForwardedTcp(tcp.Host, tcp.Port, "127.0.0.1", 1) : new SshOpen.ForwardedStreamlocal(((SshBind.Streamlocal)bind).Path);
        var message = new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString(open.Type).WriteUInt32(channel.PeerId).WriteUInt32(10_000).WriteUInt32(1000);
        IsDeferred = false;
        Send(open.Write(message).ToArray(), mayBe: true);
        await SettleAsync();
        Assert.Equal(channel.Refusal is null, channel.IsOpen);
    }

    // Those too of which bytes lie there that nobody has read.
    private int CountsAll() => rig.Connection.ChannelCount + all.Count(channel => channel is { IsCloseSent: true, IsOver: false, Stream: not null } && channel.Sent > channel.Read);

    private async Task AnswerOpenAsync(Step step)
    {
        var channel = Choose(step, channel => channel is { Asked: not null, IsOpen: false, IsCloseReceived: false, OwnId: not null });
        if (channel is null && !step.IsWild)
            return;
        var id = IdOf(step, channel);
        var asked = byOwnId.TryGetValue(id, out var waiting) && waiting is { Asked: not null, IsOpen: false } ? waiting : null;
        if (step.Act == Act.Fail)
        {
            if (asked is null)
                Send(Messages.Refuse(id), mayBe: false);
            else
                Refuse(asked);
            return;
        }
        await SettleAsync();
        var (window, packet) = (windows[step.B % 7], step.IsWild && step.B % 5 == 0 ? 0 : peerPackets[step.B / 7 % 6]);
        var message = new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION).WriteUInt32(id).WriteUInt32(nextPeerId).WriteUInt32(window).WriteUInt32(packet);
        var hasPort = !step.IsWild || step.B % 3 > 0;
        if (asked?.Asked is SshOpen.UdpListen && hasPort)
            message.WriteUInt32(4000);
        var mayBe = asked is not null && packet > 0 && (asked.Asked is not SshOpen.UdpListen || hasPort);
        Send(message.ToArray(), mayBe);
        if (!mayBe)
            return;
        (asked!.PeerId, asked.Granted, asked.PeerPacket, asked.IsOpen) = (nextPeerId++, window, Math.Min(packet, asked.IsOfDatagrams ? SshDatagrams.MostMessage : 32 << 10), true);
        asked.IsOver = asked.GiveUp.IsCancellationRequested;
        await SettleAsync();
    }

    private void Refuse(WalkedChannel asked)
    {
        Send(Messages.Refuse(asked.OwnId!.Value), mayBe: true);
        asked.IsCloseReceived = true;
        byOwnId.Remove(asked.OwnId.Value);
    }

    private void SendData(Step step)
    {
        var channel = Choose(step, channel => MayHear(channel) && !channel.IsEofSent);
        if (channel is null && !step.IsWild)
            return;
        var id = IdOf(step, channel);
        var addressed = Addressed(id);
        var most = (int)Math.Min(addressed?.Window ?? 100, addressed?.Packet ?? 100);
        var count = step.B % 3 == 0 ? most : Math.Min(step.B % 5000, most);
        // What the window is, is known only where nothing is on its way.
        if (step.IsWild && held.Count == 0 && step.B % 3 == 0)
            count++;
        var mayBe = addressed is { IsEofSent: false } && count <= most;
        var isExtended = step.Act == Act.Extended;
        var bytes = addressed is { IsOfDatagrams: false } ? addressed.Bytes(addressed.Sent, count, toUser: true) : new byte[count];
        new Random(step.B).NextBytes(addressed is { IsOfDatagrams: false } && !isExtended ? [] : bytes);
        var message = new SshWriter(count + 32).Begin(isExtended ? Message.SSH_MSG_CHANNEL_EXTENDED_DATA : Message.SSH_MSG_CHANNEL_DATA).WriteUInt32(id);
        Send((isExtended ? message.WriteUInt32(1) : message).WriteString(bytes).ToArray(), mayBe);
        if (!mayBe)
            return;
        addressed!.Window -= count;
        if (isExtended || addressed.IsOver)
            return;
        if (addressed.IsOfDatagrams)
            addressed.DatagramsToUser.Enqueue(bytes);
        else
            addressed.Sent += count;
    }

    private void SendWindow(Step step)
    {
        if (Choose(step, MayHear) is not { } channel)
            return;
        var (id, more) = (IdOf(step, channel), windows[step.B % 6]);
        if (step.IsWild && step.B % 4 == 0)
            more = uint.MaxValue;
        var addressed = Addressed(id);
        var mayBe = addressed is not null && addressed.Granted + more <= uint.MaxValue;
        // Some of what was granted may be used before this arrives.
        if (!mayBe && addressed is not null && (!step.IsWild || addressed.Writing is not null))
            return;
        Send(Messages.Window(id, more), mayBe);
        if (mayBe)
            addressed!.Granted += more;
    }

    private void SendAbout(Step step)
    {
        var channel = Choose(step, channel => MayHear(channel) && (step.Act != Act.Eof || !channel.IsEofSent));
        if (channel is null && !step.IsWild)
            return;
        var id = IdOf(step, channel);
        var addressed = Addressed(id);
        switch (step.Act)
        {
            case Act.Eof:
                Send(Messages.Eof(id), addressed is { IsEofSent: false });
                if (addressed is not null)
                    addressed.IsEofSent = true;
                break;
            case Act.Close when addressed is not null:
                Close(addressed);
                break;
            case Act.Close:
                Send(Messages.Close(id), mayBe: false);
                break;
            case Act.ChannelRequest:
                var wantsAnswer = step.B % 2 == 0;
                Send(Messages.ChannelRequest(id, step.B % 3 == 0 ? new string('\u001b', step.B % 3000) : "pty-req", wantsAnswer), addressed is not null);
                if (addressed is { MustBeClosed: false } && wantsAnswer)
                    addressed.Answers++;
                break;
            default:
                Send(Messages.About(step.B % 2 == 0 ? Message.SSH_MSG_CHANNEL_SUCCESS : Message.SSH_MSG_CHANNEL_FAILURE, id), addressed is not null);
                break;
        }
    }

    private void Close(WalkedChannel channel)
    {
        Send(Messages.Close(channel.OwnId!.Value), mayBe: true);
        channel.IsCloseSent = true;
        byOwnId.Remove(channel.OwnId.Value);
    }

    private void SendOther(Step step)
    {
        if (!step.IsWild)
        {
            unknown.Enqueue(Peer.Sequence);
            Hold([unknownNumbers[step.B % unknownNumbers.Length], .. new byte[step.A % 50]]);
            return;
        }
        switch (step.B % 5)
        {
            case 0:
                Send([(byte)(30 + (step.A % 20)), 1, 2, 3], mayBe: false);
                break;
            case 1:
                Send([Message.SSH_MSG_NEWKEYS], mayBe: false);
                break;
            case 2:
                Send(Messages.Of(Message.SSH_MSG_EXT_INFO), mayBe: false);
                break;
            case 3:
                // A message of which the end is missing. Where there is no place, nobody looks for that; what is on its way may make one.
                if (held.Count > 0)
                    return;
                var whole = Messages.Open(nextPeerId, type: "direct-tcpip");
                Send(whole[..(1 + (step.A % (whole.Length - 1)))], mayBe: CountsAll() >= MaxChannels && step.A % (whole.Length - 1) >= 28);
                break;
            default:
                // A packet that is none.
                held.AddRange(Peer.Seal(step.A % 12, 4, new byte[16]));
                isBroken = true;
                break;
        }
        if (!isBroken)
            Refused(new WalkedChannel(all.Count, nextPeerId++) { Refusal = SshOpenFailure.ResourceShortage });
    }

    private void Refused(WalkedChannel channel) => all.Add(channel);

    private async Task RekeyAsync(Step step)
    {
        await SettleAsync();
        await Peer.SendKexInitAsync();
        await Peer.ReadKexInitAsync();
        var how = step.B % 8;
        // The user goes on meanwhile.
        if (how < 3)
        {
            var random = new Random(step.B);
            for (var left = random.Next(4); left > 0; left--)
            {
                // An answer that is due is the one that most likely comes where it must not.
                var act = waitingListen is not null ? Act.UserAnswerListen : Act.UserOpen + random.Next(Act.UserWait - Act.UserOpen);
                await UserAsync(new Step(act, random.Next(1000), random.Next(1 << 20)));
            }
        }
        if (how == 3)
            await Peer.SendAsync([(byte)(2 + (step.A % 3)), 0, 0, 0, 0]);
        if (how == 4 && step.IsWild)
        {
            isBroken = true;
            await Peer.SendAsync(Messages.All[1 + (step.A % (Messages.All.Length - 1))] is var other && other[0] is 2 or 3 or 4 or 30 or 31 ? Messages.Of(Message.SSH2_MSG_PING) : other);
            return;
        }
        await Peer.AgreeAsync();
        if (how == 5 && step.IsWild)
        {
            isBroken = true;
            await Peer.SendAsync(Messages.Of(Message.SSH2_MSG_PING));
            return;
        }
        await Peer.SendNewKeysAsync();
        await Peer.ReadNewKeysAsync();
        await SettleAsync();
    }

    private async Task GoAsync(byte[] message, SshEndCause cause)
    {
        Hold(message);
        await FlushAsync();
        Assert.Equal(cause, (await rig.EndedAsync()).Cause);
    }

    // Between two packets, or in the middle of one.
    private async Task CutAsync(Step step)
    {
        await FlushAsync();
        if (step.A % 2 == 0)
        {
            await Peer.CompleteAsync();
            Assert.Equal(SshEndCause.ClosedByPeer, (await rig.EndedAsync()).Cause);
            return;
        }
        var packet = Peer.Seal(Messages.Of(Message.SSH2_MSG_PING));
        await Peer.WriteAsync(packet[..(1 + (step.B % (packet.Length - 1)))]);
        await Peer.CompleteAsync();
        Assert.Equal(SshEndCause.Lost, (await rig.EndedAsync()).Cause);
    }
}
