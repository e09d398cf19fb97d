using System.Net;
using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>Channels of an SSH connection (RFC 4254 section 5).</summary>
public sealed partial class SshConnection
{
    private const int MostWindowOfOpenSsh = 4 << 20;

    // Each measurement of a window is a question to the peer, of which there may be so many without an answer.
    private const int MostMeasurements = 64;

    private readonly Dictionary<uint, Place> channels = [];
    private readonly List<SshChannel> waking = [];
    private uint nextId;
    private long grown;

    // Channels that are over, of which bytes lie here that nobody has read: they count among those that there may be.
    private int lingering;

    // What stands for a number of this end: a channel, one that was asked for, or (neither) one that the peer asks for.
    private sealed class Place
    {
        public SshChannel? Channel { get; set; }

        public TaskCompletionSource<SshOpenResult>? Asked { get; init; }

        // What was said with the question.
        public SshOpen? Open { get; init; }

        public EndPoint? Local { get; init; }

        public EndPoint? Remote { get; init; }

        public IDatagramSink? Sink { get; init; }

        public bool IsGivenUp { get; set; }
    }

    /// <summary>Opens a channel, once the far end has said yes.</summary>
    /// <param name="open">What for.</param>
    /// <param name="local">What the channel is to tell as its own address.</param>
    /// <param name="remote">What it is to tell as its peer's.</param>
    /// <param name="cancel">Gives it up; a channel that is opened all the same is closed.</param>
    public Task<SshOpenResult> OpenAsync(SshOpen open, EndPoint? local = null, EndPoint? remote = null, CancellationToken cancel = default)
    {
        return !open.IsOfDatagrams ? OpenAsync(new Place { Asked = new TaskCompletionSource<SshOpenResult>(), Open = open, Local = local, Remote = remote }, cancel)
            : throw new ArgumentException($"{open.Type} is a channel of datagrams.", nameof(open));
    }

    /// <summary>Opens a channel of datagrams, once the far end has said yes.</summary>
    /// <param name="open"><see cref="SshOpen.UdpAssociation"/> or <see cref="SshOpen.UdpListen"/>.</param>
    /// <param name="sink">Who gets what the peer sends.</param>
    /// <param name="cancel">Gives it up; a channel that is opened all the same is closed.</param>
    public Task<SshOpenResult> OpenDatagramsAsync(SshOpen open, IDatagramSink sink, CancellationToken cancel = default)
    {
        return open.IsOfDatagrams ? OpenAsync(new Place { Asked = new TaskCompletionSource<SshOpenResult>(), Open = open, Sink = sink }, cancel)
            : throw new ArgumentException($"{open.Type} is a channel of a stream.", nameof(open));
    }

    private async Task<SshOpenResult> OpenAsync(Place place, CancellationToken cancel)
    {
        if (end is not null)
            return new SshOpenResult(null, null, end.Text);
        if (channels.Count + lingering >= Options.MaxChannels)
            return new SshOpenResult(null, SshOpenFailure.ResourceShortage, $"this connection has {Options.MaxChannels} channels already");
        Transport.Send(place.Open!.Write(new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString(place.Open.Type)
            .WriteUInt32(Take(place)).WriteUInt32((uint)Options.ChannelWindow).WriteUInt32((uint)PacketOf(place.Sink))));
        using (cancel.UnsafeRegister(_ => Context.Run(() => GiveUp(place)), null))
            return await place.Asked!.Task;
    }

    /// <summary>How many bytes one message of a channel may have; a datagram is not divided.</summary>
    internal int PacketOf(IDatagramSink? sink) => sink is null ? Options.ChannelPacket : SshDatagrams.MostMessage;

    internal void Confirm(SshChannel channel, uint peerId, int? port = null)
    {
        if (end is not null)
        {
            channel.OnConnectionEnd();
            return;
        }
        channels[channel.OwnId].Channel = channel;
        var confirmation = new SshWriter(32).Begin(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION).WriteUInt32(peerId).WriteUInt32(channel.OwnId)
            .WriteUInt32((uint)Options.ChannelWindow).WriteUInt32((uint)PacketOf(channel.Datagrams?.Sink));
        Transport.Send(port is { } chosen ? confirmation.WriteUInt32((uint)chosen) : confirmation);
    }

