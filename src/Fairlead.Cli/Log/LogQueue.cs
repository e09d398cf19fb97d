using System.Collections.Concurrent;

namespace Fairlead.Cli;

/// <summary>What a <see cref="LogQueue"/> hands its entries to, on the queue's thread.</summary>
internal interface ILogSink
{
    /// <summary>Entries may follow.</summary>
    void Begin();

    /// <summary>Takes an entry; it may be kept until <see cref="Flush"/>.</summary>
    void Append(LogEntry entry);

    /// <summary>Writes what was kept.</summary>
    void Flush();

    /// <summary>So many entries were lost since the last time.</summary>
    void TellDropped(long lost);
}

/// <summary>
/// Takes entries from those who must not wait, like event loops: <see cref="Write"/> only puts them into a bounded queue, and a thread of its own hands what
/// has gathered to the sink. What finds the queue full is dropped and counted, and the count is told at most once a minute, and at the end.
/// </summary>
internal sealed class LogQueue : IDisposable
{
    /// <summary>How many entries wait at most; at some hundred bytes each, a few megabytes.</summary>
    public const int Capacity = 8192;

    /// <summary>How long <see cref="Dispose"/> waits for a sink that takes nothing.</summary>
    public static readonly TimeSpan FlushLimit = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan dropNoticeInterval = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The pause after a write, in which entries gather without waking the thread one by one: 200 writes a second at most, and room for
    /// 1.6 million entries a second. After silence an entry is written at once.
    /// </summary>
    private static readonly TimeSpan pace = TimeSpan.FromMilliseconds(5);

    private readonly ILogSink sink;
    private readonly TimeProvider time;
    private readonly ConcurrentQueue<LogEntry> queue = new();
    private readonly AutoResetEvent wake = new(false);
    // Not the slim kind, which spins before it waits: two hundred times a second.
    private readonly ManualResetEvent stopping = new(false);
    private readonly Thread thread;
    private DateTimeOffset nextDropNotice = DateTimeOffset.MinValue;
    private int count;
    private long dropped;
    private int isIdle;

    /// <summary>Makes a queue that takes entries at once; its thread runs from <see cref="Start"/> on.</summary>
    /// <param name="threadName">What debuggers and <c>top -H</c> show.</param>
    /// <param name="sink">Where entries go.</param>
    /// <param name="time">The clock of the drop notices.</param>
    public LogQueue(string threadName, ILogSink sink, TimeProvider time)
    {
        this.sink = sink;
        this.time = time;
        // A background thread: one that hangs in write(2) keeps no process alive.
        thread = new Thread(Run) { IsBackground = true, Name = threadName };
    }

    public void Start() => thread.Start();

    /// <summary>Hands an entry over. Neither blocks nor throws; may be called on any thread.</summary>
    public void Write(LogEntry entry)
    {
        if (Interlocked.Increment(ref count) > Capacity)
        {
            Interlocked.Decrement(ref count);
            Interlocked.Increment(ref dropped);
            return;
        }
        queue.Enqueue(entry);
        // The increment above is a full fence, as is the exchange in Rest: either this sees that the thread rests, or the thread sees the entry.
        if (Volatile.Read(ref isIdle) != 0 && Interlocked.Exchange(ref isIdle, 0) != 0)
            wake.Set();
    }

    /// <summary>Counts entries that the sink could not write.</summary>
    public void CountDropped(long lost) => Interlocked.Add(ref dropped, lost);

    /// <summary>Lets the thread go one round even if there is nothing to write.</summary>
    public void Wake() => wake.Set();

    /// <summary>Writes what is queued, for at most <see cref="FlushLimit"/>; entries handed over later are lost.</summary>
    /// <returns>Whether the thread has ended, and uses the sink no more.</returns>
    public bool Stop()
    {
        stopping.Set();
        wake.Set();
        // The thread may hang in a write for ever, so what it uses is left to the collector.
        return thread.Join(FlushLimit);
    }

    public void Dispose() => Stop();

    private bool IsStopping => stopping.WaitOne(0);

    private void Run()
    {
        while (true)
        {
            // Asked before the queue is emptied, so that the last round comes after the last entry.
            var isLast = IsStopping;
            sink.Begin();
            var wrote = WriteQueued();
            wrote |= TellDropped(isLast);
            sink.Flush();
            if (isLast)
            {
                // What the last write itself has lost.
                TellDropped(isLast);
                return;
            }
            if (wrote)
                stopping.WaitOne(pace);
            else
                Rest();
        }
    }

    private void Rest()
    {
        Interlocked.Exchange(ref isIdle, 1);
        if (Volatile.Read(ref count) == 0 && !IsStopping)
        {
            var untilNotice = nextDropNotice - time.GetUtcNow();
            if (Interlocked.Read(ref dropped) == 0)
                wake.WaitOne();
            else if (untilNotice > TimeSpan.Zero)
                wake.WaitOne(untilNotice);
        }
        Interlocked.Exchange(ref isIdle, 0);
    }

    private bool WriteQueued()
    {
        var any = false;
        while (queue.TryDequeue(out var entry))
        {
            Interlocked.Decrement(ref count);
            any = true;
            sink.Append(entry);
        }
        return any;
    }

    private bool TellDropped(bool isLast)
    {
        var now = time.GetUtcNow();
        if (Interlocked.Read(ref dropped) == 0 || (!isLast && now < nextDropNotice))
            return false;
        nextDropNotice = now + dropNoticeInterval;
        sink.TellDropped(Interlocked.Exchange(ref dropped, 0));
        return true;
    }
}
