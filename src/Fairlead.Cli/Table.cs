namespace Fairlead.Cli;

/// <summary>Columns that line up. What is shown is escaped.</summary>
/// <param name="headings">What stands over the columns.</param>
internal sealed class Table(params string[] headings)
{
    private readonly List<string[]> rows = [headings];

    public void Add(params string[] cells) => rows.Add([.. cells.Select(cell => Printable.Escape(cell))]);

    /// <summary>Writes it, without the columns in which nothing stands.</summary>
    public void Write(TextWriter output)
    {
        var columns = Enumerable.Range(0, headings.Length).Where(column => rows.Skip(1).Any(row => row[column].Length > 0)).ToList();
        var widths = columns.Select(column => rows.Max(row => row[column].Length)).ToList();
        foreach (var row in rows)
            output.WriteLine(string.Join("  ", columns.Select((column, i) => row[column].PadRight(widths[i]))).TrimEnd());
    }
}
