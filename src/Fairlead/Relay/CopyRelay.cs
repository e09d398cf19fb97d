using System.Buffers;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The relay between any two connections: a loop each way that reads, then writes what it read.
/// </summary>
/// <remarks>
/// A direction waits for bytes without a buffer and rents one only once there are some. When a side breaks, the other way goes on for what that
/// side had still said, which its own end or error finishes; then the other side is reset.
/// </remarks>
internal sealed class CopyRelay(Connection client, Connection upstream, RelayOptions options) : Relay(client, upstream, options)
{
    /// <summary>How much a direction moves at a stretch where neither side has to be waited for; then others who are on its loop have their turn.</summary>
    internal const int BytesPerTurn = 256 << 10;

    private static readonly TimeSpan mostForLastWords = TimeSpan.FromMinutes(5);

    private readonly int portion = Math.Max(client.Portion, upstream.Portion);
    private readonly Lock gate = new();
    private readonly HeldBack? heldBack = HeldBack.By(options.Rates);
    private long bytesFromClient, bytesFromUpstream;
    private long lastActivity;
    private ITimer? timer;
    private bool isHalfClosed, isDone;
    private RelayEnd end;
    private Side endedBy;

    public override long BytesFromClient => Interlocked.Read(ref bytesFromClient);

    public override long BytesFromUpstream => Interlocked.Read(ref bytesFromUpstream);

    public override async ValueTask<RelayResult> RunAsync()
    {
        if (Options.Idle != Timeout.InfiniteTimeSpan)
            StartTimer();
        var there = PumpAsync(Client, Upstream, Side.Client);
        var back = PumpAsync(Upstream, Client, Side.Upstream);
        try
        {
            await Task.WhenAll(there, back);
        }
        finally
        {
            lock (gate)
            {
                isDone = true;
                timer?.Dispose();
            }
        }
        return new RelayResult(end, endedBy, BytesFromClient, BytesFromUpstream);
    }

    public override void Stop() => Cut(RelayEnd.Stopped);

    /// <summary>Lets a test start near the limits of 32 bits.</summary>
    internal void CountFrom(long bytes) => bytesFromClient = bytesFromUpstream = bytes;

    private async Task PumpAsync(Connection source, Connection sink, Side from)
    {
        var broken = from;
        var throttle = heldBack?.Of(from);
        var moved = 0;
        try
        {
            while (true)
            {
                if (moved >= BytesPerTurn)
                {
                    moved = 0;
                    await Task.Yield();
                }
                await source.ReadAsync(Memory<byte>.Empty);
                var most = throttle is null ? portion : await TakeAsync(throttle);
                var buffer = ArrayPool<byte>.Shared.Rent(portion);
                try
                {
                    broken = from;
                    var count = await ReadAsync(source, buffer.AsMemory(0, most), throttle);
                    broken = Other(from);
                    if (count == 0)
                        break;
                    await sink.WriteAsync(buffer.AsMemory(0, count));
                    Count(from, count);
                    moved += count;
                    broken = from;
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }
            }
            await CompleteAsync(sink, from);
        }
        catch (ConnectionException e)
        {
            Break(broken, EndOf(e.Error), sink);
        }
        catch (Exception)
        {
            Break(broken, RelayEnd.Fault, sink);
            throw;
        }
        finally
        {
            throttle?.Drop();
        }
    }

    private static ValueTask<int> ReadAsync(Connection source, Memory<byte> buffer, Throttle? throttle)
    {
        return throttle is null ? source.ReadAsync(buffer) : ReadThrottledAsync(source, buffer, throttle);
    }

    private static async ValueTask<int> ReadThrottledAsync(Connection source, Memory<byte> buffer, Throttle throttle)
    {
        var count = 0;
        try
        {
            return count = await source.ReadAsync(buffer);
        }
        finally
        {
            throttle.Return(buffer.Length - count);
        }
    }

