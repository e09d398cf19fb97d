using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>When bulk goes through pipes, and what becomes of those.</summary>
[SupportedOSPlatform("linux")]
public sealed class NativeRelayPipeTests() : NetworkRelayContract(NativeRelayRig.Of(splice: true))
{
    private BufferPool Buffers => ((NativeRelayRig)Rig).Buffers;

    [Fact(Timeout = 30000)]
    public Task Bulk_goes_through_a_pipe_that_lies_empty_in_the_pool_afterwards() => RelayAsync(async it =>
    {
        await MoveBulkAsync(it);
        Assert.Equal(1, Buffers.Pipes.Made);
        Assert.Equal(1, Buffers.IdlePipes);
        Assert.Equal(0, Buffers.Lent);
    });

    [Fact(Timeout = 30000)]
    public Task Little_at_a_time_is_copied() => RelayAsync(async it =>
    {
        for (var i = 0; i < 100; i++)
            await Traffic.SayAsync(it.Client, it.Upstream, "little");
        Assert.Equal(0, Buffers.Pipes.Made);
    });

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public async Task A_pipe_that_was_cut_short_is_not_used_again(Side resets)
    {
        await RelayAsync(async it =>
        {
            await BlockAsync(it, Side.Client);
            Assert.Equal(1, Buffers.Lent);
            Assert.Equal((1, 0), (Buffers.Pipes.Made, Buffers.IdlePipes));
            it.End(resets).Abort();
            await it.Ending;
            Assert.Equal((0, 0L), (Buffers.Pipes.Made, Buffers.Pipes.BytesTaken));
        });
        await RelayAsync(MoveBulkAsync);
        Assert.Equal((1, 1), (Buffers.Pipes.Made, Buffers.IdlePipes));
    }

    [Fact(Timeout = 30000)]
    public async Task Sessions_share_a_pipe_one_after_the_other()
    {
        for (var i = 0; i < 3; i++)
            await RelayAsync(MoveBulkAsync);
        Assert.Equal((1, 1), (Buffers.Pipes.Made, Buffers.IdlePipes));
    }

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public Task A_reset_is_passed_on_at_once_while_a_rate_holds_bytes_back(Side resets) => RelayAtAsync(1000, null, async it =>
    {
        var (writer, reader) = await HoldBackAsync(it, Side.Client);
        it.End(resets).Abort();
        var result = await it.Ending;
        Assert.Equal((RelayEnd.Reset, resets), (result.End, result.By));
        Assert.InRange(result.BytesFromClient, 0, TokenBucket.LeastSlice);
        await Task.WhenAll(writer, reader);
    });

    [Fact(Timeout = 30000)]
    public Task Bulk_goes_through_a_pipe_also_when_a_rate_holds_it_back() => RelayAtAsync(10_000_000, 20_000_000, async it =>
    {
        var start = it.Time.GetTimestamp();
        await it.Time.AdvanceUntilAsync(MoveBulkAsync(it), TimeSpan.FromMilliseconds(5));
        Assert.Equal(1, Buffers.Pipes.Made);
        Assert.Equal(0, Buffers.Lent);
        Assert.InRange(it.Time.GetElapsedTime(start), TimeSpan.FromSeconds((Rig.Bulk - 500_000) / 10e6), TimeSpan.MaxValue);
    });

    private async Task MoveBulkAsync(Relayed it)
    {
        var bytes = Traffic.RandomBytes(Rig.Bulk, seed: 13);
        await Task.WhenAll(Traffic.SendAsync(it.Client, bytes), Traffic.ExpectToEndAsync(it.Upstream, bytes));
    }
}

/// <summary>The contract with room for one pipe only, so that one direction has it and the other has not.</summary>
[SupportedOSPlatform("linux")]
public sealed class NativeRelayOfOnePipeTests() : NetworkRelayContract(NativeRelayRig.Of(splice: true, pipeMemory: 256 << 10));

