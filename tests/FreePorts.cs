using System.Net.NetworkInformation;

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
            if (end >= count && AreFree(First + end - count, count))
                return First + end - count;
        }
    }

    // Nothing is bound to see whether it can be: a process that another test starts would hold that for a moment longer.
    private static bool AreFree(int first, int count)
    {
        var system = IPGlobalProperties.GetIPGlobalProperties();
        return !system.GetActiveTcpListeners().Concat(system.GetActiveUdpListeners()).Any(listener => listener.Port >= first && listener.Port < first + count);
    }
}
