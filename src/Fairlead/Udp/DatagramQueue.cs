using Fairlead.Net;

namespace Fairlead;

/// <summary>Datagrams of a session that wait for its upstream: copies, and few of them.</summary>
internal sealed class DatagramQueue
{
    /// <summary>How many are kept; whoever sends more before there is an answer sends them again.</summary>
    public const int MostDatagrams = 16;

    /// <summary>How many bytes are kept: one of any length, or a few of a usual one.</summary>
    public const int MostBytes = 64 << 10;

    private readonly List<DatagramPlace> places = [];
    private byte[] bytes = [];
    private int length, count;

    /// <summary>Keeps as many as there is room for: how many those are.</summary>
    public int Add(in DatagramBatch batch)
    {
        var kept = 0;
        foreach (var datagram in batch)
        {
            if (count == MostDatagrams || length + datagram.Length > MostBytes)
                break;
            if (bytes.Length < length + datagram.Length)
                Array.Resize(ref bytes, Math.Min(MostBytes, Math.Max(2 * bytes.Length, length + datagram.Length)));
            datagram.CopyTo(bytes.AsSpan(length));
            places.Add(new DatagramPlace(length, datagram.Length));
            length += datagram.Length;
            count++;
            kept++;
        }
        return kept;
    }

    /// <summary>What waits, in its order.</summary>
    public DatagramBatch Batch => new(bytes, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(places));

    public int Count => count;
}
