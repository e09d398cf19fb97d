using System.Buffers;
using System.Globalization;

namespace Fairlead.Cli;

/// <summary>
/// Writes log entries to a stream that may stop taking them, in few large writes and without holding up those who log: see <see cref="LogQueue"/>.
/// </summary>
internal sealed class LogWriter : ILogSink, IDisposable
{
    /// <summary>How many entries wait at most.</summary>
    public const int Capacity = LogQueue.Capacity;

    /// <summary>How long <see cref="Dispose"/> waits for a stream that takes nothing.</summary>
    public static readonly TimeSpan FlushLimit = LogQueue.FlushLimit;

    private const int WriteSize = 64 * 1024;

    private readonly Stream output;
    private volatile LogFormat format;
    private volatile LogLevel minimum;
    private readonly LogQueue queue;
    private readonly ArrayBufferWriter<byte> buffer = new(WriteSize);

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
        queue = new LogQueue("log", this, time ?? TimeProvider.System);
        queue.Start();
    }

    /// <summary>Writes otherwise from now on; what is queued already may come in either way.</summary>
    public void Change(LogFormat format, LogLevel minimum) => (this.format, this.minimum) = (format, minimum);

    /// <summary>Hands an entry over. Neither blocks nor throws; may be called on any thread.</summary>
    public void Write(LogEntry entry)
    {
        if (entry.Level >= minimum)
            queue.Write(entry);
    }

    /// <summary>Writes what is queued, for at most <see cref="FlushLimit"/>; entries handed over later are lost.</summary>
    public void Dispose() => queue.Dispose();

    void ILogSink.Begin()
    {
        // The stream is what it always was.
    }

    void ILogSink.Append(LogEntry entry) => Append(entry);

    void ILogSink.Flush() => Flush();

    void ILogSink.TellDropped(long lost)
    {
        var message = string.Create(CultureInfo.InvariantCulture, $"{lost} log {(lost == 1 ? "entry was" : "entries were")} dropped: standard error does not take them fast enough");
        Append(new ProgramEntry(LogLevel.Warning, "log_dropped", message, KeyValuePair.Create<string, object?>("dropped", lost)));
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
