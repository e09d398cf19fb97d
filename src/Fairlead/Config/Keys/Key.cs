namespace Fairlead;

/// <summary>A key of a map in the configuration: what it is called, what it means, and the property that it sets.</summary>
/// <param name="name">How it is written.</param>
/// <param name="meaning">What it means, in a sentence or two; code in backquotes.</param>
/// <param name="remedy">How to write it, if the map makes no sense without it; else null.</param>
internal abstract class Key<TRecord>(string name, string meaning, string? remedy)
{
    public string Name => name;

    public string Meaning => meaning;

    public string? Remedy => remedy;

    public abstract string Form { get; }

    public abstract string Schema { get; }

    /// <summary>What it is in a record, as it is written; empty for what cannot be written.</summary>
    public abstract string Show(TRecord record);

    /// <summary>The record with the value in it.</summary>
    public abstract TRecord Read(YamlNode node, TRecord record, Reading reading);
}

/// <summary>A key whose values are of a kind.</summary>
/// <param name="name">How it is written.</param>
/// <param name="kind">How its values are written.</param>
/// <param name="get">The property's value.</param>
/// <param name="set">The record with another value.</param>
/// <param name="meaning">What it means.</param>
/// <param name="remedy">How to write it, if the map makes no sense without it; else null.</param>
internal sealed class Key<TRecord, TValue>(string name, Kind<TValue> kind, Func<TRecord, TValue> get, Func<TRecord, TValue, TRecord> set, string meaning, string? remedy = null)
    : Key<TRecord>(name, meaning, remedy)
{
    public override string Form => kind.Form;

    public override string Schema => kind.Schema;

    public override string Show(TRecord record) => kind.Show(get(record));

    public override TRecord Read(YamlNode node, TRecord record, Reading reading) => set(record, kind.Read(node, Name, get(record), reading));
}

/// <summary>The keys of a map, from which it is read, and from which come its documentation and its schema.</summary>
/// <param name="title">What it is called: <c>timeouts</c>.</param>
/// <param name="initial">What it is when nothing is written in it: the defaults.</param>
/// <param name="keys">The keys, in the order of the documentation.</param>
internal sealed class KeyTable<TRecord>(string title, Func<TRecord> initial, params Key<TRecord>[] keys)
{
    private readonly Dictionary<string, Key<TRecord>> byName = keys.ToDictionary(key => key.Name);

    public string Title => title;

    /// <summary>How it is written, for errors.</summary>
    public string Example { get; init; } = $"{title}: {{ {keys[0].Name}: … }}";

    public IReadOnlyList<Key<TRecord>> Keys => keys;

    /// <summary>The default of each key is what this has.</summary>
    public TRecord Initial => initial();

    /// <summary>A link to the table in the documentation.</summary>
    public string Link => $"[{title}](#{title.Replace(' ', '-')})";

    public string Reference => $$"""{"$ref":"#/$defs/{{title.Replace(' ', '_')}}"}""";

    /// <param name="node">The map.</param>
    /// <param name="key">How it is called in errors.</param>
    /// <param name="record">What holds where nothing is written.</param>
    /// <param name="reading">What is read.</param>
    public TRecord Read(YamlNode node, string key, TRecord record, Reading reading)
    {
        if (node is not YamlMap map)
        {
            if (node is not YamlFault)
                reading.Error(node, $"{key} {(node is YamlText { IsMissing: true } ? "has no value" : $"is {YamlReader.Describe(node)}")}, and a map is expected; write {Example}");
            return record;
        }
        foreach (var (name, value) in map.Entries)
        {
            if (byName.TryGetValue(name.Text, out var known))
            {
                record = known.Read(value, record, reading);
                continue;
            }
            reading.Error(name, $"unknown key '{Printable.Escape(name.Text)}'{Nearest.Hint(name.Text, byName.Keys)}{ConfigurationKeys.Elsewhere(name.Text)}");
            if (Nearest.Of(name.Text, byName.Keys) is { } meant)
                reading.Lacks(map, meant);
        }
        foreach (var required in keys)
        {
            if (required.Remedy is not null && map[required.Name] is null && reading.Lacks(map, required.Name))
                reading.ErrorWithin(map, $"{key} has no '{required.Name}'; write {required.Remedy}");
        }
        return record;
    }

    /// <summary>What differs from the defaults, as a map is written in braces.</summary>
    public string Show(TRecord record)
    {
        var defaults = Initial;
        var differing = keys.Where(key => key.Show(record) != key.Show(defaults)).Select(key => $"{key.Name}: {key.Show(record)}").ToList();
        return differing.Count == 0 ? "{}" : $"{{ {string.Join(", ", differing)} }}";
    }
}
