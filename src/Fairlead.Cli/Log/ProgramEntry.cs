namespace Fairlead.Cli;

/// <summary>An entry of the program itself: what it is about to do, and what it could not do.</summary>
internal sealed class ProgramEntry(LogLevel level, string name, string message, params KeyValuePair<string, object?>[] fields) : LogEntry
{
    public override LogLevel Level => level;

    public override string Event => name;

    public override string Message => message;

    public override IEnumerable<KeyValuePair<string, object?>> Fields => fields;
}
