using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>One address that is listened on, and where those go who come by it.</summary>
/// <param name="Forward">Whose it is.</param>
/// <param name="Written">The listen of which it is a part, as it was written.</param>
/// <param name="Text">The address as it is shown: escaped.</param>
/// <param name="EndPoint">The address, with the port that the system chose where 0 was asked for.</param>
/// <param name="Upstream">Where its clients go.</param>
/// <param name="Acceptors">Its acceptors: one for each event loop, or a single one.</param>
internal sealed record Listen(Forward Forward, Endpoint Written, string Text, EndPoint EndPoint, Upstream Upstream, IReadOnlyList<IAcceptor> Acceptors)
{
    /// <summary>The address as it is shown.</summary>
    public override string ToString() => Text;
}
