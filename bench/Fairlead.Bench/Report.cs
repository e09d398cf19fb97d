using System.Globalization;
using System.Text.Json;

namespace Fairlead.Bench;

/// <summary>The figures as people and programs read them. It shows ranges and draws no conclusion.</summary>
sealed class Report(Options options, Machine machine, IReadOnlyList<string> leftOut)
{
    static readonly JsonSerializerOptions json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    readonly List<WorkResult> results = [];

    public void Add(WorkResult result) => results.Add(result);

    public void WriteHead(TextWriter writer)
    {
        string[] lines =
        [
            $"{machine.Hardware}; {machine.System}; {machine.Date}",
            string.Join("; ", machine.Versions.Select(version => version.Value.Contains(version.Key, StringComparison.OrdinalIgnoreCase) ? version.Value : $"{version.Key} {version.Value}")),
            $"Median and 10–90 % range of {options.Rounds} interleaved rounds; ratios are taken pair by pair within a round.",
            .. leftOut,
        ];
        foreach (var line in lines)
            writer.WriteLine(options.Markdown ? line + "  " : line);
    }

    public void Write(TextWriter writer, WorkResult result)
    {
        var work = result.Work;
        writer.WriteLine();
        writer.WriteLine(options.Markdown ? $"### {work.Name}\n\n{Capitalized(work.What)}; {result.Rounds} rounds." : $"{work.Name}: {work.What}; {result.Rounds} rounds");
        for (var metric = 0; metric < work.Metrics.Count; metric++)
        {
            writer.WriteLine();
            var table = TableOf(result, metric);
            writer.Write(options.Markdown ? table.ToMarkdown() : table.ToString());
        }
        if (result.Failures.Count > 0)
            writer.WriteLine();
        foreach (var failures in result.Failures.GroupBy(failure => (failure.Peer, failure.Reason)))
        {
            var rounds = string.Join(", ", failures.Select(failure => failure.Round < 0 ? "warming up" : $"{failure.Round + 1}"));
            writer.WriteLine($"{(options.Markdown ? "-" : " ")} {failures.Key.Peer} has no value in round {rounds}: {failures.Key.Reason}");
        }
        writer.Flush();
    }

    public void SaveJson(string path) => File.WriteAllText(path, JsonSerializer.Serialize(
        new
        {
            machine,
            Options = new { options.Rounds, options.Seconds },
            leftOut,
            Works = results.Select(result => new
            {
                result.Work.Name,
                result.Work.What,
                result.Rounds,
                result.Work.Reference,
                result.Failures,
                Metrics = result.Work.Metrics.Select((metric, m) => new
                {
                    metric.Name,
                    metric.LessIsBetter,
                    Best = Best(result, m) is { } best ? result.Peers[best].Name : null,
                    result.Work.Ceiling,
                    Peers = result.Peers.Select((peer, p) => new
                    {
                        peer.Name,
                        Spread = Spread.Of(result[m, p]),
                        RatioToReference = Ratio(result, m, p, IndexOf(result, result.Work.Reference)),
                        RatioToCeiling = result.Work.Ceiling is { } ceiling ? Ratio(result, m, p, IndexOf(result, ceiling)) : null,
                        RatioToBest = Ratio(result, m, p, Best(result, m)),
                        // JSON has no NaN: a round without a value is null.
                        Values = result[m, p].Select(value => double.IsFinite(value) ? value : (double?)null),
                    }),
                }),
            }),
        },
        json) + "\n");

    static Table TableOf(WorkResult result, int m)
    {
        var metric = result.Work.Metrics[m];
        var reference = IndexOf(result, result.Work.Reference);
        var ceiling = result.Work.Ceiling is { } name ? IndexOf(result, name) : null;
        var best = Best(result, m);
        string[] head = [metric.Name + (metric.LessIsBetter ? " (less is better)" : ""), "median", "10–90 %"];
        if (reference is not null)
            head = [.. head, "× " + result.Work.Reference];
        // Where the reference itself is the best, its column says so already.
        if (best is { } b)
            head = b == reference ? [.. head[..^1], $"× {result.Work.Reference} (the best)"] : [.. head, $"× {result.Peers[b].Name} (the best)"];
        if (ceiling is not null)
            head = [.. head, "× " + result.Work.Ceiling];
        var table = new Table(head);
        for (var p = 0; p < result.Peers.Count; p++)
        {
            if (Spread.Of(result[m, p]) is not { } spread)
                continue;
            List<string> row = [result.Peers[p].Name, Text(spread.Median, metric.Format), $"{Text(spread.Low, metric.Format)} – {Text(spread.High, metric.Format)}"];
            if (reference is not null)
                row.Add(Text(Ratio(result, m, p, reference)));
            if (best is not null && best != reference)
                row.Add(Text(Ratio(result, m, p, best)));
            if (ceiling is not null)
                row.Add(Text(Ratio(result, m, p, ceiling)));
            table.Add([.. row]);
        }
        return table;
    }

    /// <summary>The peer with the best median, of those that are neither Fairlead nor no forwarder at all.</summary>
    static int? Best(WorkResult result, int m)
    {
        var ranked = Enumerable.Range(0, result.Peers.Count)
            .Where(p => result.Peers[p].HasProcesses && result.Peers[p].Family != "fairlead")
            .Select(p => (Peer: p, Spread.Of(result[m, p])?.Median))
            .Where(entry => entry.Median is not null)
            .OrderBy(entry => result.Work.Metrics[m].LessIsBetter ? entry.Median : -entry.Median)
            .ToList();
        return ranked.Count == 0 ? null : ranked[0].Peer;
    }

    static int? IndexOf(WorkResult result, string name)
    {
        for (var p = 0; p < result.Peers.Count; p++)
        {
            if (result.Peers[p].Name == name)
                return p;
        }
        return null;
    }

    static Spread? Ratio(WorkResult result, int m, int p, int? other) =>
        other is { } o ? Spread.OfRatios(result[m, p], result[m, o]) : null;

    static string Text(Spread? ratio) => ratio is { } r ? $"{Text(r.Median, "F2")} ({Text(r.Low, "F2")} – {Text(r.High, "F2")})" : "";

    static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    static string Capitalized(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
