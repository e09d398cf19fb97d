using System.Net;

namespace Fairlead.Net;

/// <summary>
/// One end of a connection inside the process, for tests and for talking to code that wants a connection. May be used from any
/// thread; continuations never run inside another end's call.
/// </summary>
/// <remarks>
/// Where it differs from TCP: after <see cref="Dispose"/> the peer's writes fail at once, and what the peer had written and nobody
/// read does not turn the end of stream into a reset.
/// </remarks>
public sealed class MemoryConnection : Connection
{
    private readonly MemoryPipe incoming, outgoing;
    private int closed;

    private MemoryConnection(MemoryPipe incoming, MemoryPipe outgoing)
    {
        this.incoming = incoming;
        this.outgoing = outgoing;
    }

    /// <summary>Makes two connections, each of which reads what the other writes.</summary>
    /// <param name="capacity">
    /// How many bytes each direction holds that were written and not yet read; a write waits for room. At least 1.
    /// </param>
    public static (MemoryConnection First, MemoryConnection Second) CreatePair(int capacity = 64 * 1024)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        MemoryPipe forth = new(capacity), back = new(capacity);
        return (new MemoryConnection(back, forth), new MemoryConnection(forth, back));
    }

    /// <summary>Null: there is no address.</summary>
    public override EndPoint? LocalEndPoint => null;

    /// <summary>Null: there is no address.</summary>
    public override EndPoint? RemoteEndPoint => null;

    /// <inheritdoc/>
    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer) => incoming.ReadAsync(buffer);

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => outgoing.WriteAsync(bytes);

    /// <inheritdoc/>
    public override ValueTask CompleteWritesAsync() => outgoing.CompleteAsync();

    /// <summary>
    /// Ends both directions at once: the peer sees a reset, and what was written and not yet read is gone. Outstanding operations
    /// throw. Never throws itself; may be called more than once.
    /// </summary>
    public override void Abort()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        outgoing.Break(writer: ConnectionError.Aborted, reader: ConnectionError.Reset);
        incoming.Break(writer: ConnectionError.Reset, reader: ConnectionError.Aborted);
    }

    /// <summary>Closes this end. The peer reads what was written, then the end of the stream.</summary>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        outgoing.Break(writer: ConnectionError.Aborted, reader: null);
        incoming.Break(writer: ConnectionError.Reset, reader: ConnectionError.Aborted);
    }
}
