using System.Globalization;

namespace Fairlead;

/// <summary>The one line that each session leaves, however it ended.</summary>
internal sealed class SessionEnded(Session session, SessionOutcome outcome, TimeSpan duration) : LogEntry
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
                $"{Client} > {Listen} > {Upstream}: {outcome.Word.Replace('_', ' ')}{who}{detail} after {duration.TotalSeconds:F3} s, {session.BytesFromClient} B up, {session.BytesFromUpstream} B down");
        }
    }

    public override IEnumerable<KeyValuePair<string, object?>> Fields =>
    [
        KeyValuePair.Create("id", (object?)session.Id),
        KeyValuePair.Create("forward", (object?)Printable.Escape(session.Listen.Forward.Title)),
        KeyValuePair.Create("client", (object?)Client),
        KeyValuePair.Create("listen", (object?)Listen),
        KeyValuePair.Create("upstream", (object?)Upstream),
        KeyValuePair.Create("end", (object?)outcome.Word),
        KeyValuePair.Create("by", (object?)outcome.By.ToString().ToLowerInvariant()),
        KeyValuePair.Create("detail", (object?)(outcome.Detail is null ? null : Printable.Escape(outcome.Detail))),
        KeyValuePair.Create("duration_ms", (object?)Math.Round(duration.TotalMilliseconds, 3)),
        KeyValuePair.Create("bytes_from_client", (object?)session.BytesFromClient),
        KeyValuePair.Create("bytes_from_upstream", (object?)session.BytesFromUpstream),
    ];

    private string Client => session.Client.RemoteEndPoint?.ToString() ?? "unix";

    private string Listen => session.Listen.Text;

    private string Upstream => session.Listen.Upstream.Text;
}
