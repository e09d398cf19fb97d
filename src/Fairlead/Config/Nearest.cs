namespace Fairlead;

/// <summary>Finds what a misspelt word was meant to be.</summary>
internal static class Nearest
{
    /// <returns><c>; did you mean 'listen'?</c>, or nothing where no known word is near.</returns>
    public static string Hint(string word, IEnumerable<string> known) => Of(word, known) is { } nearest ? $"; did you mean '{nearest}'?" : "";

    /// <summary>The nearest known word; null if none is near: a third of its letters may differ, and dashes count as underscores.</summary>
    public static string? Of(string word, IEnumerable<string> known)
    {
        var written = word.ToLowerInvariant().Replace('-', '_');
        return known.Select(candidate => (candidate, distance: Distance(written, candidate.Replace('-', '_'))))
            .Where(pair => pair.distance <= Math.Max(1, written.Length / 3) && pair.distance < pair.candidate.Length)
            .OrderBy(pair => pair.distance).FirstOrDefault().candidate;
    }

    /// <summary>
    /// How many letters have to be changed, added, left out or exchanged with their neighbour (optimal string alignment). Known words are short: a longer one is
    /// far from all.
    /// </summary>
    private static int Distance(string one, string other)
    {
        if (one.Length > 64)
            return one.Length;
        var rows = new int[one.Length + 1, other.Length + 1];
        for (var i = 0; i <= one.Length; i++)
        {
            for (var j = 0; j <= other.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    rows[i, j] = i + j;
                    continue;
                }
                rows[i, j] = Math.Min(Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1, rows[i - 1, j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }
        return rows[one.Length, other.Length];
    }
}
