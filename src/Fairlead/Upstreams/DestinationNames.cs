using System.Collections.Concurrent;
using System.Net;

namespace Fairlead;

/// <summary>
/// Looks up the names that clients name. On threads apart from those of upstreams, so that strangers who ask for names that nobody answers hold up one another
/// alone; whoever asks for a name that is asked for already gets the same answer. Nothing is remembered: the system's resolver does that.
/// </summary>
internal sealed class DestinationNames(LookUps lookUps) : IDisposable
{
    private readonly ConcurrentDictionary<string, Task<IPAddress[]>> underWay = new();

    /// <summary>The addresses of a name in the resolver's order, at least one. Faults as the resolver does.</summary>
    /// <param name="name">In lower case.</param>
    public Task<IPAddress[]> AskAsync(string name) => underWay.GetOrAdd(name, AskOnceAsync);

    public void Dispose() => lookUps.Dispose();

    private async Task<IPAddress[]> AskOnceAsync(string name)
    {
        // Off the caller's loop, and after it is known to be under way.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            return await lookUps.AskAsync(name).ConfigureAwait(false);
        }
        finally
        {
            underWay.TryRemove(name, out _);
        }
    }
}
