using System.Buffers;
using System.Runtime.CompilerServices;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What came of waiting for bytes.</summary>
internal enum HttpFill
{
    /// <summary>There are more of them.</summary>
    Bytes,

    /// <summary>The other side has completed its writes.</summary>
    End,

    /// <summary>The connection broke.</summary>
    Broken,
}

/// <summary>
/// One side of a conversation: a connection, and what was read of it and not yet used. While there is nothing it waits without a buffer. A connection that breaks is a value
/// here.
/// </summary>
/// <param name="connection">The connection; its owner disposes it.</param>
/// <param name="throttle">What holds its bytes back; null if nothing does.</param>
/// <param name="patience">Told of everything that happens.</param>
/// <param name="time">Measures how long bytes are held back.</param>
internal sealed class HttpPeer(Connection connection, Throttle? throttle, Patience patience, TimeProvider time)
{
    /// <summary>How much is read at a time, and kept at the most: more than any head has.</summary>
    public const int BufferSize = 64 << 10;

    // What a connection may move before others have their turn.
    private const int MostBytesATurn = 256 << 10;

    private byte[]? buffer;
    private int start, end, inTurn, isParked;
    private Task<HttpFill>? ahead;

    public Connection Connection => connection;

    /// <summary>What was read and not yet used. Not to be looked at while <see cref="IsReadingAhead"/>.</summary>
    public ReadOnlyMemory<byte> Buffered => buffer.AsMemory(start, end - start);

    /// <summary>Whether there is nothing to use without <see cref="FillAsync"/>.</summary>
    public bool IsEmpty => IsReadingAhead || start == end;

    /// <summary>Whether <see cref="ReadAhead"/> was called, and <see cref="FillAsync"/> not since.</summary>
    public bool IsReadingAhead => ahead is not null;

    /// <summary>How it broke; of no meaning before.</summary>
    public ConnectionError Error { get; private set; }

    /// <summary>Uses bytes.</summary>
    public void Take(int count)
    {
        start += count;
        if (start == end)
            (start, end) = (0, 0);
    }

    /// <summary>Waits for bytes behind those that are there, of which there are fewer than <see cref="BufferSize"/>.</summary>
    public ValueTask<HttpFill> FillAsync()
    {
        if (ahead is not { } reading)
            return ReadAsync();
        ahead = null;
        return new ValueTask<HttpFill>(reading);
    }

    /// <summary>Begins to wait for what comes next, so that it shows when the other side has ended or is gone; the next <see cref="FillAsync"/> gives the same.</summary>
    public Task<HttpFill> ReadAhead() => ahead ??= ReadAsync().AsTask();

    /// <summary>Leaves the connection unused until <see cref="TryTake"/>: whatever comes meanwhile, bytes or an end, closes it. Completes then, or when it was taken and something comes.</summary>
    public async Task ParkAsync()
    {
        Volatile.Write(ref isParked, 1);
        await ReadAhead();
        if (TryTake())
            connection.Dispose();
    }

    /// <summary>Takes a parked connection into use again; false if that is over.</summary>
    public bool TryTake() => Interlocked.CompareExchange(ref isParked, 0, 1) == 1;

    /// <summary>Writes; false if the connection broke.</summary>
    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await connection.WriteAsync(bytes);
            patience.Touch();
            return true;
        }
        catch (ConnectionException broken)
        {
            Error = broken.Error;
            return false;
        }
    }

    /// <summary>Completes the writes; false if the connection broke.</summary>
    public async ValueTask<bool> CompleteAsync()
    {
        try
        {
            await connection.CompleteWritesAsync();
            return true;
        }
        catch (ConnectionException broken)
        {
            Error = broken.Error;
            return false;
        }
    }

    /// <summary>Gives what was not used back to the connection.</summary>
    public void GiveBack()
    {
        connection.Unread(Buffered.Span);
        Drop();
    }

    /// <summary>Lets go of everything that is there; not of what is being read ahead, which waits without a buffer.</summary>
    public void Drop()
    {
        if (ahead is { IsCompleted: false })
            return;
        Release();
    }

    private void Release()
    {
        (start, end) = (0, 0);
        if (buffer is not null)
            ArrayPool<byte>.Shared.Return(buffer);
        buffer = null;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<HttpFill> ReadAsync()
    {
        try
        {
            if (start == end)
            {
                Release();
                await connection.ReadAsync(Memory<byte>.Empty);
            }
            if (inTurn >= MostBytesATurn)
            {
                inTurn = 0;
                await Task.Yield();
            }
            buffer ??= ArrayPool<byte>.Shared.Rent(BufferSize);
            if (start > 0)
            {
                Buffered.CopyTo(buffer);
                (start, end) = (0, end - start);
            }
            var most = throttle is null ? BufferSize - end : await TakeAsync(BufferSize - end);
            var count = 0;
            try
            {
                count = await connection.ReadAsync(buffer.AsMemory(end, most));
            }
            finally
            {
                throttle?.Return(most - count);
            }
            end += count;
            inTurn += count;
            patience.Touch();
            return count > 0 ? HttpFill.Bytes : HttpFill.End;
        }
        catch (ConnectionException broken)
        {
            Error = broken.Error;
            return HttpFill.Broken;
        }
    }

    // To be held back is no silence.
    private async ValueTask<int> TakeAsync(int want)
    {
        int most;
        while ((most = throttle!.Take(want, out var wait)) == 0)
        {
            await Task.Delay(wait, time);
            patience.Touch();
        }
        return most;
    }
}
