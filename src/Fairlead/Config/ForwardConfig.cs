using Fairlead.Net;

namespace Fairlead;

/// <summary>Which path the bytes of a forward take.</summary>
public enum EngineKind
{
    /// <summary>Native where the system has it (Linux), else portable.</summary>
    Auto,

    /// <summary>Event loops over epoll, with splice. Linux only.</summary>
    Native,

    /// <summary>The sockets of .NET.</summary>
    Portable,
}

/// <summary>
/// A forward: where connections are listened for, and where they are sent. Immutable; each property's initial value is the
/// default that the documentation gives.
/// </summary>
public sealed record ForwardConfig
{
    /// <summary>Names the forward; without one it is called by its first listen.</summary>
    public string? Name { get; init; }

    /// <summary>Where connections arrive.</summary>
    public required IReadOnlyList<Endpoint> Listen { get; init; }

    /// <summary>Where they go. A range of ports has the length of every listen's range and maps one to one; a single port takes all.</summary>
    public required Endpoint To { get; init; }

    /// <summary>Which path the bytes take.</summary>
    public EngineKind Engine { get; init; }

    /// <summary>How long things may take.</summary>
    public ForwardTimeouts Timeouts { get; init; } = new();

    /// <summary>How often a name in <see cref="To"/> is looked up again; at once after a failed dial.</summary>
    public TimeSpan Resolve { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The forward's name, or what it is called without one.</summary>
    public string Title => Name ?? Listen[0].ToString()!;

    /// <summary>
    /// The command line's form, OpenSSH's with the protocol as Docker writes it:
    /// <c>[BIND:]PORT[-PORT]:HOST:PORT[-PORT][/tcp]</c>, with <c>unix:PATH</c> on either side.
    /// </summary>
    /// <exception cref="FormatException">The text is not of that form; the message names the part and the remedy.</exception>
    public static ForwardConfig Parse(string spec) => ForwardSpec.Parse(spec);
}

/// <summary>How long things may take. <see cref="Timeout.InfiniteTimeSpan"/> is <c>off</c>.</summary>
public sealed record ForwardTimeouts
{
    /// <summary>For a connection to the upstream to stand, over at most three dials.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Silence in both directions after which a session is reset.</summary>
    public TimeSpan Idle { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Silence after which a session is reset of which one direction has ended.</summary>
    public TimeSpan HalfClosed { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long sessions may go on after a stop was asked for.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Keepalive and retransmission of both legs.</summary>
    public SocketTuning Tuning { get; init; } = SocketTuning.Default;
}
