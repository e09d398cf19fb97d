using System.Globalization;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>What is refused while the process may open nothing more. The limit is the whole process's, so nothing else runs meanwhile.</summary>
[Collection(typeof(Alone)), SupportedOSPlatform("linux")]
public sealed class DescriptorFaultTests
{
    [Fact(Timeout = 30000)]
    public async Task Event_loops_that_cannot_be_started_are_a_refusal_that_names_the_limit_and_leave_nothing_open()
    {
        // From one limit to the next, it is another step of making a loop that fails.
        var before = 0;
        for (var room = 20; room < 28; room++)
        {
            await using (var engine = new Engine(new EngineOptions { Loops = 400 }))
            {
                var limit = Limit().Soft;
                var refused = Assert.Throws<ForwardException>(() =>
                {
                    using var low = new LowLimit(Highest() + room);
                    engine.Start(ForwardConfig.Parse("127.0.0.1:0:127.0.0.1:1") with { Engine = EngineKind.Native });
                });
                Assert.StartsWith("the event loops cannot be started (", refused.Message, StringComparison.Ordinal);
                Assert.Contains($"the process may have {limit} descriptors; raise the limit (ulimit -n", refused.Message, StringComparison.Ordinal);
                Assert.IsType<IOException>(refused.InnerException);
            }
            // What the runtime opens once and keeps is there after the first.
            before = room == 20 ? Open() : before;
            Assert.Equal(before, Open());
        }
    }

    [Theory(Timeout = 30000), InlineData(EngineKind.Native, EngineKind.Portable), InlineData(EngineKind.Portable, EngineKind.Native)]
    public async Task A_reload_that_cannot_move_a_listen_to_another_engine_is_refused_changes_nothing_and_says_nothing_else(EngineKind from, EngineKind to)
    {
        await using var rig = new ForwardingRig(from, loops: 1);
        var target = rig.Greet("word");
        var config = rig.Forward(target) with { Name = "many", Listen = [.. Enumerable.Range(0, 64).Select(_ => Endpoint.Parse("127.0.0.1:0"))] };
        // Both engines run, so that the loops are not what cannot be had.
        var other = rig.Forward(target) with { Name = "other", Engine = to };
        var listens = rig.Engine.Start(config, other);
        Assert.Equal("word", await rig.ReadWordAsync(listens[^1]));
        await Traffic.UntilAsync(() => rig.Engine.SessionCount == 0);
        var lines = rig.Log.Count();
        // What the runtime opens once and keeps is there after the first.
        var open = 0;
        for (var attempt = 0; attempt < 3; attempt++)
        {
            var refused = Assert.Throws<ForwardException>(() =>
            {
                using var low = new LowLimit(LimitThatLeaves(10));
                rig.Engine.Apply([config with { Engine = to }, other]);
            });
            Assert.StartsWith("forward many: 127.0.0.1:", refused.Message, StringComparison.Ordinal);
            Assert.Contains($" cannot go over to the {to.ToString().ToLowerInvariant()} engine: ", refused.Message, StringComparison.Ordinal);
            Assert.EndsWith("; leave engine as it was, or start again", refused.Message, StringComparison.Ordinal);
            open = attempt == 0 ? Open() : open;
            Assert.Equal(open, Open());
        }
        Assert.Equal(lines, rig.Log.Count());
        Assert.Equal(from.ToString().ToLowerInvariant(), rig.Engine.Status()[0].Engine);
        Assert.True(rig.Engine.Apply([config, other]).IsNothing);
        foreach (var listen in listens)
            Assert.Equal("word", await rig.ReadWordAsync(listen));

        // With room for them, they all go.
        rig.Engine.Apply([config with { Engine = to }, other]);
        Assert.Equal(to.ToString().ToLowerInvariant(), rig.Engine.Status()[0].Engine);
        foreach (var listen in listens)
            Assert.Equal("word", await rig.ReadWordAsync(listen));
    }

    [Fact(Timeout = 30000)]
    public void A_pipe_that_the_system_refuses_is_asked_for_again_after_a_second()
    {
        var time = new ManualTime();
        var budget = new PipeBudget(48 << 20, 64, time);
        using (new LowLimit(0))
            Assert.Null(budget.TryCreate());
        Assert.Equal((0, 0L), (budget.Made, budget.BytesTaken));

        // It could be had again, and is not asked for at every read.
        time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.True(budget.IsSpent);
        Assert.Null(budget.TryCreate());
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(budget.IsSpent);
        var pipe = budget.TryCreate();
        Assert.NotNull(pipe);
        budget.Destroy(pipe);
    }

    private static int LimitThatLeaves(int descriptors)
    {
        var open = Directory.GetFileSystemEntries("/proc/self/fd").Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture)).ToHashSet();
        var limit = 0;
        for (; descriptors > 0; limit++)
            descriptors -= open.Contains(limit) ? 0 : 1;
        return limit;
    }

    private static int Open() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static int Highest() => Directory.GetFileSystemEntries("/proc/self/fd").Max(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture));

    private static (ulong Soft, ulong Hard) Limit()
    {
        Assert.Equal(0, Libc.getrlimit(Libc.RLIMIT_NOFILE, out var limit));
        return limit;
    }

    /// <summary>No descriptor of a number above this one, until it is disposed: RLIMIT_NOFILE of getrlimit(2).</summary>
    private sealed class LowLimit : IDisposable
    {
        private readonly (ulong Soft, ulong Hard) usual = Limit();

        public LowLimit(int most) => Assert.Equal(0, Libc.setrlimit(Libc.RLIMIT_NOFILE, ((ulong)most, usual.Hard)));

        public void Dispose() => Libc.setrlimit(Libc.RLIMIT_NOFILE, usual);
    }
}
