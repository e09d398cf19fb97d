using System.Collections.Concurrent;
using System.Net;

namespace Fairlead;

/// <summary>
/// Asks the system's resolver on threads of its own. getaddrinfo(3) blocks, for half a minute where the name server is a black hole: that must
/// hold up neither an event loop nor the thread pool, so a few threads are all that can ever be stuck in it.
/// </summary>
internal sealed class LookUps(Func<string, IPAddress[]> ask) : IDisposable
{
    private const int MostThreads = 4;

    private readonly BlockingCollection<(string Name, TaskCompletionSource<IPAddress[]> Answer)> queue = [];
    private readonly Lock gate = new();
    private int threads, unanswered;

    /// <summary>The system's resolver.</summary>
    public LookUps()
        : this(static name => Dns.GetHostAddresses(name))
    {
    }

    /// <summary>Looks a name up on the caller's thread, for as long as that takes. Throws as the resolver does.</summary>
    public IPAddress[] Ask(string name) => ask(name);

    /// <summary>Looks a name up: its addresses in the resolver's order (RFC 6724), at least one. Faults as the resolver does.</summary>
    public Task<IPAddress[]> AskAsync(string name)
    {
        var answer = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            queue.Add((name, answer));
            if (++unanswered > threads && threads < MostThreads)
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
