using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>Sets a TCP socket's options; see tcp(7).</summary>
[SupportedOSPlatform("linux")]
internal static class NativeTuning
{
    /// <summary>The same for a socket that had other options before: what these have off is turned off.</summary>
    public static void Change(int descriptor, SocketTuning tuning)
    {
        Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_KEEPALIVE, 0);
        Libc.setsockopt(descriptor, Libc.IPPROTO_TCP, Libc.TCP_USER_TIMEOUT, 0);
        Apply(descriptor, tuning);
    }

    /// <summary>No delay, keepalive and retransmission. What the system refuses is left as it is: none of it is worth a connection.</summary>
    public static void Apply(int descriptor, SocketTuning tuning)
    {
        Libc.setsockopt(descriptor, Libc.IPPROTO_TCP, Libc.TCP_NODELAY, 1);
        if (tuning.KeepaliveProbes > 0)
        {
            var seconds = Math.Clamp((int)Math.Ceiling(tuning.KeepaliveIdle.TotalSeconds), 1, 32767);
            Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_KEEPALIVE, 1);
            Libc.setsockopt(descriptor, Libc.IPPROTO_TCP, Libc.TCP_KEEPIDLE, seconds);
            Libc.setsockopt(descriptor, Libc.IPPROTO_TCP, Libc.TCP_KEEPINTVL, seconds);
            Libc.setsockopt(descriptor, Libc.IPPROTO_TCP, Libc.TCP_KEEPCNT, Math.Min(tuning.KeepaliveProbes, 127));
        }
        if (tuning.Unacknowledged > TimeSpan.Zero)
            Libc.setsockopt(descriptor, Libc.IPPROTO_TCP, Libc.TCP_USER_TIMEOUT, (int)Math.Min(tuning.Unacknowledged.TotalMilliseconds, int.MaxValue));
    }
}
