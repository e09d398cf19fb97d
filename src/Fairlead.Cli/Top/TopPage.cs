using System.Globalization;

namespace Fairlead.Cli;

/// <summary>What connections are sorted by.</summary>
internal enum TopOrder
{
    /// <summary>Bytes a second, both ways; the most first.</summary>
    Rate,

    /// <summary>Bytes so far, both ways; the most first.</summary>
    Bytes,

    /// <summary>How long they have been there; the oldest first.</summary>
    Age,

    /// <summary>The client's address.</summary>
    Client,
}

/// <summary>What whoever looks at it has chosen.</summary>
/// <param name="Order">What connections are sorted by.</param>
/// <param name="Skipped">How many of them are scrolled past.</param>
internal readonly record struct TopView(TopOrder Order, int Skipped)
{
    /// <summary>The next or the previous order, round and round; from its beginning.</summary>
    public TopView Turned(int step) => new((TopOrder)(((int)Order + step + 4) % 4), 0);

    /// <summary>Scrolled, but not beyond the first or the last.</summary>
    public TopView Scrolled(int by, int count) => this with { Skipped = Math.Clamp(Skipped + by, 0, Math.Max(0, count - 1)) };
}

/// <summary>The page of <c>top</c>: sums, forwards, connections, as many of each as fit.</summary>
internal static class TopPage
{
    /// <summary>As wide as <c>255.255.255.255:65535</c> and <c>999 kB/s</c> or <c>1.23 MB/s</c>.</summary>
    private const int Address = 21, Rate = 9;

    /// <summary>The whole page.</summary>
    /// <param name="figures">What to show.</param>
    /// <param name="view">How.</param>
    /// <param name="screen">Where.</param>
    /// <param name="height">How many lines there are, of which all are filled; null for as many as it takes, without the line of keys.</param>
    public static IReadOnlyList<string> Lines(TopFigures figures, TopView view, Screen screen, int? height)
    {
        var lines = new List<string>(Head(figures, screen)) { "" };
        // Heads, blank lines and keys; of what is left, forwards get a third.
        var room = height is { } bound ? Math.Max(2, bound - lines.Count - 4) : int.MaxValue;
        var forwards = figures.Forwards.OrderByDescending(forward => forward.Rates.Sum).ThenByDescending(forward => forward.Status.Connections).ThenBy(forward => forward.Status.Name, StringComparer.Ordinal).ToList();
        var forwardRoom = height is null ? int.MaxValue : Math.Max(1, Math.Max(room / 3, room - figures.Connections.Count - 1));
        lines.AddRange(Shown(forwards, 0, forwardRoom, "forward", Forwards, screen));
        lines.Add("");
        var connections = Sorted(figures.Connections, view.Order).ToList();
        var connectionRoom = height is { } all ? Math.Max(1, all - lines.Count - 2) : int.MaxValue;
        lines.AddRange(connections.Count == 0 ? [screen.Line("no connections", Ink.Dim)] : Shown(connections, view.Skipped, connectionRoom, "connection", rows => Connections(rows, figures.Sample.Time), screen));
        if (height is not { } full)
            return lines;
        while (lines.Count < full - 1)
            lines.Add("");
        lines.RemoveRange(Math.Max(0, full - 1), lines.Count - Math.Max(0, full - 1));
        lines.Add(Keys(view, screen));
        return lines;
    }

    private static IEnumerable<string> Head(TopFigures figures, Screen screen)
    {
        var (status, rates) = (figures.Sample.Status, figures.Rates);
        var name = $"{status.Name}{(status.IsStopping ? ", stopping" : "")}";
        var rest = $"   up {Human.Age(figures.Sample.Time - status.Started)}   {Human.Count(status.Connections, "connection")} of at most {Human.Count(status.MostConnections)}   ↑ {Flow(rates.Up)}   ↓ {Flow(rates.Down)}";
        var room = screen.Width ?? int.MaxValue;
        name = TextWidth.Cut(name, room);
        yield return screen.Inked(name, Ink.Bold) + TextWidth.Cut(rest, room - TextWidth.Of(name));
    }

    // Here nothing is told as such, since it stands alone.
    private static string Flow(double rate) => $"{Human.Bytes(rate)}/s";

