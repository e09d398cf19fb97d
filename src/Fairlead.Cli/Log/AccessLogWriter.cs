using System.Buffers;
using System.Globalization;

namespace Fairlead.Cli;

/// <summary>
/// The access log: a line for each session that has ended, to a file or to standard output, without holding up those whose sessions end (see
/// <see cref="LogQueue"/>). Lines that cannot be written are counted, and the log is told how many, once a minute at most.
/// </summary>
internal sealed class AccessLogWriter : ILogSink, IDisposable
{
    private const int WriteSize = 64 * 1024;

    private readonly Func<IAccessOutput> open;
    private readonly bool isReopened;
    private readonly string place;
    private readonly LogFormat format;
    private readonly Action<LogEntry> log;
    private readonly LogQueue queue;
    private readonly ArrayBufferWriter<byte> buffer = new(WriteSize);
    private readonly Lock gate = new();
    private readonly List<TaskCompletionSource<bool>> reopenings = [];
    private bool isOver;
    private IAccessOutput output;
    private string? lastError;
    private bool isLineCut;

    /// <param name="place">What messages call it.</param>
    /// <param name="open">Opens it; throws what <see cref="AppendFile"/> does.</param>
    /// <param name="isReopened">Whether <see cref="ReopenAsync"/> opens it again, as it does with a file.</param>
    /// <param name="format">How a session becomes a line.</param>
    /// <param name="log">Told of drops and of a file that cannot be opened again. Called on the writing thread.</param>
    /// <param name="time">The clock of the drop notices.</param>
    internal AccessLogWriter(string place, Func<IAccessOutput> open, bool isReopened, LogFormat format, Action<LogEntry> log, TimeProvider time)
    {
        this.place = place;
        this.open = open;
        this.isReopened = isReopened;
        this.format = format;
        this.log = log;
        try
        {
            output = open();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"the access log {place} cannot be opened: {Printable.Escape(e.Message.TrimEnd('.'))}; make its folder, let this user write there, or choose another file (access_log: {{ file: PATH }})", e);
        }
        queue = new LogQueue("access log", this, time);
        queue.Start();
    }

    /// <summary>Opens the log and starts the writing thread.</summary>
    /// <param name="config">Where to, and for whom.</param>
    /// <param name="log">Told of drops and of a file that cannot be opened again; must not block.</param>
    /// <param name="time">The clock of the drop notices.</param>
    /// <exception cref="StartException">The file cannot be opened.</exception>
    public static AccessLogWriter Open(AccessLogConfig config, Action<LogEntry> log, TimeProvider? time = null)
    {
        LogFormat format = config.Format == LogStyle.Json ? new JsonLogFormat(fieldsOnly: true) : new AccessFormat();
        return config.File == "-"
            ? new AccessLogWriter("on standard output", () => new StreamOutput(Console.OpenStandardOutput()), false, format, log, time ?? TimeProvider.System)
            : new AccessLogWriter(Printable.Escape(config.File), () => OpenFile(config.File), true, format, log, time ?? TimeProvider.System);
    }

    /// <summary>Takes ended sessions, and leaves other entries alone. Neither blocks nor throws; may be called on any thread.</summary>
    public void Write(LogEntry entry)
    {
        if (entry.Event == "session")
            queue.Write(entry);
    }

    /// <summary>
    /// Opens the file again under its name, for a log that was renamed to be rotated. Lines before it are in the old file or in the new one, never in both.
    /// </summary>
    /// <returns>Whether that was done, once it was; if not, the log was told why, and the old file is written on. Standard output stays.</returns>
    public Task<bool> ReopenAsync()
    {
        var reopening = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (isOver)
                return Task.FromResult(false);
            reopenings.Add(reopening);
        }
        queue.Wake();
        return reopening.Task;
    }

    /// <summary>Writes what is queued, for half a second at most.</summary>
    public void Dispose()
    {
        if (queue.Stop())
            output.Dispose();
        lock (gate)
        {
            isOver = true;
            foreach (var reopening in reopenings)
                reopening.TrySetResult(false);
        }
    }

    void ILogSink.Begin()
    {
        TaskCompletionSource<bool>[] asked;
        lock (gate)
        {
            if (reopenings.Count == 0)
                return;
            asked = [.. reopenings];
            reopenings.Clear();
        }
        var done = !isReopened || Reopen();
        foreach (var reopening in asked)
            reopening.TrySetResult(done);
    }

    void ILogSink.Append(LogEntry entry)
    {
        if (isLineCut && buffer.WrittenCount == 0)
            buffer.Write("\n"u8);
        format.Append(entry, buffer);
        if (buffer.WrittenCount >= WriteSize)
            Flush();
    }

    void ILogSink.Flush() => Flush();

    void ILogSink.TellDropped(long lost)
    {
        var reason = lastError is null ? "it is not taken fast enough" : Printable.Escape(lastError);
        log(new ProgramEntry(LogLevel.Warning, "access_log_dropped",
            string.Create(CultureInfo.InvariantCulture, $"{lost} {(lost == 1 ? "line" : "lines")} of the access log {(lost == 1 ? "was" : "were")} dropped ({place}): {reason}"),
            new("dropped", lost), new("reason", reason)));
        lastError = null;
    }

    private void Flush()
    {
        if (buffer.WrittenCount == 0)
            return;
        var bytes = buffer.WrittenSpan;
        var written = output.Write(bytes, out var error);
        if (error is null)
        {
            isLineCut = false;
        }
        else
        {
            lastError = error;
            queue.CountDropped(bytes[written..].Count((byte)'\n') - (isLineCut && written == 0 ? 1 : 0));
            // What is left of a line that did not fit gets its end before the next one.
            isLineCut = written > 0 ? bytes[written - 1] != '\n' : isLineCut;
        }
        buffer.ResetWrittenCount();
    }

    private bool Reopen()
    {
        try
        {
            var next = open();
            output.Dispose();
            output = next;
            isLineCut = false;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log(new ProgramEntry(LogLevel.Warning, "access_log_kept", $"the access log {place} cannot be opened again: {Printable.Escape(e.Message.TrimEnd('.'))}; the old file is written on", new KeyValuePair<string, object?>("file", place)));
            return false;
        }
    }

    private static IAccessOutput OpenFile(string path)
    {
        return OperatingSystem.IsLinux() ? new AppendFile(path) : new StreamOutput(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
    }
}
