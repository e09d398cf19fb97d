using Fairlead.Net;

namespace Fairlead;

/// <summary>Holds datagrams to rates by dropping what is beyond (RFC 2475 section 2.3.3.4): a datagram that waited would come too late.</summary>
/// <param name="buckets">All of which a datagram needs to pass.</param>
internal sealed class Policer(params TokenBucket[] buckets)
{
    /// <summary>The datagrams that may pass; a run passes or falls as one.</summary>
    /// <param name="batch">The datagrams.</param>
    /// <param name="room">Room for as many places as the batch has.</param>
    /// <param name="over">How many datagrams are beyond the rate.</param>
    public DatagramBatch Filter(in DatagramBatch batch, Span<DatagramPlace> room, out int over)
    {
        var kept = over = 0;
        foreach (var place in batch.Places)
        {
            if (Passes(place.Length))
                room[kept++] = place;
            else
                over += place.Count;
        }
        return new DatagramBatch(batch.Buffer, room[..kept]);
    }

    private bool Passes(int bytes)
    {
        for (var i = 0; i < buckets.Length; i++)
        {
            if (buckets[i].TryTake(bytes))
                continue;
            while (--i >= 0)
                buckets[i].Return(bytes);
            return false;
        }
        return true;
    }
}
