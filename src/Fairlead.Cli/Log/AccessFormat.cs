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

    protected override bool NeedsMessage => false;

    protected override bool NeedsFields => true;

    protected override void AppendLine(LogEntry entry, string message, IEnumerable<KeyValuePair<string, object?>> fields, ArrayBufferWriter<byte> output)
    {
        entry.Time.ToLocalTime().TryFormat(output.GetSpan(32), out var length, "yyyy-MM-ddTHH:mm:ss.fffzzz", CultureInfo.InvariantCulture);
        output.Advance(length);
        var known = fields as IReadOnlyList<KeyValuePair<string, object?>> ?? [.. fields];
        foreach (var name in names)
        {
            output.Write(" "u8);
            Encoding.UTF8.GetBytes(Shown(name, Find(known, name)), output);
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

    private static string Shown(string name, object? value)
    {
        var text = value switch
        {
            null => "-",
            double milliseconds when name == "duration_ms" => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000:F3}s"),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "-",
        };
        // A space would shift the fields behind it; a path of a Unix socket may have one.
        return text.Length == 0 ? "-" : Printable.Escape(text, int.MaxValue).Replace(" ", "\\u0020", StringComparison.Ordinal);
    }
}
