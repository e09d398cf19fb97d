using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>What the user of the attacked end does.</summary>
internal sealed partial class ChannelWalk
{
    /// <summary>Whether the next channel that the peer asks for is answered later.</summary>
    private bool IsDeferred { get; set; }

    private async Task UserAsync(Step step)
    {
        switch (step.Act)
        {
            case Act.UserOpen or Act.UserOpenDatagrams:
                UserOpen(step);
                break;
            case Act.UserGiveUp:
                if (all.Where(channel => channel is { Opening: not null, IsOpen: false }).ElementAtOrDefault(step.A % 3) is { } asked)
                    await asked.GiveUp.CancelAsync();
                break;
            case Act.UserListen or Act.UserCancel or Act.UserProbe or Act.UserProve:
                UserAsk(step);
                break;
            case Act.UserRead:
                if (Used(step, channel => channel is { Stream: not null, Reading: null }) is { } reader)
                    Read(reader, step.B % 4 == 0 ? 100_000 : step.B % 3000);
                break;
            case Act.UserWrite:
                if (Used(step, channel => channel is { Writing: null, IsCompleted: false }) is { } writer)
                    Write(writer, step.B % 5 == 0 ? step.B % 100_000 : step.B % 2000);
                break;
            case Act.UserComplete:
                if (Used(step, channel => channel is { Stream: not null, Writing: null, IsCompleted: false, IsCloseSent: false }) is { } completed)
                    await CompleteAsync(completed);
                break;
            case Act.UserAbort or Act.UserDispose:
                if (Used(step, _ => true) is { } closed)
                    UserClose(closed, aborts: step.Act == Act.UserAbort);
                break;
            case Act.UserAnswerOpen:
                if (all.FirstOrDefault(channel => channel is { Incoming.IsAnswered: false }) is { } deferred)
                    AnswerOpen(deferred, step.A % 3 > 0);
                break;
            case Act.UserAnswerListen:
                AnswerListen(step.A % 2 == 0);
                break;
            case Act.UserWait:
                // Keys get old.
                rig.Time.Advance(TimeSpan.FromHours(1));
                await AttackRig.SettleAsync();
                break;
            case Act.UserDisconnect:
                await rig.Connection.DisconnectAsync();
                break;
        }
    }

    private WalkedChannel? Used(Step step, Func<WalkedChannel, bool> isSo)
    {
        var some = all.Where(channel => channel is { IsOpen: true, IsOver: false } && (channel.Stream is not null || channel.Datagrams is not null) && isSo(channel)).ToList();
        return some.Count == 0 ? null : some[step.A % some.Count];
    }

    private void UserOpen(Step step)
    {
        var channel = new WalkedChannel(all.Count, 0) { IsOfDatagrams = step.Act == Act.UserOpenDatagrams };
        channel.Asked = (channel.IsOfDatagrams, step.B % 2) switch
        {
            (true, 0) => new SshOpen.UdpAssociation("127.0.0.1", 1),
            (true, _) => new SshOpen.UdpListen("", 0),
            (false, 0) => new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1),
            _ => new SshOpen.DirectStreamlocal("/run/socket"),
        };
        var isFull = CountsAll() >= MaxChannels;
        channel.Opening = channel.IsOfDatagrams ? rig.Connection.OpenDatagramsAsync(channel.Asked, channel, channel.GiveUp.Token) : rig.Connection.OpenAsync(channel.Asked, cancel: channel.GiveUp.Token);
        Assert.Equal(isFull, channel.Opening.IsCompleted);
        if (!isFull)
            all.Add(channel);
        else
            Assert.Equal(SshOpenFailure.ResourceShortage, channel.Opening.Result.Failure);
    }

    // The peer asks for a channel.
    private void OnOpen(SshIncoming incoming)
    {
        var channel = all.Last(channel => channel is { Asked: null, Incoming: null, IsOpen: false, IsCloseReceived: false });
        channel.Incoming = incoming;
        if (channel.Refusal is { } failure)
            incoming.Refuse(failure, "no");
        else if (!IsDeferred)
            AnswerOpen(channel, isYes: true);
    }

    private static void AnswerOpen(WalkedChannel channel, bool isYes)
    {
        if (!isYes)
        {
            channel.Refusal = SshOpenFailure.ConnectFailed;
            channel.Incoming!.Refuse(SshOpenFailure.ConnectFailed, "no");
        }
        else if (channel.IsOfDatagrams)
        {
            channel.Datagrams = channel.Incoming!.AcceptDatagrams(channel, channel.Incoming.Open is SshOpen.UdpListen ? 7 : null);
        }
        else
        {
            channel.Stream = channel.Incoming!.Accept();
        }
    }

    private static void Read(WalkedChannel channel, int most)
    {
        if (channel.Reading is not null)
            return;
        channel.Buffer = new byte[most];
        channel.Reading = channel.Stream!.ReadAsync(channel.Buffer).AsTask();
    }

    private static void Write(WalkedChannel channel, int count)
    {
        if (channel.IsCloseSent)
            return;
        if (!channel.IsOfDatagrams)
        {
            var bytes = channel.Bytes(channel.Written, count, toUser: false);
            channel.Written += count;
            channel.Writing = channel.Stream!.WriteAsync(bytes).AsTask();
            return;
        }
        var datagram = Traffic.RandomBytes(count % 70_000, count);
        var sent = channel.Datagrams!.Send(new DatagramBatch(datagram, [new DatagramPlace(0, datagram.Length)]));
        var granted = channel.Granted - channel.DatagramsToPeer.Sum(static waiting => waiting.Length);
        Assert.Equal(datagram.Length > channel.PeerPacket ? 1 : 0, sent.TooLong);
        Assert.True(sent.Sent == 0 || datagram.Length <= granted, $"channel {channel.Index}: a datagram of {datagram.Length} bytes left, and there were {granted} of a window");
        if (sent.Sent > 0)
            channel.DatagramsToPeer.Enqueue(datagram);
    }

    private static async Task CompleteAsync(WalkedChannel channel)
    {
        channel.IsCompleted = true;
        await channel.Stream!.CompleteWritesAsync();
    }

    private static void UserClose(WalkedChannel channel, bool aborts)
    {
        channel.IsOver = true;
        channel.DatagramsToUser.Clear();
        if (channel.Datagrams is { } datagrams)
            datagrams.Dispose();
        else if (aborts)
            channel.Stream!.Abort();
        else
            channel.Stream!.Dispose();
    }

    // It is its user's to the end.
    private static void End(WalkedChannel channel)
    {
        if (!channel.IsOver && (channel.Stream is not null || channel.Datagrams is not null))
            UserClose(channel, aborts: false);
    }
}
