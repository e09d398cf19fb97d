namespace Fairlead.Cli;

/// <summary>
/// Slows those who guess the token: a wrong one is answered a second late. Few answers are late at once, and while they are, no token is looked at: it is as
/// many guesses a second, whoever guesses and over however many connections.
/// </summary>
/// <param name="time">Measures the second.</param>
internal sealed class TokenGuesses(TimeProvider time)
{
    /// <summary>How many wrong tokens wait for their answer at most.</summary>
    public const int MostWaiting = 4;

    private static readonly TimeSpan lateness = TimeSpan.FromSeconds(1);

    private int waiting;

    /// <summary>Whether a token may be looked at now.</summary>
    public bool AreTaken => Volatile.Read(ref waiting) < MostWaiting;

    /// <summary>A token was wrong: completes when that may be said.</summary>
    public async Task WaitAsync()
    {
        Interlocked.Increment(ref waiting);
        try
        {
            await Task.Delay(lateness, time).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }
}
