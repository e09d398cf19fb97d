using System.Buffers;
using System.Globalization;
using System.Text;

namespace Fairlead.Cli;

/// <summary>
/// For people and for awk: always the same eleven fields with one space between them, none of which has a space in it.
/// <c>2026-11-22T19:04:05.123+01:00 192.0.2.7:51234 0.0.0.0:8080 10.0.0.5:80 closed client 1.234s 512 20480 web 17</c>: when it ended (RFC 3339, local
/// time with its offset), client, listen, upstream, how it ended, by whom, how long it took, bytes from the client, bytes from the upstream, forward,
/// number. What is not known is <c>-</c>.
/// </summary>
internal sealed class AccessFormat : LogFormat
{
    private static readonly string[] names = ["client", "listen", "upstream", "end", "by", "duration_ms", "bytes_from_client", "bytes_from_upstream", "forward", "id"];

    // 2026-11-22T19:04:05.123+01:00
    private const int MillisecondsAt = 20, TimeLength = 29;

    private readonly byte[] present = new byte[TimeLength];
    private long presentSecond = -1;

    protected override bool NeedsMessage => false;

    protected override bool NeedsFields => true;

    protected override void AppendLine(LogEntry entry, string message, IEnumerable<KeyValuePair<string, object?>> fields, ArrayBufferWriter<byte> output)
    {
        AppendTime(entry.Time, output);
        var known = fields as IReadOnlyList<KeyValuePair<string, object?>> ?? [.. fields];
        foreach (var name in names)
        {
            output.Write(" "u8);
            Append(name, Find(known, name), output);
        }
    }

    // The time zone and the calendar are asked once a second: a line for each session is the most of what a log costs.
    private void AppendTime(DateTimeOffset time, ArrayBufferWriter<byte> output)
    {
        var (second, ticks) = Math.DivRem(time.UtcTicks, TimeSpan.TicksPerSecond);
        if (second != presentSecond)
        {
            time.ToLocalTime().TryFormat(present, out _, "yyyy-MM-ddTHH:mm:ss.fffzzz", CultureInfo.InvariantCulture);
            presentSecond = second;
        }
        ((int)(ticks / TimeSpan.TicksPerMillisecond)).TryFormat(present.AsSpan(MillisecondsAt, 3), out _, "D3", CultureInfo.InvariantCulture);
        output.Write(present);
    }

    private static void Append(string name, object? value, ArrayBufferWriter<byte> output)
    {
        var length = 0;
        switch (value)
        {
            case long number:
                number.TryFormat(output.GetSpan(32), out length, default, CultureInfo.InvariantCulture);
                output.Advance(length);
                break;
            case double milliseconds when name == "duration_ms" && (milliseconds / 1000).TryFormat(output.GetSpan(400), out length, "F3", CultureInfo.InvariantCulture):
                output.Advance(length);
                output.Write("s"u8);
                break;
            case string { Length: > 0 } text when text.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0:
                output.Advance(Encoding.ASCII.GetBytes(text, output.GetSpan(text.Length)));
                break;
            default:
                Encoding.UTF8.GetBytes(Shown(value), output);
                break;
        }
    }

    private static object? Find(IReadOnlyList<KeyValuePair<string, object?>> fields, string name)
    {
        foreach (var (key, value) in fields)
        {
            if (key == name)
                return value;
        }
        return null;
    }

    private static string Shown(object? value)
    {
        var text = value switch
        {
            null => "-",
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "-",
        };
        // A space would shift the fields behind it; a path of a Unix socket may have one.
        return text.Length == 0 ? "-" : Printable.Escape(text, int.MaxValue).Replace(" ", "\\u0020", StringComparison.Ordinal);
    }
}
