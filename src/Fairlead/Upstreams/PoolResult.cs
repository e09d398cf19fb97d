using Fairlead.Net;

namespace Fairlead;

/// <summary>What became of a client's dials.</summary>
/// <param name="Dial">The connection, or the last dial's failure.</param>
/// <param name="Upstream">
/// Whom the last dial went to. If it connected, the session counts there: the caller owes it <see cref="Upstream.Leave"/>.
/// </param>
/// <param name="Dials">How many dials it took; the addresses of a name that race count as one.</param>
internal readonly record struct PoolResult(DialResult Dial, Upstream? Upstream, int Dials = 1);
