using Fairlead.Net;

namespace Fairlead;

/// <summary>What the process may spend on descriptors, and what it has spent.</summary>
internal static class Descriptors
{
    /// <summary>Raises the soft limit to the hard one and returns it (getrlimit(2)); on other systems than Linux, no limit that we know of.</summary>
    public static int RaiseLimit()
    {
        if (!OperatingSystem.IsLinux())
            return int.MaxValue;
        Libc.getrlimit(Libc.RLIMIT_NOFILE, out var limit);
        if (limit.Soft < limit.Hard && Libc.setrlimit(Libc.RLIMIT_NOFILE, (limit.Hard, limit.Hard)) >= 0)
            limit.Soft = limit.Hard;
        return (int)Math.Min(limit.Soft, int.MaxValue);
    }

    /// <summary>How many are open now; 0 where the system does not tell.</summary>
    public static int CountOpen() => Directory.Exists("/proc/self/fd") ? Directory.GetFileSystemEntries("/proc/self/fd").Length - 1 : 0;

    /// <summary>
    /// How many are kept back for the runtime, look-ups, reload and admin. An idle .NET process holds 31 by itself, the published file 50, so that under a very
    /// low limit little can be kept.
    /// </summary>
    public static int Reserve(int limit) => limit < 96 ? 8 : 32;

    /// <summary>How many pipes splice may have: an eighth of the limit in descriptors, two each, and no more than is of use; none where descriptors are dear.</summary>
    public static int Pipes(int limit) => limit < 256 ? 0 : Math.Min(64, limit / 16);

    /// <summary>Whether event loops share a listening socket: one for each spreads clients evenly, but multiplies descriptors.</summary>
    public static bool SharesListens(long listens, int loops, int limit) => listens * loops >= limit / 8;

    /// <summary>
    /// How many sessions there is room for beside what is open, the reserve and the pipes: a session is two descriptors. Below one there
    /// is no room at all.
    /// </summary>
    public static int Sessions(int limit, int open, int pipes)
    {
        return limit == int.MaxValue ? limit / 2 : (limit - open - Reserve(limit) - 2 * pipes) / 2;
    }
}
