using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>
/// Ports for tests that must know one before anybody listens at it. They lie below those that systems give to clients, and
/// each is handed out once: tests of this process, which run at the same time, never get the same.
/// </summary>
internal static class FreePorts
{
    private const int First = 10_000, Count = 20_000;
    private static int next = Random.Shared.Next(Count);

    /// <summary>A port at which nobody listens, on any address, by TCP or UDP.</summary>
    public static int One() => Range(1);

    /// <summary>The first of so many consecutive ones.</summary>
    public static int Range(int count)
    {
        while (true)
        {
            var end = (int)((uint)Interlocked.Add(ref next, count) % Count);
            if (end >= count && Enumerable.Range(First + end - count, count).All(IsFree))
                return First + end - count;
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var stream = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            stream.Bind(new IPEndPoint(IPAddress.Any, port));
            using var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            datagrams.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
