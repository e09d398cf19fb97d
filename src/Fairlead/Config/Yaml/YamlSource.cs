namespace Fairlead;

/// <summary>
/// The text of a YAML file, by lines. Quotes that the reader puts into it, so that it can read on, do not move the places that it tells.
/// </summary>
internal sealed class YamlSource
{
    private readonly List<string> lines = [];
    private readonly Dictionary<int, (string Line, IReadOnlyList<(int At, int Length)> Quoted)> mended = [];

    public YamlSource(string file, string text)
    {
        File = file;
        // The same line breaks as YAML's (5.4): others are refused before.
        for (var at = 0; at <= text.Length;)
        {
            var end = text.AsSpan(at).IndexOfAny('\r', '\n') is var found and >= 0 ? at + found : text.Length;
            lines.Add(text[at..end]);
            at = end + (end + 1 < text.Length && text[end] == '\r' && text[end + 1] == '\n' ? 2 : 1);
        }
    }

    /// <summary>The file, as it was named.</summary>
    public string File { get; }

    public int LineCount => lines.Count;

    /// <summary>A line as it was written, from 1; empty where there is none.</summary>
    public string Line(long number) => number >= 1 && number <= lines.Count ? lines[(int)number - 1] : "";

    /// <summary>The text, with the quotes that were put into it.</summary>
    public TextReader Open() => new StringReader(string.Join('\n', mended.Count == 0 ? lines : lines.Select((line, index) => mended.TryGetValue(index + 1, out var mend) ? mend.Line : line)));

    /// <summary>Puts values of a line into quotes. Once a line.</summary>
    public bool Mend(int number, IReadOnlyList<(int At, int Length)> values) => mended.TryAdd(number, (YamlQuotes.Quote(Line(number), values), values));

    /// <summary>The place that a mark of the parser means.</summary>
    public Place At(long line, long column)
    {
        var number = (int)Math.Clamp(line, 1, Math.Max(1, lines.Count));
        if (mended.TryGetValue(number, out var mend))
        {
            // Each value before it has added two quotes, and one that it stands in has added one.
            var added = 0;
            foreach (var (at, length) in mend.Quoted)
                added += (column > at + 1 + added ? 1 : 0) + (column > at + length + 2 + added ? 1 : 0);
            column -= added;
        }
        return new Place(File, number, (int)Math.Clamp(column, 1, int.MaxValue));
    }
}
