namespace Fairlead;

internal sealed partial class DynamicProxy
{
    private ValueTask<SessionOutcome> RunHttpAsync(StreamSession session, FirstWords words) => new(SessionOutcome.BadRequest(config.Title));
}
