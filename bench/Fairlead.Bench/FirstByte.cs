using System.Diagnostics;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>Knocks until somebody opens.</summary>
static class FirstByte
{
    /// <summary>Connects in a tight loop until a byte has been to the target and back.</summary>
    public static void Wait(Forwarder forwarder)
    {
        var begin = Stopwatch.GetTimestamp();
        var one = new byte[1];
        while (Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(10))
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5000 };
            try
            {
                socket.Connect(forwarder.Entries[0]);
                socket.Send(one);
                if (socket.Receive(one) == 1)
                    return;
            }
            catch (SocketException)
            {
                // Refused: nobody listens yet, or never will.
                if (forwarder.Ended is { } reason)
                    throw new MeasureException(reason);
            }
        }
        throw new MeasureException("nothing came through within 10 s of the start");
    }
}
