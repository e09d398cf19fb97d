using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>However a connection ends, everybody who has to do with it hears of that.</summary>
public sealed class ConnectionEndTests
{
    private readonly List<SshChannel> accepted = [];

    public enum Ending
    {
        PeerDisconnects,
        PeerCloses,
        PeerBreaksProtocol,
        NetworkBreaks,
        ClosedHere,
        ClosedHereWithAWord,
        NoAnswer,
    }

    public static TheoryData<Ending, bool> Endings()
    {
        var endings = new TheoryData<Ending, bool>();
        foreach (var ending in Enum.GetValues<Ending>())
        {
            endings.Add(ending, false);
            endings.Add(ending, true);
        }
        return endings;
    }

    [Theory(Timeout = 30000), MemberData(nameof(Endings))]
    public async Task Whoever_waits_hears_that_it_has_ended(Ending ending, bool isServer)
    {
        SshIncoming? pending = null;
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.OpenAsync();
            var connection = rig.Connection;
            SshChannel reading = await OpenAsync(rig, 0), writing = await OpenAsync(rig, 1), ended = await OpenAsync(rig, 2), kept = await OpenAsync(rig, 3);
            var read = reading.ReadAsync(new byte[10]).AsTask();
            var write = writing.WriteAsync(new byte[10]).AsTask();
            await rig.Peer.SendAllAsync([Messages.Data(3, 10), Messages.Eof(2), Messages.Open(4, type: "session")]);
            await rig.PingAsync();
            var end = ended.ReadAsync(new byte[10]).AsTask();
            var opening = connection.OpenAsync(new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1));
            var listen = connection.ListenAsync(new SshBind.Tcp("localhost", 0), _ => { });
            var cancel = connection.CancelAsync(new SshBind.Tcp("localhost", 80));
            var probe = connection.ProbeAsync();
            Assert.Equal(6, connection.ChannelCount);

            var how = await EndAsync(rig, ending);
            Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(() => read)).Error);
            Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(() => write)).Error);
            Assert.Equal(0, await end);
            // What had come is still there to be read; that it is not all is said behind it.
            var (bytes, error) = await Traffic.DrainAsync(kept);
            Assert.Equal((10, ConnectionError.Reset), (bytes.Length, error));
            Assert.Equal(new SshOpenResult(null, null, how.Text), await opening);
            Assert.Equal((new SshListenResult(null, true), false, false), (await listen, await cancel, await probe));
            Assert.Equal((0, 0), (connection.ChannelCount, rig.Time.ArmedTimers));

            // And so does whoever comes later.
            Assert.Equal(new SshOpenResult(null, null, how.Text), await connection.OpenAsync(new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1)));
            Assert.Equal(new SshListenResult(null, true), await connection.ListenAsync(new SshBind.Tcp("", 1), _ => { }));
            Assert.Equal((false, false), (await connection.CancelAsync(new SshBind.Tcp("", 1)), await connection.ProbeAsync()));
            var late = pending!.Accept();
            Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(() => late.ReadAsync(new byte[1]).AsTask())).Error);
            Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(() => late.WriteAsync(new byte[1]).AsTask())).Error);
            foreach (var channel in new[] { reading, writing, ended, kept, late })
            {
                channel.Abort();
                channel.Dispose();
                await Assert.ThrowsAsync<ConnectionException>(() => channel.CompleteWritesAsync().AsTask());
            }
            await connection.DisconnectAsync();
            connection.Dispose();
            Assert.Equal(how, await connection.Ended);
            Assert.Equal(0, connection.ChannelCount);
        }, options => options with
        {
            Keepalive = TimeSpan.FromSeconds(15),
            OnOpen = incoming =>
            {
                if (incoming.Open is SshOpen.Session)
                    pending = incoming;
                else
                    accepted.Add(incoming.Accept());
            },
        });
    }

    private async Task<SshChannel> OpenAsync(AttackRig rig, uint number)
    {
        if (!rig.IsServer)
            return await rig.OpenChannelAsync(window: 0, number: number);
        await rig.Peer.SendAsync(Messages.Open(number, window: 0));
        await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
        return accepted[^1];
    }

    private static async Task<SshEnd> EndAsync(AttackRig rig, Ending ending)
    {
        switch (ending)
        {
            case Ending.PeerDisconnects:
                await rig.Peer.SendAsync(Messages.Goodbye);
                return await rig.AssertEndAsync(SshEndCause.Disconnected, SshDisconnectReason.ByApplication);
            case Ending.PeerCloses:
                await rig.Peer.CompleteAsync();
                return await rig.AssertEndAsync(SshEndCause.ClosedByPeer);
            case Ending.PeerBreaksProtocol:
                await rig.Peer.SendAsync([Message.SSH_MSG_NEWKEYS]);
                return await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            case Ending.NetworkBreaks:
                rig.Peer.Abort();
                return await rig.AssertEndAsync(SshEndCause.Lost);
            case Ending.ClosedHere:
                rig.Connection.Dispose();
                return await rig.AssertEndAsync(SshEndCause.Closed);
            case Ending.ClosedHereWithAWord:
                await rig.Connection.DisconnectAsync(SshDisconnectReason.TooManyConnections, "full");
                return await rig.AssertToldAsync(SshEndCause.Closed, SshDisconnectReason.TooManyConnections);
            default:
                for (var tick = 0; tick < 4; tick++)
                {
                    rig.Time.Advance(TimeSpan.FromSeconds(15));
                    await AttackRig.SettleAsync();
                }
                return await rig.AssertEndAsync(SshEndCause.NoAnswer);
        }
    }
}
