using Fairlead.Net;

namespace Fairlead;

/// <summary>How a session ended: one word a cause, the same in logs and counters.</summary>
/// <param name="Word">The word, in <c>snake_case</c>.</param>
/// <param name="By">Whose doing it was.</param>
/// <param name="Detail">The system's words, where a dial failed.</param>
internal sealed record SessionOutcome(string Word, Side By, string? Detail = null)
{
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
        _ => "connect_failed",
    }, IsOurs(dialled.Outcome) ? Side.Fairlead : Side.Upstream, dialled.Detail);

    private static bool IsOurs(DialOutcome outcome) => outcome is DialOutcome.Cancelled or DialOutcome.NoLocalAddress or DialOutcome.NoResources;
}
