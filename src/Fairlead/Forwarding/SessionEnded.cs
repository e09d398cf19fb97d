using System.Globalization;

namespace Fairlead;

/// <summary>The one line that each session leaves, however it ended; of those that are refused in numbers, only some.</summary>
/// <param name="session">The session.</param>
/// <param name="outcome">How it ended.</param>
/// <param name="duration">How long it lived.</param>
/// <param name="leftOut">How many refusals before this one left no line.</param>
internal sealed class SessionEnded(Session session, SessionOutcome outcome, TimeSpan duration, long leftOut) : LogEntry
{
    public override LogLevel Level => LogLevel.Information;

    public override string Event => "session";

    public override string Message
    {
        get
        {
            var who = outcome.By switch { Side.Client => " by the client", Side.Upstream => " by the upstream", _ => "" };
            var detail = outcome.Detail is null ? "" : $" ({Printable.Escape(outcome.Detail)})";
            return string.Create(CultureInfo.InvariantCulture,
                $"{Client} > {Listen} > {Upstream}: {outcome.Word.Replace('_', ' ')}{who}{detail} after {duration.TotalSeconds:F3} s, {session.BytesFromClient} B up, {session.BytesFromUpstream} B down{(leftOut > 0 ? $" ({leftOut} refusals before it are not shown)" : "")}");
        }
    }

    public override IEnumerable<KeyValuePair<string, object?>> Fields =>
    [
        KeyValuePair.Create("id", (object?)session.Id),
        KeyValuePair.Create("forward", (object?)Printable.Escape(session.Binding.Forward.Title)),
        KeyValuePair.Create("client", (object?)Client),
        KeyValuePair.Create("listen", (object?)Listen),
        KeyValuePair.Create("upstream", (object?)Upstream),
        KeyValuePair.Create("end", (object?)outcome.Word),
        KeyValuePair.Create("by", (object?)outcome.By.ToString().ToLowerInvariant()),
        KeyValuePair.Create("detail", (object?)(outcome.Detail is null ? null : Printable.Escape(outcome.Detail))),
        KeyValuePair.Create("duration_ms", (object?)Math.Round(duration.TotalMilliseconds, 3)),
        KeyValuePair.Create("bytes_from_client", (object?)session.BytesFromClient),
        KeyValuePair.Create("bytes_from_upstream", (object?)session.BytesFromUpstream),
        .. session.Extra,
        .. leftOut > 0 ? [KeyValuePair.Create("left_out", (object?)leftOut)] : Array.Empty<KeyValuePair<string, object?>>(),
    ];

    private string Client => session.Client;

    private string Listen => session.Listen.Text;

    private string Upstream => session.Target ?? "-";
}
