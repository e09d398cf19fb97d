namespace Fairlead.Ssh;

/// <summary>Which names are meant: patterns with <c>*</c> and <c>?</c>, commas between them, and <c>!</c> before those that are not meant (PATTERNS in ssh_config(5)).</summary>
internal sealed class PatternList
{
    private readonly string[] meant, excepted;

    /// <param name="list">The patterns.</param>
    /// <param name="ignoreCase">Whether they are taken in lower case, as names are then.</param>
    public PatternList(string list, bool ignoreCase = true)
    {
        var patterns = (ignoreCase ? list.ToLowerInvariant() : list).Split(',', StringSplitOptions.RemoveEmptyEntries);
        meant = [.. patterns.Where(static pattern => pattern[0] != '!')];
        excepted = [.. patterns.Where(static pattern => pattern[0] == '!').Select(static pattern => pattern[1..])];
    }

    /// <summary>Whether a name is meant: by one pattern at least, and by none with <c>!</c>, wherever that stands.</summary>
    /// <param name="name">In lower case, if case is to mean nothing.</param>
    public bool Matches(string name) => Array.Exists(meant, pattern => IsMatch(pattern, name)) && !Array.Exists(excepted, pattern => IsMatch(pattern, name));

    /// <summary>Whether it is this one name, and no pattern.</summary>
    public bool IsOnly(string name) => excepted.Length == 0 && meant is [var one] && one == name && one.AsSpan().IndexOfAny('*', '?') < 0;

    /// <summary>Whether a pattern with <c>*</c> and <c>?</c> is a text from its beginning to its end. It takes at most as many steps as the one is long times the other.</summary>
    public static bool IsMatch(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        var (at, next) = (0, 0);
        var (star, taken) = (-1, 0); // the last star that was met, and how much of the text stands before what it takes
        while (at < text.Length)
        {
            if (next < pattern.Length && pattern[next] == '*')
                (star, taken) = (next++, at);
            else if (next < pattern.Length && (pattern[next] == '?' || pattern[next] == text[at]))
                (at, next) = (at + 1, next + 1);
            else if (star >= 0)
                (at, next) = (++taken, star + 1);
            else
                return false;
        }
        return pattern[next..].IndexOfAnyExcept('*') < 0;
    }
}
