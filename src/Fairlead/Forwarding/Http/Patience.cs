using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// How long a conversation waits: one limit at a time, on one timer. Since a read can be ended only with its connection, that is what happens when it has passed.
/// </summary>
internal sealed class Patience(TimeProvider time) : IDisposable
{
    private readonly Lock gate = new();
    // Where it is made, which is where it may end what is waited for: not every timer fires there.
    private readonly SynchronizationContext? place = SynchronizationContext.Current;
    private ITimer? timer;
    private TimeSpan limit = Timeout.InfiniteTimeSpan;
    private Action? passed;
    private long since;
    private bool isSilence, hasPassed, isDisposed;

    /// <summary>Begins a limit in place of the one before.</summary>
    /// <param name="length">How long, from now on; infinite: for ever.</param>
    /// <param name="passed">Ends what is waited for. Called under a lock: it must neither block nor throw.</param>
    public void Begin(TimeSpan length, Action passed) => Begin(length, passed, isSilence: false);

    /// <summary>The same, and it begins anew with every <see cref="Touch"/>.</summary>
    public void BeginSilence(TimeSpan length, Action passed) => Begin(length, passed, isSilence: true);

    /// <summary>Something has happened.</summary>
    public void Touch()
    {
        if (isSilence)
            Volatile.Write(ref since, time.GetTimestamp());
    }

    /// <summary>Makes the limit shorter, from now on, if there is one under way that is longer.</summary>
    public void Shorten(TimeSpan length)
    {
        lock (gate)
        {
            if (passed is not null && length != Timeout.InfiniteTimeSpan && (limit == Timeout.InfiniteTimeSpan || length < limit))
                Arm(length);
        }
    }

    /// <summary>Ends the limit.</summary>
    /// <returns>Whether it had passed.</returns>
    public bool End()
    {
        lock (gate)
        {
            passed = null;
            return hasPassed;
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            (isDisposed, passed) = (true, null);
            timer?.Dispose();
        }
    }

    private void Begin(TimeSpan length, Action passed, bool isSilence)
    {
        lock (gate)
        {
            (this.passed, this.isSilence, hasPassed) = (passed, isSilence, false);
            Arm(length);
        }
    }

    private void Arm(TimeSpan length)
    {
        (limit, since) = (length, time.GetTimestamp());
        if (isDisposed || (timer is null && length == Timeout.InfiniteTimeSpan))
            return;
        timer ??= time.CreateTimer(static patience => ((Patience)patience!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(length, Timeout.InfiniteTimeSpan);
    }

    private void OnTimer() => place.RunThere(Look);

    // The timer is not moved at each byte: it looks, when it fires, how long ago the last one was.
    private void Look()
    {
        lock (gate)
        {
            if (passed is not { } act || limit == Timeout.InfiniteTimeSpan || isDisposed)
                return;
            var left = limit - time.GetElapsedTime(Volatile.Read(ref since));
            if (left > TimeSpan.Zero)
            {
                timer!.Change(left, Timeout.InfiniteTimeSpan);
                return;
            }
            (passed, hasPassed) = (null, true);
            act();
        }
    }
}
