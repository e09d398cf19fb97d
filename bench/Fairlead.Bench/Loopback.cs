using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>Addresses and ports of this machine for the length of one run.</summary>
static class Loopback
{
    /// <summary>Below the range that the kernel takes the ports of outgoing connections from (32768 to 60999 by default), so
    /// that none of them sits on a port between its choice and the bind.</summary>
    const int FirstPort = 20_000, LastPort = 32_000;

    /// <summary>Where thousands are looked for: mostly below the others, which have to find theirs by chance.</summary>
    const int FirstOfMany = 10_000;

    static readonly HashSet<int> taken = [];

    /// <summary>127.0.0.1 with a port that nobody has, and that is not given out twice.</summary>
    public static IPEndPoint NewEndPoint() => new(IPAddress.Loopback, NewPort());

    /// <summary>A port that is free on every address, and that is not given out twice.</summary>
    public static int NewPort()
    {
        while (true)
        {
            var port = Random.Shared.Next(FirstPort, LastPort);
            if (TryTake(port))
                return port;
        }
    }

    /// <summary>127.0.0.1 with so many ports in ascending order, one after the other but for those that somebody has.</summary>
    public static IReadOnlyList<IPEndPoint> NewEndPoints(int count)
    {
        var found = new List<IPEndPoint>(count);
        for (var port = FirstOfMany; port < LastPort && found.Count < count; port++)
        {
            if (TryTake(port))
                found.Add(new(IPAddress.Loopback, port));
        }
        return found.Count == count ? found : throw new MeasureException($"only {found.Count} of {count} ports between {FirstOfMany} and {LastPort} are free");
    }

    /// <summary>Waits until somebody listens on every address. Asks the kernel's table and not the listener: a connection
    /// would go through to the target, and iperf3 takes one as the start of a test.</summary>
    public static void WaitForListeners(IEnumerable<IPEndPoint> endPoints, Child child) => WaitFor(Listeners, endPoints, child);

    /// <summary>Waits until somebody receives datagrams on every address.</summary>
    public static void WaitForReceivers(IEnumerable<IPEndPoint> endPoints, Child child) => WaitFor(Receivers, endPoints, child);

    static void WaitFor(Func<IEnumerable<string>> present, IEnumerable<IPEndPoint> endPoints, Child child)
    {
        var wanted = endPoints.Select(Spell).ToHashSet();
        var deadline = DateTime.UtcNow.AddSeconds(10);
        while (true)
        {
            wanted.ExceptWith(present());
            if (wanted.Count == 0)
                return;
            if (child.HasEnded || DateTime.UtcNow > deadline)
                throw new MeasureException($"{child.Program} {(child.HasEnded ? "ended" : "does not listen")}: {child.LastWords}");
            Thread.Sleep(5);
        }
    }

    /// <summary>How many of these nobody listens on now.</summary>
    public static int CountSilent(IEnumerable<IPEndPoint> endPoints) => endPoints.Select(Spell).Except(Listeners()).Count();

    static bool TryTake(int port)
    {
        lock (taken)
        {
            if (!taken.Add(port))
                return false;
        }
        using var stream = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var datagram = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            stream.Bind(new IPEndPoint(IPAddress.Any, port));
            datagram.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>TCP_LISTEN.</summary>
    static IEnumerable<string> Listeners() => InState("/proc/net/tcp", "0A");

    /// <summary>TCP_CLOSE, which with UDP is a socket that is bound and not connected.</summary>
    static IEnumerable<string> Receivers() => InState("/proc/net/udp", "07");

    static IEnumerable<string> InState(string table, string state)
    {
        foreach (var line in File.ReadLines(table).Skip(1))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            // The first one, the number of a slot, has its own column in either table.
            if (fields[3] == state)
                yield return fields[1];
        }
    }

    /// <summary>As /proc/net/tcp writes it: the address as a number in this machine's byte order, then the port.</summary>
    static string Spell(IPEndPoint endPoint) => string.Create(CultureInfo.InvariantCulture,
        $"{BitConverter.ToUInt32(endPoint.Address.GetAddressBytes()):X8}:{endPoint.Port:X4}");
}
