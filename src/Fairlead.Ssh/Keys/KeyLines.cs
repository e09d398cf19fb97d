using System.Globalization;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>The lines of a file that has a key in each: how they are numbered, cut into fields, and shown.</summary>
internal static class KeyLines
{
    /// <summary>
    /// Longer ones count for nothing. A key of the largest kind is 2,800 characters, which leaves room for hundreds of options; sshd(8) speaks of 8 KiB.
    /// </summary>
    public const int MostCharacters = 16 << 10;

    /// <summary>What stands between fields, and at the end of a line.</summary>
    public const string WhiteSpace = " \t\r\n";

    /// <summary>The lines that say something, with their numbers from 1; neither empty ones nor comments, which begin with <c>#</c>. White space around them is left out.</summary>
    public static IEnumerable<(int Number, string Line)> Of(string text)
    {
        for (var (number, start) = (1, text.StartsWith('\uFEFF') ? 1 : 0); start < text.Length; number++)
        {
            var end = text.IndexOf('\n', start) is var found and >= 0 ? found : text.Length;
            var line = text.AsSpan(start, end - start).Trim(WhiteSpace);
            if (!line.IsEmpty && line[0] != '#')
                yield return (number, line.ToString());
            start = end + 1;
        }
    }

    /// <summary>What is wrong with a line before it is read; null if nothing is.</summary>
    public static string? Fault(string line)
    {
        if (line.Length > MostCharacters)
            return $"the line has {line.Length} characters, and at most {MostCharacters} are read; cut it into several";
        return line.Contains('\0', StringComparison.Ordinal) ? "the line has a character zero, and is not read; remove it" : null;
    }

    /// <summary>The next field, and what follows it without the white space between; empty if there is none.</summary>
    public static ReadOnlySpan<char> Field(ref ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOfAny(' ', '\t');
        var field = end < 0 ? rest : rest[..end];
        rest = rest[field.Length..].TrimStart(WhiteSpace);
        return field;
    }

    /// <summary>
    /// A text of a file as a message may have it: control, bidirectional and other invisible characters are question marks, and what is long is cut.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="limit">The most characters to show.</param>
    public static string Shown(ReadOnlySpan<char> text, int limit = 64)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length + rune.Utf16SequenceLength > limit)
                return shown.Append('…').ToString();
            var isHidden = rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            shown.Append(isHidden ? "?" : rune.ToString());
        }
        return shown.ToString();
    }
}
