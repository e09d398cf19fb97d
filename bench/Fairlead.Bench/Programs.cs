namespace Fairlead.Bench;

/// <summary>Where installed programs are.</summary>
static class Programs
{
    /// <summary>Daemons live in folders that are not on everybody's PATH.</summary>
    static readonly string[] folders =
        [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), "/usr/local/sbin", "/usr/sbin", "/sbin"];

    /// <summary>The path of a program, null when it is not installed.</summary>
    public static string? Find(string name) => folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Null when it is installed, else a sentence with its Debian package.</summary>
    public static string? Missing(string name, string package) =>
        Find(name) is null ? $"{name} is left out: it is not installed (Debian package {package})" : null;

    /// <summary>The path of a program that was looked for before.</summary>
    public static string PathOf(string name) => Find(name) ?? throw new MeasureException($"{name} is not installed");
}
