namespace Fairlead.Cli;

/// <summary>Where the configuration is.</summary>
internal static class ConfigFile
{
    /// <summary>Where a configuration is looked for that is not named: here, then where packages keep it.</summary>
    public static readonly IReadOnlyList<string> Places = ["fairlead.yaml", "/etc/fairlead/fairlead.yaml"];

    /// <summary>The path of the configuration.</summary>
    /// <param name="written">What the command line says; null if it says nothing.</param>
    /// <exception cref="UsageException">None is named, and none is where it is looked for.</exception>
    public static string Find(string? written) => Find(written, Places);

    internal static string Find(string? written, IReadOnlyList<string> places)
    {
        // A file that is there and cannot be read is an error, not a reason to take another.
        return written ?? places.FirstOrDefault(Path.Exists)
            ?? throw new UsageException([$"there is no configuration: neither {Path.GetFullPath(places[0])} nor {string.Join(" nor ", places.Skip(1))} exists; name one, or write 'fairlead forward' for ports without a file"]);
    }
}
