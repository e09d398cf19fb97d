using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using System.Threading.Tasks.Sources;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The relay between two native connections of one loop: one state machine over two kinds of buffer, memory and kernel pipes.
/// </summary>
/// <remarks>
/// <para>
/// A direction borrows a buffer for a turn and keeps it only while the sink does not take what is inside; an idle session holds none. It
/// starts by copying; when several reads in a row filled the memory buffer it is bulk, and goes on through a pipe until reads become
/// small again. Nothing is read while the sink has not taken what was read before, which is all there is to back-pressure.
/// </para>
/// <para>
/// A side that breaks (reset, lost) may have said something before, which is passed on first as far as the other takes it without waiting; then the
/// other is reset.
/// </para>
/// <para>
/// A rate is kept by what one read or splice may take; a direction that has used it up is not looked at until a timer says so.
/// </para>
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class NativeRelay : Relay, IConnectionWatcher, IReady, IValueTaskSource<RelayResult>
{
    // What one direction may move before the other connections of the loop have their turn.
    internal const int BytesPerTurn = 256 << 10;

    // Splicing does not touch the bytes, so a turn moves that many times as much of them in the time that copying takes. Fewer, larger turns
    // wake the sink less often: 1.12 times the throughput on loopback.
    internal const int SplicedForCopied = 4;

    // What makes a direction bulk: full reads, each undone by two that were not. And interactive again: small ones in a row.
    private const int ScoreForBulk = 8, ScoreOfFullRead = 2, SmallReadsForCopy = 8;
    private const int SmallRead = 16 << 10;

    // Null nearly always: a relay without a rate pays for it with this reference.
    private readonly Brakes? brakes;
    private Direction fromClient, fromUpstream;
    private ITimer? timer;
    private long lastActivity;
    private RelayEnd end;
    private Side endedBy;
    private Phase phase;
    private bool isQueued;
    private Action<object?>? continuation;
    private object? continuationState;

    public NativeRelay(NativeConnection client, NativeConnection upstream, RelayOptions options)
        : base(client, upstream, options)
    {
        brakes = Brakes.Of(options.Rates, this);
    }

    // The base holds them already, and there is one of these for each session.
    private NativeConnection NativeClient => Unsafe.As<NativeConnection>(Client);

    private NativeConnection NativeUpstream => Unsafe.As<NativeConnection>(Upstream);

    private enum Phase : byte
    {
        Relaying,
        Ended,
    }

    public override long BytesFromClient => fromClient.Bytes;

    public override long BytesFromUpstream => fromUpstream.Bytes;

    public override ValueTask<RelayResult> RunAsync()
    {
        NativeClient.Loop.Verify();
        // Closed at this end meanwhile, its descriptor may be another's; one that moved here and could not be watched, for one.
        if (NativeClient.IsClosed || NativeUpstream.IsClosed)
            Finish(RelayEnd.Stopped, Side.Fairlead);
        if (phase == Phase.Ended)
            return new ValueTask<RelayResult>(this, 0);
        NativeClient.Watcher = NativeUpstream.Watcher = this;
        TakeUnread(ref fromClient, NativeClient, brakes?.FromClient);
        TakeUnread(ref fromUpstream, NativeUpstream, brakes?.FromUpstream);
        if (Options.Idle != Timeout.InfiniteTimeSpan)
            StartTimer();
        Move();
        return new ValueTask<RelayResult>(this, 0);
    }

    public override void Stop() => Finish(RelayEnd.Stopped, Side.Fairlead);

    // One that used its turn up and waits for another has no more to gain from an event: readiness is remembered.
    public void OnReadiness(NativeConnection connection)
    {
        if (!isQueued)
            Move();
    }

    public void OnTurn()
    {
        isQueued = false;
        Move();
    }

    /// <summary>A direction has waited long enough for its rate. From any thread.</summary>
    internal void OnBrakeTimer(Brake brake)
    {
        if (EventLoop.Current != NativeClient.Loop)
        {
            NativeClient.Loop.Post(static work => { var (relay, brake) = ((NativeRelay, Brake))work!; relay.OnBrakeTimer(brake); }, (this, brake));
            return;
        }
        brake.Release();
        if (!isQueued)
            Move();
    }

    /// <summary>Lets a test start near the limits of 32 bits.</summary>
    internal void CountFrom(long bytes) => fromClient.Bytes = fromUpstream.Bytes = bytes;

    // Both directions, each as far as it goes.
    private void Move()
    {
        if (phase == Phase.Ended)
            return;
        if (!Pump(ref fromClient, NativeClient, NativeUpstream, Side.Client, brakes?.FromClient)
            || !Pump(ref fromUpstream, NativeUpstream, NativeClient, Side.Upstream, brakes?.FromUpstream))
            return;
        if (fromClient.IsCompleted && fromUpstream.IsCompleted)
            Finish(RelayEnd.Closed, endedBy);
        else if (NativeClient.HasError && NativeClient.TakeError() is > 0 and var near)
            Break(NativeClient, near);
        else if (NativeUpstream.HasError && NativeUpstream.TakeError() is > 0 and var far)
            Break(NativeUpstream, far);
    }

    // False when the relay has ended over it.
    private bool Pump(ref Direction direction, NativeConnection source, NativeConnection sink, Side from, Brake? brake)
    {
        if (direction.IsCompleted || (direction.Held is null ? !source.IsReadable || brake is { IsOn: true } : !sink.IsWritable))
            return true;
        var before = direction.Bytes;
        var (broken, errno) = Transfer(ref direction, source, sink, brake);
        if (direction.Bytes != before && timer is not null)
            lastActivity = Options.Time.GetTimestamp();
        if (broken is not null)
            Break(broken, errno);
        else if (direction.IsCompleted)
            OnCompleted(from);
        return phase != Phase.Ended;
    }

    // Moves bytes until one side has to be waited for, the turn is used up, or the direction is completed; or a connection broke.
    private (NativeConnection? Broken, int Errno) Transfer(ref Direction direction, NativeConnection source, NativeConnection sink, Brake? brake)
    {
        var buffer = direction.Held ?? Borrow(ref direction);
        var left = BytesPerTurn;
        (NativeConnection?, int) outcome = default;
        while (true)
        {
            var drained = Drain(ref direction, buffer, sink);
            if (drained < 0)
                outcome = (sink, -drained);
            if (buffer.Count > 0)
                break;
            if (direction.SawEnd)
            {
                var completed = sink.TryCompleteWrites();
                direction.IsCompleted = completed >= 0;
                if (completed < 0)
                    outcome = (sink, -completed);
                break;
            }
            if (left <= 0)
                Requeue();
            if (left <= 0 || !source.IsReadable)
                break;
            buffer = Suit(ref direction, buffer);
            var ease = buffer is KernelPipe ? SplicedForCopied : 1;
            var most = Math.Min(buffer.Capacity, left * ease);
            if (brake is not null && (most = brake.Take(most)) == 0)
                break;
            var filled = buffer.Fill(source, most);
            brake?.Return(most - Math.Max(filled, 0));
            if (filled == -Libc.EINVAL && buffer is KernelPipe)
            {
                direction.CannotSplice = true;
                continue;
            }
            if (filled < 0)
            {
                if (filled != -Libc.EAGAIN)
                    outcome = (source, -filled);
                break;
            }
            direction.SawEnd = filled == 0;
            direction.Judge(filled, most);
            left -= (filled + ease - 1) / ease;
            // A slice a turn, so that those who share a rate come in their order.
            if (brake is not null && source.IsReadable)
                left = 0;
        }
        direction.Held = Keep(buffer);
        return outcome;
    }

    // 0, or below zero the negated errno; what the sink does not take now stays in the buffer.
    private static int Drain(ref Direction direction, TransferBuffer buffer, NativeConnection sink)
    {
        while (buffer.Count > 0)
        {
            if (!sink.IsWritable)
                return 0;
            var result = buffer.Drain(sink);
            if (result < 0)
                return result == -Libc.EAGAIN ? 0 : result;
            direction.Bytes += result;
        }
        return 0;
    }

    // A buffer of the kind that suits what the direction has become. The old one is empty.
    private TransferBuffer Suit(ref Direction direction, TransferBuffer buffer)
    {
        var wantsPipe = direction.IsBulk && !direction.CannotSplice;
        if (wantsPipe == buffer is KernelPipe)
            return buffer;
        if (wantsPipe && !NativeClient.Loop.Buffers.HasPipes)
            return buffer;
        NativeClient.Loop.Buffers.Return(buffer);
        return Borrow(ref direction);
    }

    private TransferBuffer Borrow(ref Direction direction)
    {
        var pipe = direction.IsBulk && !direction.CannotSplice ? NativeClient.Loop.Buffers.TryRentPipe() : null;
        return pipe ?? (TransferBuffer)NativeClient.Loop.Buffers.RentMemory();
    }

    private TransferBuffer? Keep(TransferBuffer buffer)
    {
        if (buffer.Count > 0)
            return buffer;
        NativeClient.Loop.Buffers.Return(buffer);
        return null;
    }

    private void TakeUnread(ref Direction direction, NativeConnection source, Brake? brake)
    {
        if (source.UnreadCount == 0)
            return;
        brake?.Spend(source.UnreadCount);
        var buffer = NativeClient.Loop.Buffers.RentMemory(source.UnreadCount);
        buffer.Fill(source);
        direction.Held = buffer;
    }

    private void OnCompleted(Side side)
    {
        if (endedBy == Side.Fairlead)
            endedBy = side;
        if (Options.HalfClosed != Timeout.InfiniteTimeSpan && !(fromClient.IsCompleted && fromUpstream.IsCompleted))
            StartTimer();
    }

    // A side broke. What it had said before is passed on, as far as that needs no waiting.
    private void Break(NativeConnection broken, int errno)
    {
        if (broken == NativeClient)
            PassOnLastWords(ref fromClient, NativeClient, NativeUpstream, brakes?.FromClient);
        else
            PassOnLastWords(ref fromUpstream, NativeUpstream, NativeClient, brakes?.FromUpstream);
        Finish(EndOf(NativeErrors.Classify(errno)), broken == NativeClient ? Side.Client : Side.Upstream);
    }

    private void PassOnLastWords(ref Direction direction, NativeConnection source, NativeConnection sink, Brake? brake)
    {
        var buffer = direction.Held ?? NativeClient.Loop.Buffers.RentMemory();
        do
            Drain(ref direction, buffer, sink);
        while (buffer.Count == 0 && sink.IsWritable && FillNow(buffer, source, brake) > 0);
        direction.Held = null;
        NativeClient.Loop.Buffers.Return(buffer);
    }

    private static int FillNow(TransferBuffer buffer, NativeConnection source, Brake? brake)
    {
        var most = brake?.TakeNow(buffer.Capacity, out _) ?? buffer.Capacity;
        var filled = most == 0 ? 0 : buffer.Fill(source, most);
        brake?.Return(most - Math.Max(filled, 0));
        return filled;
    }

    private void StartTimer()
    {
        lastActivity = Options.Time.GetTimestamp();
        timer ??= Options.Time.CreateTimer(static relay => ((NativeRelay)relay!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(Options.Limit(fromClient.IsCompleted || fromUpstream.IsCompleted).Length, Timeout.InfiniteTimeSpan);
    }

    // The timer is not moved at each byte: it looks, when it fires, how long ago the last one was.
    private void OnTimer()
    {
        if (EventLoop.Current != NativeClient.Loop)
        {
            NativeClient.Loop.Post(static relay => ((NativeRelay)relay!).OnTimer(), this);
            return;
        }
        if (phase == Phase.Ended)
            return;
        if (brakes is { AreOn: true })
            lastActivity = Options.Time.GetTimestamp();
        var (limit, reason) = Options.Limit(fromClient.IsCompleted || fromUpstream.IsCompleted);
        var left = limit - Options.Time.GetElapsedTime(lastActivity);
        if (left <= TimeSpan.Zero)
            Finish(reason, Side.Fairlead);
        else
            timer!.Change(left, Timeout.InfiniteTimeSpan);
    }

    private void Requeue()
    {
        if (isQueued)
            return;
        isQueued = true;
        NativeClient.Loop.Enqueue(this);
    }

    private void Finish(RelayEnd how, Side by)
    {
        if (phase == Phase.Ended)
            return;
        phase = Phase.Ended;
        (end, endedBy) = (how, by);
        timer?.Dispose();
        brakes?.Dispose();
        NativeClient.Watcher = NativeUpstream.Watcher = null;
        Discard(ref fromClient);
        Discard(ref fromUpstream);
        if (how != RelayEnd.Closed)
        {
            NativeClient.Abort();
            NativeUpstream.Abort();
        }
        var resume = continuation;
        continuation = null;
        resume?.Invoke(continuationState);
    }

    private void Discard(ref Direction direction)
    {
        if (direction.Held is { } buffer)
            NativeClient.Loop.Buffers.Return(buffer);
        direction.Held = null;
    }

    // The awaitable of RunAsync, without an object of its own.
    RelayResult IValueTaskSource<RelayResult>.GetResult(short token) => new(end, endedBy, fromClient.Bytes, fromUpstream.Bytes);

    ValueTaskSourceStatus IValueTaskSource<RelayResult>.GetStatus(short token)
    {
        return phase == Phase.Ended ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;
    }

    void IValueTaskSource<RelayResult>.OnCompleted(Action<object?> action, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if (phase == Phase.Ended)
        {
            NativeClient.Loop.Post(static work => { var (run, s) = ((Action<object?>, object?))work!; run(s); }, (action, state));
            return;
        }
        continuation = action;
        continuationState = state;
    }

    /// <summary>One way: what was read and not yet taken, and what is known of it.</summary>
    private struct Direction
    {
        /// <summary>Bytes that the sink has taken.</summary>
        public long Bytes;

        /// <summary>A buffer with bytes that the sink has not taken; null nearly always.</summary>
        public TransferBuffer? Held;

        /// <summary>The source completed its writes.</summary>
        public bool SawEnd;

        /// <summary>The sink was told so.</summary>
        public bool IsCompleted;

        public bool IsBulk, CannotSplice;
        private int score;

        /// <summary>Makes up its mind about what kind of traffic this is from the size of a read.</summary>
        public void Judge(int read, int most)
        {
            if (IsBulk)
                score = read < Math.Min(SmallRead, most) ? score + 1 : 0;
            else
                score = read == most ? score + ScoreOfFullRead : Math.Max(0, score - 1);
            if (score < (IsBulk ? SmallReadsForCopy : ScoreForBulk))
                return;
            IsBulk = !IsBulk;
            score = 0;
        }
    }
}