[SupportedOSPlatform("linux")]
public sealed class NativeRelayTurnTests
{
    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Bulk_leaves_the_others_of_its_loop_their_turns(bool splice)
    {
        using var rig = NativeRelayRig.Of(splice);
        await rig.RunAsync(async () =>
        {
            var (client, near) = await rig.ConnectAsync(Side.Client);
            var (upstream, far) = await rig.ConnectAsync(Side.Upstream);
            var relay = rig.Make(near, far, new RelayOptions());
            var bytes = Traffic.RandomBytes(32 << 20, seed: 14);
            var writer = new Writer(client, bytes, piece: 1 << 20);
            await Traffic.UntilStillAsync(() => writer.Written);

            var moved = new List<long>();
            using var other = new Ticker(rig.Loop, () => moved.Add(relay.BytesFromClient));
            var ending = relay.RunAsync().AsTask();
            other.Start();
            await Task.WhenAll(Traffic.ExpectToEndAsync(upstream, bytes), upstream.CompleteWritesAsync().AsTask());
            Assert.Equal(RelayEnd.Closed, (await ending).End);

            // From one event to the next, the bulk has the end of a turn and the beginning of the next.
            Assert.True(moved.Count > 8, $"There were {moved.Count} turns.");
            var most = moved.Zip(moved.Skip(1), (before, after) => after - before).Max();
            Assert.InRange(most, 1, 2 * NativeRelay.BytesPerTurn * (splice ? NativeRelay.SplicedForCopied : 1));
            foreach (var connection in new[] { client, near, far, upstream })
                connection.Dispose();
        });
    }

    /// <summary>Another connection, as it were, that has an event in each turn of the loop.</summary>
    private sealed unsafe class Ticker : IPollable, IDisposable
    {
        private readonly EventLoop loop;
        private readonly Action onEvent;
        private readonly int descriptor = Libc.eventfd(0, Libc.EFD_NONBLOCK | Libc.EFD_CLOEXEC);
        private readonly int slot;

        public Ticker(EventLoop loop, Action onEvent)
        {
            this.loop = loop;
            this.onEvent = onEvent;
            slot = loop.Watch(descriptor, this, Libc.EPOLLIN | Libc.EPOLLET);
        }

        public void Start()
        {
            ulong one = 1;
            Libc.write(descriptor, &one, sizeof(ulong));
        }

        public void OnEvents(uint events)
        {
            onEvent();
            Start();
        }

        public void Dispose() => loop.Close(descriptor, slot);
    }
}

[SupportedOSPlatform("linux")]
public sealed class PipeBudgetTests
{
    [Fact]
    public void Pipes_are_large_then_small_then_none()
    {
        var budget = new PipeBudget(4 << 20, 64);
        var pipes = new List<KernelPipe>();
        while (budget.TryCreate() is { } pipe)
            pipes.Add(pipe);
        Assert.Equal([1 << 20, 1 << 20, .. Enumerable.Repeat(1 << 18, 8)], pipes.Select(pipe => pipe.Capacity));
        Assert.True(budget.IsSpent);
        Assert.Equal((10, 4L << 20), (budget.Made, budget.BytesTaken));

        budget.Destroy(pipes[0]);
        Assert.False(budget.IsSpent);
        pipes.Skip(1).ToList().ForEach(budget.Destroy);
        Assert.Equal((0, 0L), (budget.Made, budget.BytesTaken));
    }

    [Fact]
    public void Their_number_is_limited_too()
    {
        var budget = new PipeBudget(48 << 20, 1);
        var pipe = budget.TryCreate();
        Assert.NotNull(pipe);
        Assert.Null(budget.TryCreate());
        budget.Destroy(pipe);
        Assert.False(budget.IsSpent);
    }

    [Fact]
    public void Without_a_budget_there_is_no_pipe() => Assert.Null(PipeBudget.None.TryCreate());
}
