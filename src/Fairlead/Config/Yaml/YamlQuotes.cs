using System.Buffers;

namespace Fairlead;

/// <summary>
/// Finds values that mean something else to YAML than to people, like <c>[::1]:80</c> (a list) and <c>*:80</c> (an alias), and shows their line with quotes.
/// </summary>
internal static class YamlQuotes
{
    private static readonly SearchValues<char> addressCharacters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>Finds them in a line.</summary>
    /// <returns>Where each begins, from 0, and how long it is.</returns>
    public static IReadOnlyList<(int At, int Length)> Find(string line)
    {
        var found = new List<(int, int)>();
        for (var at = 0; at < line.Length; at++)
        {
            if (line[at] == '#' && (at == 0 || line[at - 1] is ' ' or '\t'))
                break;
            if (line[at] is '"' or '\'' && BeginsValue(line, at))
                at = EndOfQuoted(line, at);
            else if (LengthAt(line, at) is var length and > 0)
            {
                found.Add((at, length));
                at += length - 1;
            }
        }
        return found;
    }

    /// <summary>The line with these values in quotes.</summary>
    public static string Quote(string line, IReadOnlyList<(int At, int Length)> values)
    {
        foreach (var (at, length) in values.Reverse())
            line = $"{line[..at]}\"{line.Substring(at, length)}\"{line[(at + length)..]}";
        return line;
    }

    /// <summary>What to do about a value of a line.</summary>
    public static string Advice(string line, int at, IReadOnlyList<(int At, int Length)> values)
    {
        var meaning = line[at] switch
        {
            '[' => "YAML takes '[' for the beginning of a list",
            '*' => "YAML takes '*' for an alias",
            '&' => "YAML takes '&' for an anchor",
            '%' => "YAML takes '%' for a directive",
            '-' => "YAML takes '-' for an element of a list",
            _ => $"YAML keeps '{line[at]}' for itself",
        };
        return $"{meaning}; put the value in quotes: {Printable.Escape(Quote(line, values).Trim())}";
    }

    private static int LengthAt(string line, int at)
    {
        if (line[at] == '-')
            return line.AsSpan(0, at).TrimEnd().EndsWith(":") && BeginsValue(line, at) && (Ends(line, at + 1) || line[at + 1] is ',' or ']' or '}') ? 1 : 0;
        if (line[at] is not ('[' or '*' or '&' or '@' or '%' or '`') || !BeginsValue(line, at))
            return 0;
        // A word behind it is a name: an alias or an anchor is meant.
        if (line[at] is '*' or '&' && at + 1 < line.Length && (char.IsAsciiLetter(line[at + 1]) || line[at + 1] == '_'))
            return 0;
        var from = at;
        if (line[at] == '[')
        {
            // An IPv6 address with something right behind it, or a list.
            var close = line.IndexOf(']', at);
            var address = close < 0 ? "" : line[(at + 1)..close].Split('%')[0];
            if (!address.Contains(':', StringComparison.Ordinal) || address.AsSpan().IndexOfAnyExcept(addressCharacters) >= 0 || close + 1 == line.Length || line[close + 1] is not (':' or '/'))
                return 0;
            from = close;
        }
        var end = from + 1;
        while (end < line.Length && line[end] is not (',' or ']' or '}') && !(line[end] is ' ' or '\t' && Ends(line, end)))
            end++;
        return end - at;
    }

    /// <summary>Whether what follows white space is no part of the value: a comment, the end of a list or map, or nothing.</summary>
    private static bool Ends(string line, int at)
    {
        var rest = line.AsSpan(at).TrimStart();
        return rest.IsEmpty || rest[0] is '#' or ',' or ']' or '}';
    }

    private static bool BeginsValue(string line, int at)
    {
        var before = line.AsSpan(0, at).TrimEnd();
        if (before.IsEmpty)
            return false;
        return before[^1] is '[' or '{' or ',' || (before[^1] is ':' or '-' && before.Length < at);
    }

    private static int EndOfQuoted(string line, int at)
    {
        var quote = line[at];
        for (var end = at + 1; end < line.Length; end++)
        {
            if (line[end] == '\\' && quote == '"')
                end++;
            else if (line[end] == quote)
                return end;
        }
        return line.Length;
    }
}
