using System.Runtime.Versioning;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

[Collection(typeof(Alone))]
public sealed class TlsLeakTests
{
    [Fact(Timeout = 120000)]
    [SupportedOSPlatform("linux")]
    public async Task However_a_thousand_handshakes_break_no_descriptor_stays_open()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self/fd"), "Only Linux tells which descriptors are open.");
        using var tls = new TlsPair();
        using var network = new NativeTcpRig();
        var (certificate, key) = tls.Authority.Issue("served", ["localhost"]);
        using var server = new TlsServer(new TlsConfig { Certificate = [certificate], Key = [key] }, TimeProvider.System, Assert.Fail);
        await BreakAsync(network, server, 20);
        var before = Open();
        await BreakAsync(network, server, 1000);
        // Others of this process may close theirs meanwhile.
        Assert.True(Open() <= before, $"{Open()} are open, and {before} were");
    }

    private static Task BreakAsync(NetworkRig network, TlsServer server, int count) => network.RunAsync(async () =>
    {
        using var acceptor = network.Listen();
        for (var i = 0; i < count; i++)
        {
            var client = await network.DialAsync(acceptor.LocalEndPoint);
            var accepted = await NetworkRig.AcceptAsync(acceptor);
            // Cut off within the hello, garbage, an end, a reset, silence.
            var said = (i % 5) switch
            {
                0 => (byte[])[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, .. new byte[i % 400]],
                1 => "GET / HTTP/1.1\r\n\r\n"u8.ToArray(),
                2 => [22, 3, 1],
                _ => [],
            };
            await client.WriteAsync(said);
            var accepting = server.AcceptAsync(accepted, null, network.Network.Time, i % 5 == 4 ? TimeSpan.FromMilliseconds(1) : TimeSpan.FromSeconds(20));
            if (i % 5 == 3)
                client.Abort();
            else if (i % 5 != 4)
                await client.CompleteWritesAsync();
            var result = await accepting;
            Assert.Null(result.Connection);
            Assert.NotNull(result.Detail);
            accepted.Dispose();
            client.Dispose();
        }
    });

    private static int Open() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}
