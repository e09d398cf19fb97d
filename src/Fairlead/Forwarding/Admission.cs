namespace Fairlead;

/// <summary>How many sessions there may be at once. Who finds no room waits in the kernel's backlog.</summary>
internal sealed class Admission(int limit, Action onFull, Action? onNearlyFull = null)
{
    private readonly SemaphoreSlim room = new(limit, limit);

    public int Limit => limit;

    /// <summary>Takes a place, waiting for one if need be.</summary>
    public ValueTask EnterAsync(CancellationToken cancel)
    {
        if (room.Wait(0, CancellationToken.None))
        {
            if (room.CurrentCount == limit / 5)
                onNearlyFull?.Invoke();
            return default;
        }
        onFull();
        return new ValueTask(room.WaitAsync(cancel));
    }

    /// <summary>Gives a place back.</summary>
    public void Leave() => room.Release();
}
