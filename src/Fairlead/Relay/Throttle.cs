namespace Fairlead;

/// <summary>
/// What holds one direction of one relay back: the buckets that its bytes are claimed from, one after the other, and what is claimed and not used
/// yet. Not thread-safe: it belongs to its direction.
/// </summary>
/// <param name="buckets">The buckets; the narrowest first, so that nothing of the others' waits with it.</param>
internal sealed class Throttle(params TokenBucket[] buckets)
{
    // Of the buckets before `next` so many bytes were claimed and are due, of `next` too if it was asked already.
    private int next, bytes;
    private bool isAsked;
    private long due;

    /// <summary>
    /// How many bytes may pass now, of as many as would be of use: at least 1; or 0, and how long to wait before asking again. What does not
    /// pass is to be returned.
    /// </summary>
    public int Take(int want, out TimeSpan wait)
    {
        if (next == 0 && !isAsked)
            bytes = want;
        for (; next < buckets.Length; next++)
        {
            if (!isAsked)
            {
                var granted = buckets[next].Claim(bytes, out due);
                GiveBack(bytes - granted, next);
                bytes = granted;
                isAsked = true;
            }
            wait = buckets[next].TimeUntil(due);
            if (wait > TimeSpan.Zero)
                return 0;
            isAsked = false;
        }
        next = 0;
        wait = TimeSpan.Zero;
        Return(Math.Max(bytes - want, 0));
        return Math.Min(bytes, want);
    }

    /// <summary>Gives back what was taken and did not pass.</summary>
    public void Return(int unused) => GiveBack(unused, buckets.Length);

    /// <summary>Pays for bytes that pass without having been asked for.</summary>
    public void Spend(int count)
    {
        foreach (var bucket in buckets)
            bucket.Spend(count);
    }

    /// <summary>Gives back what is waited for.</summary>
    public void Drop()
    {
        GiveBack(bytes, isAsked ? next + 1 : next);
        (next, isAsked) = (0, false);
    }

    private void GiveBack(int unused, int most)
    {
        for (var i = 0; i < most && unused > 0; i++)
            buckets[i].Return(unused);
    }
}
