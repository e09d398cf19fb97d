namespace Fairlead;

/// <summary>The end of several dials together.</summary>
/// <param name="time">Measures it.</param>
/// <param name="limit">From now; <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
internal readonly struct Deadline(TimeProvider time, TimeSpan limit)
{
    private readonly long start = time.GetTimestamp();

    /// <summary>What is left: zero when it has passed, infinite when there is none.</summary>
    public TimeSpan Left
    {
        get
        {
            if (limit == Timeout.InfiniteTimeSpan)
                return limit;
            var left = limit - time.GetElapsedTime(start);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    public bool HasPassed => Left == TimeSpan.Zero;

    /// <summary>The next one's part of what is left, if so many are still to come, that one included.</summary>
    public TimeSpan Share(int dials) => Left is var left && left == Timeout.InfiniteTimeSpan ? left : left / dials;
}
