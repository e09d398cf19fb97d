using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class CopyRelayTests
{
    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public async Task The_last_words_of_a_broken_side_are_waited_for_five_minutes_and_no_longer(Side breaks)
    {
        var time = new ManualTime();
        var (outer, inner) = MemoryConnection.CreatePair(1 << 10);
        using var broken = new Mute();
        var never = new RelayOptions { Idle = Timeout.InfiniteTimeSpan, HalfClosed = Timeout.InfiniteTimeSpan, Time = time };
        var relay = breaks == Side.Client ? new CopyRelay(broken, inner, never) : new CopyRelay(inner, broken, never);
        var ending = relay.RunAsync().AsTask();
        Assert.Equal(0, time.ArmedTimers);
        await outer.WriteAsync("x"u8.ToArray());
        await Traffic.UntilAsync(() => time.ArmedTimers == 1);

        time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromMilliseconds(1));
        Assert.False(broken.IsAborted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(broken.IsAborted);
        Assert.Equal(new RelayResult(RelayEnd.Reset, breaks, 0, 0), await ending);
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(outer)).Error);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task Each_of_the_last_words_is_a_reason_to_wait_on()
    {
        var time = new ManualTime();
        var (outer, inner) = MemoryConnection.CreatePair(1 << 10);
        using var broken = new Mute();
        var never = new RelayOptions { Idle = Timeout.InfiniteTimeSpan, HalfClosed = Timeout.InfiniteTimeSpan, Time = time };
        var ending = new CopyRelay(inner, broken, never).RunAsync().AsTask();
        await outer.WriteAsync("x"u8.ToArray());
        await Traffic.UntilAsync(() => time.ArmedTimers == 1);

        time.Advance(TimeSpan.FromMinutes(4));
        broken.Say(7);
        await Traffic.ExpectAsync(outer, [7]);
        time.Advance(TimeSpan.FromMinutes(4));
        Assert.False(broken.IsAborted);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(new RelayResult(RelayEnd.Reset, Side.Upstream, 0, 1), await ending);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_never_has_to_wait_lets_others_have_their_turn()
    {
        using var source = new Ready(bytes: 10 << 20);
        using var sink = new Ready(bytes: 0);
        var relay = new CopyRelay(source, sink, new RelayOptions());
        var turns = new Turns();
        var outside = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(turns);
        var ending = relay.RunAsync().AsTask();
        SynchronizationContext.SetSynchronizationContext(outside);
        Assert.InRange(relay.BytesFromClient, 1, CopyRelay.BytesPerTurn + Connection.UsualPortion);
        while (turns.Next() is { } turn)
        {
            var before = relay.BytesFromClient;
            SynchronizationContext.SetSynchronizationContext(turns);
            turn();
            SynchronizationContext.SetSynchronizationContext(outside);
            Assert.InRange(relay.BytesFromClient - before, 0, CopyRelay.BytesPerTurn + Connection.UsualPortion);
        }
        Assert.Equal(10 << 20, (await ending).BytesFromClient);
    }

    /// <summary>Remembers what was posted.</summary>
    private sealed class Turns : SynchronizationContext
    {
        private readonly Queue<Action> posted = [];

        public override void Post(SendOrPostCallback d, object? state) => posted.Enqueue(() => d(state));

        public Action? Next() => posted.TryDequeue(out var next) ? next : null;
    }

    /// <summary>A side that always has bytes, as long as there are some, and takes all.</summary>
    private sealed class Ready(long bytes) : Connection
    {
        private long left = bytes;

        public override EndPoint? LocalEndPoint => null;

        public override EndPoint? RemoteEndPoint => null;

        protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
        {
            var count = (int)Math.Min(left, buffer.Length);
            left -= count;
            return new ValueTask<int>(count);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => default;

        public override ValueTask CompleteWritesAsync() => default;

        public override void Abort()
        {
        }

        public override void Dispose()
        {
        }
    }

    /// <summary>A side that takes nothing any more, and whose own words do not end: only its writes fail.</summary>
    private sealed class Mute : Connection
    {
        private readonly SemaphoreSlim said = new(0);
        private readonly CancellationTokenSource aborted = new();
        private byte word;

        public bool IsAborted => aborted.IsCancellationRequested;

        public override EndPoint? LocalEndPoint => null;

        public override EndPoint? RemoteEndPoint => null;

        public void Say(byte value)
        {
            word = value;
            said.Release();
        }

        protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
        {
            try
            {
                await said.WaitAsync(aborted.Token);
            }
            catch (OperationCanceledException)
            {
                throw new ConnectionException(ConnectionError.Aborted, "It was aborted.");
            }
            if (buffer.IsEmpty)
            {
                said.Release();
                return 0;
            }
            buffer.Span[0] = word;
            return 1;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) =>
            ValueTask.FromException(new ConnectionException(ConnectionError.Reset, "It was reset."));

        public override ValueTask CompleteWritesAsync() => default;

        public override void Abort() => aborted.Cancel();

        public override void Dispose()
        {
        }
    }
}
