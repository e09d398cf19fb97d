using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Fairlead.Cli;

/// <summary>
/// For machines, one object a line: <c>time</c> (RFC 3339, UTC, milliseconds), <c>level</c>, <c>event</c>, <c>message</c>, and the entry's fields
/// behind them.
/// </summary>
/// <param name="fieldsOnly">Whether level, event and message are left out, where all entries are of one kind.</param>
internal sealed class JsonLogFormat(bool fieldsOnly = false) : LogFormat, IDisposable
{
    private static readonly JsonEncodedText timeName = JsonEncodedText.Encode("time");
    private static readonly JsonEncodedText levelName = JsonEncodedText.Encode("level");
    private static readonly JsonEncodedText eventName = JsonEncodedText.Encode("event");
    private static readonly JsonEncodedText messageName = JsonEncodedText.Encode("message");

    // Lines go to a log, never into HTML, so quotes and letters beyond ASCII can stay readable.
    private readonly Utf8JsonWriter json = new(Stream.Null, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });

    public void Dispose() => json.Dispose();

    protected override bool NeedsMessage => !fieldsOnly;

    protected override bool NeedsFields => true;

    protected override void AppendLine(LogEntry entry, string message, IEnumerable<KeyValuePair<string, object?>> fields, ArrayBufferWriter<byte> output)
    {
        json.Reset(output);
        json.WriteStartObject();
        Span<byte> time = stackalloc byte[32];
        entry.Time.UtcDateTime.TryFormat(time, out var length, "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        json.WriteString(timeName, time[..length]);
        if (!fieldsOnly)
        {
            json.WriteString(levelName, Level(entry.Level));
            json.WriteString(eventName, entry.Event);
            json.WriteString(messageName, Printable.Escape(message, int.MaxValue));
        }
        foreach (var (name, value) in fields)
            Append(name, value);
        json.WriteEndObject();
        json.Flush();
    }

    private void Append(string name, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNull(name);
                break;
            case bool truth:
                json.WriteBoolean(name, truth);
                break;
            case int number:
                json.WriteNumber(name, number);
                break;
            case long number:
                json.WriteNumber(name, number);
                break;
            case ulong number:
                json.WriteNumber(name, number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumber(name, number);
                break;
            default:
                var text = value is IFormattable formattable ? formattable.ToString(null, CultureInfo.InvariantCulture) : value.ToString();
                json.WriteString(name, Printable.Escape(text ?? "", int.MaxValue));
                break;
        }
    }

    private static ReadOnlySpan<byte> Level(LogLevel level) => level switch
    {
        LogLevel.Debug => "debug"u8,
        LogLevel.Information => "info"u8,
        LogLevel.Warning => "warning"u8,
        _ => "error"u8,
    };
}
