using System.Buffers;

namespace Fairlead.Ssh;

/// <summary>
/// Bytes that came and nobody has read yet, in pieces of one size, so that many small packets take no more memory than a large one. Empty, it holds none. For a moment they may lie elsewhere, so
/// that whoever reads at once saves a copy.
/// </summary>
internal struct ReceivedBytes()
{
    private const int PieceLength = 32 << 10, MostKeptPlaces = 64;

    private List<ReadOnlyMemory<byte>>? lent;
    private int lentStart;

    private readonly Queue<byte[]> pieces = [];
    private byte[]? last;
    private int start, end;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Count += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (last is null || end == last.Length)
            {
                pieces.Enqueue(last = ArrayPool<byte>.Shared.Rent(PieceLength));
                end = 0;
            }
            var count = Math.Min(last.Length - end, bytes.Length);
            bytes[..count].CopyTo(last.AsSpan(end));
            end += count;
            bytes = bytes[count..];
        }
    }

    /// <summary>Adds bytes that stay where they are until <see cref="Keep"/>. Only while everything that is here is lent.</summary>
    public void Lend(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        (lent ??= []).Add(bytes);
        Count += bytes.Length;
    }

    /// <summary>What is lent is here from now on.</summary>
    public void Keep()
    {
        if (lent is null)
            return;
        var (places, from) = (lent, lentStart);
        (lent, lentStart) = (null, 0);
        foreach (var place in places)
        {
            Count -= place.Length - from;
            Append(place.Span[from..]);
            from = 0;
        }
        if (places.Capacity <= MostKeptPlaces)
        {
            places.Clear();
            lent = places;
        }
    }

    /// <summary>Takes as many as there are room for.</summary>
    public int Take(Span<byte> buffer)
    {
        var taken = TakeLent(buffer);
        while (taken < buffer.Length && pieces.TryPeek(out var first))
        {
            var there = (first == last ? end : first.Length) - start;
            var count = Math.Min(there, buffer.Length - taken);
            first.AsSpan(start, count).CopyTo(buffer[taken..]);
            start += count;
            taken += count;
            if (count == there)
                DropFirst();
        }
        Count -= taken;
        return taken;
    }

    private int TakeLent(Span<byte> buffer)
    {
        var (taken, used) = (0, 0);
        while (lent is not null && used < lent.Count && taken < buffer.Length)
        {
            var first = lent[used].Span[lentStart..];
            var count = Math.Min(first.Length, buffer.Length - taken);
            first[..count].CopyTo(buffer[taken..]);
            taken += count;
            lentStart += count;
            if (count < first.Length)
                break;
            (used, lentStart) = (used + 1, 0);
        }
        lent?.RemoveRange(0, used);
        return taken;
    }

    public void Clear()
    {
        while (pieces.Count > 0)
            DropFirst();
        lent = null;
        (Count, lentStart) = (0, 0);
    }

    private void DropFirst()
    {
        var first = pieces.Dequeue();
        ArrayPool<byte>.Shared.Return(first);
        start = 0;
        if (first == last)
            last = null;
    }
}