    internal void Refuse(uint ownId, uint peerId, SshOpenFailure failure, string description)
    {
        channels.Remove(ownId);
        Refuse(peerId, failure, description);
    }

    /// <summary>A channel has something for whoever waits to read, who is told once all that came at once was looked at: it is dealt with in few large pieces, and not in one a packet.</summary>
    internal void WakeLater(SshChannel channel) => waking.Add(channel);

    private void WakeReaders()
    {
        // Whoever is told may end others.
        for (var i = 0; i < waking.Count; i++)
        {
            waking[i].Wake();
            waking[i].Keep();
        }
        waking.Clear();
    }

    /// <summary>A channel is over, and its number may be another's. <see cref="Release"/> is owed where bytes of it lie here.</summary>
    /// <param name="channel">Which.</param>
    /// <param name="window">What its window has grown to.</param>
    /// <param name="lingers">Whether bytes of it lie here.</param>
    internal void Forget(SshChannel channel, int window, bool lingers)
    {
        channels.Remove(channel.OwnId);
        lingering++;
        if (!lingers)
            Release(window);
    }

    /// <summary>Nothing of a channel that is over lies here any more.</summary>
    internal void Release(int window)
    {
        lingering--;
        grown -= window - Options.ChannelWindow;
    }

    // OpenSSH keeps as much of a channel as its window lets it send, and moves all of that in memory for each packet: beyond this it gets slower, by far.
    private int MostWindow => PeerIdentification.Contains("OpenSSH_", StringComparison.Ordinal) ? Math.Min(Options.MaxChannelWindow, MostWindowOfOpenSsh) : Options.MaxChannelWindow;

    /// <summary>Whether a window of this size may be doubled.</summary>
    internal bool MayGrow(int window) => asked.Count < MostMeasurements && window <= MostWindow / 2 && grown + window <= 2L * Options.MaxChannelWindow;

    /// <summary>Doubles a window of this size, as far as this connection's bounds go.</summary>
    internal bool TryGrow(int window)
    {
        if (!MayGrow(window))
            return false;
        grown += window;
        return true;
    }

