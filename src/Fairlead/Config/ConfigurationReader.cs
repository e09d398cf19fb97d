namespace Fairlead;

/// <summary>Reads a configuration: its file, those that it includes, and what they say together. Finds every error.</summary>
/// <param name="distrust">What is wrong with reading a file; null if nothing is.</param>
internal sealed class ConfigurationReader(Func<string, string?> distrust)
{
    private readonly Findings findings = new();
    private readonly ConfigurationFiles files = new(distrust);
    private readonly List<BoundForward> forwards = [];
    private readonly HashSet<string> read = [];
    private int nodes;

    /// <param name="Config">The forward.</param>
    /// <param name="Node">As it was written.</param>
    /// <param name="Faulty">The keys that could not be read; null if all could.</param>
    private sealed record BoundForward(ForwardConfig Config, YamlNode Node, HashSet<string>? Faulty);

    /// <exception cref="ConfigurationException">It has errors.</exception>
    public LoadedConfiguration Read(string path)
    {
        var place = new Place(path, 1, 1);
        if (TryOpen(path, place) is { } bytes)
            ReadMain(path, bytes);
        return Finish();
    }

    /// <summary>The same for a text that is not in a file.</summary>
    internal LoadedConfiguration Read(string name, byte[] bytes)
    {
        ReadMain(name, bytes);
        return Finish();
    }

    private Configuration configuration = new();
    private YamlNode? main;

    private void ReadMain(string path, byte[] bytes)
    {
        findings.Begin(path);
        var document = Document(path, bytes);
        if (document is YamlFault)
            return;
        var start = new Place(path, 1, 1);
        main = document;
        if (document is null)
        {
            findings.Error(start, "the file says nothing; write forwards, or forwards: [] for none");
            return;
        }
        var reading = new Reading(path, findings, files);
        var file = ConfigurationKeys.File.Read(document, "the file", ConfigurationKeys.File.Initial, reading, out var faulty);
        if (document is not YamlMap map)
            return;
        if (file.Forwards is null && map["include"] is null && faulty is null)
            findings.Error(document.Place, "there are no forwards; write forwards: with each forward behind a '-', or forwards: [] for none");
        configuration = file.Configuration;
        Bind(file.Forwards, file.Defaults, reading);
        var patterns = map["include"] is YamlList list ? list.Items : map["include"] is { } one ? [one] : [];
        for (var i = 0; i < file.Include.Count; i++)
            Include(path, file.Include[i], patterns[i], file.Defaults);
    }

    private void Include(string main, string pattern, YamlNode node, ForwardConfig defaults)
    {
        var mainPath = Path.GetFullPath(main);
        IReadOnlyList<string> found;
        try
        {
            found = files.Match(Path.GetDirectoryName(main) ?? "", pattern);
        }
        catch (FormatException error)
        {
            findings.Error(node.Place, $"include {error.Message}");
            return;
        }
        foreach (var path in found)
        {
            if (path == main || Path.GetFullPath(path) == mainPath)
            {
                findings.Error(node.Place, $"include '{Printable.Escape(pattern)}' takes in this file itself; keep what is included in a folder of its own, like conf.d/*.yaml");
                continue;
            }
            if (!read.Add(Path.GetFullPath(path)))
                continue;
            if (read.Count > ConfigurationFiles.MostFiles)
            {
                findings.Error(node.Place, $"include takes in more than {ConfigurationFiles.MostFiles} files, which is the most that are read");
                return;
            }
            if (TryOpen(path, node.Place) is { } bytes)
                ReadIncluded(path, bytes, defaults);
        }
    }

