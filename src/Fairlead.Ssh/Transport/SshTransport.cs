using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>Where a sender waits until packets may be sent again.</summary>
internal interface IRoomWaiter
{
    /// <summary>There may be room now, or never again.</summary>
    void OnRoom();
}

/// <summary>
/// The transport layer (RFC 4253) in either role: messages in, messages out, over a connection, with keys that are exchanged now and then. Everything happens in one context.
/// </summary>
/// <remarks>
/// <para>
/// Messages are read one by one, by whoever is at it: authentication first, then the connection layer. They are sealed at once when they are sent, and leave together at the end of the
/// context's turn.
/// </para>
/// <para>
/// While keys are exchanged, messages of the layers above are kept (section 7.1), and senders of data wait. They wait too while <see cref="HighWater"/> bytes have not left yet. Who does
/// not take what it is sent is not read from either, beyond <see cref="MostOutput"/>.
/// </para>
/// </remarks>
internal sealed partial class SshTransport : IDisposable
{
    /// <summary>How many bytes may wait to be sent before data has to wait.</summary>
    public const int HighWater = 256 << 10;

    /// <summary>How many bytes of replies may wait to be sent before nothing more is read, and how many may be kept while keys are exchanged.</summary>
    public const int MostOutput = 1 << 20;

    /// <summary>How many bytes may wait to be sent before datagrams are dropped.</summary>
    public const int DatagramWater = 128 << 10;

    // Then others who are on the loop have their turn.
    private const int BytesPerTurn = 256 << 10;

    // What the peer is told may be made of what it said.
    private const int MostDescription = 1024;

    private static readonly SendOrPostCallback flush = static transport => ((SshTransport)transport!).BeginFlush();

    // Before somebody is let in.
    private const int MostEarlyExchanges = 3;

    // RFC 8308 section 2.4: a client says it once, a server once more before it lets somebody in.
    private const int MostExtensions = 2;

    // What a short message takes beside its bytes while it is kept.
    private const int HeldOverhead = 64;

    private readonly Connection connection;
    private readonly TransportOptions options;
    private readonly SynchronizationContext context;
    private readonly PacketReader reader = new();
    private readonly PacketWriter writer;
    private readonly Queue<IRoomWaiter> waiters = [];
    private readonly Queue<byte[]> held = [];
    private int heldBytes, inFlight, movedInTurn, extensions;
    private bool isFlushing, isLeaving;
    private Task flushing = Task.CompletedTask;
    private ConnectionException? broken;
    private ReadOnlyMemory<byte> payload;

    /// <param name="connection">It is the transport's from now on.</param>
    /// <param name="context">Where everything happens: the connection's, if it has one.</param>
    /// <param name="options">How.</param>
    public SshTransport(Connection connection, SynchronizationContext context, TransportOptions options)
    {
        (this.connection, this.context, this.options) = (connection, context, options);
        writer = new PacketWriter(options.Random);
        LastReceived = keysSince = options.Time.GetTimestamp();
    }

    /// <summary>The message that was read last: its number, then the rest. Valid until the next is read.</summary>
    public ReadOnlySpan<byte> Payload => payload.Span;

    /// <summary>The same, which lies where it is until the options' <c>OnPause</c> was called and has returned, though others are read meanwhile.</summary>
    public ReadOnlyMemory<byte> LyingPayload => payload;

    /// <summary>When bytes came last, as a timestamp of the options' clock.</summary>
    public long LastReceived { get; private set; }

    /// <summary>What the peer says that it is; a stranger's text.</summary>
    public string PeerIdentification { get; private set; } = "";

    /// <summary>The algorithms by which a user's key may sign, as the server has said (RFC 8308 section 3.1); null: it has not.</summary>
    public string[]? ServerSignatureAlgorithms { get; private set; }

    /// <summary>Whether somebody was let in. Until then keys are exchanged a few times at the most, since that is dearer here than for the peer; after it nobody says what they can do.</summary>
    public bool IsAuthenticated { get; set; }

    /// <summary>Whether data may be sent now; else <see cref="WaitForRoom"/>.</summary>
    public bool HasRoom => broken is not null || (!isExchanging && writer.Count + inFlight < HighWater);

