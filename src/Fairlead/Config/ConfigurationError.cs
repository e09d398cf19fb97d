using System.Globalization;

namespace Fairlead;

/// <summary>What is wrong with a configuration, and where.</summary>
/// <param name="File">The file, as it was named; an included one in front of whose name stands the folder of the file that includes it.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Column">The character of the line, from 1.</param>
/// <param name="Message">What was found, what is expected and how to write it, in one line that is safe to show.</param>
public sealed record ConfigurationError(string File, int Line, int Column, string Message)
{
    /// <summary><c>fairlead.yaml:3:13: error: …</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Printable.Escape(File, 4096)}:{Line}:{Column}: error: {Message}");
}

/// <summary>A configuration cannot be used.</summary>
public sealed class ConfigurationException : Exception
{
    internal ConfigurationException(IReadOnlyList<ConfigurationError> errors, ConfigurationSources sources)
        : base(string.Join('\n', errors))
    {
        (Errors, Sources) = (errors, sources);
    }

    /// <summary>Every error, by file and line; at least one.</summary>
    public IReadOnlyList<ConfigurationError> Errors { get; }

    /// <summary>What was read, as far as it could be: when one of these changes, it is worth another try.</summary>
    public ConfigurationSources Sources { get; }
}

/// <summary>What a configuration was read from, as absolute paths: when one of these changes, so may the configuration.</summary>
/// <param name="Files">The file itself, first; then those that it includes, in their order, and those of secrets. Some may not exist.</param>
/// <param name="Folders">The folders in which the patterns of <c>include</c> look for files.</param>
public sealed record ConfigurationSources(ValueList<string> Files, ValueList<string> Folders);

/// <summary>A configuration that can be used.</summary>
/// <param name="Configuration">What it says.</param>
/// <param name="Sources">What it was read from.</param>
/// <param name="Warnings">What is allowed and hardly meant, a line each: <c>fairlead.yaml:3:13: warning: …</c>.</param>
public sealed record LoadedConfiguration(Configuration Configuration, ConfigurationSources Sources, ValueList<string> Warnings);
