namespace Fairlead;

/// <summary>Asks whoever sits at a terminal.</summary>
/// <param name="text">What stands before the answer, one line, escaped.</param>
/// <param name="isShown">Whether the answer may be seen while it is typed.</param>
/// <param name="cancel">Takes the question back.</param>
/// <returns>The answer; null: nobody is there, or gives one.</returns>
internal delegate Task<string?> AskUser(string text, bool isShown, CancellationToken cancel);

/// <summary>What the user of a tunnel has answered, so that nobody is asked again when a connection is made anew, or when there are several. From any thread.</summary>
/// <param name="ask">Who is asked; null: nobody is there.</param>
internal sealed class TunnelAnswers(AskUser? ask)
{
    /// <summary>Where nobody is asked.</summary>
    public static readonly TunnelAnswers None = new(null);

    private readonly Dictionary<string, Secret> answers = [];
    private readonly SemaphoreSlim turn = new(1);

    public bool IsAnybodyThere => ask is not null;

    /// <summary>Asks, and forgets the answer.</summary>
    public Task<string?> AskAsync(string text, bool isShown, CancellationToken cancel) => ask?.Invoke(text, isShown, cancel) ?? Task.FromResult<string?>(null);

    /// <summary>A secret that will be needed again: what was answered last, or what is answered now.</summary>
    /// <param name="text">What stands before the answer.</param>
    /// <param name="wrong">The answer that is of no use; null: none was tried.</param>
    /// <param name="cancel">Takes the question back.</param>
    /// <returns>Null: nobody is there, or gives one.</returns>
    public async Task<Secret?> SecretAsync(string text, Secret? wrong, CancellationToken cancel)
    {
        try
        {
            // Who comes while somebody is asked the same takes that answer.
            await turn.WaitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        try
        {
            if (answers.TryGetValue(text, out var last) && !ReferenceEquals(last, wrong))
                return last;
            return await AskAsync(text, isShown: false, cancel) is { } answer ? answers[text] = new Secret(answer) : null;
        }
        finally
        {
            turn.Release();
        }
    }
}
