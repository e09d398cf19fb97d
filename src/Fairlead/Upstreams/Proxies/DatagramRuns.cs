using Fairlead.Net;

namespace Fairlead;

/// <summary>Lists where datagrams lie; those of one size that lie one behind the other become a run, see <see cref="DatagramPlace"/>.</summary>
/// <param name="places">Where they are listed.</param>
internal ref struct DatagramRuns(Span<DatagramPlace> places)
{
    private readonly Span<DatagramPlace> places = places;
    private int count;

    /// <summary>What is listed so far.</summary>
    public readonly ReadOnlySpan<DatagramPlace> Places => places[..count];

    /// <summary>Lists a datagram; false if there is no room.</summary>
    public bool TryAdd(int offset, int length)
    {
        if (count > 0 && Joins(places[count - 1], offset, length))
        {
            places[count - 1] = places[count - 1] with { Length = places[count - 1].Length + length };
            return true;
        }
        if (count == places.Length)
            return false;
        places[count++] = new DatagramPlace(offset, length);
        return true;
    }

    /// <summary>Lists nothing any more.</summary>
    public void Clear() => count = 0;

    // A run ends with a datagram that is shorter, and has no empty one. One that is longer than a datagram can be is nothing that the kernel takes in one piece.
    private static bool Joins(DatagramPlace run, int offset, int length) =>
        length > 0 && length <= run.SegmentSize && run.Offset + run.Length == offset && run.Length % run.SegmentSize == 0 && run.Length + length <= DatagramBatch.MaxLength;
}
