namespace Fairlead;

/// <summary>One file of a configuration while it is read.</summary>
/// <param name="file">The file, as it was named.</param>
/// <param name="findings">Where errors and warnings go.</param>
/// <param name="files">How other files are opened.</param>
internal sealed class Reading(string file, Findings findings, ConfigurationFiles files)
{
    public int ErrorCount => findings.ErrorCount;

    /// <summary>Says what is wrong with a value, which is then out of the question.</summary>
    public void Error(YamlNode node, string message) => findings.Error(node, message);

    /// <summary>Says what is wrong within a map, whose other values are not in question.</summary>
    public void ErrorWithin(YamlMap map, string message) => findings.Error(map.Place, message);

    /// <summary>Says what is allowed and hardly meant: a line with its place.</summary>
    public void Warning(string line) => findings.Warning(line);

    /// <summary>Remembers a file that something has been read from: when it changes, so may the configuration.</summary>
    /// <param name="path">An absolute path.</param>
    public void Watch(string path) => files.Remember(path);

    /// <summary>Remembers that a key is missing from a map, of which an error is told. False if that is known.</summary>
    public bool Lacks(YamlMap map, string key) => findings.Lacks(map, key);

    /// <summary>A path relative to this file, as one that can be opened.</summary>
    public string Beside(string path) => Path.Combine(Path.GetDirectoryName(file) ?? "", path);

    /// <summary>The text of a secret's file, relative to this one.</summary>
    /// <exception cref="FormatException">It cannot be had.</exception>
    public string ReadSecret(string path) => files.ReadSecret(Beside(path));
}
