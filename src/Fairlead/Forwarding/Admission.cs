namespace Fairlead;

/// <summary>How many sessions there may be at once, of a forward or of the process. Who finds no room waits, which leaves clients in the kernel's backlog.</summary>
internal sealed class Admission(int limit, Action? onFull = null, Action? onNearlyFull = null)
{
    private readonly Lock gate = new();
    private readonly LinkedList<TaskCompletionSource> waiting = [];
    private int limit = limit, taken;

    public int Limit => Volatile.Read(ref limit);

    /// <summary>Whether somebody waits for a place.</summary>
    public bool HasWaiting
    {
        get
        {
            lock (gate)
                return waiting.Count > 0;
        }
    }

    /// <summary>Takes a place, waiting for one if need be.</summary>
    /// <exception cref="OperationCanceledException">The waiting was given up; no place is taken.</exception>
    public ValueTask EnterAsync(CancellationToken cancel)
    {
        bool hasRoom, isNearlyFull;
        LinkedListNode<TaskCompletionSource>? waiter = null;
        lock (gate)
        {
            hasRoom = TryTake(out isNearlyFull);
            if (!hasRoom)
                waiter = waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        if (isNearlyFull)
            onNearlyFull?.Invoke();
        if (hasRoom)
            return default;
        onFull?.Invoke();
        return new ValueTask(WaitAsync(waiter!, cancel));
    }

    /// <summary>Takes a place if there is one; those who wait come first.</summary>
    public bool TryEnter()
    {
        bool hasRoom, isNearlyFull;
        lock (gate)
            hasRoom = TryTake(out isNearlyFull);
        if (isNearlyFull)
            onNearlyFull?.Invoke();
        if (!hasRoom)
            onFull?.Invoke();
        return hasRoom;
    }

    /// <summary>Gives a place back: to who waits longest, if there is room.</summary>
    public void Leave()
    {
        lock (gate)
        {
            taken--;
            LetIn();
        }
    }

    /// <summary>Another limit from now on. Where more are in, nobody is let in until enough have left.</summary>
    public void SetLimit(int value)
    {
        lock (gate)
        {
            limit = value;
            LetIn();
        }
    }

    private bool TryTake(out bool isNearlyFull)
    {
        var hasRoom = taken < limit && waiting.Count == 0;
        if (hasRoom)
            taken++;
        isNearlyFull = hasRoom && limit >= 10 && limit - taken == limit / 5;
        return hasRoom;
    }

    private void LetIn()
    {
        while (taken < limit && waiting.First is { } first)
        {
            waiting.RemoveFirst();
            taken++;
            first.Value.SetResult();
        }
    }

    private async Task WaitAsync(LinkedListNode<TaskCompletionSource> waiter, CancellationToken cancel)
    {
        using var giveUp = cancel.UnsafeRegister(_ =>
        {
            lock (gate)
            {
                // One that was let in meanwhile has its place.
                if (waiter.List is null)
                    return;
                waiting.Remove(waiter);
            }
            waiter.Value.SetCanceled(cancel);
        }, null);
        await waiter.Value.Task;
    }
}
