using System.Runtime.Versioning;
using System.Threading.Tasks.Sources;

namespace Fairlead.Net;

/// <summary>The two awaitable operations of a connection, made when the first is used: a connection that is only relayed has none.</summary>
[SupportedOSPlatform("linux")]
internal sealed class NativeOperations(NativeConnection connection)
{
    public NativeOperation Read { get; } = new(connection, isRead: true);

    public NativeOperation Write { get; } = new(connection, isRead: false);
}

/// <summary>
/// An awaitable read or write of a native connection, used again and again. Its continuation runs inline on the loop: whoever awaits
/// it is on the loop already.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class NativeOperation(NativeConnection connection, bool isRead) : IValueTaskSource<int>
{
    private ManualResetValueTaskSourceCore<int> core;
    private Memory<byte> buffer;
    private bool isPending;

    /// <summary>Tries at once, and waits for readiness if that is too early. One at a time.</summary>
    public ValueTask<int> StartAsync(Memory<byte> memory)
    {
        if (isPending)
            throw new InvalidOperationException($"A {(isRead ? "read" : "write")} is already outstanding on this connection.");
        buffer = memory;
        if (TryOnce(out var result))
            return result >= 0 ? new ValueTask<int>(result) : ValueTask.FromException<int>(NativeErrors.Exception(-result));
        core.Reset();
        isPending = true;
        return new ValueTask<int>(this, core.Version);
    }

    /// <summary>Tries again; called when the connection became ready, or was closed.</summary>
    public void Advance()
    {
        if (!isPending || !TryOnce(out var result))
            return;
        isPending = false;
        buffer = default;
        if (result >= 0)
            core.SetResult(result);
        else
            core.SetException(NativeErrors.Exception(-result));
    }

    private bool TryOnce(out int result)
    {
        result = -NativeErrors.ECLOSEDHERE;
        if (connection.IsClosed)
            return true;
        result = -Libc.EAGAIN;
        if (isRead ? connection.IsReadable : connection.IsWritable)
        {
            fixed (byte* start = buffer.Span)
            {
                result = isRead ? Read(start) : connection.TryWrite(start, buffer.Length);
            }
        }
        return result != -Libc.EAGAIN;
    }

    // An empty read asks whether a read would wait: one byte is looked at and left where it is.
    private int Read(byte* start)
    {
        return buffer.IsEmpty ? connection.TryPeek() : connection.TryRead(start, buffer.Length);
    }

    public int GetResult(short token) => core.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => core.GetStatus(token);

    // The flag that asks for the captured context is dropped: completion happens on the loop, which is that context.
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        core.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
    }
}
