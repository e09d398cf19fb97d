namespace Fairlead;

/// <summary>
/// What dials are given up by, used again as long as none was: a session that is never stopped while it dials leaves no garbage for it. Each thread has its
/// own.
/// </summary>
internal static class SpareCancellations
{
    // A burst of dials beyond these leaves its objects to the collector.
    private const int MostSpare = 64;
    [ThreadStatic] private static Stack<CancellationTokenSource>? spare;

    /// <summary>One that nobody else has.</summary>
    public static CancellationTokenSource Take() => spare is not null && spare.TryPop(out var source) ? source : new CancellationTokenSource();

    /// <summary>Takes one back that nobody will cancel any more. Who still waits by its token hears nothing of it from then on.</summary>
    public static void GiveBack(CancellationTokenSource source)
    {
        spare ??= new Stack<CancellationTokenSource>();
        if (spare.Count < MostSpare && source.TryReset())
            spare.Push(source);
    }
}
