using System.Globalization;
using System.Text;

namespace Fairlead;

/// <summary>Makes a stranger's text safe to show: in logs, in tables, in errors and in JSON alike.</summary>
public static class Printable
{
    /// <summary>How many characters of a stranger's text are shown: more than any host name (253) has.</summary>
    public const int Limit = 255;

    /// <summary>
    /// The text with control, bidirectional and other invisible characters and lone surrogates written as <c>\u001b</c> (beyond the
    /// basic plane <c>\U000e0001</c>), so that it can neither move a terminal's cursor, nor begin a line, nor turn its neighbours round.
    /// </summary>
    /// <param name="text">Any text; a backslash in it stays as it is.</param>
    /// <param name="limit">The most characters to return, at least 1; what is longer is cut and ends in <c>…</c>, never inside an escape.</param>
    /// <returns><paramref name="text"/> itself where nothing had to be done.</returns>
    public static string Escape(string text, int limit = Limit)
    {
        if (text.Length <= limit && !NeedsEscape(text))
            return text;

        var shown = new StringBuilder(Math.Min(text.Length + 16, limit));
        var uncut = 0; // how much of `shown` can stay if the next piece does not fit
        foreach (var piece in Pieces(text))
        {
            if (shown.Length + piece.Length > limit)
            {
                shown.Length = uncut;
                return shown.Append('…').ToString();
            }
            shown.Append(piece);
            if (shown.Length < limit)
                uncut = shown.Length;
        }
        return shown.ToString();
    }

    private static bool NeedsEscape(string text)
    {
        if (text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0)
            return false;
        for (var at = 0; at < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length) != System.Buffers.OperationStatus.Done || !IsPrintable(rune))
                return true;
            at += length;
        }
        return false;
    }

    private static IEnumerable<string> Pieces(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var whole = Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length) == System.Buffers.OperationStatus.Done;
            yield return !whole ? Escaped(text[at])
                : IsPrintable(rune) ? text.Substring(at, length)
                : Escaped(rune.Value);
            at += length;
        }
    }

    private static string Escaped(int value)
    {
        return value <= char.MaxValue
            ? string.Create(CultureInfo.InvariantCulture, $"\\u{value:x4}")
            : string.Create(CultureInfo.InvariantCulture, $"\\U{value:x8}");
    }

    /// <summary>Category Format holds the bidirectional controls, the zero-width characters and the invisible tags.</summary>
    private static bool IsPrintable(Rune rune)
    {
        return Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
    }
}
