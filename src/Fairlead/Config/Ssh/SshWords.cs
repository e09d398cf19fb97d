using System.Globalization;
using System.Text;

namespace Fairlead;

/// <summary>How ssh_config(5) writes values: words with quotes around them, times, sizes, variables and tokens.</summary>
internal static class SshWords
{
    /// <summary>Cuts a text at its spaces (<c>argv_split</c> in OpenSSH's misc.c): quotes keep theirs. What follows a word that begins with a <c>#</c> is a comment.</summary>
    /// <exception cref="FormatException">A quote is not closed.</exception>
    public static IReadOnlyList<string> Split(string text)
    {
        var words = new List<string>();
        for (var at = 0; at < text.Length;)
        {
            if (text[at] is ' ' or '\t')
            {
                at++;
                continue;
            }
            if (text[at] == '#')
                break;
            var (word, quote) = (new StringBuilder(), '\0');
            for (; at < text.Length && (quote != '\0' || text[at] is not (' ' or '\t')); at++)
            {
                var isEscape = text[at] == '\\' && at + 1 < text.Length && (text[at + 1] is '"' or '\'' or '\\' || (quote == '\0' && text[at + 1] == ' '));
                if (isEscape)
                    word.Append(text[++at]);
                else if (quote == '\0' && text[at] is '"' or '\'')
                    quote = text[at];
                else if (quote != '\0' && text[at] == quote)
                    quote = '\0';
                else
                    word.Append(text[at]);
            }
            if (quote != '\0')
                throw new FormatException($"'{Printable.Escape(text)}' has a quote that is not closed");
            words.Add(word.ToString());
        }
        return words;
    }

    /// <summary>A time: seconds, or numbers with units, like <c>1h30m</c>.</summary>
    /// <exception cref="FormatException">It is none, or longer than <see cref="Duration.Longest"/>.</exception>
    public static TimeSpan Time(string text)
    {
        double seconds = 0;
        var at = 0;
        while (at < text.Length || at == 0)
        {
            var digits = text.AsSpan(at).IndexOfAnyExceptInRange('0', '9') is var end and >= 0 ? end : text.Length - at;
            var unit = at + digits < text.Length ? char.ToLowerInvariant(text[at + digits]) : '\0';
            var length = unit switch { '\0' or 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, 'w' => 604_800, _ => 0 };
            if (digits == 0 || length == 0)
                throw new FormatException($"'{Printable.Escape(text)}' is not a time; write seconds, like 30, or units, like 1h30m");
            seconds += double.Parse(text.AsSpan(at, digits), CultureInfo.InvariantCulture) * length;
            at += digits + 1;
        }
        return seconds <= Duration.Longest.TotalSeconds ? TimeSpan.FromSeconds(seconds) : throw new FormatException($"'{Printable.Escape(text)}' is too long; it is at most {Duration.ToText(Duration.Longest)}");
    }

    /// <summary>A size in bytes, with K, M, G or T behind it for powers of 1024 (<c>scan_scaled</c>).</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static long Size(string text)
    {
        var unit = text.Length > 0 ? "KMGT".IndexOf(char.ToUpperInvariant(text[^1]), StringComparison.Ordinal) + 1 : 0;
        var digits = unit > 0 ? text[..^1] : text;
        var isNumber = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= long.MaxValue >> (10 * unit);
        return isNumber ? number << (10 * unit) : throw new FormatException($"'{Printable.Escape(text)}' is not a size; write bytes, like 1048576, or 1M, 1G");
    }

    /// <summary>A text with each <c>${NAME}</c> replaced by that variable of the environment.</summary>
    /// <exception cref="FormatException">One is not set, or has no end; the message begins with the text in quotes.</exception>
    public static string Variables(string text) => Replace(text, "", static _ => "", hasVariables: true, hasTokens: false);

    /// <summary>A text with each <c>%x</c> replaced. Nothing is looked for in what takes their place.</summary>
    /// <param name="text">The text.</param>
    /// <param name="letters">Which letters stand for something.</param>
    /// <param name="tokenOf">What a letter stands for.</param>
    /// <param name="hasVariables">Whether each <c>${NAME}</c> is replaced too.</param>
    /// <exception cref="FormatException">A letter stands for nothing, or a variable is not set; the message begins with the text in quotes.</exception>
    public static string Expand(string text, string letters, Func<char, string> tokenOf, bool hasVariables) => Replace(text, letters, tokenOf, hasVariables, hasTokens: true);

    private static string Replace(string text, string letters, Func<char, string> tokenOf, bool hasVariables, bool hasTokens)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (hasVariables && text.AsSpan(i).StartsWith("${"))
                result.Append(Variable(text, ref i));
            else if (!hasTokens || text[i] != '%')
                result.Append(text[i]);
            else if (++i < text.Length && text[i] == '%')
                result.Append('%');
            else if (i < text.Length && letters.Contains(text[i], StringComparison.Ordinal))
                result.Append(tokenOf(text[i]));
            else
                throw new FormatException($"'{Printable.Escape(text)}' has '%{(i < text.Length ? Printable.Escape(text[i].ToString()) : "")}', which stands for nothing here; there are {string.Join(", ", letters.Select(letter => $"%{letter}"))} and %%");
        }
        return result.ToString();
    }

    // The value of the one that begins there; its end is where the next character is looked for.
    private static string Variable(string text, ref int at)
    {
        var end = text.IndexOf('}', at);
        if (end < 0)
            throw new FormatException($"'{Printable.Escape(text)}' has a '${{' without '}}'; write ${{NAME}} for a variable of the environment");
        var name = text[(at + 2)..end];
        at = end;
        return name.Length > 0 && !name.AsSpan().ContainsAny('=', '\0') && Environment.GetEnvironmentVariable(name) is { } value
            ? value
            : throw new FormatException($"'{Printable.Escape(text)}' names the environment variable '{Printable.Escape(name)}', which is not set; set it, or write its value");
    }
}
