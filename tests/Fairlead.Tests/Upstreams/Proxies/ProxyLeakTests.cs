using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>Descriptors belong to the whole process, so these tests run while no others do.</summary>
[Collection(typeof(Alone))]
[SupportedOSPlatform("linux")]
public sealed class ProxyLeakTests
{
    private const int Dials = 10_000, AtOnce = 50;

    [Theory(Timeout = 120000), InlineData(EngineKind.Native), InlineData(EngineKind.Portable)]
    public async Task Ten_thousand_broken_handshakes_leave_neither_descriptors_nor_memory_behind(EngineKind kind)
    {
        Assert.SkipUnless(Directory.Exists("/proc/self/fd"), "Only Linux tells which descriptors are open.");
        using NetworkRig rig = kind == EngineKind.Native ? new NativeTcpRig() : new TcpRig(new PortableNetwork());
        using var held = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await BreakAsync(rig, Dials / 20);
        var (descriptors, bytes) = (Open(), GC.GetTotalMemory(forceFullCollection: true));
        Assert.InRange(descriptors, 1, 1000);
        await BreakAsync(rig, Dials);

        // Whatever closes a moment later, .NET's sockets do, is waited for.
        await Traffic.UntilAsync(() => Open() <= descriptors);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - bytes, long.MinValue, 2 << 20);
    }

    private static Task BreakAsync(NetworkRig rig, int dials) => rig.RunAsync(async () =>
    {
        using var acceptor = rig.Listen();
        var dialer = new SocksDialer(ProxyUrl.Parse($"socks5://me:pw@{acceptor.LocalEndPoint}"), rig.Network.Dialer, rig.Network.Time);
        var serving = ServeAsync(acceptor);
        var left = dials;
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async _ =>
        {
            while (Interlocked.Decrement(ref left) is >= 0 and var number)
            {
                using var cancel = new CancellationTokenSource();
                var dialling = dialer.DialAsync(IPEndPoint.Parse("10.0.0.5:80"), number % 7 == 0 ? TimeSpan.FromMilliseconds(1) : TimeSpan.FromSeconds(20), cancel.Token);
                if (number % 5 == 0)
                    await cancel.CancelAsync();
                Assert.Null((await dialling).Connection);
            }
        }));
        acceptor.Dispose();
        await serving;
    });

    // Breaks each in another way: silence is left to those who give up by themselves.
    private static async Task ServeAsync(IAcceptor acceptor)
    {
        byte[][] words = [[], [5], [5, 2, 1], [5, 2, 1, 1], [5, 0xFF], [5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0], [5, 0, 5, 0, 0, 3, 255], [.. "HTTP/1.1 400\r\n"u8]];
        var number = 0;
        while (await acceptor.WaitAsync())
        {
            while (acceptor.TryAccept() is { } connection)
            {
                try
                {
                    await connection.WriteAsync(words[number++ % words.Length]);
                }
                catch (ConnectionException)
                {
                    // The other side was faster.
                }
                if (number % 2 == 0)
                    connection.Abort();
                else
                    connection.Dispose();
            }
        }
    }

    // The runtime's own files are not counted: it opens its libraries when it first needs them.
    private static int Open() =>
        Directory.GetFileSystemEntries("/proc/self/fd").Count(descriptor => new FileInfo(descriptor).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) ?? false);
}
