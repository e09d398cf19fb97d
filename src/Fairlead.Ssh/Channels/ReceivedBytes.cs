using System.Buffers;

namespace Fairlead.Ssh;

/// <summary>Bytes that came and nobody has read yet, in pieces of one size, so that many small packets take no more memory than a large one. Empty, it holds none.</summary>
internal struct ReceivedBytes()
{
    private const int PieceLength = 32 << 10;

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

    /// <summary>Takes as many as there are room for.</summary>
    public int Take(Span<byte> buffer)
    {
        var taken = 0;
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

    public void Clear()
    {
        while (pieces.Count > 0)
            DropFirst();
        Count = 0;
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
