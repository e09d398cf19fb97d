namespace Fairlead.Net;

/// <summary>One direction of a <see cref="MemoryConnection"/>: a bounded ring of bytes with one writer and one reader.</summary>
internal sealed class MemoryPipe(int capacity)
{
    private readonly Lock gate = new();
    private readonly byte[] ring = new byte[capacity];
    private int head, count;
    private bool completed;
    private ConnectionError? writerError, readerError;
    private TaskCompletionSource? waitingWriter, waitingReader;

    /// <summary>Reads as <see cref="Connection.ReadAsync"/> does.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        while (true)
        {
            Task arrival;
            lock (gate)
            {
                if (readerError is { } error)
                    throw Broken(error);
                if (count > 0 || completed)
                    return Take(buffer.Span);
                arrival = (waitingReader = NewSignal()).Task;
            }
            await arrival;
        }
    }

    /// <summary>Writes as <see cref="Connection.WriteAsync"/> does.</summary>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        while (true)
        {
            Task room;
            lock (gate)
            {
                if (writerError is { } error)
                    throw Broken(error);
                if (completed)
                    throw new InvalidOperationException("Writes were completed; nothing can follow.");
                bytes = bytes[Put(bytes.Span)..];
                if (bytes.IsEmpty)
                    return;
                room = (waitingWriter = NewSignal()).Task;
            }
            await room;
        }
    }

    /// <summary>
    /// Nothing more will be written: the reader gets what is there, then the end. A reader that has gone does not mind, as with TCP.
    /// </summary>
    public ValueTask CompleteAsync()
    {
        lock (gate)
        {
            if (writerError == ConnectionError.Aborted)
                return ValueTask.FromException(Broken(ConnectionError.Aborted));
            completed = true;
            Wake(ref waitingReader);
            return default;
        }
    }

    /// <summary>
    /// Ends both sides' operations with the errors given; the first break counts. With no error for the reader, it is an ordinary
    /// end for it: what is there stays to be read.
    /// </summary>
    public void Break(ConnectionError writer, ConnectionError? reader)
    {
        lock (gate)
        {
            writerError ??= writer;
            readerError ??= reader;
            completed = true;
            if (readerError is not null)
                count = 0;
            Wake(ref waitingReader);
            Wake(ref waitingWriter);
        }
    }

    private int Take(Span<byte> buffer)
    {
        var taken = Math.Min(buffer.Length, count);
        var first = Math.Min(taken, ring.Length - head);
        ring.AsSpan(head, first).CopyTo(buffer);
        ring.AsSpan(0, taken - first).CopyTo(buffer[first..]);
        head = (head + taken) % ring.Length;
        count -= taken;
        if (taken > 0)
            Wake(ref waitingWriter);
        return taken;
    }

    private int Put(ReadOnlySpan<byte> bytes)
    {
        var put = Math.Min(bytes.Length, ring.Length - count);
        var tail = (head + count) % ring.Length;
        var first = Math.Min(put, ring.Length - tail);
        bytes[..first].CopyTo(ring.AsSpan(tail));
        bytes[first..put].CopyTo(ring);
        count += put;
        if (put > 0)
            Wake(ref waitingReader);
        return put;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static void Wake(ref TaskCompletionSource? waiting)
    {
        waiting?.SetResult();
        waiting = null;
    }

    private static ConnectionException Broken(ConnectionError error) => new(error, error == ConnectionError.Aborted
        ? "The connection was closed at this end."
        : "The peer has closed the connection.");
}
