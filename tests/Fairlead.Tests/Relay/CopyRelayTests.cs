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
