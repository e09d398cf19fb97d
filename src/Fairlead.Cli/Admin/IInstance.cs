namespace Fairlead.Cli;

/// <summary>A running process as the admin API sees it: what it shows and what it can be told. Called on any thread, also at once on several.</summary>
internal interface IInstance
{
    /// <summary>What it does at this moment.</summary>
    InstanceStatus Status();

    /// <summary>The sessions under way.</summary>
    /// <param name="forward">Only those of the forward of this name; null for all.</param>
    IReadOnlyList<ConnectionStatus> Connections(string? forward);

    /// <summary>Resets a session.</summary>
    /// <returns>Whether there is one of that number.</returns>
    bool Close(long id);

    /// <summary>Resets the sessions of a forward.</summary>
    /// <returns>How many there were.</returns>
    int CloseAll(string forward);

    /// <summary>Reads the configuration again and takes over what has changed, or nothing. Several at a time are done one after the other.</summary>
    Task<ReloadOutcome> ReloadAsync();

    /// <summary>Listens no more; sessions go on. Returns without waiting for them.</summary>
    /// <param name="forward">Only the forward of this name; null for all.</param>
    /// <returns>How many forwards listened until now, none where that was done already; null if there is none of that name.</returns>
    int? Drain(string? forward);

    /// <summary>Asks the process to end. Returns before it has, so that who asked is answered.</summary>
    /// <param name="atOnce">Whether sessions are reset instead of waited for.</param>
    void Stop(bool atOnce);
}

/// <summary>What a running process does, at one moment.</summary>
internal sealed record InstanceStatus
{
    /// <summary>The configuration's name.</summary>
    public required string Name { get; init; }

    /// <summary>Fairlead's version, without the word.</summary>
    public required string Version { get; init; }

    /// <summary>The process id.</summary>
    public int ProcessId { get; init; } = Environment.ProcessId;

    /// <summary>When it was started.</summary>
    public DateTimeOffset Started { get; init; }

    /// <summary>The absolute path of the configuration file; null where there is none.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>Whether it was asked to stop, and waits for its sessions.</summary>
    public bool IsStopping { get; init; }

    /// <summary>How the last reload went; null before the first.</summary>
    public ReloadOutcome? LastReload { get; init; }

    /// <summary>Sessions now.</summary>
    public int Connections { get; init; }

    /// <summary>How many sessions there may be at once.</summary>
    public int MostConnections { get; init; }

    /// <summary>The forwards, in the order of the configuration.</summary>
    public IReadOnlyList<ForwardStatus> Forwards { get; init; } = [];

    /// <summary>The connections of tunnels, in the order of their names.</summary>
    public IReadOnlyList<TunnelStatus> Tunnels { get; init; } = [];
}

/// <summary>How a reload went.</summary>
/// <param name="Time">When.</param>
/// <param name="Errors">Why it was refused, each as <c>file:line:column: error: …</c>; none if it was done.</param>
/// <param name="Changes">What has changed, a sentence each; none if it was refused, or nothing had changed.</param>
internal sealed record ReloadOutcome(DateTimeOffset Time, IReadOnlyList<string> Errors, IReadOnlyList<string> Changes)
{
    /// <summary>Whether the configuration is now what the file says.</summary>
    public bool IsDone => Errors.Count == 0;

    /// <summary>The errors in their parts; of those that concern no place of a file, only what is wrong.</summary>
    public IReadOnlyList<ReloadError> Details { get; init; } = [.. Errors.Select(error => new ReloadError(error))];

    /// <summary>What became of the forwards; nothing if it was refused.</summary>
    public ReloadedForwards Forwards { get; init; } = new([], [], [], []);
}

/// <summary>Why a reload was refused.</summary>
/// <param name="Message">What is wrong, in one line.</param>
/// <param name="File">In which file; null where it is none's fault.</param>
/// <param name="Line">In which line of it, from 1.</param>
/// <param name="Column">At which character of the line, from 1.</param>
internal sealed record ReloadError(string Message, string? File = null, int? Line = null, int? Column = null);

/// <summary>What a reload made of the forwards, by their names, in the order in which they are written.</summary>
internal sealed record ReloadedForwards(IReadOnlyList<string> Added, IReadOnlyList<string> Removed, IReadOnlyList<string> Changed, IReadOnlyList<string> Unchanged)
{
    public static ReloadedForwards Of(ConfigChange change) => new(Titles(change.Added), Titles(change.Removed), Titles(change.Changed.Select(pair => pair.New)), Titles(change.Unchanged));

    private static IReadOnlyList<string> Titles(IEnumerable<ForwardConfig> forwards) => [.. forwards.Select(forward => Printable.Escape(forward.Title))];
}
