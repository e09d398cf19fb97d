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
    /// <param name="Map">As it was written.</param>
    /// <param name="Defaults">Where its defaults were written, the nearest first.</param>
    private sealed record BoundForward(ForwardConfig Config, YamlMap Map, IReadOnlyList<YamlNode> Defaults);

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
        var file = ConfigurationKeys.File.Read(document, "the file", ConfigurationKeys.File.Initial, reading);
        if (document is not YamlMap map)
            return;
        if (file.Forwards is null && map["include"] is null && map["hub"] is null && !findings.IsLacking(map, "forwards") && !findings.IsLacking(map, "include"))
            findings.Error(document.Place, "there are no forwards; write forwards: with each forward behind a '-', or forwards: [] for none");
        configuration = file.Configuration;
        IReadOnlyList<YamlNode> defaults = map["defaults"] is { } written ? [written] : [];
        Bind(file.Forwards, file.Defaults, defaults, reading);
        var patterns = map["include"] is YamlList list ? list.Items : map["include"] is { } one ? [one] : [];
        for (var i = 0; i < file.Include.Count; i++)
            Include(path, file.Include[i], patterns[i], file.Defaults, defaults);
    }

    private void Include(string main, string pattern, YamlNode node, ForwardConfig defaults, IReadOnlyList<YamlNode> defaultNodes)
    {
        if (findings.IsFaulty(node))
            return;
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
                ReadIncluded(path, bytes, defaults, defaultNodes);
        }
    }

    private void ReadIncluded(string path, byte[] bytes, ForwardConfig defaults, IReadOnlyList<YamlNode> defaultNodes)
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
        Bind(file.Forwards, file.Defaults, own["defaults"] is { } written ? [written, .. defaultNodes] : defaultNodes, reading);
    }

    private void Bind(YamlNode? written, ForwardConfig defaults, IReadOnlyList<YamlNode> defaultNodes, Reading reading)
    {
        if (written is not YamlList list)
            return;
        foreach (var node in list.Items)
        {
            var forward = ConfigurationKeys.Forward.Read(node, "forward", defaults, reading);
            if (node is YamlMap map)
                forwards.Add(new BoundForward(forward, map, defaultNodes));
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
        configuration = configuration with { Tunnels = TunnelConfig.All(configuration.Tunnels, configuration.Forwards) };
        CheckForwards();
        if (main is YamlMap)
        {
            foreach (var fault in ConfigurationRules.Faults(configuration))
            {
                if (!IsTold(main, fault.Key) && !(fault.Lacks is { } lacking && IsTold(main, lacking)))
                    findings.Error(Locate(main, fault.Key).Node.Place, fault.Message);
            }
        }
        if (findings.ErrorCount > 0)
            throw new ConfigurationException(findings.Errors(), files.Sources);
        Warn();
        return new LoadedConfiguration(configuration, files.Sources, findings.Warnings);
    }

    // Whether an error of the key's value is told already, which has left something else in its place, or that the key is missing.
    private bool IsTold(YamlNode map, string path) => Locate(map, path) is var (node, missing) && (missing is null ? findings.IsFaulty(node) : findings.IsLacking(node, missing));

    private void CheckForwards()
    {
        // What defaults say is for forwards of either protocol; what a forward says itself is meant for it.
        var unfit = forwards.SelectMany((forward, number) => ProtocolRules.KeyFaults(forward.Config, key => Locate(forward.Map, key).Missing is null)
            .Select(fault => fault with { Forward = number, Other = fault.Other! with { Forward = number } }));
        foreach (var fault in FtpDataForwards.Find(configuration.Forwards, HubThatListens()).Concat(unfit).Concat(LacksTunnels() ? [] : TunnelRules.Find(configuration.Forwards, configuration.Tunnels)))
        {
            if (PlaceOf(fault.Forward, fault.Key) is not { } place)
                continue;
            if (fault.Other is not { } other)
                findings.Error(place, fault.Message);
            else if (PlaceOf(other.Forward, other.Key) is { } otherPlace)
                findings.Error(otherPlace, other.Message(place));
        }
    }

    // Whether it is unknown which tunnels there are, since an error is told of them.
    private bool LacksTunnels()
    {
        return main is YamlMap map && (findings.IsLacking(map, "tunnels")
            || (map["tunnels"] is { } tunnels && (tunnels is YamlMap named ? named.Entries.Exists(entry => findings.IsFaulty(entry.Key)) : findings.IsFaulty(tunnels))));
    }

    // One whose listens have errors is told of those.
    private HubConfig? HubThatListens() => configuration.Hub is { } hub && !HubRules.Faults(hub).Any(fault => fault.Key.StartsWith("hub.listen", StringComparison.Ordinal)) ? hub : null;

    private void Warn()
    {
        foreach (var forward in forwards)
        {
            foreach (var doubt in ForwardDoubts.Find(forward.Config))
            {
                if (PlaceOf(forward, doubt.Key) is { } place)
                    findings.Warning(place, doubt.Message);
            }
        }
        foreach (var doubt in TunnelRules.Doubts(configuration))
            findings.Warning(Locate(main!, doubt.Key).Node.Place, doubt.Message);
    }

    private Place? PlaceOf(int forward, string key)
    {
        if (forward != Fault.OfFile)
            return PlaceOf(forwards[forward], key);
        return main is null || IsTold(main, key) ? null : Locate(main, key).Node.Place;
    }

    /// <summary>The place of a key, or of the forward that lacks it; null where an error is told of it already, which has left something else in its place.</summary>
    private Place? PlaceOf(BoundForward forward, string path)
    {
        foreach (var map in forward.Defaults.Prepend(forward.Map))
        {
            var (node, missing) = Locate(map, path);
            if (missing is null)
                return findings.IsFaulty(node) ? null : node.Place;
        }
        var (nearest, key) = Locate(forward.Map, path);
        // Without a target, routes would do.
        var isTold = findings.IsLacking(nearest, key!) || (path == "to" && (findings.IsLacking(nearest, "routes") || (forward.Map["routes"] is { } routes && findings.IsFaulty(routes))));
        return isTold ? null : nearest.Place;
    }

    /// <summary>The value of a key; where it is not written, the map that lacks it, and the step of the path that is missing.</summary>
    private static (YamlNode Node, string? Missing) Locate(YamlNode node, string path)
    {
        foreach (var step in path.Split('.', '['))
        {
            if (step.EndsWith(']'))
            {
                // A single element may stand without brackets.
                if (node is YamlList list && int.TryParse(step[..^1], out var index) && index < list.Items.Count)
                    node = list.Items[index];
            }
            else if (node is YamlMap map)
            {
                if (map[step] is not { } value)
                    return (node, step);
                node = value;
            }
        }
        return (node, null);
    }
}
