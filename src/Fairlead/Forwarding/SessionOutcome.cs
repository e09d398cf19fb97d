using Fairlead.Net;

namespace Fairlead;

/// <summary>What kind of end a session came to, for counting.</summary>
internal enum SessionCause : byte
{
    /// <summary>It was relayed, however that ended.</summary>
    Relayed,

    /// <summary>No upstream could be had.</summary>
    NoUpstream,

    /// <summary>It was told to end before it had an upstream.</summary>
    Stopped,

    /// <summary>The client's address is not allowed, or nothing is there for it.</summary>
    Denied,

    /// <summary>The client's source has too many sessions already.</summary>
    Limited,
}

/// <summary>How a session ended: one word a cause, the same in logs and counters.</summary>
/// <param name="Word">The word, in <c>snake_case</c>.</param>
/// <param name="By">Whose doing it was.</param>
/// <param name="Cause">Of which kind it is.</param>
/// <param name="Detail">The system's words, where a dial failed.</param>
internal sealed record SessionOutcome(string Word, Side By, SessionCause Cause = SessionCause.Relayed, string? Detail = null)
{
    /// <summary>A bug of Fairlead's own.</summary>
    public static readonly SessionOutcome Fault = new("fault", Side.Fairlead);

    /// <summary>By <c>deny</c> or <c>allow</c>.</summary>
    public static readonly SessionOutcome Denied = new("denied", Side.Fairlead, SessionCause.Denied);

    /// <summary>No route took the client, and there is no other target.</summary>
    public static readonly SessionOutcome NoRoute = new("no_route", Side.Fairlead, SessionCause.Denied);

    /// <summary>By a limit of its source or prefix.</summary>
    public static readonly SessionOutcome Limited = new("limited", Side.Fairlead, SessionCause.Limited);

    /// <summary>Of datagrams: silence in both directions, after an answer.</summary>
    public static readonly SessionOutcome Idle = new("idle", Side.Fairlead);

    /// <summary>Of datagrams: nobody answered.</summary>
    public static readonly SessionOutcome Unanswered = new("unanswered", Side.Fairlead);

    /// <summary>Of datagrams: the client has as many answers as <c>responses</c> says.</summary>
    public static readonly SessionOutcome Answered = new("answered", Side.Upstream);

    /// <summary>Of datagrams: nobody had answered yet, and a newer client needed the place.</summary>
    public static readonly SessionOutcome Evicted = new("evicted", Side.Fairlead);

    /// <summary>Of datagrams: what carried them to the upstream is gone.</summary>
    public static readonly SessionOutcome FlowClosed = new("lost", Side.Upstream);

    /// <summary>It was told to stop.</summary>
    public static readonly SessionOutcome Stopped = new("stopped", Side.Fairlead);

    /// <summary>The client did not say in time what has to be heard from it first.</summary>
    public static readonly SessionOutcome Late = new("first_bytes_timeout", Side.Client, SessionCause.Denied);

    /// <summary>The client ended before it had said what has to be heard from it first.</summary>
    public static readonly SessionOutcome Silent = new("closed", Side.Client);

    /// <summary>The client is not who it says, or says nothing of it.</summary>
    public static readonly SessionOutcome BadLogin = new("bad_login", Side.Client, SessionCause.Denied);

    /// <summary>Client and Fairlead did not come to terms by TLS.</summary>
    public static readonly SessionOutcome TlsFailed = new("tls_failed", Side.Client, SessionCause.Denied);

    /// <summary>The client said what nobody understands, or what is refused.</summary>
    /// <param name="detail">What that was, in words of ours.</param>
    public static SessionOutcome BadRequest(string detail) => new("bad_request", Side.Client, SessionCause.Denied, detail);

    /// <summary>Of a session whose client broke before it was relayed.</summary>
    public static SessionOutcome Of(ConnectionError error) => error switch
    {
        ConnectionError.Aborted => Stopped with { Cause = SessionCause.Stopped },
        ConnectionError.TimedOut or ConnectionError.Unreachable => new("lost", Side.Client),
        _ => new("reset", Side.Client),
    };

    /// <summary>Of a session that was relayed.</summary>
    public static SessionOutcome Of(RelayResult result) => new(result.End switch
    {
        RelayEnd.Closed => "closed",
        RelayEnd.Reset => "reset",
        RelayEnd.Lost => "lost",
        RelayEnd.Idle => "idle",
        RelayEnd.HalfClosed => "half_closed_idle",
        RelayEnd.Stopped => "stopped",
        _ => "fault",
    }, result.By);

    /// <summary>Of a session whose upstream could not be had.</summary>
    public static SessionOutcome Of(DialResult dialled) => new(dialled.Outcome switch
    {
        DialOutcome.Refused => "refused",
        DialOutcome.Unreachable => "unreachable",
        DialOutcome.TimedOut => "connect_timeout",
        DialOutcome.NameUnknown => "name_unknown",
        DialOutcome.NoLocalAddress => "no_local_port",
        DialOutcome.NoResources => "no_resources",
        DialOutcome.Busy => "backlog_full",
        DialOutcome.Cancelled => "stopped",
        DialOutcome.NotAllowed => "not_allowed",
        DialOutcome.NotSupported => "not_supported",
        _ => "connect_failed",
    }, IsOurs(dialled.Outcome) ? Side.Fairlead : Side.Upstream, dialled.Outcome == DialOutcome.Cancelled ? SessionCause.Stopped : SessionCause.NoUpstream, dialled.Detail);

    private static bool IsOurs(DialOutcome outcome) => outcome is DialOutcome.Cancelled or DialOutcome.NoLocalAddress or DialOutcome.NoResources;
}