    /// <summary>Whether a datagram may be sent now. Nothing is owed to it, and what waits for long is worth nothing: it stands behind little, or is not sent.</summary>
    public bool HasRoomForDatagrams => broken is null && !isExchanging && writer.Count + inFlight < DatagramWater;

    /// <summary>How many senders wait for that.</summary>
    public int WaiterCount => waiters.Count;

    /// <summary>Why nothing can be sent any more; null as long as it can.</summary>
    public ConnectionException? Broken => broken;

    /// <summary>Reads the next message for the layers above; those of the transport are dealt with here.</summary>
    /// <returns>False: the peer closed the connection between two packets.</returns>
    /// <exception cref="SshProtocolException">The peer has broken the protocol.</exception>
    /// <exception cref="SshFormatException">The same.</exception>
    /// <exception cref="SshDisconnectedException">The peer has ended the connection, and said why.</exception>
    /// <exception cref="ConnectionException">The connection broke.</exception>
    public async ValueTask<bool> ReadAsync()
    {
        while (await ReadPacketAsync())
        {
            switch (Payload[0])
            {
                case Message.SSH_MSG_DISCONNECT:
                    throw ReadDisconnect(Payload);
                case Message.SSH_MSG_IGNORE or Message.SSH_MSG_DEBUG or Message.SSH_MSG_UNIMPLEMENTED:
                    break;
                case Message.SSH_MSG_EXT_INFO:
                    ReadExtensions(Payload);
                    break;
                case Message.SSH_MSG_KEXINIT when !IsAuthenticated && Exchanges >= MostEarlyExchanges:
                    throw SshProtocolException.Of("keys are exchanged again and again before anybody is let in");
                case Message.SSH_MSG_KEXINIT:
                    await ExchangeAsync();
                    break;
                case Message.SSH2_MSG_PING:
                    Pong(Payload);
                    break;
                case Message.SSH_MSG_NEWKEYS or (>= Message.SSH_MSG_KEXDH_INIT and < Message.SSH_MSG_USERAUTH_REQUEST):
                    throw SshProtocolException.Of($"message {Payload[0]} is of a key exchange, and none is under way");
                default:
                    return true;
            }
        }
        return false;
    }

    /// <summary>Tells the peer that the message which was read last is not known here (RFC 4253 section 11.4).</summary>
    public void RejectMessage() => Send(new SshWriter(8).Begin(Message.SSH_MSG_UNIMPLEMENTED).WriteUInt32(reader.LastSequence));

    /// <summary>Sends a message; it leaves at the end of the turn, or after the exchange of keys that is under way.</summary>
    public void Send(SshWriter message) => Send(message.Written);

    /// <inheritdoc cref="Send(SshWriter)"/>
    public void Send(ReadOnlySpan<byte> message)
    {
        if (broken is not null || isLeaving)
            return;
        if (isExchanging && message[0] is Message.SSH_MSG_SERVICE_REQUEST or Message.SSH_MSG_SERVICE_ACCEPT or >= Message.SSH_MSG_USERAUTH_REQUEST)
        {
            // With more, the connection ends as soon as the peer sends anything else, or does not end the exchange in time: whoever sends here is not to blame.
            heldBytes += message.Length + HeldOverhead;
            if (heldBytes <= MostOutput)
                held.Enqueue(message.ToArray());
            return;
        }
        writer.Append(message);
        RequestFlush();
    }

    /// <summary>Sends data of a channel (RFC 4254 section 5.2), straight into the packet. Only with room.</summary>
    public void SendData(uint channel, ReadOnlySpan<byte> data)
    {
        if (broken is not null)
            return;
        Span<byte> head = stackalloc byte[9];
        head[0] = Message.SSH_MSG_CHANNEL_DATA;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(head[1..], channel);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(head[5..], (uint)data.Length);
        writer.Append(head, data);
        RequestFlush();
    }

    /// <summary>Has a sender told once there is room, after those who wait already.</summary>
    public void WaitForRoom(IRoomWaiter waiter) => waiters.Enqueue(waiter);

