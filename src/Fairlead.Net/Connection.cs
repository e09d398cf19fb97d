using System.Net;

namespace Fairlead.Net;

/// <summary>
/// A reliable, ordered stream of bytes in two directions, each of which ends by itself: a TCP or Unix socket, and later a
/// TLS stream or an SSH channel.
/// </summary>
/// <remarks>
/// <para>
/// The two ways to end are different things and stay different: <see cref="CompleteWritesAsync"/> says "that was all" (FIN) and
/// leaves the other direction open; <see cref="Abort"/> says "what you have is not all" (RST).
/// </para>
/// <para>
/// At most one read and one write may be outstanding at a time. There is no cancellation token: a write that is cut in the
/// middle leaves a stream that nobody can use, so the only way to end an outstanding operation early is <see cref="Abort"/>,
/// after which it throws a <see cref="ConnectionException"/>. Connections of a <see cref="NativeNetwork"/> must be used on
/// their event loop only.
/// </para>
/// </remarks>
public abstract class Connection : IDisposable
{
    // Rare, so that all of it together takes one reference in each connection.
    private Prefix? unread;

    /// <summary>
    /// This end's address; null where there is none (an unnamed Unix socket, a memory pair), and it may be null once the connection is closed.
    /// </summary>
    public abstract EndPoint? LocalEndPoint { get; }

    /// <summary>
    /// The peer's address; null where there is none. An IPv4 peer of a dual-stack socket is given as IPv4, never as
    /// <c>::ffff:a.b.c.d</c>.
    /// </summary>
    public abstract EndPoint? RemoteEndPoint { get; }

    /// <summary>The peer's address as a number, without an object where the connection can; null where it has none (a Unix socket, a memory pair).</summary>
    internal virtual AddressKey? RemoteKey => AddressKey.Of((RemoteEndPoint as IPEndPoint)?.Address);

    /// <summary>Where calls of this connection belong: its event loop, or null where any thread will do.</summary>
    public virtual SynchronizationContext? Context => null;

    /// <summary>What <see cref="Portion"/> is of most connections.</summary>
    internal const int UsualPortion = 64 << 10;

    /// <summary>How many bytes are best moved at once, from and to it.</summary>
    internal virtual int Portion => UsualPortion;

    /// <summary>Bytes given back with <see cref="Unread"/> that the next read will return.</summary>
    public int UnreadCount => unread?.Bytes.Length ?? 0;

    /// <summary>
    /// Reads at least one byte into <paramref name="buffer"/>, bytes given back with <see cref="Unread"/> first.
    /// </summary>
    /// <returns>
    /// How many bytes were read; 0 means that the peer completed its writes. With an empty buffer: 0, as soon as a read would
    /// not have to wait.
    /// </returns>
    /// <exception cref="ConnectionException">The connection was reset, timed out, or was aborted here.</exception>
    public ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        return unread is null ? ReadCoreAsync(buffer) : new ValueTask<int>(TakeUnread(buffer.Span));
    }

    /// <summary>Reads from the stream itself; <see cref="ReadAsync"/> has already served what was given back.</summary>
    protected abstract ValueTask<int> ReadCoreAsync(Memory<byte> buffer);

    /// <summary>
    /// Writes all of <paramref name="bytes"/>; completes when the transport has taken the last one. The memory is the caller's
    /// again after that.
    /// </summary>
    /// <exception cref="ConnectionException">The connection was reset, timed out, or was aborted here.</exception>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>
    /// Tells the peer that no more bytes follow (FIN, RFC 9293 section 3.6); reading goes on. Calling it again does nothing.
    /// </summary>
    /// <exception cref="ConnectionException">The connection was reset, timed out, or was aborted here.</exception>
    public abstract ValueTask CompleteWritesAsync();

    /// <summary>
    /// Ends both directions at once so that the peer sees a reset (RST) rather than an end of stream, where the transport knows
    /// one (a Unix socket does not). Outstanding operations throw. Never throws itself; may be called more than once.
    /// </summary>
    public abstract void Abort();

    /// <summary>
    /// Closes the connection. Bytes already written are still delivered. A direction that was not completed ends as the transport
    /// ends it (TCP: FIN, or RST where bytes arrived that nobody read).
    /// </summary>
    public abstract void Dispose();

    /// <summary>
    /// Gives back bytes that were read too early; they are copied, and the next <see cref="ReadAsync"/> returns them before
    /// anything else.
    /// </summary>
    public void Unread(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        var joined = new byte[bytes.Length + UnreadCount];
        bytes.CopyTo(joined);
        unread?.Bytes.Span.CopyTo(joined.AsSpan(bytes.Length));
        unread = new Prefix { Bytes = joined };
    }

    /// <summary>Takes what was given back with <see cref="Unread"/>, without waiting.</summary>
    internal int TakeUnread(Span<byte> buffer)
    {
        if (unread is null)
            return 0;
        var count = Math.Min(buffer.Length, unread.Bytes.Length);
        unread.Bytes.Span[..count].CopyTo(buffer);
        unread.Bytes = unread.Bytes[count..];
        if (unread.Bytes.IsEmpty)
            unread = null;
        return count;
    }

    private sealed class Prefix
    {
        public ReadOnlyMemory<byte> Bytes;
    }
}
