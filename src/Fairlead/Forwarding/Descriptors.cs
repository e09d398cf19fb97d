using System.Globalization;
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

    /// <summary>How many were open when this was first asked for; the program asks before it does anything else.</summary>
    // The runtime has one open for a moment now and then, while it starts.
    public static int AtStart { get; } = Math.Min(CountOpen(), Math.Min(CountOpen(), CountOpen()));

    /// <summary>How many are open now; 0 where the system does not tell.</summary>
    public static int CountOpen() => Directory.Exists("/proc/self/fd") ? Directory.GetFileSystemEntries("/proc/self/fd").Length - 1 : 0;

    /// <summary>
    /// How many <c>fairlead run</c> comes to hold by itself, whatever it forwards, beside its event loops: the published file keeps one for each part of it that
    /// was ever used. Measured as 35 more than at the start, and 70 with an admin API that was asked for everything; then a few for what was not seen.
    /// </summary>
    /// <param name="atStart">What was open at the start: the runtime's, and what the process was given.</param>
    /// <param name="hasAdmin">Whether there is an admin API.</param>
    public static int OfRun(int atStart, bool hasAdmin) => atStart + (hasAdmin ? 74 : 36);

    /// <summary>An event loop has an epoll(7) and an eventfd(2).</summary>
    public static int OfLoops(int loops) => 2 * loops;

    /// <summary>
    /// How many are kept back for look-ups, reload, who asks the admin API, and whatever the runtime opens. Under a very low limit little can be kept.
    /// </summary>
    public static int Reserve(int limit) => limit < 96 ? 8 : limit < 256 ? 16 : 32;

    /// <summary>How many pipes splice may have: an eighth of the limit in descriptors, two each, and no more than is of use; none where descriptors are dear.</summary>
    public static int Pipes(int limit) => limit < 256 ? 0 : Math.Min(64, limit / 16);

    /// <summary>Whether event loops share a listening socket: one for each spreads clients evenly, but multiplies descriptors.</summary>
    public static bool SharesListens(long listens, int loops, int limit) => listens * loops >= limit / 8;

    /// <summary>
    /// How many sessions there is room for beside what the program itself needs, its listening sockets, the reserve and the pipes: a session is two descriptors.
    /// Below one there is no room at all.
    /// </summary>
    public static int Sessions(int limit, int own, long sockets, int pipes)
    {
        return limit == int.MaxValue ? limit / 2 : (int)Math.Max(-1, (limit - own - sockets - Reserve(limit) - 2 * pipes) / 2);
    }

    /// <summary>Why nothing can be forwarded where <see cref="Sessions"/> says that there is no room.</summary>
    public static string NoRoom(int limit, int own, long sockets) => string.Create(CultureInfo.InvariantCulture,
        $"the descriptor limit of {limit} leaves no room for a session: the program itself needs {own}, {sockets} {(sockets == 1 ? "is" : "are")} for listening and {Reserve(limit)} are kept back; {Remedy}");

    /// <summary>What helps where there are too few.</summary>
    public const string Remedy = "listen on fewer ports, or raise the limit (ulimit -Hn, or LimitNOFILE= in its unit)";
}
