using System.Text;

namespace Fairlead.Cli;

/// <summary>What a text stands out by, where there is colour.</summary>
internal enum Ink
{
    /// <summary>Nothing.</summary>
    Plain,

    /// <summary>Less than others: headings, hints.</summary>
    Dim,

    /// <summary>More than others.</summary>
    Bold,

    /// <summary>It is all right to look at it some time.</summary>
    Yellow,

    /// <summary>Somebody should look at it.</summary>
    Red,
}

/// <summary>A text of a table.</summary>
internal readonly record struct Cell(string Text, Ink Ink = Ink.Plain)
{
    public static implicit operator Cell(string text) => new(text);
}

/// <summary>A column of a table.</summary>
/// <param name="Title">Its heading.</param>
/// <param name="IsNumber">Whether it is right-aligned.</param>
/// <param name="Least">How narrow it may become; 0 if it must stay whole.</param>
/// <param name="Leaves">
/// Columns with a higher number are left out before those with a lower one, where the table is too wide even with texts cut; from
/// <see cref="Table.LeavesFirst"/> on, before any text is cut. 0 stays.
/// </param>
/// <param name="Usual">How wide it is at least where there is room, so that a table that is drawn again and again stands still.</param>
internal sealed record Column(string Title, bool IsNumber = false, int Least = 0, int Leaves = 0, int Usual = 0);

/// <summary>Lines up texts in columns with two spaces between them, and makes them fit.</summary>
/// <param name="columns">From left to right.</param>
internal sealed class Table(params Column[] columns)
{
    public const int LeavesFirst = 9;

    private const int Gap = 2;

    private readonly List<Cell[]> rows = [];

    /// <summary>Adds a line; cells that are not given are empty.</summary>
    public void Add(params Cell[] cells) => rows.Add(cells);

    /// <summary>The heading and the lines.</summary>
    /// <param name="width">How many columns of a terminal there are; null if there is no bound.</param>
    /// <param name="hasColour">Whether inks become escape sequences.</param>
    public IEnumerable<string> Lines(int? width, bool hasColour)
    {
        var needed = Widths();
        var widths = needed.Select((content, i) => Math.Max(content, columns[i].Usual)).ToArray();
        var shown = Enumerable.Range(0, columns.Length).ToList();
        if (width is { } room)
            Fit(widths, needed, shown, room);
        yield return Line([.. columns.Select(column => new Cell(column.Title, Ink.Dim))], widths, shown, hasColour);
        foreach (var row in rows)
            yield return Line(row, widths, shown, hasColour);
    }

    /// <summary>A text in its ink.</summary>
    public static string Inked(string text, Ink ink, bool hasColour)
    {
        return (hasColour, ink) switch
        {
            (false, _) or (_, Ink.Plain) => text,
            (_, Ink.Dim) => $"\e[2m{text}\e[0m",
            (_, Ink.Bold) => $"\e[1m{text}\e[0m",
            (_, Ink.Yellow) => $"\e[33m{text}\e[0m",
            _ => $"\e[31m{text}\e[0m",
        };
    }

    private int[] Widths()
    {
        var widths = columns.Select(column => TextWidth.Of(column.Title)).ToArray();
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
                widths[i] = Math.Max(widths[i], TextWidth.Of(row[i].Text));
        }
        return widths;
    }

    private void Fit(int[] widths, int[] needed, List<int> shown, int room)
    {
        while (true)
        {
            var excess = shown.Sum(i => widths[i]) + (Gap * (shown.Count - 1)) - room;
            if (excess <= 0)
                return;
            var slack = shown.Sum(i => Math.Max(0, widths[i] - Least(i)));
            var leaver = shown.Where(i => columns[i].Leaves > 0).OrderByDescending(i => columns[i].Leaves).Select(i => (int?)i).FirstOrDefault();
            if (leaver is { } gone && (excess > slack || columns[gone].Leaves >= LeavesFirst))
            {
                shown.Remove(gone);
                continue;
            }
            // Room to spare first, then always the widest that can, so that short texts stay whole.
            for (; excess > 0 && shown.Where(i => widths[i] > Least(i)).ToList() is { Count: > 0 } elastic; excess--)
                widths[elastic.OrderByDescending(i => widths[i] > needed[i]).ThenByDescending(i => widths[i]).First()]--;
            return;
        }

        int Least(int i) => columns[i].Least == 0 ? needed[i] : Math.Min(needed[i], Math.Max(columns[i].Least, TextWidth.Of(columns[i].Title)));
    }

    private string Line(Cell[] cells, int[] widths, List<int> shown, bool hasColour)
    {
        var line = new StringBuilder();
        var pending = 0; // spaces that are written only if something follows
        foreach (var i in shown)
        {
            var cell = i < cells.Length ? cells[i] : new Cell("");
            var text = TextWidth.Cut(cell.Text ?? "", widths[i]);
            var padding = widths[i] - TextWidth.Of(text);
            if (columns[i].IsNumber)
                pending += padding;
            if (text.Length > 0)
            {
                line.Append(' ', pending).Append(Inked(text, cell.Ink, hasColour));
                pending = 0;
            }
            pending += columns[i].IsNumber ? Gap : padding + Gap;
        }
        return line.ToString();
    }
}
