using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests.Forwarding.Dynamic;

[Collection(typeof(Alone))]
public sealed class BrokenHandshakeTests
{
    private const int Count = 10_000;

    // Wrong, cut short, too long, and right up to where it is left.
    private static readonly byte[][] said =
    [
        [], [0], [4], [4, 1], [4, 9, 0, 80, 127, 0, 0, 1, 0], [4, 1, 0, 80, 127, 0, 0, 1, .. new byte[300].Select(_ => (byte)'a')], [5], [5, 0], [5, 255, 1], [5, 1, 2], [5, 1, 0, 6], [5, 1, 0, 5, 1, 0, 9],
        [5, 1, 0, 5, 1, 0, 3, 0, 0, 1], [5, 1, 0, 5, 1, 0, 3, 4, (byte)'a', 0, (byte)'b', (byte)'c', 0, 1], [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 1], [5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0],
        [5, 1, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0], Http("GET"), Http("GET / HTTP/1.1\r\n\r\n"), Http("GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"), Http("CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"),
        Http("POST http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), Http("GET http://a/ HTTP/1.1\nHost: a\n\n"), Http(new string('A', 20_000)),
        Http("GET http://a/ HTTP/1.1\r\nHost: a\r\n" + string.Concat(Enumerable.Repeat("x: y\r\n", 200)) + "\r\n"), [22, 3, 1, 2, 0, 1, 0, 1, 252],
    ];

    [Theory(Timeout = 240000), InlineData(EngineKind.Native), InlineData(EngineKind.Portable)]
    public async Task After_ten_thousand_broken_handshakes_descriptors_and_memory_are_where_they_were(EngineKind kind)
    {
        Assert.SkipUnless(Directory.Exists("/proc/self/fd"), "Only Linux tells which descriptors are open.");
        // Without the log of a rig, which would keep all of them.
        await using var engine = new Engine(new EngineOptions { Loops = 2 });
        var proxy = engine.Start(new ForwardConfig { Listen = [Endpoint.Parse("127.0.0.1:0")], To = [new UpstreamConfig(new DynamicEndpoint())], Engine = kind })[0];
        await BreakAsync(engine, proxy, 500);
        var (descriptors, memory) = (await OpenAsync(engine), GC.GetTotalMemory(forceFullCollection: true));
        await BreakAsync(engine, proxy, Count);
        Assert.Equal(descriptors, await OpenAsync(engine));
        // A KiB for each would be ten times as much.
        var grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        Assert.True(grown < Count * 100, $"{grown} bytes more");
        Assert.Equal(0, engine.SessionCount);
    }

    private static async Task BreakAsync(Engine engine, EndPoint proxy, int count)
    {
        using var network = new PortableNetwork();
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = TestContext.Current.CancellationToken }, async (i, cancel) =>
        {
            var dial = await network.Dialer.DialAsync(proxy, TimeSpan.FromSeconds(30), cancel);
            using var client = dial.Connection!;
            try
            {
                await client.WriteAsync(said[i % said.Length]);
                // A third goes at once, a third says that this was all, a third hears what is answered first, if anything is.
                if (i % 3 == 1)
                    await client.CompleteWritesAsync();
                if (i % 3 == 1 || (i % 3 == 2 && said[i % said.Length].Length > 15))
                    await client.ReadAsync(new byte[64]);
            }
            catch (ConnectionException)
            {
                // Refused by a reset, which is an answer too.
            }
            client.Abort();
        });
        await Traffic.UntilAsync(() => engine.SessionCount == 0);
    }

    // Those of the last sessions are closed at the end of their loop's turn.
    private static async Task<int> OpenAsync(Engine engine)
    {
        var open = int.MaxValue;
        for (var i = 0; i < 50; i++)
        {
            await engine.ProbeAsync();
            open = Math.Min(open, Directory.GetFileSystemEntries("/proc/self/fd").Count(IsSocket));
        }
        return open;
    }

    private static bool IsSocket(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static byte[] Http(string text) => Encoding.ASCII.GetBytes(text);
}