    /// <summary>Ends the connection with a reason, once what was sent before has left.</summary>
    public async Task DisconnectAsync(SshDisconnectReason reason, string description)
    {
        if (broken is null)
        {
            description = description.Length > MostDescription ? description[..MostDescription] : description;
            isLeaving = true;
            writer.Append(new SshWriter().Begin(Message.SSH_MSG_DISCONNECT).WriteUInt32((uint)reason).WriteString(description).WriteString("").Written);
            RequestFlush();
            while (isFlushing)
            {
                await Task.Yield();
                await flushing;
            }
        }
        Dispose();
    }

    /// <summary>Ends the connection at once, without a word.</summary>
    public void Abort()
    {
        connection.Abort();
        Break(new ConnectionException(ConnectionError.Aborted, "The SSH connection was closed at this end."));
    }

    public void Dispose()
    {
        connection.Dispose();
        Break(new ConnectionException(ConnectionError.Aborted, "The SSH connection was closed at this end."));
    }

    /// <summary>Once nobody reads any more: wipes the keys.</summary>
    public void Release() => reader.Dispose();

    private async ValueTask<bool> ReadPacketAsync()
    {
        if (heldBytes > MostOutput)
            throw SshProtocolException.Of("more is asked for while keys are exchanged than is kept");
        while (!reader.TryRead(out payload))
        {
            options.OnPause?.Invoke();
            // The rest of a long packet, or the next one: in either case others have their turn now and then.
            if (movedInTurn >= BytesPerTurn)
            {
                movedInTurn = 0;
                await Task.Yield();
            }
            while (writer.Count + inFlight > MostOutput && broken is null)
            {
                await Task.Yield();
                await flushing;
            }
            reader.Rest();
            if (!reader.HasBytes)
                await connection.ReadAsync(Memory<byte>.Empty);
            var count = await connection.ReadAsync(reader.Room());
            if (count == 0)
                return reader.HasBytes ? throw new SshProtocolException(SshDisconnectReason.ConnectionLost, "the connection ended in the middle of a packet") : false;
            reader.Commit(count);
            movedInTurn += count;
            LastReceived = options.Time.GetTimestamp();
        }
        return true;
    }

    private static SshDisconnectedException ReadDisconnect(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        fields.ReadByte();
        return new SshDisconnectedException((SshDisconnectReason)fields.ReadUInt32(), fields.ReadText());
    }

    // RFC 8308 section 2.3. What is not known is left out.
    private void ReadExtensions(ReadOnlySpan<byte> message)
    {
        if (IsAuthenticated || ++extensions > (options.IsServer ? 1 : MostExtensions))
            throw SshProtocolException.Of("the peer says what it can do where it may not");
        var fields = new SshReader(message);
        fields.ReadByte();
        for (var left = fields.ReadUInt32(); left > 0; left--)
        {
            var name = fields.ReadString();
            var value = fields.ReadString();
            if (name.SequenceEqual("server-sig-algs"u8))
                ServerSignatureAlgorithms = System.Text.Encoding.ASCII.GetString(value).Split(',');
        }
    }

    private void Pong(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        fields.ReadByte();
        Send(new SshWriter().Begin(Message.SSH2_MSG_PONG).WriteString(fields.ReadString()));
    }

    private void RequestFlush()
    {
        if (isFlushing)
            return;
        isFlushing = true;
        context.Post(flush, this);
    }

    private void BeginFlush() => flushing = FlushAsync();

    // Never faults.
    private async Task FlushAsync()
    {
        try
        {
            while (writer.Count > 0 && broken is null)
            {
                var sealedPackets = writer.Take();
                inFlight = sealedPackets.Count;
                await connection.WriteAsync(sealedPackets);
                inFlight = 0;
                PacketWriter.Return(sealedPackets);
                RekeyIfDue();
                Wake();
            }
        }
        catch (Exception e)
        {
            connection.Abort();
            Break(e as ConnectionException ?? new ConnectionException(ConnectionError.Failed, "The SSH connection broke by a fault of this program.", e));
        }
        finally
        {
            isFlushing = false;
        }
    }

    private void Wake()
    {
        // Who is told may end the connection, and that tells all the others.
        for (var left = waiters.Count; left > 0 && HasRoom && waiters.TryDequeue(out var waiter); left--)
            waiter.OnRoom();
    }

    private void Break(ConnectionException cause)
    {
        if (broken is not null)
            return;
        broken = cause;
        Wake();
        held.Clear();
        writer.Dispose();
    }
}
