namespace Fairlead;

/// <summary>How much an entry matters.</summary>
public enum LogLevel
{
    /// <summary>Details of connections.</summary>
    Debug,

    /// <summary>The life of forwards, and ended sessions.</summary>
    Information,

    /// <summary>Somebody should act.</summary>
    Warning,

    /// <summary>Something is lost: a listen, or by a bug of Fairlead's own.</summary>
    Error,
}

/// <summary>
/// Something that happened, for people (<see cref="Message"/>) and for machines (<see cref="Event"/> and <see cref="Fields"/>). Immutable, and
/// formatted only when asked, so that it can be handed to another thread. Texts that a stranger chose are already escaped.
/// </summary>
public abstract class LogEntry
{
    /// <summary>When it happened.</summary>
    public DateTimeOffset Time { get; } = DateTimeOffset.UtcNow;

    /// <summary>How much it matters.</summary>
    public abstract LogLevel Level { get; }

    /// <summary>What happened, as one word with underscores: <c>listening</c>, <c>session</c>, <c>accept_paused</c>.</summary>
    public abstract string Event { get; }

    /// <summary>What happened, as one sentence without a full stop.</summary>
    public abstract string Message { get; }

    /// <summary>What happened, as names in <c>snake_case</c> and values: strings, numbers, booleans.</summary>
    public abstract IEnumerable<KeyValuePair<string, object?>> Fields { get; }
}
