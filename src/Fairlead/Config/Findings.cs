namespace Fairlead;

/// <summary>What the reading of a configuration finds. Bounded: a broken file has no more to say after a thousand errors.</summary>
internal sealed class Findings
{
    /// <summary>More are counted, not kept.</summary>
    public const int MostErrors = 1000;

    private readonly List<(int Order, ConfigurationError Error)> errors = [];
    private readonly List<string> warnings = [];
    private readonly Dictionary<string, int> files = [];

    /// <summary>How many errors there are, also those that are not kept.</summary>
    public int ErrorCount { get; private set; }

    public ValueList<string> Warnings => [.. warnings];

    /// <summary>Says that a file is read from here on: its errors stand behind those of earlier ones.</summary>
    public void Begin(string file) => files.TryAdd(file, files.Count);

    public void Error(Place place, string message)
    {
        ErrorCount++;
        if (errors.Count < MostErrors)
            errors.Add((files.GetValueOrDefault(place.File, int.MaxValue), new ConfigurationError(place.File, place.Line, place.Column, message)));
    }

    public void Warning(Place place, string message)
    {
        if (warnings.Count < MostErrors)
            warnings.Add($"{place}: warning: {message}");
    }

    /// <summary>The errors by file, line and column.</summary>
    public IReadOnlyList<ConfigurationError> Errors()
    {
        var sorted = errors.OrderBy(entry => entry.Order).ThenBy(entry => entry.Error.Line).ThenBy(entry => entry.Error.Column).Select(entry => entry.Error).ToList();
        if (ErrorCount > MostErrors)
            sorted.Add(sorted[^1] with { Message = $"there are {ErrorCount - MostErrors} more errors, which are not shown" });
        return sorted;
    }
}
