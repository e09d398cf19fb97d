using System.CommandLine;

namespace Fairlead.Cli;

/// <summary>How the program logs to standard error.</summary>
/// <param name="Style">For whom.</param>
/// <param name="Level">What matters less is left out.</param>
internal sealed record LogOptions(LogStyle Style, LogLevel Level)
{
    private static readonly Option<LogStyle?> style = Values.Choice("--log-format", "How log entries are written to standard error", ("text", LogStyle.Text), ("json", LogStyle.Json));

    private static readonly Option<LogLevel?> level = Values.Choice("--log-level", "What matters less is not logged",
        ("info", LogLevel.Information), ("debug", LogLevel.Debug), ("warning", LogLevel.Warning), ("error", LogLevel.Error));

    public static void AddTo(Command command)
    {
        command.Add(style);
        command.Add(level);
    }

    public static LogOptions Of(ParseResult parsed) => new(parsed.GetValue(style) ?? LogStyle.Text, parsed.GetValue(level) ?? LogLevel.Information);

    /// <summary>What the command line says, and what the configuration does where it says nothing.</summary>
    public static LogOptions Of(ParseResult parsed, LogConfig config) => new(parsed.GetValue(style) ?? config.Format, parsed.GetValue(level) ?? config.Level);

    public LogFormat CreateFormat() => Style == LogStyle.Json ? new JsonLogFormat() : new TextLogFormat(!Console.IsErrorRedirected && Screen.WantsColour);
}
