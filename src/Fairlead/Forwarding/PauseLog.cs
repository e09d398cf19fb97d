using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Says that accepting is paused, and for want of what: once a minute, since it may come to pass ten times a second for each listen and loop.</summary>
/// <param name="log">Told.</param>
/// <param name="time">Measures the minute.</param>
internal sealed class PauseLog(Action<LogEntry> log, TimeProvider time)
{
    private static readonly TimeSpan interval = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private long? lastTime;
    private long leftOut;

    /// <summary>Accepting on a listen is paused. Called on event loops.</summary>
    public void Tell(string listen, SocketError error)
    {
        long before;
        lock (gate)
        {
            if (lastTime is { } last && time.GetElapsedTime(last) < interval)
            {
                leftOut++;
                return;
            }
            lastTime = time.GetTimestamp();
            (before, leftOut) = (leftOut, 0);
        }
        log(Notice.AcceptPaused(listen, Reason(error, error == SocketError.TooManyOpenSockets && ProcessHasNone()), before));
    }

    /// <summary>What is missing, and what helps: errors of accept(2).</summary>
    /// <param name="error">The error; EMFILE and ENFILE are one to .NET.</param>
    /// <param name="isOwn">Whether this process has none left: EMFILE.</param>
    internal static string Reason(SocketError error, bool isOwn) => (error, isOwn) switch
    {
        (SocketError.TooManyOpenSockets, true) => "this process has no descriptor left (EMFILE); raise its limit (ulimit -Hn, LimitNOFILE= in the unit)",
        (SocketError.TooManyOpenSockets, false) => "the system has no descriptor left (ENFILE); raise fs.file-max, or find who holds them",
        (SocketError.NoBufferSpaceAvailable, _) => "the system has no memory for a connection (ENOBUFS)",
        _ => new SocketException((int)error).Message,
    };

    // A duplicate takes a number of this process and nothing of the system's.
    private static bool ProcessHasNone()
    {
        if (!OperatingSystem.IsLinux())
            return true;
        var duplicate = Libc.fcntl(2, Libc.F_DUPFD_CLOEXEC, 0);
        if (duplicate >= 0)
            Libc.close(duplicate);
        return duplicate == -Libc.EMFILE;
    }
}
