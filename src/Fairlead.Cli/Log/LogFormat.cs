using System.Buffers;
using System.Globalization;
using System.Text;

namespace Fairlead.Cli;

/// <summary>How an entry becomes a line. Used by one thread at a time.</summary>
internal abstract class LogFormat
{
    /// <summary>Appends the entry and a line feed; an entry that cannot say what it is becomes a line that says so.</summary>
    public void Append(LogEntry entry, ArrayBufferWriter<byte> output)
    {
        string message;
        IEnumerable<KeyValuePair<string, object?>> fields;
        try
        {
            message = NeedsMessage ? entry.Message : "";
            fields = NeedsFields ? Known(entry.Fields) : [];
        }
#pragma warning disable CA1031 // Whatever a faulty entry throws, it must not end the thread that writes all the others.
        catch (Exception error)
#pragma warning restore CA1031
        {
            message = $"a log entry ({entry.GetType().Name}) could not be written: {error.Message}";
            fields = [];
        }
        AppendLine(entry, message, fields, output);
        output.Write("\n"u8);
    }

    // What is a list already has been made whole.
    private static IReadOnlyList<KeyValuePair<string, object?>> Known(IEnumerable<KeyValuePair<string, object?>> fields) => fields as IReadOnlyList<KeyValuePair<string, object?>> ?? [.. fields];

    /// <summary>Whether lines show <see cref="LogEntry.Message"/>.</summary>
    protected virtual bool NeedsMessage => true;

    /// <summary>Whether lines show <see cref="LogEntry.Fields"/>.</summary>
    protected abstract bool NeedsFields { get; }

    /// <summary>Appends the entry without a line feed.</summary>
    protected abstract void AppendLine(LogEntry entry, string message, IEnumerable<KeyValuePair<string, object?>> fields, ArrayBufferWriter<byte> output);
}

/// <summary>For people: <c>15:04:05.123 info  listening on 127.0.0.1:8080</c>, in local time.</summary>
/// <param name="hasColour">Whether the level is coloured, as a terminal shows it.</param>
internal sealed class TextLogFormat(bool hasColour) : LogFormat
{
    protected override bool NeedsFields => false;

    protected override void AppendLine(LogEntry entry, string message, IEnumerable<KeyValuePair<string, object?>> fields, ArrayBufferWriter<byte> output)
    {
        entry.Time.ToLocalTime().TryFormat(output.GetSpan(16), out var length, "HH:mm:ss.fff ", CultureInfo.InvariantCulture);
        output.Advance(length);
        output.Write(Level(entry.Level));
        // What a stranger wrote is escaped and cut already; this is for the rest, like the system's messages and paths.
        Encoding.UTF8.GetBytes(Printable.Escape(message, int.MaxValue), output);
    }

    private ReadOnlySpan<byte> Level(LogLevel level) => (level, hasColour) switch
    {
        (LogLevel.Debug, false) => "debug "u8,
        (LogLevel.Debug, true) => "\e[2mdebug\e[0m "u8,
        (LogLevel.Information, false) => "info  "u8,
        (LogLevel.Information, true) => "\e[32minfo\e[0m  "u8,
        (LogLevel.Warning, false) => "warn  "u8,
        (LogLevel.Warning, true) => "\e[33mwarn\e[0m  "u8,
        (_, false) => "error "u8,
        (_, true) => "\e[31merror\e[0m "u8,
    };
}
