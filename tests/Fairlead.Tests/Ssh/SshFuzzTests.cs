using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Bytes that nobody has thought of, at every stage and in both roles: there is an end, and it is one of those that there are.</summary>
public sealed class SshFuzzTests
{
    private static readonly int stages = Enum.GetValues<Stage>().Length;

    [Theory(Timeout = 300_000), Seeds(2)]
    public async Task Random_bytes_end_the_connection(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 100; i++)
        {
            var (stage, isServer) = ((Stage)random.Next(stages), random.Next(2) == 0);
            await AttackRig.RunAsync(isServer, async rig =>
            {
                if (i % 8 > 0 || stage > Stage.BeforeExchange)
                    await rig.BringAsync(stage);
                await FlingAsync(rig, Traffic.RandomBytes(random.Next(1, 3000), random.Next()));
            });
        }
    }

    [Theory(Timeout = 300_000), Seeds(2, Share = 3)]
    public async Task Messages_that_were_changed_are_taken_or_end_the_connection(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 100; i++)
        {
            var (stage, isServer) = ((Stage)random.Next(stages), random.Next(2) == 0);
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.BringAsync(stage);
                if (stage == Stage.Open)
                {
                    await rig.OpenChannelAsync();
                    // Some wait for the answers of a peer that gives strange ones.
                    _ = rig.Connection.ListenAsync(new SshBind.Tcp("localhost", 0), incoming => incoming.Accept().Dispose());
                    _ = rig.Connection.OpenAsync(new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1));
                    _ = rig.Connection.ProbeAsync();
                }
                var packets = Enumerable.Range(0, random.Next(1, 20)).SelectMany(_ => rig.Peer.Seal(Mutation.Of(random, Messages.All[random.Next(Messages.All.Length)], least: 0, kept: 1)));
                await FlingAsync(rig, packets.ToArray());
            }, options => options is SshServerOptions server ? server with { OnListen = _ => new ValueTask<int?>(7), OnCancel = _ => new ValueTask<bool>(true) } : options);
        }
    }

    // Some of it may come after the end.
    private static async Task FlingAsync(AttackRig rig, byte[] bytes)
    {
        var drain = Record.ExceptionAsync(async () =>
        {
            while (await rig.Peer.ReadAsync() is not null)
            {
            }
        });
        await Record.ExceptionAsync(async () =>
        {
            await rig.Peer.WriteAsync(bytes);
            await rig.Peer.CompleteAsync();
        });
        var end = await rig.EndedAsync();
        Assert.DoesNotContain(end.Cause, new[] { SshEndCause.Closed, SshEndCause.NoAnswer });
        Assert.DoesNotContain("fault of this program", end.Text, StringComparison.Ordinal);
        Assert.True(await drain is null or ConnectionException or SshProtocolException);
    }
}
