using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Channels of which each message is a datagram.</summary>
public sealed class DatagramChannelTests
{
    private static readonly SshOpen.UdpAssociation association = new("127.0.0.1", 1);

    [Fact(Timeout = 30000)]
    public Task Datagrams_pass_whole_both_ways() => new SerialContext().RunAsync(async () =>
    {
        var (near, far) = (new Sink(), new Sink());
        SshDatagrams? accepted = null;
        using var pair = await SshPair.ConnectAsync(server: options => options with { OnOpen = incoming => accepted = incoming.AcceptDatagrams(far) });
        var opened = await pair.Client.OpenDatagramsAsync(association, near);

        // As long as datagrams get, with all that may stand before one.
        int[] lengths = [1, 0, 1400, 1400, SshDatagrams.MostMessage, 7];
        foreach (var length in lengths)
            Assert.Equal(new DatagramsSent(1, length), Send(opened.Datagrams!, length));
        await Traffic.UntilAsync(() => far.Lengths.Count == lengths.Length);
        Assert.Equal(lengths, far.Lengths);
        Assert.Equal(new DatagramsSent(2, 30), accepted!.Send(new DatagramBatch(new byte[30], [new DatagramPlace(0, 10), new DatagramPlace(10, 20)])));
        await Traffic.UntilAsync(() => near.Lengths.Count == 2);
        Assert.Equal([10, 20], near.Lengths);
    });

    [Fact(Timeout = 30000)]
    public Task More_than_a_window_of_them_passes() => new SerialContext().RunAsync(async () =>
    {
        var far = new Sink();
        using var pair = await SshPair.ConnectAsync(server: options => options with { ChannelWindow = 5000, OnOpen = incoming => incoming.AcceptDatagrams(far) });
        var opened = await pair.Client.OpenDatagramsAsync(association, new Sink());
        for (var i = 1; i <= 100; i++)
        {
            Assert.Equal(1, Send(opened.Datagrams!, 1000).Sent);
            await Traffic.UntilAsync(() => far.Lengths.Count == i);
        }
    });

    [Fact(Timeout = 30000)]
    public Task What_the_window_has_no_room_for_is_dropped_and_counted() => RunAsync(window: 1000, packet: 600, async (_, datagrams, _) =>
    {
        Assert.Equal(new DatagramsSent(0, TooLong: 1), Send(datagrams, 601));
        Assert.Equal(1, Send(datagrams, 600).Sent);
        Assert.Equal(new DatagramsSent(0, NoRoom: 1), Send(datagrams, 401));
        Assert.Equal(1, Send(datagrams, 400).Sent);
        Assert.Equal(new DatagramsSent(0, NoRoom: 1), Send(datagrams, 1));
        await Task.CompletedTask;
    });

    [Fact(Timeout = 30000)]
    public Task What_would_stand_behind_too_much_is_dropped_and_counted() => RunAsync(window: 100 << 20, packet: 32 << 10, async (rig, datagrams, _) =>
    {
        var (sent, dropped) = (0, 0);
        // Nobody reads what leaves.
        while (sent < 10000 && dropped == 0)
        {
            var one = Send(datagrams, 1000);
            (sent, dropped) = (sent + one.Sent, dropped + one.NoRoom);
        }
        Assert.Equal(1, dropped);
        Assert.InRange(sent * 1000, SshTransport.DatagramWater - 64_000, SshTransport.DatagramWater + 1000);
        await rig.PingAsync();
        Assert.Equal(1, Send(datagrams, 1000).Sent);
    });

