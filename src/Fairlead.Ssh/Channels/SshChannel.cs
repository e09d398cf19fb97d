using System.Net;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>
/// A channel of an SSH connection (RFC 4254 section 5), used where that lives (<see cref="Connection.Context"/>).
/// </summary>
/// <remarks>
/// <c>SSH_MSG_CHANNEL_EOF</c> is the end of one direction. <c>SSH_MSG_CHANNEL_CLOSE</c> after it is the end of the channel; without it, it is a reset: what came may not be all. The peer's
/// window is opened again only as bytes are read here, so that a channel that nobody reads holds up itself alone. It grows where the peer uses it up within one round trip.
/// </remarks>
public sealed class SshChannel : Connection, IRoomWaiter, IValueTaskSource<int>, IValueTaskSource
{
    // What one packet carries of a stream.
    private const int MostPacket = 32 << 10;

    private readonly SshConnection connection;
    private readonly EndPoint? local, remote;
    private readonly int ownPacket;
    private ManualResetValueTaskSourceCore<int> reading;
    private ManualResetValueTaskSourceCore<bool> room;
    private ReceivedBytes received = new();
    private Memory<byte> wanted;
    private long peerWindow;
    private long arrived;
    private int window, ownWindow, taken, consumed;
    private ConnectionError? readError, writeError;
    private bool isReading, isWaitingForRoom, isMeasuring, isLingering, isEofSent, isEofReceived, isCloseSent, isCloseReceived, isClosedHere;

    internal SshChannel(SshConnection connection, uint ownId, uint peerId, uint peerWindow, uint peerPacket, EndPoint? local, EndPoint? remote, IDatagramSink? sink = null)
    {
        this.connection = connection;
        (OwnId, PeerId, this.peerWindow) = (ownId, peerId, peerWindow);
        PeerPacket = (int)Math.Min(peerPacket, sink is null ? MostPacket : SshDatagrams.MostMessage);
        (this.local, this.remote) = (local, remote);
        (window, ownPacket) = (connection.Options.ChannelWindow, connection.PacketOf(sink));
        ownWindow = window;
        Datagrams = sink is null ? null : new SshDatagrams(this, sink);
    }

    /// <summary>Whose it is.</summary>
    public SshConnection Owner => connection;

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint => local;

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint => remote;

    /// <inheritdoc/>
    public override SynchronizationContext? Context => connection.Context;

    // As much as leaves in one call.
    internal override int Portion => SshTransport.HighWater;

    /// <summary>Whether the peer has said that nothing more comes: what came is all.</summary>
    internal bool HasEnd => isEofReceived;

    /// <summary>Answers a request of the peer about this channel (RFC 4254 section 5.4): its type and what belongs to it. False, and where it is null: refused.</summary>
    internal Func<string, byte[], bool>? OnRequest { get; set; }

    /// <summary>What it is used by, where each message is a datagram; null for a stream.</summary>
    internal SshDatagrams? Datagrams { get; }

    internal uint OwnId { get; }

    internal uint PeerId { get; }

    internal int PeerPacket { get; }

