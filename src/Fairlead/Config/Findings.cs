namespace Fairlead;

/// <summary>What the reading of a configuration finds. Bounded: a broken file has no more to say after a thousand errors.</summary>
internal sealed class Findings
{
    /// <summary>More are counted, not kept.</summary>
    public const int MostErrors = 1000;

    private readonly List<(int Order, ConfigurationError Error)> errors = [];
    private readonly List<string> warnings = [];
    private readonly Dictionary<string, int> files = [];
    private readonly HashSet<YamlNode> faulty = [];
    private readonly HashSet<(YamlMap, string)> lacking = [];
    private readonly HashSet<ConfigurationError> told = [];

    /// <summary>How many errors there are, also those that are not kept.</summary>
    public int ErrorCount { get; private set; }

    public ValueList<string> Warnings => [.. warnings];

    /// <summary>Says that a file is read from here on: its errors stand behind those of earlier ones.</summary>
    public void Begin(string file) => files.TryAdd(file, files.Count);

    /// <summary>Says what is wrong with a value.</summary>
    public void Error(YamlNode node, string message)
    {
        faulty.Add(node);
        Error(node.Place, message);
    }

    /// <summary>Says what is wrong; the same thing once.</summary>
    public void Error(Place place, string message)
    {
        var error = new ConfigurationError(place.File, place.Line, place.Column, message);
        if (errors.Count < MostErrors && !told.Add(error))
            return;
        ErrorCount++;
        if (errors.Count < MostErrors)
            errors.Add((files.GetValueOrDefault(place.File, int.MaxValue), error));
    }

    /// <summary>Remembers that a key is missing from a map, of which an error is told. False if that is known.</summary>
    public bool Lacks(YamlMap map, string key) => lacking.Add((map, key));

    /// <summary>Whether an error of a missing key is told.</summary>
    public bool IsLacking(YamlNode node, string key) => node is YamlMap map && lacking.Contains((map, key));

    /// <summary>Whether an error of a value, or of one in it, is told: what rules say of it would be about what was put in its place.</summary>
    public bool IsFaulty(YamlNode node) => node is YamlFault || faulty.Contains(node) || node switch
    {
        YamlList list => list.Items.Exists(IsFaulty),
        YamlMap map => map.Entries.Exists(entry => IsFaulty(entry.Key) || IsFaulty(entry.Value)),
        _ => false,
    };

    public void Warning(Place place, string message) => Warning($"{place}: warning: {message}");

    /// <summary>The same for a line that has its place.</summary>
    public void Warning(string line)
    {
        if (warnings.Count < MostErrors)
            warnings.Add(line);
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
