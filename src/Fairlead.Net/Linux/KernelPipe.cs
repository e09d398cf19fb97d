using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// Bytes in a pipe, moved by splice(2) without passing through the process: the better way for bulk.
/// </summary>
/// <remarks>
/// splice says <c>EAGAIN</c> for an empty socket and for a full pipe alike, and a pipe is full by segments, not bytes. So a pipe is filled only
/// when it is empty, and what is inside is counted exactly.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class KernelPipe : TransferBuffer
{
    private readonly int readEnd, writeEnd;
    private int count;

    private KernelPipe(int readEnd, int writeEnd, int capacity)
    {
        this.readEnd = readEnd;
        this.writeEnd = writeEnd;
        Capacity = capacity;
    }

    /// <summary>Makes a pipe of a capacity; null if the system does not give one of that size.</summary>
    public static KernelPipe? TryCreate(int capacity)
    {
        var ends = stackalloc int[2];
        if (Libc.pipe2(ends, Libc.O_NONBLOCK | Libc.O_CLOEXEC) < 0)
            return null;
        var size = Libc.fcntl(ends[1], Libc.F_SETPIPE_SZ, capacity);
        if (size >= capacity)
            return new KernelPipe(ends[0], ends[1], size);
        Libc.close(ends[0]);
        Libc.close(ends[1]);
        return null;
    }

    public override int Count => count;

    public override int Capacity { get; }

    public override int Fill(NativeConnection source, int most)
    {
        var moved = source.TrySpliceTo(writeEnd, Math.Min(most, Capacity));
        count = Math.Max(moved, 0);
        return moved;
    }

    public override int Drain(NativeConnection sink)
    {
        var moved = sink.TrySpliceFrom(readEnd, count);
        if (moved > 0)
            count -= moved;
        return moved;
    }

    public override void Dispose()
    {
        Libc.close(readEnd);
        Libc.close(writeEnd);
    }
}
