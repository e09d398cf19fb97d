using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// Tells a stream of datagrams, which is better dealt with in larger batches a moment later, from questions and answers, for which that moment would be
/// lost: in a stream, more than one of a peer wait at a time, time after time.
/// </summary>
[SupportedOSPlatform("linux")]
internal struct StreamSense
{
    // So many turns in a row are no coincidence. A batch of half the most is large enough.
    private const int Turns = 4, LargeEnough = 32;

    private byte turns;

    /// <summary>Whether more should gather before the next turn.</summary>
    /// <param name="arrival">What was read.</param>
    /// <param name="isFirst">Whether it is the first of its turn.</param>
    /// <param name="ofOnePeer">Whether all are of one peer, as on a connected socket.</param>
    public bool IsOn(in DatagramReceiver.Arrival arrival, bool isFirst, bool ofOnePeer)
    {
        if (!isFirst)
            return false;
        var places = arrival.Batch.Places;
        var isSmall = arrival.IsLast && places.Length < LargeEnough;
        if (isSmall && !(ofOnePeer ? places.Length > 1 : HasTwoOfOne(arrival.Peers)))
        {
            turns = 0;
            return false;
        }
        if (turns < Turns)
            turns++;
        return isSmall && turns == Turns;
    }

    private static bool HasTwoOfOne(ReadOnlySpan<DatagramPeer> peers)
    {
        for (var i = 1; i < peers.Length; i++)
        {
            if (peers[i] == peers[i - 1])
                return true;
        }
        return false;
    }
}
