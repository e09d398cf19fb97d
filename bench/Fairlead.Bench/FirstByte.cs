using System.Diagnostics;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>Knocks until somebody opens.</summary>
static class FirstByte
{
    /// <summary>Connects until a byte has been to the target and back, and gives it as it comes: with the target's mark.</summary>
    /// <param name="forwarder">Knocked at by its first entry.</param>
    /// <param name="pause">Between two attempts: for a start that takes long enough for a tight loop to take its processor away.</param>
    public static byte Wait(Forwarder forwarder, TimeSpan pause = default)
    {
        var begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(10))
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5000 };
            var one = new byte[1];
            try
            {
                socket.Connect(forwarder.Entries[0]);
                socket.Send(one);
                if (socket.Receive(one) == 1)
                    return one[0];
            }
            catch (SocketException)
            {
                // Refused: nobody listens yet, or never will.
                if (forwarder.Ended is { } reason)
                    throw new MeasureException(reason);
                if (pause > TimeSpan.Zero)
                    Thread.Sleep(pause);
            }
        }
        throw new MeasureException("nothing came through within 10 s of the start");
    }
}
