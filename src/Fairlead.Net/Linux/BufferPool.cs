using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// The buffers of one loop. Nearly all of the time one memory buffer is lent over and over, for a turn each; more exist only
/// while sinks are slower than sources.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class BufferPool(int memorySize, PipeBudget pipes, int datagramSize = 65_535) : IDisposable
{
    // Returned buffers beyond these are freed: what one burst of slow readers needed is not kept for ever.
    private const int MostIdleMemory = 16, MostIdlePipes = 8;

    private readonly Stack<MemoryBuffer> memory = new();
    private readonly Stack<KernelPipe> idlePipes = new();
    private DatagramReceiver? datagramReceiver;
    private DatagramSender? datagramSender;

    /// <summary>How many buffers are lent at present.</summary>
    public int Lent { get; private set; }

    /// <summary>How many pipes lie ready to be lent.</summary>
    public int IdlePipes => idlePipes.Count;

    /// <summary>What the pipes are paid from.</summary>
    public PipeBudget Pipes => pipes;

    /// <summary>Where the loop's datagrams are read into; made when the first are.</summary>
    public DatagramReceiver DatagramReceiver => datagramReceiver ??= new DatagramReceiver(datagramSize);

    /// <summary>What sends the loop's datagrams.</summary>
    public DatagramSender DatagramSender => datagramSender ??= new DatagramSender();

    /// <summary>An empty memory buffer that has room for more than the usual, if need be.</summary>
    public MemoryBuffer RentMemory(int atLeast)
    {
        Lent++;
        return atLeast <= memorySize && memory.TryPop(out var buffer) ? buffer : new MemoryBuffer(Math.Max(atLeast, memorySize));
    }

    /// <summary>An empty memory buffer.</summary>
    public MemoryBuffer RentMemory() => RentMemory(memorySize);

    /// <summary>An empty pipe; null when splice is off or its budget is spent, so that memory has to do.</summary>
    public KernelPipe? TryRentPipe()
    {
        if (!idlePipes.TryPop(out var pipe) && (pipe = pipes.TryCreate()) is null)
            return null;
        Lent++;
        return pipe;
    }

    /// <summary>Whether <see cref="TryRentPipe"/> may succeed.</summary>
    public bool HasPipes => idlePipes.Count > 0 || !pipes.IsSpent;

    /// <summary>Takes a buffer back. A pipe that still holds bytes is closed, never lent again.</summary>
    public void Return(TransferBuffer buffer)
    {
        Lent--;
        if (buffer is MemoryBuffer plain)
        {
            plain.Clear();
            if (plain.Capacity == memorySize && memory.Count < MostIdleMemory)
                memory.Push(plain);
            else
                plain.Dispose();
        }
        else if (buffer is KernelPipe pipe)
        {
            if (pipe.Count == 0 && idlePipes.Count < MostIdlePipes)
                idlePipes.Push(pipe);
            else
                pipes.Destroy(pipe);
        }
    }

    public void Dispose()
    {
        while (memory.TryPop(out var buffer))
            buffer.Dispose();
        while (idlePipes.TryPop(out var pipe))
            pipes.Destroy(pipe);
        datagramReceiver?.Dispose();
        datagramSender?.Dispose();
    }
}

/// <summary>
/// What all loops together may spend on pipes. The kernel counts a user's pipe pages (<c>pipe-user-pages-soft</c>, 64 MiB) and silently makes
/// the next ones tiny, so Fairlead stops before: a pipe of 1 MiB while more than half of the budget is left, then of 256 KiB,
/// then none. A pipe is two descriptors.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class PipeBudget(long bytes, int pipes, TimeProvider? time = null)
{
    private const int Large = 1 << 20, Small = 1 << 18;

    private static readonly TimeSpan refusal = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private readonly long allBytes = bytes;
    private readonly int allPipes = pipes;
    private long bytesLeft = bytes;
    private int pipesLeft = pipes;

    // The timestamp of the last refusal; 0 while there is none to wait for.
    private long refusedAt;

    /// <summary>No pipe at all: copy only.</summary>
    public static PipeBudget None => new(0, 0);

    /// <summary>How many pipes there are.</summary>
    public int Made
    {
        get
        {
            lock (gate)
                return allPipes - pipesLeft;
        }
    }

    /// <summary>How much of the budget they take, in bytes.</summary>
    public long BytesTaken
    {
        get
        {
            lock (gate)
                return allBytes - bytesLeft;
        }
    }

    /// <summary>Whether no further pipe will be made for now.</summary>
    public bool IsSpent => Volatile.Read(ref pipesLeft) <= 0 || Volatile.Read(ref bytesLeft) < Small || IsRefused;

    private bool IsRefused => Volatile.Read(ref refusedAt) is var at and not 0 && time.GetElapsedTime(at) < refusal;

    /// <summary>Makes a pipe within the budget, or null.</summary>
    public KernelPipe? TryCreate()
    {
        lock (gate)
        {
            if (IsSpent)
                return null;
            var pipe = (bytesLeft > allBytes / 2 ? KernelPipe.TryCreate(Large) : null) ?? KernelPipe.TryCreate(Small);
            if (pipe is null)
            {
                // Out of descriptors, or another process of the user holds the pipe pages: not asked again at every read.
                refusedAt = time.GetTimestamp();
                return null;
            }
            bytesLeft -= pipe.Capacity;
            pipesLeft--;
            return pipe;
        }
    }

    /// <summary>Closes a pipe and gives its share back.</summary>
    public void Destroy(KernelPipe pipe)
    {
        lock (gate)
        {
            bytesLeft += pipe.Capacity;
            pipesLeft++;
        }
        pipe.Dispose();
    }
}
