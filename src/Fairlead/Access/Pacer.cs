namespace Fairlead;

/// <summary>
/// Lets clients in at a rate, over all event loops together: the generic cell rate algorithm (ITU-T I.371), which is a token bucket kept as one
/// number. After a rest as many come in at once as belong to a part of a second, at least one: in any time t no more than that and
/// t × rate.
/// </summary>
internal sealed class Pacer
{
    // Takers that wait are many (one a listen and loop) and ask again all at once; no more often than this.
    private static readonly TimeSpan shortestWait = TimeSpan.FromMilliseconds(5);

    private readonly TimeProvider time;
    private readonly long start;
    private volatile Rate rate;

    // When the next client would be due if they came evenly, in nanoseconds since the start; in the past while there is room for a burst.
    private long due;

    private readonly int burstsPerSecond;

    /// <param name="perSecond">How many clients a second, at least 1.</param>
    /// <param name="time">Measures it.</param>
    /// <param name="burstsPerSecond">Which part of a second's may come at once after a rest: a tenth, where clients can wait; all, where they would be lost.</param>
    public Pacer(int perSecond, TimeProvider time, int burstsPerSecond = 10)
    {
        this.time = time;
        this.burstsPerSecond = burstsPerSecond;
        start = time.GetTimestamp();
        rate = new Rate(perSecond, burstsPerSecond);
    }

    /// <summary>Takes a place for a client: zero if there is one, else how long to wait before asking again, with none taken.</summary>
    public TimeSpan Reserve()
    {
        var present = rate;
        var now = Now;
        for (var seen = Interlocked.Read(ref due); ;)
        {
            var early = seen - present.Tolerance - now;
            if (early > 0)
                return Longer(shortestWait, TimeSpan.FromTicks((early + TimeSpan.NanosecondsPerTick - 1) / TimeSpan.NanosecondsPerTick));
            var before = Interlocked.CompareExchange(ref due, Math.Max(seen, now) + present.Interval, seen);
            if (before == seen)
                return TimeSpan.Zero;
            seen = before;
        }
    }

    /// <summary>Gives a place back that was taken, and for which nobody came.</summary>
    public void GiveBack() => Interlocked.Add(ref due, -rate.Interval);

    /// <summary>Goes on at another rate. Whoever waits for the slow one waits no longer than the new one makes him, once he asks again.</summary>
    public void SetRate(int perSecond)
    {
        var next = new Rate(perSecond, burstsPerSecond);
        rate = next;
        var latest = Now + next.Tolerance + next.Interval;
        for (var seen = Interlocked.Read(ref due); seen > latest;)
        {
            var before = Interlocked.CompareExchange(ref due, latest, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }

    private long Now => time.GetElapsedTime(start).Ticks * TimeSpan.NanosecondsPerTick;

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    /// <summary>Nanoseconds from one client to the next, rounded up, and how much earlier than due one may come.</summary>
    private sealed class Rate
    {
        private const long NanosecondsPerSecond = 1_000_000_000;

        public Rate(int perSecond, int burstsPerSecond)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(perSecond, 1);
            Interval = (NanosecondsPerSecond + perSecond - 1) / perSecond;
            Tolerance = (Math.Max(1, perSecond / burstsPerSecond) - 1) * Interval;
        }

        public long Interval { get; }

        public long Tolerance { get; }
    }
}
