using System.Buffers;
using System.Globalization;
using System.Text;

namespace Fairlead;

/// <summary>Turns the bytes of a file into text, and refuses what would be read otherwise than it looks.</summary>
internal static class ConfigurationText
{
    // YAML ends a document at a zero and a line at the others, which editors do not.
    private static readonly SearchValues<char> refused =
        SearchValues.Create([.. Enumerable.Range(0, 0xA0).Select(value => (char)value).Where(character => char.IsControl(character) && character is not ('\t' or '\n' or '\r')), '\u2028', '\u2029', '\uFEFF']);

    /// <returns>The text without a byte order mark; null where it has an error, which is told.</returns>
    public static string? Decode(string file, byte[] bytes, Findings findings)
    {
        var span = bytes.AsSpan();
        if (span.StartsWith("\uFEFF"u8))
            span = span[3..];
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(span);
        }
        catch (DecoderFallbackException error)
        {
            var valid = Encoding.UTF8.GetString(span[..Math.Clamp(error.Index, 0, span.Length)]);
            findings.Error(PlaceOf(file, valid, valid.Length), "this is not UTF-8; save the file as UTF-8");
            return null;
        }
        if (text.AsSpan().IndexOfAny(refused) is var at and >= 0)
        {
            findings.Error(PlaceOf(file, text, at), string.Create(CultureInfo.InvariantCulture, $"there is a control character here (U+{(int)text[at]:X4}); remove it"));
            return null;
        }
        return text;
    }

    private static Place PlaceOf(string file, string text, int at)
    {
        var before = text.AsSpan(0, at);
        var line = before.LastIndexOf('\n');
        return new Place(file, before.Count('\n') + 1, at - line);
    }
}
