using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>Descriptors belong to the whole process, so these tests run while no others do.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class Alone;

[Collection(typeof(Alone))]
public sealed class LeakTests
{
    [Theory(Timeout = 30000), InlineData(EngineKind.Native), InlineData(EngineKind.Portable)]
    public async Task However_sessions_end_no_descriptor_stays_open(EngineKind kind)
    {
        Assert.SkipUnless(Directory.Exists("/proc/self/fd"), "Only Linux tells which descriptors are open.");
        await LiveAsync(kind);
        var before = Open();
        for (var i = 0; i < 3; i++)
            await LiveAsync(kind);
        Assert.Equal(before, Open());
    }

    [Theory(Timeout = 30000), InlineData(EngineKind.Native), InlineData(EngineKind.Portable)]
    public async Task A_start_that_fails_leaves_no_descriptor_open(EngineKind kind)
    {
        Assert.SkipUnless(Directory.Exists("/proc/self/fd"), "Only Linux tells which descriptors are open.");
        await FailAsync(kind);
        var before = Open();
        await FailAsync(kind);
        Assert.Equal(before, Open());
    }

    private static async Task FailAsync(EngineKind kind)
    {
        await using var engine = new Engine();
        Assert.Throws<ForwardException>(() => engine.Start(
            ForwardConfig.Parse("127.0.0.1:0:127.0.0.1:1") with { Engine = kind },
            ForwardConfig.Parse("192.0.2.1:0:127.0.0.1:1") with { Engine = kind }));
    }

    private static async Task LiveAsync(EngineKind kind)
    {
        await using var rig = new ForwardingRig(kind);
        using var server = rig.Listen();
        var refusing = rig.Own(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        refusing.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var through = rig.Engine.Start(rig.Forward(rig.Echo()), rig.Forward(server.LocalEndPoint), rig.Forward(refusing.LocalEndPoint!));
        for (var i = 0; i < 10; i++)
        {
            var bytes = Traffic.RandomBytes(1 << 20, seed: i);
            using var client = await rig.ConnectAsync(through[0]);
            await Task.WhenAll(Traffic.SendAsync(client, bytes), Traffic.ExpectToEndAsync(client, bytes));

            var (one, other) = await rig.SessionAsync(through[1], server);
            (i % 2 == 0 ? one : other).Abort();
            await ForwardingRig.AssertResetAsync(i % 2 == 0 ? other : one);

            await rig.ConnectAndBeResetAsync(through[2]);
        }
        // Cut in the middle: one that is silent, and one whose bytes nobody takes.
        await rig.SessionAsync(through[1], server);
        var (writing, _) = await rig.SessionAsync(through[1], server);
        var writer = new Writer(writing, new byte[32 << 20]);
        await Traffic.UntilStillAsync(() => writer.Written);
        Assert.Equal(2, await rig.StopAsync(TimeSpan.Zero));
        Assert.Equal(ConnectionError.Reset, await writer.Ending);
    }

    private static int Open() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}
