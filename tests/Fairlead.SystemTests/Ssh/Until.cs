namespace Fairlead.SystemTests;

/// <summary>Waits for what nobody tells.</summary>
internal static class Until
{
    /// <summary>Asks again and again, until it is so. The test's time is the limit.</summary>
    public static async Task TrueAsync(Func<bool> isSo)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(25));
        while (!isSo())
            await pause.WaitForNextTickAsync(TestContext.Current.CancellationToken);
    }
}
