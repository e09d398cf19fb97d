namespace Fairlead.Net;

/// <summary>
/// Where a datagram lies in a buffer, or a run of them: several of one peer, one right behind the other, all of one size but the last, which
/// may be shorter. Runs are what the kernel takes and gives in one piece (<c>UDP_SEGMENT</c>, <c>UDP_GRO</c>; udp(7)).
/// </summary>
/// <param name="Offset">Where it begins.</param>
/// <param name="Length">How many bytes it has, of all its datagrams; 0 is a datagram too.</param>
/// <param name="SegmentSize">How many bytes each of a run has; <paramref name="Length"/> for a single one.</param>
public readonly record struct DatagramPlace(int Offset, int Length, int SegmentSize)
{
    /// <summary>The place of a single datagram.</summary>
    public DatagramPlace(int offset, int length)
        : this(offset, length, length)
    {
    }

    /// <summary>How many datagrams lie there; at least 1.</summary>
    public int Count => Length <= SegmentSize ? 1 : (Length + SegmentSize - 1) / SegmentSize;
}

/// <summary>Datagrams in their order. The bytes are lent for the call that gets them.</summary>
/// <param name="buffer">Where they lie; there may be more in it than these.</param>
/// <param name="places">Where each lies, or each run.</param>
public readonly ref struct DatagramBatch(ReadOnlySpan<byte> buffer, ReadOnlySpan<DatagramPlace> places)
{
    /// <summary>The longest payload that UDP over IPv4 carries: 65,535 less the headers. Over IPv6 it is 20 more.</summary>
    public const int MaxLength = 65_507;

    /// <summary>Where the datagrams lie.</summary>
    public ReadOnlySpan<byte> Buffer { get; } = buffer;

    /// <summary>Where each lies in <see cref="Buffer"/>, or each run.</summary>
    public ReadOnlySpan<DatagramPlace> Places { get; } = places;

    /// <summary>How many datagrams there are, those of runs each by itself.</summary>
    public int Count
    {
        get
        {
            var count = 0;
            foreach (var place in Places)
                count += place.Count;
            return count;
        }
    }

    /// <summary>How many bytes they have together.</summary>
    public long Length
    {
        get
        {
            var length = 0L;
            foreach (var place in Places)
                length += place.Length;
            return length;
        }
    }

    /// <summary>Each datagram by itself, those of runs too.</summary>
    public Enumerator GetEnumerator() => new(this);

    /// <summary>Goes over datagrams one by one.</summary>
    public ref struct Enumerator(DatagramBatch batch)
    {
        private readonly ReadOnlySpan<byte> buffer = batch.Buffer;
        private readonly ReadOnlySpan<DatagramPlace> places = batch.Places;
        private int place = -1, start, length;

        /// <summary>The datagram.</summary>
        public readonly ReadOnlySpan<byte> Current => buffer.Slice(start, length);

        /// <summary>Goes to the next; false when there is none.</summary>
        public bool MoveNext()
        {
            if (place >= 0 && start + length < places[place].Offset + places[place].Length)
            {
                start += length;
                length = Math.Min(places[place].SegmentSize, places[place].Offset + places[place].Length - start);
                return true;
            }
            if (++place >= places.Length)
                return false;
            start = places[place].Offset;
            length = Math.Min(places[place].SegmentSize, places[place].Length);
            return true;
        }
    }
}
