namespace Fairlead.Tests;

/// <summary>A clock that stands until it is advanced; timers fire inside <see cref="Advance"/>, on its caller's thread.</summary>
public sealed class ManualTime : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<ManualTimer> armed = [];

    // Not zero, which code could take for "never".
    private TimeSpan now = TimeSpan.FromHours(1);

    /// <summary>How many timers would fire some time.</summary>
    public int ArmedTimers
    {
        get
        {
            lock (gate)
                return armed.Count;
        }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        lock (gate)
            return now.Ticks;
    }

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + TimeSpan.FromTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Lets time pass. What becomes due meanwhile fires in its order, each at its own time.</summary>
    public void Advance(TimeSpan span)
    {
        var until = TimeSpan.FromTicks(GetTimestamp()) + span;
        while (NextDue(until) is { } timer)
            timer.Fire();
    }

    /// <summary>Lets time pass in small steps, with room for what else is to happen in between, until a task has ended.</summary>
    public async Task AdvanceUntilAsync(Task task, TimeSpan step)
    {
        for (var i = 0; !task.IsCompleted; i++)
        {
            if (i % 100 == 99)
                Advance(step);
            await Task.Yield();
        }
    }

    private ManualTimer? NextDue(TimeSpan until)
    {
        lock (gate)
        {
            var next = armed.MinBy(timer => timer.Due);
            if (next is null || next.Due > until)
            {
                now = until;
                return null;
            }
            now = next.Due > now ? next.Due : now;
            if (next.Period > TimeSpan.Zero)
                next.Due = now + next.Period;
            else
                armed.Remove(next);
            return next;
        }
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan Due { get; set; }

        public TimeSpan Period { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time.gate)
            {
                time.armed.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan)
                    return true;
                Due = time.now + dueTime;
                Period = period;
                time.armed.Add(this);
                return true;
            }
        }

        public void Dispose()
        {
            lock (time.gate)
                time.armed.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
