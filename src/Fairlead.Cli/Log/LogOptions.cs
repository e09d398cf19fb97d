using System.CommandLine;

namespace Fairlead.Cli;

/// <summary>How the program logs to standard error.</summary>
/// <param name="Style">For whom.</param>
/// <param name="Level">What matters less is left out.</param>
internal sealed record LogOptions(LogStyle Style, LogLevel Level)
{
    private const string StyleText = "How log entries are written to standard error", LevelText = "What matters less is not logged";

    private static readonly Option<LogStyle?> style = StyleOption(), configuredStyle = StyleOption();

    private static readonly Option<LogLevel?> level = LevelOption(), configuredLevel = LevelOption();

    public static void AddTo(Command command)
    {
        command.Add(style);
        command.Add(level);
    }

    /// <summary>The same for a command whose configuration decides where the command line says nothing.</summary>
    public static void AddConfiguredTo(Command command)
    {
        configuredStyle.Description = $"{StyleText} (default: log.format of the configuration)";
        configuredLevel.Description = $"{LevelText} (default: log.level of the configuration)";
        command.Add(configuredStyle);
        command.Add(configuredLevel);
    }

    public static LogOptions Of(ParseResult parsed) => new(parsed.GetValue(style) ?? LogStyle.Text, parsed.GetValue(level) ?? LogLevel.Information);

    /// <summary>What the command line says, and what the configuration does where it says nothing.</summary>
    public static LogOptions Of(ParseResult parsed, LogConfig config) => new(parsed.GetValue(configuredStyle) ?? config.Format, parsed.GetValue(configuredLevel) ?? config.Level);

    /// <summary>Whether the command line says what matters enough to be logged.</summary>
    public static bool IsLevelWritten(ParseResult parsed) => parsed.GetValue(level) is not null;

    private static Option<LogStyle?> StyleOption() => Values.Choice("--log-format", StyleText, ("text", LogStyle.Text), ("json", LogStyle.Json));

    private static Option<LogLevel?> LevelOption() => Values.Choice("--log-level", LevelText,
        ("info", LogLevel.Information), ("debug", LogLevel.Debug), ("warning", LogLevel.Warning), ("error", LogLevel.Error));

    public LogFormat CreateFormat() => Style == LogStyle.Json ? new JsonLogFormat() : new TextLogFormat(!Console.IsErrorRedirected && Screen.WantsColour);
}
