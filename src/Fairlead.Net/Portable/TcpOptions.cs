using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>The options of tcp(7) that every TCP connection gets, in .NET's words.</summary>
internal static class TcpOptions
{
    // linux/tcp.h; .NET has no name for it.
    private const int IPPROTO_TCP = 6, TCP_USER_TIMEOUT = 18;

    /// <summary>Turns off, on a listening socket, what accepted ones would have from it and <see cref="Apply"/> does not turn off.</summary>
    public static void Clear(Socket listener)
    {
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, false);
        if (OperatingSystem.IsLinux())
            listener.SetRawSocketOption(IPPROTO_TCP, TCP_USER_TIMEOUT, BitConverter.GetBytes(0));
    }

    /// <summary>
    /// Applies <paramref name="tuning"/>, and turns off Nagle's algorithm: whoever wrote the bytes has already decided when to send
    /// them. <see cref="SocketTuning.Unacknowledged"/> is kept on Linux only; other systems keep their own limit.
    /// </summary>
    /// <exception cref="SocketException">Some systems throw where the peer has already gone.</exception>
    public static void Apply(Socket socket, SocketTuning tuning)
    {
        socket.NoDelay = true;
        if (tuning.KeepaliveProbes > 0)
        {
            var seconds = Math.Max(1, (int)tuning.KeepaliveIdle.TotalSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, seconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, seconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, tuning.KeepaliveProbes);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        }
        if (tuning.Unacknowledged > TimeSpan.Zero && OperatingSystem.IsLinux())
        {
            var milliseconds = (int)Math.Clamp(tuning.Unacknowledged.TotalMilliseconds, 1, int.MaxValue);
            socket.SetRawSocketOption(IPPROTO_TCP, TCP_USER_TIMEOUT, BitConverter.GetBytes(milliseconds));
        }
    }
}