    // How many bytes may pass, once some may. A cut ends the waiting, and the read that follows says so.
    private async ValueTask<int> TakeAsync(Throttle throttle)
    {
        Interlocked.Increment(ref heldBack!.Waiting);

        // A slice a turn, so that those who share a rate come in their order.
        await Task.Yield();
        int most;
        while ((most = throttle.Take(portion, out var wait)) == 0 && !heldBack.Cut.IsCompleted)
            await heldBack.Cut.WaitAsync(wait, Options.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        // Silence begins here again: a sink may take its time for what is written now.
        Touch();
        Interlocked.Decrement(ref heldBack.Waiting);
        return most;
    }

    // The end of one direction: passed on as an end, unless the side that it comes from had broken meanwhile.
    private async ValueTask CompleteAsync(Connection sink, Side from)
    {
        lock (gate)
        {
            if (end != RelayEnd.Closed)
            {
                AbortBoth();
                return;
            }
            if (endedBy == Side.Fairlead)
                endedBy = from;
            isHalfClosed = true;
        }
        await sink.CompleteWritesAsync();
        if (Options.HalfClosed != Timeout.InfiniteTimeSpan)
            StartTimer();
    }

    // The first cause is the result. Where the source broke, its sink is reset now; where the sink broke, the other way is still reading
    // what it had said, and resets its own sink when that is done, or when it takes too long.
    private void Break(Side broken, RelayEnd how, Connection sink)
    {
        var sinkBroke = sink == (broken == Side.Client ? Client : Upstream);
        lock (gate)
        {
            if (end == RelayEnd.Closed)
                (end, endedBy) = (how, broken);
            var othersTurn = sinkBroke && !isHalfClosed;
            isHalfClosed = true;
            if (!othersTurn)
                AbortBoth();
        }
        StartTimer();
    }

    private void Cut(RelayEnd how)
    {
        lock (gate)
        {
            if (isDone)
                return;
            if (end == RelayEnd.Closed)
                (end, endedBy) = (how, Side.Fairlead);
            AbortBoth();
        }
    }

    private void AbortBoth()
    {
        Client.Abort();
        Upstream.Abort();
        heldBack?.End();
    }

    private void Count(Side from, int count)
    {
        Touch();
        if (from == Side.Client)
            Interlocked.Add(ref bytesFromClient, count);
        else
            Interlocked.Add(ref bytesFromUpstream, count);
    }

    private void Touch()
    {
        if (timer is not null)
            Volatile.Write(ref lastActivity, Options.Time.GetTimestamp());
    }

    private void StartTimer()
    {
        lock (gate)
        {
            lastActivity = Options.Time.GetTimestamp();
            if (isDone)
                return;
            timer ??= Options.Time.CreateTimer(static relay => ((CopyRelay)relay!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            timer.Change(Limit().Length, Timeout.InfiniteTimeSpan);
        }
    }

    // The timer is not moved at each byte: it looks, when it fires, how long ago the last one was.
    private void OnTimer()
    {
        var (limit, reason) = Limit();
        lock (gate)
        {
            if (isDone)
                return;
            if (heldBack is { Waiting: > 0 })
                Volatile.Write(ref lastActivity, Options.Time.GetTimestamp());
            var left = limit - Options.Time.GetElapsedTime(Volatile.Read(ref lastActivity));
            if (left > TimeSpan.Zero)
            {
                timer!.Change(left, Timeout.InfiniteTimeSpan);
                return;
            }
        }
        // Not every timer fires where the connections belong.
        Context.RunThere(() => Cut(reason));
    }

    // What a broken side had still said is not waited for without end, whatever the options say of living ones.
    private (TimeSpan Length, RelayEnd Reason) Limit()
    {
        var limit = Options.Limit(isHalfClosed);
        return end != RelayEnd.Closed && limit.Length > mostForLastWords ? (mostForLastWords, end) : limit;
    }

    private static Side Other(Side side) => side == Side.Client ? Side.Upstream : Side.Client;

    /// <summary>What holds the directions to their rates, and how those learn that there is nothing to wait for any more.</summary>
    private sealed class HeldBack(Throttle? fromClient, Throttle? fromUpstream)
    {
        private readonly TaskCompletionSource cut = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>How many directions wait for their rate at present.</summary>
        public int Waiting;

        public Task Cut => cut.Task;

        public static HeldBack? By(RelayRates? rates) => rates is null ? null : new HeldBack(rates.Begin(Side.Client), rates.Begin(Side.Upstream));

        public Throttle? Of(Side from) => from == Side.Client ? fromClient : fromUpstream;

        public void End() => cut.TrySetResult();
    }
}
