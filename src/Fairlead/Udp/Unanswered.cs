namespace Fairlead;

/// <summary>
/// The sessions of a forward that were never answered, in the order of their beginning, over all event loops: where the table is full the oldest makes
/// room, so that a flood with invented sources pushes out itself and not those who have an answer.
/// </summary>
internal sealed class Unanswered
{
    private readonly Lock gate = new();
    private DatagramSession? oldest, youngest;

    /// <summary>Gives a session a place of the forward and one of the process: free ones, or those of the oldest here, which is told to end.</summary>
    /// <returns>False where there are none.</returns>
    public bool TryEnter(DatagramSession session, Admission forward, Admission process)
    {
        DatagramSession? victim = null;
        lock (gate)
        {
            if (!TryTake(forward, process))
            {
                if (oldest is null)
                    return false;
                victim = oldest;
                Remove(victim);
                victim.HasPlaces = false;
            }
            session.HasPlaces = true;
            Append(session);
        }
        victim?.Evict();
        return true;
    }

    /// <summary>A session was answered: it is not to be pushed out any more.</summary>
    public void Answered(DatagramSession session)
    {
        lock (gate)
            Remove(session);
    }

    /// <summary>A session has ended, and gives its places back if it still has them.</summary>
    public void Leave(DatagramSession session, Admission forward, Admission process)
    {
        lock (gate)
        {
            Remove(session);
            if (!session.HasPlaces)
                return;
            session.HasPlaces = false;
        }
        forward.Leave();
        process.Leave();
    }

    private static bool TryTake(Admission forward, Admission process)
    {
        if (!forward.TryEnter())
            return false;
        if (process.TryEnter())
            return true;
        forward.Leave();
        return false;
    }

    private void Append(DatagramSession session)
    {
        session.Older = youngest;
        session.IsUnanswered = true;
        if (youngest is null)
            oldest = session;
        else
            youngest.Younger = session;
        youngest = session;
    }

    private void Remove(DatagramSession session)
    {
        if (!session.IsUnanswered)
            return;
        session.IsUnanswered = false;
        if (session.Older is null)
            oldest = session.Younger;
        else
            session.Older.Younger = session.Younger;
        if (session.Younger is null)
            youngest = session.Older;
        else
            session.Younger.Older = session.Older;
        session.Older = session.Younger = null;
    }
}
