using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>A timer in the wheel of an event loop. Fires on it.</summary>
/// <param name="wheel">The wheel.</param>
/// <param name="callback">Called when it fires.</param>
/// <param name="state">What that is called with.</param>
/// <param name="loop">
/// Whose wheel it is: then the timer may be changed and disposed from any thread, which happens on the loop a little later. The class library
/// does so: <see cref="Task.WaitAsync(TimeSpan, TimeProvider)"/> disposes its timer on the thread where the task completed, and
/// <see cref="Task.Delay(TimeSpan, TimeProvider, CancellationToken)"/> where it was cancelled. Null: used on the loop only.
/// </param>
[SupportedOSPlatform("linux")]
internal sealed class LoopTimer(TimerWheel wheel, TimerCallback callback, object? state, EventLoop? loop = null) : ITimer
{
    private long periodTicks;

    /// <summary>The tick at which it fires.</summary>
    public long DueTick { get; internal set; }

    // The wheel's own: where the timer lies (below zero: nowhere), and its neighbours there.
    internal int Slot = -1;
    internal LoopTimer? Previous, Next;

    /// <summary>Fires once after <paramref name="dueTime"/>, then every <paramref name="period"/>; infinite means never.</summary>
    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        if (IsElsewhere)
        {
            loop!.Run(() => Change(dueTime, period));
            return true;
        }
        wheel.Remove(this);
        periodTicks = period == Timeout.InfiniteTimeSpan || period == TimeSpan.Zero ? 0 : Ticks(period);
        if (dueTime == Timeout.InfiniteTimeSpan)
            return true;
        DueTick = EventLoop.TickAt(EventLoop.Timestamp()) + Ticks(dueTime);
        wheel.Add(this);
        return true;
    }

    /// <summary>Called by the wheel, which has taken the timer out.</summary>
    internal void Fire()
    {
        if (periodTicks > 0)
        {
            DueTick = wheel.Now + periodTicks;
            wheel.Add(this);
        }
        callback(state);
    }

    public void Dispose()
    {
        if (IsElsewhere)
            loop!.Post(static timer => ((LoopTimer)timer!).Dispose(), this);
        else
            wheel.Remove(this);
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    private bool IsElsewhere => loop is not null && EventLoop.Current != loop;

    // Rounded up, and one more for the tick that is under way: a timer never fires early.
    private static long Ticks(TimeSpan span)
    {
        return (long)Math.Ceiling(span.TotalMilliseconds / TimerWheel.TickMilliseconds) + 1;
    }
}

/// <summary>
/// Time as code on an event loop sees it: timers of the loop's wheel, and a clock that is read once a turn. Off the loops it is the
/// system's.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class LoopTime : TimeProvider
{
    public static LoopTime Instance { get; } = new();

    public override long GetTimestamp() => EventLoop.Current?.Now ?? base.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (EventLoop.Current is not { } loop)
            return System.CreateTimer(callback, state, dueTime, period);
        var timer = new LoopTimer(loop.Timers, callback, state, loop);
        timer.Change(dueTime, period);
        return timer;
    }
}
