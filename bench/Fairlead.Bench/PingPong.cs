using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>Round trips of 64 bytes on one connection, one after the other, by blocking calls.</summary>
sealed class PingPong : IDisposable
{
    const int Size = 64;
    const int WarmUp = 200;

    /// <summary>Room for ten seconds at a round trip of 5 µs; made once, so that nothing is collected while it measures.</summary>
    static readonly long[] ticks = new long[2_000_000];

    readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    readonly byte[] buffer = new byte[Size];

    public PingPong(IPEndPoint server)
    {
        socket.NoDelay = true;
        socket.ReceiveTimeout = 10_000;
        try
        {
            socket.Connect(server);
            for (var i = 0; i < WarmUp; i++)
                RoundTrip();
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new MeasureException($"ping-pong: {e.Message}");
        }
    }

    /// <summary>The 99th percentile in microseconds.</summary>
    public double P99(TimeSpan length)
    {
        var count = 0;
        try
        {
            var end = Stopwatch.GetTimestamp() + (long)(length.TotalSeconds * Stopwatch.Frequency);
            for (var now = Stopwatch.GetTimestamp(); now < end && count < ticks.Length;)
            {
                RoundTrip();
                var after = Stopwatch.GetTimestamp();
                ticks[count++] = after - now;
                now = after;
            }
        }
        catch (SocketException e)
        {
            throw new MeasureException($"ping-pong: {e.Message}");
        }
        ticks.AsSpan(0, count).Sort();
        return Stopwatch.GetElapsedTime(0, ticks[(int)(0.99 * (count - 1))]).TotalMicroseconds;
    }

    void RoundTrip()
    {
        socket.Send(buffer);
        for (var got = 0; got < Size;)
        {
            var n = socket.Receive(buffer, got, Size - got, SocketFlags.None);
            got += n > 0 ? n : throw new MeasureException("ping-pong: the connection was closed");
        }
    }

    public void Dispose() => socket.Dispose();
}
