using System.Net;

namespace Fairlead;

/// <summary>A listen at the far end of a tunnel, as it was written: what it means is for the far end to know.</summary>
/// <param name="written">The listen.</param>
/// <param name="tunnel">The tunnel's name.</param>
internal sealed class FarEndPoint(Endpoint written, string tunnel) : EndPoint
{
    public Endpoint Written => written;

    public override string ToString() => $"{written} at {tunnel}";
}
