using System.Collections.Concurrent;
using System.Net;

namespace Fairlead;

/// <summary>
/// Asks the system's resolver on threads of its own. getaddrinfo(3) blocks, for half a minute where the name server is a black hole: that must
/// hold up neither an event loop nor the thread pool, so a few threads are all that can ever be stuck in it.
/// </summary>
/// <param name="ask">Looks a name up, for as long as that takes.</param>
/// <param name="mostThreads">How many names are asked for at once.</param>
internal sealed class LookUps(Func<string, IPAddress[]> ask, int mostThreads = 4) : IDisposable
{
    private readonly BlockingCollection<(string Name, TaskCompletionSource<IPAddress[]> Answer)> queue = [];
    private readonly Lock gate = new();
    private int threads, unanswered;

    /// <summary>The system's resolver.</summary>
    public LookUps()
        : this(static name => Dns.GetHostAddresses(name))
    {
    }

    /// <summary>The same resolver on threads apart from these.</summary>
    public LookUps Apart(int mostThreads) => new(ask, mostThreads);

    /// <summary>Looks a name up on the caller's thread, for as long as that takes. Throws as the resolver does.</summary>
    public IPAddress[] Ask(string name) => ask(name);

    /// <summary>Looks a name up: its addresses in the resolver's order (RFC 6724), at least one. Faults as the resolver does.</summary>
    public Task<IPAddress[]> AskAsync(string name)
    {
        var answer = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            queue.Add((name, answer));
            if (++unanswered > threads && threads < mostThreads)
            {
                threads++;
                new Thread(Serve) { IsBackground = true, Name = "fairlead-names" }.Start();
            }
        }
        return answer.Task;
    }

    public void Dispose() => queue.CompleteAdding();

    private void Serve()
    {
        while (queue.TryTake(out var work, Timeout.Infinite))
        {
            try
            {
                work.Answer.SetResult(ask(work.Name));
            }
            catch (Exception e)
            {
                work.Answer.SetException(e);
            }
            lock (gate)
                unanswered--;
        }
    }
}