    private static string Keys(TopView view, Screen screen)
    {
        var order = view.Order switch { TopOrder.Rate => "rate", TopOrder.Bytes => "bytes", TopOrder.Age => "age", _ => "client" };
        return screen.Line($"q quit   ←→ sort by {order}   ↑↓ scroll", Ink.Dim);
    }

    /// <summary>The table of some rows; if not all fit, the last line says how many are left out.</summary>
    private static IEnumerable<string> Shown<T>(List<T> all, int skipped, int room, string one, Func<IEnumerable<T>, Table> table, Screen screen)
    {
        skipped = Math.Min(skipped, Math.Max(0, all.Count - 1));
        var isCut = all.Count - skipped > room;
        var shown = all.Skip(skipped).Take(isCut ? Math.Max(1, room - 1) : room).ToList();
        foreach (var line in table(shown).Lines(screen.Width, screen.HasColour))
            yield return line;
        var below = all.Count - skipped - shown.Count;
        if (isCut)
            yield return screen.Line($"  {Human.Count(below, $"more {one}")}{(skipped > 0 ? $", {Human.Count(skipped)} above" : "")}", Ink.Dim);
    }

    private static Table Forwards(IEnumerable<TopForward> forwards)
    {
        var table = new Table(
            new("FORWARD", Least: 8, Usual: 12), new("TO", Least: 12, Usual: Address), new("OPEN", IsNumber: true, Usual: 6), new("NEW/s", IsNumber: true, Leaves: 2, Usual: 6),
            new("FAILED", IsNumber: true, Leaves: 1), new("UP", IsNumber: true, Usual: Rate), new("DOWN", IsNumber: true, Usual: Rate));
        foreach (var (forward, rates, accepted) in forwards)
        {
            var down = forward.Upstreams.Count(upstream => !upstream.IsUp);
            var to = forward.Upstreams.Count > 1 ? $"{forward.Upstreams.Count} upstreams" : forward.To;
            var goal = forward.IsDraining ? new Cell($"{to}, draining", Ink.Yellow)
                : down == 0 ? to
                : new Cell($"{to}, {(forward.Upstreams.Count > 1 ? $"{down} " : "")}down", Ink.Red);
            table.Add(
                forward.Name, goal,
                Human.Count(forward.Connections), accepted < 0.05 ? "-" : accepted.ToString(accepted < 10 ? "F1" : "N0", CultureInfo.InvariantCulture),
                new(Human.Count(forward.Failed), forward.Failed > 0 ? Ink.Yellow : Ink.Plain), Human.Rate(rates.Up), Human.Rate(rates.Down));
        }
        return table;
    }

    private static Table Connections(IEnumerable<TopConnection> connections, DateTimeOffset now)
    {
        var table = new Table(
            new("ID", IsNumber: true, Usual: 5), new("FORWARD", Least: 8, Leaves: 1), new("FROM", Least: 15, Usual: Address), new("TO", Least: 15, Usual: Address),
            new("AGE", IsNumber: true, Leaves: 2, Usual: 7), new("BYTES", IsNumber: true, Leaves: Table.LeavesFirst, Usual: 7), new("UP", IsNumber: true, Usual: Rate), new("DOWN", IsNumber: true, Usual: Rate));
        foreach (var (connection, rates) in connections)
        {
            table.Add(
                $"{connection.Id}", connection.Forward, connection.Client, ConnectionsCommand.Upstream(connection), Human.Age(now - connection.Since),
                Human.Bytes((double)connection.BytesFromClient + connection.BytesFromUpstream), Human.Rate(rates.Up), Human.Rate(rates.Down));
        }
        return table;
    }

    private static IOrderedEnumerable<TopConnection> Sorted(IEnumerable<TopConnection> connections, TopOrder order)
    {
        var sorted = order switch
        {
            TopOrder.Rate => connections.OrderByDescending(connection => connection.Rates.Sum),
            TopOrder.Bytes => connections.OrderByDescending(connection => connection.Status.BytesFromClient + connection.Status.BytesFromUpstream),
            TopOrder.Age => connections.OrderBy(connection => connection.Status.Since),
            _ => connections.OrderBy(connection => connection.Status.Client, StringComparer.Ordinal),
        };
        // So that those of the same rate do not change places.
        return sorted.ThenBy(connection => connection.Status.Id);
    }
}
