namespace Fairlead;

/// <summary>One file of a configuration while it is read.</summary>
/// <param name="file">The file, as it was named.</param>
/// <param name="findings">Where errors and warnings go.</param>
/// <param name="files">How other files are opened.</param>
internal sealed class Reading(string file, Findings findings, ConfigurationFiles files)
{
    public int ErrorCount => findings.ErrorCount;

    public void Error(YamlNode node, string message) => findings.Error(node.Place, message);

    /// <summary>The text of a secret's file, relative to this one.</summary>
    /// <exception cref="FormatException">It cannot be had.</exception>
    public string ReadSecret(string path) => files.ReadSecret(Path.Combine(Path.GetDirectoryName(file) ?? "", path));
}
