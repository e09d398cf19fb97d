using System.Text;

namespace Fairlead.Bench;

/// <summary>Rows of cells, as text that lines up or as Markdown. The first column goes left, the rest right.</summary>
sealed class Table(params string[] head)
{
    readonly List<string[]> rows = [head];

    public void Add(params string[] cells) => rows.Add(cells);

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var row in rows)
            text.Append("  ").AppendLine(string.Join("   ", Aligned(row)).TrimEnd());
        return text.ToString();
    }

    public string ToMarkdown()
    {
        var text = new StringBuilder();
        foreach (var (row, i) in rows.Select((row, i) => (row, i)))
        {
            text.AppendLine($"| {string.Join(" | ", Aligned(row))} |");
            if (i == 0)
                text.AppendLine($"| --- |{string.Concat(Enumerable.Repeat(" ---: |", head.Length - 1))}");
        }
        return text.ToString();
    }

    IEnumerable<string> Aligned(string[] row) => row.Select((cell, column) =>
    {
        var width = rows.Max(other => other[column].Length);
        return column == 0 ? cell.PadRight(width) : cell.PadLeft(width);
    });
}
