namespace Fairlead;

/// <summary>
/// All that a configuration file says. Immutable, and equal to another that says the same; each property's initial value is the default that the
/// documentation gives.
/// </summary>
public sealed record Configuration
{
    /// <summary>Names the admin socket.</summary>
    public string Name { get; init; } = "main";

    /// <summary>Whether a changed file is loaded without being told.</summary>
    public bool Watch { get; init; }

    /// <summary>What is forwarded.</summary>
    public ValueList<ForwardConfig> Forwards { get; init; } = [];

    /// <summary>Through what is dialled, and at whose far end is listened: each by its own name, those also that a forward names by an URL.</summary>
    public ValueList<TunnelConfig> Tunnels { get; init; } = [];

    /// <summary>The server for the tunnels of others; null is <c>off</c>.</summary>
    public HubConfig? Hub { get; init; }

    /// <summary>Where the running process takes orders; null is <c>off</c>.</summary>
    public AdminConfig? Admin { get; init; } = new();

    /// <summary>What is logged.</summary>
    public LogConfig Log { get; init; } = new();

    /// <summary>Where ended sessions are written, a line each; null is <c>off</c>.</summary>
    public AccessLogConfig? AccessLog { get; init; } = new();

    /// <summary>Limits of the whole process.</summary>
    public ProcessLimits Limits { get; init; } = new();

    /// <summary>
    /// Reads a file and those that it includes. Blocks; nothing is bound or looked up.
    /// </summary>
    /// <exception cref="ConfigurationException">
    /// It cannot be read or has errors, all of which are told; for root, also if others can write it (as OpenSSH asks it of keys).
    /// </exception>
    public static LoadedConfiguration Load(string path) => new ConfigurationReader(FileTrust.Fault).Read(path);
}

/// <summary>Where a running process takes orders.</summary>
public sealed record AdminConfig
{
    /// <summary>
    /// A Unix socket, or a TCP address, for which <see cref="Token"/> is needed. Null: a socket with the configuration's name in <c>/run/fairlead</c>, or in
    /// <c>$XDG_RUNTIME_DIR/fairlead</c> for others than root.
    /// </summary>
    public Endpoint? Listen { get; init; }

    /// <summary>What who asks over TCP must present.</summary>
    public Secret? Token { get; init; }
}

/// <summary>For whom log entries are written.</summary>
public enum LogStyle
{
    /// <summary>For people.</summary>
    Text,

    /// <summary>For machines: JSON lines.</summary>
    Json,
}

/// <summary>What is logged to standard error.</summary>
public sealed record LogConfig
{
    /// <summary>For whom.</summary>
    public LogStyle Format { get; init; }

    /// <summary>What matters less is left out.</summary>
    public LogLevel Level { get; init; } = LogLevel.Information;
}

/// <summary>Where ended sessions are written, a line each.</summary>
public sealed record AccessLogConfig
{
    /// <summary>The file, which is appended to, and opened again on SIGHUP; <c>-</c> is standard output.</summary>
    public string File { get; init; } = "-";

    /// <summary>For whom.</summary>
    public LogStyle Format { get; init; }
}

/// <summary>Limits of the whole process.</summary>
public sealed record ProcessLimits
{
    /// <summary>How many sessions there may be at once; null: as many as the descriptor limit allows, which bounds it in any case.</summary>
    public int? Connections { get; init; }
}
