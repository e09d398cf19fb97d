using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;

namespace Fairlead.Cli;

/// <summary>
/// Writes log entries to a stream that may stop taking them. Those who log are event loops, so <see cref="Write"/> only puts the entry into a
/// bounded queue; a thread of its own formats what has gathered and hands it to the stream in few large writes. What finds the queue full
/// is dropped and counted, and the count is told at most once a minute, and at the end.
/// </summary>
internal sealed class LogWriter : IDisposable
{
    /// <summary>How many entries wait at most; at some hundred bytes each, a few megabytes.</summary>
    public const int Capacity = 8192;

    /// <summary>How long <see cref="Dispose"/> waits for a stream that takes nothing.</summary>
    public static readonly TimeSpan FlushLimit = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan dropNoticeInterval = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The pause after a write, in which entries gather without waking the thread one by one: 200 writes a second at most, and room for
    /// 1.6 million entries a second. After silence an entry is written at once.
    /// </summary>
    private static readonly TimeSpan pace = TimeSpan.FromMilliseconds(5);

    private const int WriteSize = 64 * 1024;

    private readonly Stream output;
    private readonly LogFormat format;
    private readonly LogLevel minimum;
    private readonly TimeProvider time;
    private readonly ConcurrentQueue<LogEntry> queue = new();
    private readonly AutoResetEvent wake = new(false);
    // Not the slim kind, which spins before it waits: two hundred times a second.
    private readonly ManualResetEvent stopping = new(false);
    private readonly Thread thread;
    private readonly ArrayBufferWriter<byte> buffer = new(WriteSize);
    private DateTimeOffset nextDropNotice = DateTimeOffset.MinValue;
    private int count;
    private long dropped;
    private int isIdle;

    /// <summary>Starts the writing thread.</summary>
    /// <param name="output">Where the bytes go; stays the caller's. An error of it is not told: there is nowhere to tell it.</param>
    /// <param name="format">How an entry becomes a line.</param>
    /// <param name="minimum">What matters less is not written.</param>
    /// <param name="time">The clock of the drop notices.</param>
    public LogWriter(Stream output, LogFormat format, LogLevel minimum = LogLevel.Information, TimeProvider? time = null)
    {
        this.output = output;
        this.format = format;
        this.minimum = minimum;
        this.time = time ?? TimeProvider.System;
        // A background thread: one that hangs in write(2) keeps no process alive.
        thread = new Thread(Run) { IsBackground = true, Name = "log" };
        thread.Start();
    }

    /// <summary>Hands an entry over. Neither blocks nor throws; may be called on any thread.</summary>
    public void Write(LogEntry entry)
    {
        if (entry.Level < minimum)
            return;
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

    /// <summary>Writes what is queued, for at most <see cref="FlushLimit"/>; entries handed over later are lost.</summary>
    public void Dispose()
    {
        stopping.Set();
        wake.Set();
        // The thread may hang in a write for ever, so what it uses is left to the collector.
        thread.Join(FlushLimit);
    }

    private bool IsStopping => stopping.WaitOne(0);

    private void Run()
    {
        while (true)
        {
            // Asked before the queue is emptied, so that the last round comes after the last entry.
            var isLast = IsStopping;
            var wrote = WriteQueued();
            wrote |= WriteDropNotice(isLast);
            Flush();
            if (isLast)
                return;
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
            Append(entry);
        }
        return any;
    }

    private bool WriteDropNotice(bool isLast)
    {
        var now = time.GetUtcNow();
        if (Interlocked.Read(ref dropped) == 0 || (!isLast && now < nextDropNotice))
            return false;
        nextDropNotice = now + dropNoticeInterval;
        var lost = Interlocked.Exchange(ref dropped, 0);
        var message = string.Create(CultureInfo.InvariantCulture, $"{lost} log {(lost == 1 ? "entry was" : "entries were")} dropped: standard error does not take them fast enough");
        Append(new ProgramEntry(LogLevel.Warning, "log_dropped", message, KeyValuePair.Create<string, object?>("dropped", lost)));
        return true;
    }

    private void Append(LogEntry entry)
    {
        format.Append(entry, buffer);
        if (buffer.WrittenCount >= WriteSize)
            Flush();
    }

    private void Flush()
    {
        try
        {
            if (buffer.WrittenCount > 0)
                output.Write(buffer.WrittenSpan);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // The terminal or the reader is gone, or there never was one. The program lives on without a log.
        }
        buffer.ResetWrittenCount();
    }
}
