using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>Told when something may have become possible on a connection that it relays.</summary>
internal interface IConnectionWatcher
{
    /// <summary>Called on the loop after the connection's readiness was brought up to date.</summary>
    void OnReadiness(NativeConnection connection);
}

/// <summary>
/// A stream socket of the kernel on an event loop. It owns its descriptor from <c>accept4</c> or <c>socket</c> on, and is used on its
/// loop only.
/// </summary>
/// <remarks>
/// Readiness is remembered, not asked for: edge-triggered epoll tells once, <see cref="IsReadable"/> and <see cref="IsWritable"/> keep it until a call
/// finds out otherwise. The <c>Try…</c> calls are the relay's; the awaitable ones are for conversations before it.
/// </remarks>
[SupportedOSPlatform("linux")]
internal abstract class NativeConnection : Connection, IPollable
{
    private readonly int descriptor;
    private int slot = -1;
    private State state;
    private NativeOperations? operations;

    private NativeConnection(EventLoop loop, int descriptor, bool isUnix)
    {
        Loop = loop;
        this.descriptor = descriptor;
        state = isUnix ? State.ReadsMayBeShort : 0;
    }

    [Flags]
    private enum State : byte
    {
        Readable = 1,
        Writable = 2,

        /// <summary>
        /// A short read does not mean that nothing more is to be read: the peer sent its last byte, or urgent data, at whose mark a read stops
        /// (tcp(7)); or it is a Unix socket, where a read stops at a message that carries descriptors (unix(7)).
        /// </summary>
        ReadsMayBeShort = 4,
        WritesCompleted = 8,
        Closed = 16,
        HasError = 32,
    }

    public EventLoop Loop { get; }

    /// <summary>For tests, which ask it for its options.</summary>
    internal int Descriptor => descriptor;

    public override SynchronizationContext? Context => Loop;

    /// <summary>Whoever relays this connection; it then gets all readiness.</summary>
    public IConnectionWatcher? Watcher { get; set; }

    public bool IsReadable => (state & State.Readable) != 0;

    public bool IsWritable => (state & State.Writable) != 0;

    /// <summary>epoll reported an error, which <see cref="TakeError"/> or the next call will name.</summary>
    public bool HasError => (state & State.HasError) != 0;

    public override EndPoint? LocalEndPoint => IsClosed ? null : SocketName.OfSocket(descriptor).ToEndPoint();

    /// <summary>
    /// Takes over a non-blocking stream socket that has just been accepted (from a peer, on a listen) and watches it.
    /// </summary>
    /// <returns>The connection, or null (and the descriptor closed) if the loop cannot watch it: then <paramref name="error"/> is the errno.</returns>
    public static NativeConnection? Accepted(EventLoop loop, int descriptor, SocketName peer, EndPoint listen, out int error)
    {
        return Watched(Unwatched(loop, descriptor, peer, listen), out error);
    }

    /// <summary>The same without watching it yet, for another loop than the caller's: there, <see cref="Arrive"/> comes before anything else. From any thread.</summary>
    public static NativeConnection Unwatched(EventLoop loop, int descriptor, SocketName peer, EndPoint listen)
    {
        return listen is UnixDomainSocketEndPoint unix ? new AcceptedUnixConnection(loop, descriptor, unix) : new AcceptedConnection(loop, descriptor, peer);
    }

    /// <summary>The same for one that has just been told to connect.</summary>
    public static NativeConnection? Dialled(EventLoop loop, int descriptor, EndPoint target, out int error)
    {
        return Watched(new DialledConnection(loop, descriptor, target), out error);
    }

    private static NativeConnection? Watched(NativeConnection connection, out int error)
    {
        error = connection.Watch();
        if (error == 0)
            return connection;
        connection.state = State.Closed;
        connection.Loop.Close(connection.descriptor, -1);
        return null;
    }

    // 0, or a positive errno.
    private int Watch()
    {
        const uint events = Libc.EPOLLIN | Libc.EPOLLPRI | Libc.EPOLLOUT | Libc.EPOLLRDHUP | Libc.EPOLLET;
        slot = Loop.Watch(descriptor, this, events);
        return Math.Max(0, -slot);
    }

    /// <summary>Begins to watch one that came from another loop. Where that cannot be, or this loop is at its end, it has been aborted.</summary>
    /// <returns>0, or a positive errno: why it cannot be watched.</returns>
    public int Arrive()
    {
        Loop.Verify();
        if (IsClosed)
            return 0;
        var error = Loop.HasEnded ? 0 : Watch();
        if (slot < 0)
            Abort();
        return error;
    }

    /// <summary>Resets a socket that no connection has, or one that <see cref="Arrive"/> will never be asked of.</summary>
    public static void Reset(int descriptor)
    {
        LeaveNothing(descriptor);
        Libc.close(descriptor);
    }

