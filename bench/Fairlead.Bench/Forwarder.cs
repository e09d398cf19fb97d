using System.Net;

namespace Fairlead.Bench;

/// <summary>What a route carries.</summary>
[Flags]
enum Transports
{
    Tcp = 1,
    Udp = 2,
    Both = Tcp | Udp,
}

/// <summary>What of a client's words a forwarder has to understand.</summary>
enum Speech
{
    /// <summary>Nothing: the bytes go to the target.</summary>
    Any,

    /// <summary>SOCKS5: the client names the target.</summary>
    Socks,

    /// <summary>The name in a ClientHello, <see cref="Hello.Name"/>, which alone leads to the target.</summary>
    Sni,

    /// <summary>TLS, which it ends: the target gets what was inside.</summary>
    Tls,
}

/// <summary>Where a forwarder listens, and where it sends.</summary>
readonly record struct Route(IPEndPoint Listen, IPEndPoint Target, Transports Over = Transports.Tcp, Speech Speech = Speech.Any);

/// <summary>A peer at work: its processes, and the addresses that clients connect to, in the order of the routes.</summary>
sealed class Forwarder : IDisposable
{
    readonly IReadOnlyList<Child> children;

    public Forwarder(IReadOnlyList<Child> children, IReadOnlyList<IPEndPoint> entries)
    {
        this.children = children;
        Entries = entries;
    }

    public IReadOnlyList<IPEndPoint> Entries { get; }

    /// <summary>Processor time since the start, over all processes; zero where there are none.</summary>
    public TimeSpan ProcessorTime => children.Aggregate(TimeSpan.Zero, (sum, child) => sum + ProcessTree.ProcessorTime(child.Id));

    /// <summary>A line of smaps_rollup, over all processes, in bytes.</summary>
    public long Memory(string line) => children.Sum(child => ProcessTree.Memory(child.Id, line));

    /// <summary>A line of status, over all processes, in bytes.</summary>
    public long Status(string line) => children.Sum(child => ProcessTree.Status(child.Id, line));

    /// <summary>Throws where it has fewer descriptors open than it has sessions to hold: each takes a socket of its own to the target.</summary>
    public void ExpectSessions(int count)
    {
        if (children.Count > 0 && children.Sum(child => ProcessTree.Descriptors(child.Id)) is var open && open < count)
            throw new MeasureException($"holds {open} descriptors, and should {count} sessions");
    }

    /// <summary>Why there is nothing to wait for any more, null while it runs.</summary>
    public string? Ended => children.FirstOrDefault(child => child.HasEnded) is { } ended ? $"{ended.Program} ended: {ended.LastWords}" : null;

    public void WaitForListeners(IReadOnlyList<Route> routes)
    {
        if (children.Count == 0)
            return;
        Loopback.WaitForListeners(routes.Where(route => route.Over.HasFlag(Transports.Tcp)).Select(route => route.Listen), children[0]);
        Loopback.WaitForReceivers(routes.Where(route => route.Over.HasFlag(Transports.Udp)).Select(route => route.Listen), children[^1]);
    }

    public void Dispose()
    {
        foreach (var child in children)
            child.Dispose();
    }
}
