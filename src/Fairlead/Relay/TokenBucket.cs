namespace Fairlead;

/// <summary>
/// Bytes a second, for whoever shares it, from any thread and without a lock. Bytes are claimed first and used when they are due, in the order
/// of their claims: nobody who waits is overtaken.
/// </summary>
/// <remarks>
/// What may have passed by now is a line that rises with time; a claim takes the next bytes of it, and is due once the line has reached them.
/// The line never runs further ahead of the claims than the burst, which is what a timer that fires late may make up for.
/// </remarks>
internal sealed class TokenBucket
{
    /// <summary>The highest rate, in bytes a second (69 Gbit/s); whatever is more is no limit.</summary>
    public const long MostBytesPerSecond = 1L << 33;

    /// <summary>The least that a claim is for, where as much is wanted: about a segment of TCP, so that a low rate does not dribble.</summary>
    public const int LeastSlice = 1460;

    /// <summary>How long <see cref="TimeUntil"/> says at the most, so that a new rate reaches those who wait for an old one within that time.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    private readonly TimeProvider time;
    private Pace pace;
    private long claimed;

    /// <summary>Makes one that is full: a burst may pass at once.</summary>
    /// <param name="bytesPerSecond">The rate; at least 1.</param>
    /// <param name="time">What measures it.</param>
    public TokenBucket(long bytesPerSecond, TimeProvider time)
    {
        this.time = time;
        pace = new Pace(Bounded(bytesPerSecond), time.GetTimestamp(), 0, time.TimestampFrequency);
        claimed = -pace.Burst;
    }

    /// <summary>The rate.</summary>
    public long BytesPerSecond => Volatile.Read(ref pace).BytesPerSecond;

    /// <summary>How many bytes may pass beyond rate × time: those of 50 ms, at least one slice.</summary>
    public long Burst => Volatile.Read(ref pace).Burst;

    /// <summary>
    /// Changes the rate, from now on and for everybody, whoever waits already included (after <see cref="LongestWait"/> at the latest). One caller
    /// at a time.
    /// </summary>
    public void SetRate(long bytesPerSecond)
    {
        var now = time.GetTimestamp();
        Volatile.Write(ref pace, new Pace(Bounded(bytesPerSecond), now, pace.PassedAt(now), time.TimestampFrequency));
    }

    /// <summary>Claims bytes: one slice, at the most <paramref name="want"/>. Whatever is not used in the end is to be returned.</summary>
    /// <param name="want">How many would be of use; at least 1.</param>
    /// <param name="due">What <see cref="TimeUntil"/> wants to know.</param>
    /// <returns>How many bytes were claimed; at least 1.</returns>
    public int Claim(int want, out long due)
    {
        var now = time.GetTimestamp();
        while (true)
        {
            var pace = Volatile.Read(ref this.pace);
            var before = Volatile.Read(ref claimed);
            var passed = pace.PassedAt(now);
            var start = Math.Max(before, passed - pace.Burst);
            var count = (int)Math.Min(want, pace.Slice(start - passed));
            due = start + count;
            if (Interlocked.CompareExchange(ref claimed, due, before) == before)
                return count;
        }
    }

    /// <summary>
    /// Takes bytes all at once or not at all: for those who do not wait. As long as anything is left they may pass, so that what is larger than
    /// the burst can pass too; those after it pay for it.
    /// </summary>
    public bool TryTake(int bytes)
    {
        var now = time.GetTimestamp();
        while (true)
        {
            var pace = Volatile.Read(ref this.pace);
            var before = Volatile.Read(ref claimed);
            var passed = pace.PassedAt(now);
            var start = Math.Max(before, passed - pace.Burst);
            if (start >= passed)
                return false;
            if (Interlocked.CompareExchange(ref claimed, start + bytes, before) == before)
                return true;
        }
    }

    /// <summary>How long until a claim may be used: zero, now; else whole milliseconds, after which to ask again.</summary>
    public TimeSpan TimeUntil(long due)
    {
        var pace = Volatile.Read(ref this.pace);
        var missing = due - pace.PassedAt(time.GetTimestamp());
        if (missing <= 0)
            return TimeSpan.Zero;

        // In whole milliseconds, rounded up: there are timers that cut the rest off, and would fire early again and again.
        var wait = Math.Ceiling(missing * 1000.0 / pace.BytesPerSecond);
        return wait < LongestWait.TotalMilliseconds ? TimeSpan.FromMilliseconds(wait) : LongestWait;
    }

    /// <summary>Gives back claimed bytes that were not used.</summary>
    public void Return(int unused) => Interlocked.Add(ref claimed, -unused);

    /// <summary>Pays for bytes that have passed already; the next claims wait for it.</summary>
    public void Spend(int bytes)
    {
        while (bytes > 0)
            bytes -= Claim(bytes, out _);
    }

    private static long Bounded(long bytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesPerSecond, 1);
        return Math.Min(bytesPerSecond, MostBytesPerSecond);
    }

    /// <summary>A rate, and the point where it set in.</summary>
    private sealed class Pace(long bytesPerSecond, long start, long passedAtStart, long ticksPerSecond)
    {
        // A slice is 5 ms of the rate; the burst is ten of them, since the timers of an event loop fire up to 20 ms late.
        private const int SlicesPerSecond = 200, SlicesInBurst = 10;

        private readonly long slice = Math.Max(bytesPerSecond / SlicesPerSecond, LeastSlice);

        public long BytesPerSecond => bytesPerSecond;

        public long Burst { get; } = Math.Max(bytesPerSecond / SlicesPerSecond * SlicesInBurst, LeastSlice);

        /// <summary>How many bytes may have passed at a time.</summary>
        public long PassedAt(long timestamp)
        {
            // Loops read their clock once a turn, so that one may be a little behind another.
            var (seconds, rest) = Math.DivRem(Math.Max(timestamp - start, 0), ticksPerSecond);
            return passedAtStart + seconds * bytesPerSecond + (long)((ulong)rest * (ulong)bytesPerSecond / (ulong)ticksPerSecond);
        }

        /// <summary>How large a slice is where so many bytes are waited for: the more, the smaller, so that everybody's turn comes soon.</summary>
        public long Slice(long waitedFor)
        {
            return waitedFor <= Burst ? slice : Math.Max((long)((double)slice * Burst / waitedFor), LeastSlice);
        }
    }
}
