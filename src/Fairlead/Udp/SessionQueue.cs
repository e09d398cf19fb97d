namespace Fairlead;

/// <summary>Sessions in the order in which they came, from the middle of which each can leave. Not thread-safe.</summary>
/// <param name="links">Which of a session's links are of this queue.</param>
internal sealed class SessionQueue(SessionQueue.Which links)
{
    private DatagramSession? youngest;

    /// <summary>Which queue.</summary>
    public enum Which
    {
        OfForward,
        OfProcess,
    }

    /// <summary>The one that came first; null where there is none.</summary>
    public DatagramSession? Oldest { get; private set; }

    public void Add(DatagramSession session)
    {
        ref var own = ref session.LinksOf(links);
        own = new Links { Older = youngest, IsIn = true };
        if (youngest is null)
            Oldest = session;
        else
            youngest.LinksOf(links).Younger = session;
        youngest = session;
    }

    /// <summary>Takes a session out; nothing where it is not in.</summary>
    public void Remove(DatagramSession session)
    {
        ref var own = ref session.LinksOf(links);
        if (!own.IsIn)
            return;
        if (own.Older is null)
            Oldest = own.Younger;
        else
            own.Older.LinksOf(links).Younger = own.Younger;
        if (own.Younger is null)
            youngest = own.Older;
        else
            own.Younger.LinksOf(links).Older = own.Older;
        own = default;
    }

    /// <summary>A session's neighbours in a queue.</summary>
    public struct Links
    {
        public DatagramSession? Older, Younger;
        public bool IsIn;
    }
}
