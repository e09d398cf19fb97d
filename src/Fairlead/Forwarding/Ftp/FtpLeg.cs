using System.Buffers;
using System.Text;
using Fairlead.Net;

namespace Fairlead;

/// <summary>One of the two control connections: lines in, bytes out. Used in one context only, but by both directions.</summary>
/// <param name="connection">It; the caller's.</param>
/// <param name="time">Measures its silence.</param>
/// <param name="onBroken">Told why, each time that an operation fails.</param>
internal sealed class FtpLeg(Connection connection, TimeProvider time, Action<ConnectionError> onBroken)
{
    private byte[]? buffer;
    private int start, end;
    private ArrayBufferWriter<byte> filling = new(), leaving = new();
    private TaskCompletionSource? writing;
    private bool isComplete;
    private long bytesTaken;

    /// <summary>The connection, or the secured one that has taken its place.</summary>
    public Connection Connection { get; private set; } = connection;

    /// <summary>How many bytes it has taken.</summary>
    public long BytesTaken => Interlocked.Read(ref bytesTaken);

    /// <summary>When something last came, as a timestamp.</summary>
    public long LastHeard { get; private set; } = time.GetTimestamp();

    /// <summary>Whether something has come that is not taken.</summary>
    public bool HasMore => end > start;

    /// <summary>Takes the next line of what has come.</summary>
    /// <param name="line">It, with its end; good until <see cref="FillAsync"/> is called.</param>
    public FtpLine TryTake(out ReadOnlyMemory<byte> line)
    {
        var found = FtpLine.Find(buffer.AsSpan(start, end - start));
        line = buffer.AsMemory(start, found.Length);
        start += found.Length;
        return found;
    }

    /// <summary>Takes whatever is left.</summary>
    public ReadOnlyMemory<byte> TakeRest()
    {
        var rest = buffer.AsMemory(start, end - start);
        start = end;
        return rest;
    }

    /// <summary>Waits for more; false when nothing more will come.</summary>
    public async ValueTask<bool> FillAsync()
    {
        if (!HasMore)
        {
            // Silence needs no memory.
            Release();
            await ReadAsync(Memory<byte>.Empty);
            buffer = ArrayPool<byte>.Shared.Rent(FtpLine.Limit);
        }
        else if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }
        var count = await ReadAsync(buffer.AsMemory(end, FtpLine.Limit - end));
        LastHeard = time.GetTimestamp();
        end += count;
        return count > 0;
    }

    /// <summary>Adds to what <see cref="FlushAsync"/> sends; dropped once nothing more may follow.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (!isComplete)
            filling.Write(bytes);
    }

    /// <summary>Adds a line of ASCII.</summary>
    public void AppendLine(string line)
    {
        Append(Encoding.ASCII.GetBytes(line));
        Append("\r\n"u8);
    }

    /// <summary>Sends what was added, behind whatever is being sent.</summary>
    public async ValueTask FlushAsync()
    {
        while (true)
        {
            if (writing is { } other)
                await other.Task;
            else if (filling.WrittenCount == 0)
                return;
            else
                await OccupyAsync(WriteAsync);
        }
    }

    /// <summary>Sends what was added, then says that nothing more follows.</summary>
    public async ValueTask EndAsync()
    {
        await FlushAsync();
        isComplete = true;
        try
        {
            await Connection.CompleteWritesAsync();
        }
        catch (ConnectionException e)
        {
            onBroken(e.Error);
            throw;
        }
    }

    /// <summary>Lets another connection take its place, which is made of it; meanwhile nothing is sent, and nobody may read.</summary>
    /// <returns>False where there is none.</returns>
    public async ValueTask<bool> ReplaceAsync(Func<Connection, ValueTask<Connection?>> make)
    {
        await FlushAsync();
        Connection? made = null;
        await OccupyAsync(async () =>
        {
            made = await make(Connection);
            Connection = made ?? Connection;
        });
        return made is not null;
    }

    /// <summary>Gives what was not taken back to the connection, and the memory back.</summary>
    public void GiveBack()
    {
        Connection.Unread(TakeRest().Span);
        Release();
    }

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        if (buffer is not null)
            ArrayPool<byte>.Shared.Return(buffer);
        (buffer, start, end) = (null, 0, 0);
    }

    private async Task WriteAsync()
    {
        (filling, leaving) = (leaving, filling);
        try
        {
            await Connection.WriteAsync(leaving.WrittenMemory);
            Interlocked.Add(ref bytesTaken, leaving.WrittenCount);
        }
        catch (ConnectionException e)
        {
            onBroken(e.Error);
            throw;
        }
        finally
        {
            leaving.ResetWrittenCount();
        }
    }

    private async ValueTask<int> ReadAsync(Memory<byte> into)
    {
        try
        {
            return await Connection.ReadAsync(into);
        }
        catch (ConnectionException e)
        {
            onBroken(e.Error);
            throw;
        }
    }

    private async ValueTask OccupyAsync(Func<Task> use)
    {
        var mine = writing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await use();
        }
        finally
        {
            writing = null;
            mine.SetResult();
        }
    }
}