    private void ReadIncluded(string path, byte[] bytes, ForwardConfig defaults)
    {
        findings.Begin(path);
        // One in which everything is commented out says nothing, on purpose.
        if (Document(path, bytes) is not { } document || document is YamlFault)
            return;
        var reading = new Reading(path, findings, files);
        if (document is not YamlMap map)
        {
            reading.Error(document, $"an included file is {YamlReader.Describe(document)}, and a map is expected; write forwards: with each forward behind a '-'");
            return;
        }
        var others = map.Entries.Where(entry => !ConfigurationKeys.Included.Contains(entry.Key.Text) && ConfigurationKeys.File.Keys.Any(key => key.Name == entry.Key.Text)).ToList();
        foreach (var (key, _) in others)
            reading.Error(key, $"'{key.Text}' belongs to the file that includes this one; an included file has forwards and defaults");
        var own = new YamlMap(map.Place, [.. map.Entries.Except(others)]);
        var file = ConfigurationKeys.File.Read(own, "the file", ConfigurationKeys.File.Initial with { Defaults = defaults }, reading);
        Bind(file.Forwards, file.Defaults, reading);
    }

    private void Bind(YamlNode? written, ForwardConfig defaults, Reading reading)
    {
        if (written is not YamlList list)
            return;
        foreach (var node in list.Items)
        {
            var forward = ConfigurationKeys.Forward.Read(node, "forward", defaults, reading, out var faulty);
            if (node is YamlMap)
                forwards.Add(new BoundForward(forward, node, faulty));
        }
    }

    private YamlNode? Document(string path, byte[] bytes)
    {
        return ConfigurationText.Decode(path, bytes, findings) is { } text ? YamlReader.Read(new YamlSource(path, text), findings, ref nodes) : new YamlFault(new Place(path, 1, 1));
    }

    private byte[]? TryOpen(string path, Place place)
    {
        try
        {
            return files.Read(path);
        }
        catch (FormatException error)
        {
            findings.Error(place, error.Message);
            return null;
        }
    }

    private LoadedConfiguration Finish()
    {
        configuration = configuration with { Forwards = [.. forwards.Select(forward => forward.Config)] };
        CheckForwards();
        if (main is YamlMap)
        {
            foreach (var fault in ConfigurationRules.Faults(configuration))
                findings.Error(Locate(main, fault.Key), fault.Message);
        }
        if (findings.ErrorCount > 0)
            throw new ConfigurationException(findings.Errors(), files.Sources);
        Warn();
        return new LoadedConfiguration(configuration, files.Sources, findings.Warnings);
    }

    private void CheckForwards()
    {
        foreach (var fault in ForwardRules.Find(configuration.Forwards))
        {
            // What could not be read is told already, and has left a default in its place.
            if (IsFaulty(fault.Forward, fault.Key) || (fault.Other is { } pair && IsFaulty(pair.Forward, pair.Key)))
                continue;
            var place = Locate(forwards[fault.Forward].Node, fault.Key);
            if (fault.Other is { } other)
                findings.Error(Locate(forwards[other.Forward].Node, other.Key), other.Message(place));
            else
                findings.Error(place, fault.Message);
        }
    }

    private void Warn()
    {
        for (var number = 0; number < forwards.Count; number++)
        {
            foreach (var doubt in ForwardDoubts.Find(forwards[number].Config))
                findings.Warning(Locate(forwards[number].Node, doubt.Key), doubt.Message);
        }
    }

    private bool IsFaulty(int number, string key)
    {
        var faulty = forwards[number].Faulty;
        return faulty is not null && (faulty.Contains(key.Split('.', '[')[0]) || (key is "to" && faulty.Contains("routes")));
    }

    /// <summary>The place of a key, or of what lacks it.</summary>
    private static Place Locate(YamlNode node, string path)
    {
        foreach (var step in path.Split('.', '['))
        {
            if (step.EndsWith(']'))
            {
                // A single element may stand without brackets.
                if (node is YamlList list && int.TryParse(step[..^1], out var index) && index < list.Items.Count)
                    node = list.Items[index];
            }
            else if (node is YamlMap map && map[step] is { } value)
                node = value;
        }
        return node.Place;
    }
}
