namespace Fairlead.Tests.Ssh;

/// <summary>Whatever a peer and a user do, in whatever order: what may be goes on, and what may not be ends.</summary>
public sealed class ChannelWalkTests
{
    [Theory(Timeout = 300_000), Seeds(3, Share = 20)]
    public async Task What_is_allowed_goes_on_and_what_is_not_ends_the_connection(int seed)
    {
        var random = new Random(seed);
        using var pool = Fuzzing.Time is null ? null : new PooledArrays();
        for (var i = 0; i < 20; i++)
        {
            var (isServer, setting, steps) = (random.Next(2) == 0, random.Next(), Step.Walk(random));
            if (await WalkAsync(steps) is not { } error)
                continue;
            var shortest = await Fuzzing.ShrinkAsync(steps, async fewer => await WalkAsync(fewer) is not null);
            var last = await WalkAsync(shortest);
            Assert.Fail($"ChannelWalk.RunAsync(isServer: {(isServer ? "true" : "false")}, {setting}, {string.Join(", ", shortest)})\n{last ?? error}");

            ValueTask<Exception?> WalkAsync(IReadOnlyList<Step> walked) => Record.ExceptionAsync(async () =>
            {
                var before = pool?.Outstanding ?? 0;
                await ChannelWalk.RunAsync(isServer, setting, walked);
                if (pool is null)
                    return;
                // Whoever read may still be giving back what it had.
                await Traffic.UntilStillAsync(() => pool.Outstanding);
                Assert.Equal(before, pool.Outstanding);
            });
        }
    }
}
