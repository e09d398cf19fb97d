using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>Something with a descriptor that an <see cref="EventLoop"/> watches.</summary>
internal interface IPollable
{
    /// <summary>Called on the loop with the epoll events that arrived.</summary>
    void OnEvents(uint events);
}

/// <summary>Something that used up its turn and wants another.</summary>
internal interface IReady
{
    /// <summary>Called on the loop once all events of the present turn were served.</summary>
    void OnTurn();
}

/// <summary>
/// A thread over one epoll: everything that happens to its connections happens on it, so nothing of theirs needs a lock.
/// </summary>
/// <remarks>
/// It is a <see cref="SynchronizationContext"/>: what code on the loop awaits elsewhere comes back to it by itself. Nothing on it
/// may take over 100 µs. A turn is: events, timers, posted work, those who wanted another turn, and at its very end the closing
/// of descriptors, so that an event of a closed one never reaches its successor (the slot's generation would tell as well).
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class EventLoop : SynchronizationContext, IDisposable
{
    private const int MaxEvents = 512;

    // How long a stream gathers, in nanoseconds: the order of what network cards wait before they interrupt. Of a flood of 1,400 bytes, 100,000 came to the
    // same, and none at all to three quarters of it, since each few datagrams then cost three calls.
    private const long Moment = 50_000;

    // struct epoll_event is packed on x86 alone (epoll_ctl(2)): the data follows after 4 bytes there, after 8 elsewhere.
    private static readonly int dataOffset = RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.X86 ? 4 : 8;
    private static readonly int eventSize = dataOffset + 8;

    [ThreadStatic] private static EventLoop? current;

    private readonly Thread thread;
    private readonly Action<Exception> onFault;
    private readonly int epoll;
    private readonly int wakeUp;
    private readonly ConcurrentQueue<(SendOrPostCallback Callback, object? State)> posted = new();
    private readonly Queue<IReady> ready = new();
    private readonly List<int> closing = [];
    private readonly SlotTable slots = new();
    private readonly Lock wakeUpGate = new();
    private volatile bool stopping;
    private bool hasEnded;
    private int asleep;
    private bool isGathering;

    /// <summary>Starts a loop. <paramref name="onFault"/> is told of exceptions that reached it: each is a bug.</summary>
    /// <exception cref="IOException">The system is out of descriptors or threads. Nothing is left open.</exception>
    public EventLoop(string name, BufferPool buffers, Action<Exception> onFault)
    {
        this.onFault = onFault;
        Buffers = buffers;
        epoll = Require(Libc.epoll_create1(Libc.EPOLL_CLOEXEC), "epoll_create1");
        wakeUp = -1;
        try
        {
            wakeUp = Require(Libc.eventfd(0, Libc.EFD_NONBLOCK | Libc.EFD_CLOEXEC), "eventfd");
            // Level-triggered: a wake-up that is not read yet is told again.
            Require(Control(Libc.EPOLL_CTL_ADD, wakeUp, Libc.EPOLLIN, ulong.MaxValue), "epoll_ctl");
            thread = new Thread(Run) { Name = name, IsBackground = true };
            thread.Start();
        }
        catch (Exception e) when (e is IOException or OutOfMemoryException)
        {
            if (wakeUp >= 0)
                Libc.close(wakeUp);
            Libc.close(epoll);
            // A new thread of .NET opens files too; where it cannot, it says that memory is lacking.
            throw e as IOException ?? new IOException("no thread can be started", e);
        }
    }

    /// <summary>The loop that the calling thread is; null elsewhere.</summary>
    public static new EventLoop? Current => current;

    /// <summary>The timestamp (<see cref="Stopwatch"/> ticks) of the present turn.</summary>
    public long Now { get; private set; } = Timestamp();

    /// <summary>Deadlines of this loop.</summary>
    public TimerWheel Timers { get; } = new(TickAt(Timestamp()));

    /// <summary>Buffers and pipes of this loop.</summary>
    public BufferPool Buffers { get; }

    public static long Timestamp() => Stopwatch.GetTimestamp();

    /// <summary>The wheel's tick of a timestamp.</summary>
    public static long TickAt(long timestamp) => timestamp / (Stopwatch.Frequency / 1000 * TimerWheel.TickMilliseconds);

    /// <summary>Throws unless the calling thread is this loop: rule of every native socket call.</summary>
    public void Verify()
    {
        if (current != this)
            throw new InvalidOperationException("A native connection was used off its event loop.");
    }

    /// <summary>Watches a descriptor; edge-triggered unless the events say otherwise.</summary>
    /// <returns>The slot, for <see cref="Unwatch"/> and <see cref="Close"/>; below zero the negated errno.</returns>
    public int Watch(int descriptor, IPollable target, uint events)
    {
        var index = slots.Take(target);
        var result = Control(Libc.EPOLL_CTL_ADD, descriptor, events, slots.IdentityOf(index));
        if (result >= 0)
            return index;
        slots.Release(index);
        return result;
    }

    /// <summary>Stops watching a descriptor that stays open.</summary>
    public void Unwatch(int descriptor, int slot)
    {
        Control(Libc.EPOLL_CTL_DEL, descriptor, 0, 0);
        slots.Release(slot);
    }

    /// <summary>Stops watching, and closes the descriptor at the end of the turn. A slot below zero was not watched.</summary>
    public void Close(int descriptor, int slot)
    {
        Verify();
        if (slot >= 0)
            slots.Release(slot);
        closing.Add(descriptor);
    }

    /// <summary>Gives something another turn, after those who are waiting already.</summary>
    public void Enqueue(IReady target) => ready.Enqueue(target);

    /// <summary>Begins the next turn a moment later, so that more of what streams in can be dealt with at once.</summary>
    public void Gather() => isGathering = true;

    /// <summary>Runs <paramref name="d"/> on the loop, in a later turn. From any thread; dropped once the loop has ended.</summary>
    public override void Post(SendOrPostCallback d, object? state)
    {
        posted.Enqueue((d, state));
        if (current != this && Interlocked.Exchange(ref asleep, 0) != 0)
            Wake();
    }

    /// <summary>The same for what must not get lost: it is sure to run, unless this is false, because the loop has ended. From any thread.</summary>
    public bool TryPost(SendOrPostCallback d, object? state)
    {
        lock (wakeUpGate)
        {
            if (hasEnded)
                return false;
            Post(d, state);
            return true;
        }
    }

    /// <summary>Whether the loop has ended, so that nothing will happen on it any more; to be asked on it, by what is posted.</summary>
    public bool HasEnded => hasEnded;

    /// <summary>Not supported: waiting for a loop is how deadlocks begin.</summary>
    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Ends the loop and waits for its thread; again, does nothing. Connections that still stand on it are left to the process's end.</summary>
    public void Dispose()
    {
        stopping = true;
        Wake();
        if (current != this)
            thread.Join();
    }

    private void Run()
    {
        current = this;
        SetSynchronizationContext(this);
        // Else the kernel makes a moment twice as long.
        Libc.prctl(Libc.PR_SET_TIMERSLACK, 1);
        var events = (byte*)NativeMemory.Alloc((nuint)(MaxEvents * eventSize));
        while (!stopping)
        {
            try
            {
                Turn(events);
            }
            catch (Exception fault)
            {
                onFault(fault);
            }
        }
        lock (wakeUpGate)
        {
            hasEnded = true;
            Libc.close(wakeUp);
        }
        // What was posted before the end is part of it: the closing of listeners, for one.
        while (posted.TryDequeue(out var work))
            Guard(work);
        CloseDescriptors();
        Buffers.Dispose();
        Libc.close(epoll);
        NativeMemory.Free(events);
    }

    private void Turn(byte* events)
    {
        if (isGathering)
        {
            isGathering = false;
            Libc.nanosleep(Moment);
        }
        var count = Libc.epoll_wait(epoll, events, MaxEvents, Patience());
        Volatile.Write(ref asleep, 0);
        Now = Timestamp();
        for (var i = 0; i < count; i++)
        {
            var entry = events + i * eventSize;
            Dispatch(*(uint*)entry, Unsafe.ReadUnaligned<ulong>(entry + dataOffset));
        }
        Timers.Advance(TickAt(Now));
        for (var left = posted.Count; left > 0 && posted.TryDequeue(out var work); left--)
            Guard(work);
        for (var left = ready.Count; left > 0; left--)
            Guard(static target => ((IReady)target!).OnTurn(), ready.Dequeue());
        CloseDescriptors();
    }

    // How long to sleep, in ms. Whoever posts after `asleep` is set wakes the loop; whoever posted before is seen here.
    private int Patience()
    {
        if (ready.Count > 0)
            return 0;
        Volatile.Write(ref asleep, 1);
        Interlocked.MemoryBarrier();
        if (!posted.IsEmpty || stopping)
            return 0;
        var next = Timers.NextTick();
        if (next < 0)
            return -1;
        var milliseconds = (next - TickAt(Timestamp())) * TimerWheel.TickMilliseconds;
        return (int)Math.Clamp(milliseconds, 0, 60_000);
    }

    private void Dispatch(uint happened, ulong identity)
    {
        if (identity == ulong.MaxValue)
        {
            ulong ignored;
            Libc.read(wakeUp, &ignored, sizeof(ulong));
            return;
        }
        if (slots.Find(identity) is not { } target)
            return;
        try
        {
            target.OnEvents(happened);
        }
        catch (Exception fault)
        {
            onFault(fault);
        }
    }

    private void Guard((SendOrPostCallback Callback, object? State) work) => Guard(work.Callback, work.State);

    private void Guard(SendOrPostCallback callback, object? state)
    {
        try
        {
            callback(state);
        }
        catch (Exception fault)
        {
            onFault(fault);
        }
    }

    private void CloseDescriptors()
    {
        foreach (var descriptor in closing)
            Libc.close(descriptor);
        closing.Clear();
    }

    // Under a lock, since the number of a closed descriptor may be somebody else's by now, who would find 8 bytes in his stream.
    private void Wake()
    {
        ulong one = 1;
        lock (wakeUpGate)
        {
            if (!hasEnded)
                Libc.write(wakeUp, &one, sizeof(ulong));
        }
    }

    private int Control(int operation, int descriptor, uint events, ulong identity)
    {
        var entry = stackalloc byte[16];
        *(uint*)entry = events;
        Unsafe.WriteUnaligned(entry + dataOffset, identity);
        return Libc.epoll_ctl(epoll, operation, descriptor, entry);
    }

    private static int Require(int result, string call)
    {
        return result >= 0 ? result : throw new IOException($"{call}: {Libc.strerror(-result)}");
    }
}