    private void Refuse(uint peerId, SshOpenFailure failure, string description)
    {
        Transport.Send(new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN_FAILURE).WriteUInt32(peerId).WriteUInt32((uint)failure).WriteString(description).WriteString(""));
    }

    private void OnMessage(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        switch (fields.ReadByte())
        {
            case Message.SSH_MSG_CHANNEL_DATA:
                var channel = ChannelOf(ref fields);
                var length = fields.ReadString().Length;
                channel.OnData(Transport.LyingPayload.Slice(9, length));
                break;
            case Message.SSH_MSG_CHANNEL_WINDOW_ADJUST:
                ChannelOf(ref fields).OnWindow(fields.ReadUInt32());
                break;
            case Message.SSH_MSG_CHANNEL_EOF:
                ChannelOf(ref fields).OnEof();
                break;
            case Message.SSH_MSG_CHANNEL_CLOSE:
                ChannelOf(ref fields).OnClose();
                break;
            case Message.SSH_MSG_CHANNEL_EXTENDED_DATA:
                var extended = ChannelOf(ref fields);
                fields.ReadUInt32();
                extended.OnExtendedData(fields.ReadString().Length);
                break;
            case Message.SSH_MSG_CHANNEL_REQUEST:
                var asked = ChannelOf(ref fields);
                asked.OnRequested(fields.ReadText(), fields.ReadBoolean(), fields.Rest);
                break;
            // No answer to a request about a channel is ever wanted here.
            case Message.SSH_MSG_CHANNEL_SUCCESS or Message.SSH_MSG_CHANNEL_FAILURE:
                ChannelOf(ref fields);
                break;
            case Message.SSH_MSG_CHANNEL_OPEN:
                OnOpen(ref fields);
                break;
            case Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION:
                OnConfirmation(ref fields);
                break;
            case Message.SSH_MSG_CHANNEL_OPEN_FAILURE:
                OnFailure(ref fields);
                break;
            case Message.SSH_MSG_GLOBAL_REQUEST:
                OnGlobalRequest(ref fields);
                break;
            case Message.SSH_MSG_REQUEST_SUCCESS or Message.SSH_MSG_REQUEST_FAILURE:
                OnReply(message);
                break;
            // RFC 4252 section 5.3: what was asked after success is left unanswered.
            case Message.SSH_MSG_USERAUTH_REQUEST when Options is SshServerOptions:
                break;
            default:
                Transport.RejectMessage();
                break;
        }
    }

    private SshChannel ChannelOf(ref SshReader fields)
    {
        var id = fields.ReadUInt32();
        return channels.TryGetValue(id, out var place) && place.Channel is { } channel ? channel : throw SshProtocolException.Of($"there is no channel {id}");
    }

    private void OnOpen(ref SshReader fields)
    {
        var type = fields.ReadText();
        var (peerId, window, packet) = (fields.ReadUInt32(), fields.ReadUInt32(), fields.ReadUInt32());
        if (channels.Count + lingering >= Options.MaxChannels)
        {
            Refuse(peerId, SshOpenFailure.ResourceShortage, $"there are {Options.MaxChannels} channels already");
            return;
        }
        if (packet == 0)
            throw SshProtocolException.Of("a channel takes packets of nothing");
        var open = SshOpen.Read(type, ref fields);
        var incoming = new SshIncoming(this, open, Take(new Place()), peerId, window, packet);
        if (ArrivalOf(open) is { } arrive)
            arrive(incoming);
        else if (open is SshOpen.ForwardedTcp or SshOpen.ForwardedStreamlocal)
            incoming.Refuse(SshOpenFailure.AdministrativelyProhibited, "this was not asked for");
        else if (Options.OnOpen is null || open is SshOpen.Other)
            incoming.Refuse(SshOpenFailure.UnknownChannelType, "there are no such channels here");
        else
            Options.OnOpen(incoming);
    }

    private void OnConfirmation(ref SshReader fields)
    {
        var place = AskedOf(ref fields, out var id);
        var (peerId, window, packet) = (fields.ReadUInt32(), fields.ReadUInt32(), fields.ReadUInt32());
        if (packet == 0)
            throw SshProtocolException.Of("a channel takes packets of nothing");
        int? port = place.Open is SshOpen.UdpListen ? SshOpen.ReadPort(ref fields) : null;
        place.Channel = new SshChannel(this, id, peerId, window, packet, place.Local, place.Remote, place.Sink);
        if (place.IsGivenUp || !place.Asked!.TrySetResult(new SshOpenResult(place.Channel, null, "", place.Channel.Datagrams, port)))
            place.Channel.Abort();
    }

    private void OnFailure(ref SshReader fields)
    {
        var place = AskedOf(ref fields, out var id);
        var (reason, description) = (fields.ReadUInt32(), fields.ReadText());
        channels.Remove(id);
        place.Asked!.TrySetResult(new SshOpenResult(null, (SshOpenFailure)reason, description));
    }

    private Place AskedOf(ref SshReader fields, out uint id)
    {
        id = fields.ReadUInt32();
        return channels.TryGetValue(id, out var place) && place is { Channel: null, Asked: not null } ? place
            : throw SshProtocolException.Of($"channel {id} was not asked for");
    }

    // The place stays until the far end has answered.
    private static void GiveUp(Place place)
    {
        place.IsGivenUp = true;
        place.Asked!.TrySetResult(new SshOpenResult(null, null, "given up"));
    }

    private uint Take(Place place)
    {
        while (!channels.TryAdd(nextId, place))
            nextId++;
        return nextId++;
    }

    private void EndChannels()
    {
        foreach (var place in channels.Values.ToArray())
        {
            place.Channel?.OnConnectionEnd();
            place.Asked?.TrySetResult(new SshOpenResult(null, null, end!.Text));
        }
        channels.Clear();
    }
}
