namespace Fairlead;

/// <summary>How long a tunnel waits before it tries again: a second, then twice as long each time, up to a minute; a random part of it, so that many that lost the same server do not come back in step.</summary>
internal static class Backoff
{
    private static readonly TimeSpan first = TimeSpan.FromSeconds(1), longest = TimeSpan.FromMinutes(1);

    /// <param name="failures">How many attempts have failed in a row, from 1.</param>
    /// <param name="random">From 0 to 1.</param>
    /// <returns>From half of what it is to all of it.</returns>
    public static TimeSpan After(int failures, double random)
    {
        var whole = Math.Min(longest.TotalSeconds, first.TotalSeconds * Math.Pow(2, Math.Min(failures, 16) - 1));
        return TimeSpan.FromSeconds(whole * (0.5 + random / 2));
    }
}
