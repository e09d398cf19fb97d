using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// What bytes pass through on their way from one native connection to another: memory, or a pipe of the kernel. It is borrowed
/// from its loop's <see cref="BufferPool"/> for a turn, and kept only while it holds bytes that the sink did not take.
/// </summary>
[SupportedOSPlatform("linux")]
internal abstract class TransferBuffer : IDisposable
{
    /// <summary>Bytes inside.</summary>
    public abstract int Count { get; }

    /// <summary>How many bytes one <see cref="Fill"/> can take.</summary>
    public abstract int Capacity { get; }

    /// <summary>
    /// Takes bytes from a connection into an empty buffer: more than 0 of them, 0 at the end of the stream, below zero the negated
    /// errno (<c>EAGAIN</c>: none there; empty, so that this can mean nothing else).
    /// </summary>
    public abstract int Fill(NativeConnection source, int most);

    /// <summary>Gives bytes to a connection: how many it took, or below zero the negated errno.</summary>
    public abstract int Drain(NativeConnection sink);

    public abstract void Dispose();
}

/// <summary>Bytes in memory: the better way for little at a time.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class MemoryBuffer(int capacity) : TransferBuffer
{
    private byte* memory = (byte*)NativeMemory.Alloc((nuint)capacity);
    private int start, count;

    public override int Count => count;

    public override int Capacity => capacity;

    public override int Fill(NativeConnection source, int most)
    {
        start = 0;
        var read = source.TryRead(memory, Math.Min(most, capacity));
        count = Math.Max(read, 0);
        return read;
    }

    /// <summary>Fills an empty buffer with bytes from elsewhere; at most <see cref="Capacity"/>.</summary>
    public void Fill(NativeConnection unreadOf)
    {
        start = 0;
        count = unreadOf.TakeUnread(new Span<byte>(memory, capacity));
    }

    public override int Drain(NativeConnection sink)
    {
        var written = sink.TryWrite(memory + start, count);
        if (written > 0)
        {
            start += written;
            count -= written;
        }
        return written;
    }

    /// <summary>Forgets what is inside.</summary>
    public void Clear() => count = 0;

    public override void Dispose()
    {
        NativeMemory.Free(memory);
        memory = null;
    }
}