    private SshTransport Transport => connection.Transport;

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        if (isClosedHere)
            return ValueTask.FromException<int>(Error(ConnectionError.Aborted));
        // Whoever reads again has written out what it had.
        Consume(taken);
        taken = 0;
        if (received.Count > 0)
            return new ValueTask<int>(buffer.IsEmpty ? 0 : Take(buffer.Span));
        if (isEofReceived)
            return new ValueTask<int>(0);
        if (readError is { } error)
            return ValueTask.FromException<int>(Error(error));
        wanted = buffer;
        isReading = true;
        reading.Reset();
        return new ValueTask<int>(this, reading.Version);
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        while (true)
        {
            if (WriteFault is { } fault)
                throw fault;
            if (bytes.IsEmpty)
                return;
            var count = (int)Math.Min(Math.Min(bytes.Length, PeerPacket), peerWindow);
            if (count > 0 && Transport.HasRoom)
            {
                Transport.SendData(PeerId, bytes.Span[..count]);
                peerWindow -= count;
                bytes = bytes[count..];
                continue;
            }
            if (count > 0)
                Transport.WaitForRoom(this);
            isWaitingForRoom = true;
            room.Reset();
            await new ValueTask(this, room.Version);
        }
    }

    /// <inheritdoc/>
    public override ValueTask CompleteWritesAsync()
    {
        if (isEofSent && !isClosedHere)
            return default;
        if (WriteFault is { } fault)
            return ValueTask.FromException(fault);
        SendEof();
        CloseIfOver();
        return default;
    }

    /// <inheritdoc/>
    public override void Abort()
    {
        if (isClosedHere)
            return;
        isClosedHere = true;
        EndHere();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (isClosedHere)
            return;
        isClosedHere = true;
        // As TCP does it: what came and was not read was lost, and who sent it must not think otherwise.
        if (!isEofSent && received.Count == 0 && writeError is null && !isCloseSent)
            SendEof();
        EndHere();
    }

    /// <summary>Asks the peer something about this channel; no answer is wanted.</summary>
    internal void SendRequest(string type, Action<SshWriter> body)
    {
        if (isCloseSent)
            return;
        var writer = Begin(Message.SSH_MSG_CHANNEL_REQUEST).WriteString(type).WriteBoolean(false);
        body(writer);
        Transport.Send(writer);
    }

    void IRoomWaiter.OnRoom() => Resume();

    int IValueTaskSource<int>.GetResult(short token) => reading.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => reading.GetStatus(token);

    // The continuation runs inline: whoever awaits is where the connection lives.
    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        reading.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    void IValueTaskSource.GetResult(short token) => room.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => room.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        room.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    /// <summary>Data came, which lies where it is until <see cref="Keep"/>.</summary>
    /// <exception cref="SshProtocolException">More than was allowed, or after the end.</exception>
    internal void OnData(ReadOnlyMemory<byte> data)
    {
        CheckWindow(data.Length);
        if (isClosedHere)
            return;
        if (Datagrams is not null)
        {
            Datagrams.OnMessage(data.Span);
            return;
        }
        // Whoever waits to read is told before anything else is read into that memory.
        if (!isReading)
        {
            received.Append(data.Span);
            return;
        }
        if (received.Count == 0 && data.Length > 0)
            connection.WakeLater(this);
        received.Lend(data);
    }

    /// <summary>What came and was not read is this channel's own from now on.</summary>
    internal void Keep() => received.Keep();

    /// <summary>Sends a message of a channel of datagrams, whole and at once or not at all.</summary>
    internal DatagramsSent TrySend(ReadOnlySpan<byte> message)
    {
        if (WriteFault is not null)
            return new DatagramsSent(0, Failed: 1);
        if (message.Length > PeerPacket)
            return new DatagramsSent(0, TooLong: 1);
        if (message.Length > peerWindow || !Transport.HasRoomForDatagrams)
            return new DatagramsSent(0, NoRoom: 1);
        Transport.SendData(PeerId, message);
        peerWindow -= message.Length;
        return new DatagramsSent(1, message.Length);
    }

    /// <summary>Whoever waits to read has what came until now.</summary>
    internal void Wake()
    {
        Datagrams?.Deliver();
        if (isReading && received.Count > 0)
            CompleteRead(wanted.IsEmpty ? 0 : Take(wanted.Span));
    }

    /// <summary>Data came that is no part of the stream (RFC 4254 section 5.2): forwarding has no use for it.</summary>
    internal void OnExtendedData(int count)
    {
        CheckWindow(count);
        if (!isClosedHere)
            Consume(count);
    }

    /// <summary>The peer may be sent more.</summary>
    internal void OnWindow(uint more)
    {
        var wasShut = peerWindow == 0;
        peerWindow += more;
        if (peerWindow > uint.MaxValue)
            throw SshProtocolException.Of("a window is opened beyond what 32 bits hold");
        // Else the writer waits for room, in the queue for that, which it would stand in twice.
        if (wasShut)
            Resume();
    }

    internal void OnEof()
    {
        if (isEofReceived || isCloseReceived)
            throw SshProtocolException.Of("a channel ends twice");
        isEofReceived = true;
        Wake();
        CompleteRead(0);
        CloseIfOver();
        // Datagrams go both ways or not at all.
        if (!isClosedHere)
            Datagrams?.OnOver();
    }

    /// <summary>The peer closed the channel.</summary>
    internal void OnClose()
    {
        if (isCloseReceived)
            throw SshProtocolException.Of("a channel is closed twice");
        isCloseReceived = true;
        Keep();
        SendClose();
        isLingering = received.Count > 0;
        connection.Forget(this, window, isLingering);
        Break(ConnectionError.Reset);
    }

    internal void OnRequested(string type, bool wantsAnswer, ReadOnlySpan<byte> rest)
    {
        var isGranted = OnRequest?.Invoke(type, rest.ToArray()) ?? false;
        if (wantsAnswer && !isCloseSent)
            Transport.Send(Begin(isGranted ? Message.SSH_MSG_CHANNEL_SUCCESS : Message.SSH_MSG_CHANNEL_FAILURE));
    }

    /// <summary>The SSH connection has ended.</summary>
    internal void OnConnectionEnd()
    {
        isCloseSent = isCloseReceived = true;
        Keep();
        Break(ConnectionError.Reset);
    }

    private SshWriter Begin(byte message) => new SshWriter(64).Begin(message).WriteUInt32(PeerId);

    // What breaks it first is what is told.
    private void Break(ConnectionError error)
    {
        writeError ??= error;
        if (!isEofReceived)
            readError ??= error;
        Wake();
        FailRead();
        Resume();
        if (!isClosedHere)
            Datagrams?.OnOver();
    }

    private void EndHere()
    {
        SendClose();
        received.Clear();
        StopLingering();
        FailRead();
        Resume();
    }

    private void SendEof()
    {
        isEofSent = true;
        Transport.Send(Begin(Message.SSH_MSG_CHANNEL_EOF));
    }

    private void SendClose()
    {
        if (isCloseSent)
            return;
        isCloseSent = true;
        Transport.Send(Begin(Message.SSH_MSG_CHANNEL_CLOSE));
    }

    private void CloseIfOver()
    {
        if (isEofSent && isEofReceived)
            SendClose();
    }

    private void CheckWindow(int count)
    {
        if (isEofReceived || isCloseReceived)
            throw SshProtocolException.Of("data came after the end of a channel");
        if (count > ownWindow || count > ownPacket)
            throw SshProtocolException.Of($"{count} bytes came at once for a channel that takes {Math.Min(ownWindow, ownPacket)}");
        ownWindow -= count;
        arrived += count;
    }

    private int Take(Span<byte> buffer)
    {
        var count = received.Take(buffer);
        taken += count;
        if (received.Count == 0)
            StopLingering();
        return count;
    }

    private void StopLingering()
    {
        if (isLingering)
            connection.Release(window);
        isLingering = false;
    }

    // The window is opened again once half of it is used, so that the peer never has to wait for it in the middle of a stream.
    internal void Consume(int count)
    {
        consumed += count;
        if (consumed < window / 2 || isEofReceived || isCloseSent)
            return;
        var (left, more) = (ownWindow, consumed);
        consumed = 0;
        Open(more);
        // Where much waits to be read, it is not the window that the stream waits for.
        if (!isMeasuring && received.Count <= window / 4 && connection.MayGrow(window))
            _ = MeasureAsync(left);
    }

    private void Open(int more)
    {
        ownWindow += more;
        Transport.Send(Begin(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST).WriteUInt32((uint)more));
    }

    // Does the peer use up, within one round trip, what it has left when half of the window is opened again? Then it waits for the window, and twice of it is not too much.
    private async Task MeasureAsync(int left)
    {
        isMeasuring = true;
        var before = arrived;
        var isAnswered = await connection.ProbeAsync();
        isMeasuring = false;
        // Some peers do not split a packet for the last bit of room.
        if (!isAnswered || isEofReceived || isCloseSent || arrived - before < left - ownPacket || !connection.TryGrow(window))
            return;
        Open(window);
        window *= 2;
    }

    private void CompleteRead(int count)
    {
        if (!isReading)
            return;
        isReading = false;
        wanted = default;
        reading.SetResult(count);
    }

    private void FailRead()
    {
        if (!isReading)
            return;
        isReading = false;
        wanted = default;
        if (isClosedHere)
            reading.SetException(Error(ConnectionError.Aborted));
        else if (isEofReceived)
            reading.SetResult(0);
        else
            reading.SetException(Error(readError ?? ConnectionError.Reset));
    }

    private void Resume()
    {
        if (!isWaitingForRoom)
            return;
        isWaitingForRoom = false;
        room.SetResult(true);
    }

    private Exception? WriteFault => isClosedHere ? Error(ConnectionError.Aborted)
        : writeError is { } error ? Error(error)
        : isEofSent ? new InvalidOperationException("Writes were completed; nothing can follow.") : null;

    private static ConnectionException Error(ConnectionError error) => error == ConnectionError.Aborted
        ? new ConnectionException(error, "The channel was closed at this end.")
        : new ConnectionException(error, "The channel was closed by the peer before its end.");
}