    // Its close becomes a reset (socket(7)).
    private static unsafe void LeaveNothing(int descriptor)
    {
        var linger = stackalloc int[] { 1, 0 };
        Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_LINGER, linger, 2 * sizeof(int));
    }

    public void OnEvents(uint events)
    {
        if ((events & (Libc.EPOLLIN | Libc.EPOLLPRI | Libc.EPOLLRDHUP | Libc.EPOLLHUP | Libc.EPOLLERR)) != 0)
            state |= State.Readable;
        if ((events & (Libc.EPOLLOUT | Libc.EPOLLHUP | Libc.EPOLLERR)) != 0)
            state |= State.Writable;
        if ((events & (Libc.EPOLLPRI | Libc.EPOLLRDHUP | Libc.EPOLLHUP | Libc.EPOLLERR)) != 0)
            state |= State.ReadsMayBeShort;
        if ((events & Libc.EPOLLERR) != 0)
            state |= State.HasError;
        if (Watcher is { } watcher)
        {
            watcher.OnReadiness(this);
            return;
        }
        if (operations is null)
            return;
        if (IsReadable)
            operations.Read.Advance();
        if (IsWritable)
            operations.Write.Advance();
    }

    /// <summary>recv(2): bytes read, 0 at the end, below zero the negated errno.</summary>
    public unsafe int TryRead(byte* buffer, int length)
    {
        int result;
        do
            result = Libc.recv(descriptor, buffer, (nuint)length, 0);
        while (result == -Libc.EINTR);
        // A short read of a stream has emptied it (epoll(7)), unless there is more to know.
        if (result == -Libc.EAGAIN || (result > 0 && result < length && (state & State.ReadsMayBeShort) == 0))
            state &= ~State.Readable;
        return result;
    }

    /// <summary>Whether a read would not wait: 0, or below zero the negated errno. Nothing is consumed.</summary>
    public unsafe int TryPeek()
    {
        byte ignored;
        var result = Libc.recv(descriptor, &ignored, 1, Libc.MSG_PEEK);
        if (result == -Libc.EAGAIN)
            state &= ~State.Readable;
        return Math.Min(result, 0);
    }

    /// <summary>send(2): bytes taken, or below zero the negated errno.</summary>
    public unsafe int TryWrite(byte* buffer, int length)
    {
        int result;
        do
            result = Libc.send(descriptor, buffer, (nuint)length, Libc.MSG_NOSIGNAL);
        while (result == -Libc.EINTR);
        if (result < length && (result >= 0 || result == -Libc.EAGAIN))
            state &= ~State.Writable;
        return result;
    }

    /// <summary>splice(2) into an empty pipe: bytes moved, 0 at the end, below zero the negated errno.</summary>
    public int TrySpliceTo(int pipe, int length)
    {
        int result;
        do
            result = Libc.splice(descriptor, pipe, (nuint)length, Libc.SPLICE_F_MOVE | Libc.SPLICE_F_NONBLOCK);
        while (result == -Libc.EINTR);
        if (result == -Libc.EAGAIN)
            state &= ~State.Readable;
        return result;
    }

    /// <summary>splice(2) out of a pipe: bytes moved, or below zero the negated errno.</summary>
    public int TrySpliceFrom(int pipe, int length)
    {
        int result;
        do
            result = Libc.splice(pipe, descriptor, (nuint)length, Libc.SPLICE_F_MOVE | Libc.SPLICE_F_NONBLOCK);
        while (result == -Libc.EINTR);
        if (result == -Libc.EAGAIN)
            state &= ~State.Writable;
        return result;
    }

    /// <summary>shutdown(2) of the writing side: 0, or below zero the negated errno.</summary>
    public int TryCompleteWrites()
    {
        if ((state & State.WritesCompleted) != 0)
            return 0;
        state |= State.WritesCompleted;
        return Libc.shutdown(descriptor, Libc.SHUT_WR);
    }

    /// <summary>The pending error of the socket, which this clears: 0, or a positive errno.</summary>
    public int TakeError() => Math.Abs(Option(Libc.SOL_SOCKET, Libc.SO_ERROR));

    /// <summary>getsockopt(2) of an integer that is never negative; below zero the negated errno.</summary>
    public int Option(int level, int name) => Libc.getsockopt(descriptor, level, name);

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        Loop.Verify();
        return (operations ??= new NativeOperations(this)).Read.StartAsync(buffer);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        Loop.Verify();
        operations ??= new NativeOperations(this);
        while (!bytes.IsEmpty)
            bytes = bytes[await operations.Write.StartAsync(MemoryMarshal.AsMemory(bytes))..];
    }

    public override ValueTask CompleteWritesAsync()
    {
        Loop.Verify();
        if ((state & State.Closed) != 0)
            return ValueTask.FromException(NativeErrors.Aborted());
        var result = TryCompleteWrites();
        return result >= 0 ? default : ValueTask.FromException(NativeErrors.Exception(-result));
    }

    public override void Abort()
    {
        if ((state & State.Closed) != 0)
            return;
        Loop.Verify();
        LeaveNothing(descriptor);
        Dispose();
    }

    public override void Dispose()
    {
        if ((state & State.Closed) != 0)
            return;
        Loop.Verify();
        state = State.Closed;
        Watcher = null;
        Loop.Close(descriptor, slot);
        operations?.Read.Advance();
        operations?.Write.Advance();
    }

    /// <summary>What an awaitable operation asks before and while it waits.</summary>
    internal bool IsClosed => (state & State.Closed) != 0;

    /// <summary>What was accepted remembers its peer, in 24 bytes.</summary>
    private sealed class AcceptedConnection(EventLoop loop, int descriptor, SocketName peer) : NativeConnection(loop, descriptor, isUnix: false)
    {
        public override EndPoint? RemoteEndPoint => peer.ToEndPoint();

        internal override AddressKey? RemoteKey => peer.ToKey();
    }

    /// <summary>On a Unix socket it has no peer's name, and remembers where it was accepted: the name that the kernel keeps was temporary.</summary>
    private sealed class AcceptedUnixConnection(EventLoop loop, int descriptor, UnixDomainSocketEndPoint listen) : NativeConnection(loop, descriptor, isUnix: true)
    {
        public override EndPoint? RemoteEndPoint => null;

        public override EndPoint? LocalEndPoint => listen;
    }

    /// <summary>What was dialled remembers its target, which its dialer has anyway.</summary>
    private sealed class DialledConnection(EventLoop loop, int descriptor, EndPoint target) : NativeConnection(loop, descriptor, target is UnixDomainSocketEndPoint)
    {
        public override EndPoint? RemoteEndPoint => target;
    }
}