    [Theory(Timeout = 30000), InlineData(Message.SSH_MSG_CHANNEL_EOF), InlineData(Message.SSH_MSG_CHANNEL_CLOSE)]
    public Task The_end_is_told_once(byte message) => RunAsync(window: 1000, packet: 1000, async (rig, datagrams, sink) =>
    {
        await rig.Peer.SendAsync(Messages.Data(0, 10));
        await rig.Peer.SendAsync(Messages.About(message, 0));
        if (message == Message.SSH_MSG_CHANNEL_EOF)
            await rig.Peer.SendAsync(Messages.Close(0));
        await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_CLOSE);
        Assert.Equal([10], sink.Lengths);
        Assert.Equal([DatagramError.Closed], sink.Errors);
        Assert.Equal(new DatagramsSent(0, Failed: 1), Send(datagrams, 1));
        datagrams.Dispose();
    });

    [Fact(Timeout = 30000)]
    public Task After_it_was_closed_here_nothing_is_heard() => RunAsync(window: 1000, packet: 1000, async (rig, datagrams, sink) =>
    {
        datagrams.Dispose();
        await rig.Peer.SendAsync(Messages.Data(0, 10));
        await rig.Peer.SendAsync(Messages.Close(0));
        await rig.PingAsync();
        Assert.Empty(sink.Lengths);
        Assert.Empty(sink.Errors);
    });

    [Fact(Timeout = 30000)]
    public Task A_message_that_is_longer_than_any_datagram_is_refused() => RunAsync(window: 1000, packet: 1000, async (rig, _, _) =>
    {
        await rig.Peer.SendAsync(Messages.Data(0, SshDatagrams.MostMessage + 1));
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    [Fact(Timeout = 30000)]
    public Task The_port_that_is_listened_on_is_told() => new SerialContext().RunAsync(async () =>
    {
        using var pair = await SshPair.ConnectAsync(server: options => options with { OnOpen = incoming => incoming.AcceptDatagrams(new Sink(), ((SshOpen.UdpListen)incoming.Open).Port + 1) });
        Assert.Equal(4001, (await pair.Client.OpenDatagramsAsync(new SshOpen.UdpListen("localhost", 4000), new Sink())).Port);
    });

    [Fact(Timeout = 30000)]
    public Task A_confirmation_without_the_port_is_none() => AttackRig.RunAsync(false, async rig =>
    {
        await rig.OpenAsync();
        var opening = rig.Connection.OpenDatagramsAsync(new SshOpen.UdpListen("localhost", 0), new Sink());
        await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_OPEN);
        await rig.Peer.SendAsync(Messages.Confirm(0));
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
        Assert.Null((await opening).Datagrams);
    });

    [Fact(Timeout = 30000)]
    public Task A_channel_is_of_datagrams_or_a_stream_and_not_both() => new SerialContext().RunAsync(async () =>
    {
        using var pair = await SshPair.ConnectAsync();
        await Assert.ThrowsAsync<ArgumentException>(() => pair.Client.OpenAsync(association, cancel: TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<ArgumentException>(() => pair.Client.OpenDatagramsAsync(new SshOpen.Session(), new Sink(), TestContext.Current.CancellationToken));
    });

    private static DatagramsSent Send(SshDatagrams datagrams, int length) => datagrams.Send(new DatagramBatch(new byte[length], [new DatagramPlace(0, length)]));

    private static Task RunAsync(uint window, uint packet, Func<AttackRig, SshDatagrams, Sink, Task> test) => AttackRig.RunAsync(false, async rig =>
    {
        await rig.OpenAsync();
        var sink = new Sink();
        var opening = rig.Connection.OpenDatagramsAsync(association, sink);
        await rig.Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_OPEN);
        await rig.Peer.SendAsync(Messages.Confirm(0, window: window, packet: packet));
        await test(rig, (await opening).Datagrams!, sink);
    });

    private sealed class Sink : IDatagramSink
    {
        public List<int> Lengths { get; } = [];

        public List<DatagramError> Errors { get; } = [];

        public void OnDatagrams(in DatagramBatch batch)
        {
            foreach (var datagram in batch)
                Lengths.Add(datagram.Length);
        }

        public void OnLost(DatagramLoss loss, int count)
        {
        }

        public void OnError(DatagramError error) => Errors.Add(error);
    }
}
