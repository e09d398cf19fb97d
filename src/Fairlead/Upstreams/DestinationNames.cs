using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>
/// Looks up the names that clients name. On threads apart from those of upstreams, so that strangers who ask for names that nobody answers hold up one another
/// alone; whoever asks for a name that is asked for already gets the same answer. Nothing is remembered: the system's resolver does that.
/// </summary>
/// <param name="lookUps">Asks the resolver; disposed with this.</param>
internal sealed class DestinationNames(LookUps lookUps) : IDisposable
{
    /// <summary>How many names wait for their turn at the most.</summary>
    public const int MostWaiting = 256;

    /// <summary>How many are asked for at once; as many threads may be stuck with a name server that does not answer.</summary>
    public const int MostAsked = 16;

    private readonly Lock gate = new();
    private readonly Dictionary<string, Asking> known = new(StringComparer.Ordinal);
    private readonly LinkedList<Asking> waiting = [];
    private int asked;

    /// <summary>The addresses of a name in the resolver's order, at least one.</summary>
    /// <param name="name">In lower case.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="time">Measures it.</param>
    /// <param name="cancel">Gives it up. A name that nobody waits for any more is not asked for.</param>
    /// <exception cref="SocketException">The resolver's word; <see cref="SocketError.NoBufferSpaceAvailable"/> where too many names wait.</exception>
    /// <exception cref="TimeoutException">There was no answer in time.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<IPAddress[]> AskAsync(string name, TimeSpan timeout, TimeProvider time, CancellationToken cancel)
    {
        var asking = Join(name);
        try
        {
            return await asking.Answer.Task.WaitAsync(timeout, time, cancel);
        }
        finally
        {
            Leave(asking);
        }
    }

    public void Dispose() => lookUps.Dispose();

    private Asking Join(string name)
    {
        lock (gate)
        {
            if (!known.TryGetValue(name, out var asking))
            {
                if (asked >= MostAsked && waiting.Count >= MostWaiting)
                    throw new SocketException((int)SocketError.NoBufferSpaceAvailable);
                known.Add(name, asking = new Asking(name));
                waiting.AddLast(asking.Node);
                AskNext();
            }
            asking.Clients++;
            return asking;
        }
    }

    private void Leave(Asking asking)
    {
        lock (gate)
        {
            if (--asking.Clients > 0 || asking.Node.List is null)
                return;
            waiting.Remove(asking.Node);
            known.Remove(asking.Name);
        }
    }

    // Under the gate.
    private void AskNext()
    {
        while (asked < MostAsked && waiting.First is { } next)
        {
            waiting.RemoveFirst();
            asked++;
            _ = AskAsync(next.Value);
        }
    }

    private async Task AskAsync(Asking asking)
    {
        var answer = lookUps.AskAsync(asking.Name);
        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (gate)
        {
            known.Remove(asking.Name);
            asked--;
            AskNext();
        }
        if (answer.IsCompletedSuccessfully)
            asking.Answer.SetResult(await answer.ConfigureAwait(false));
        else
            asking.Answer.SetException(answer.Exception?.InnerExceptions ?? (IEnumerable<Exception>)[new SocketException((int)SocketError.TryAgain)]);
        // Everybody may have gone meanwhile.
        _ = asking.Answer.Task.Exception;
    }

    /// <summary>A name that somebody waits for.</summary>
    private sealed class Asking
    {
        public Asking(string name) => (Name, Node) = (name, new LinkedListNode<Asking>(this));

        public string Name { get; }

        public int Clients { get; set; }

        /// <summary>Its place among those that wait for their turn.</summary>
        public LinkedListNode<Asking> Node { get; }

        public TaskCompletionSource<IPAddress[]> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
