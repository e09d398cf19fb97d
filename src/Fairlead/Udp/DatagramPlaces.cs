namespace Fairlead;

/// <summary>
/// The places of sessions of datagrams, in their forwards and in the process, over all event loops. Where there is none left the oldest session makes room
/// that was never answered, so that a flood with invented sources pushes out itself and not those who have an answer.
/// </summary>
/// <param name="process">The places of the process, which connections have too.</param>
/// <param name="ports">
/// How many sessions may have a port of this machine at once: each takes one of those that the system gives to whatever is sent from here, name look-ups included.
/// </param>
internal sealed class DatagramPlaces(Admission process, Admission ports)
{
    private readonly Lock gate = new();
    private readonly SessionQueue unanswered = new(SessionQueue.Which.OfProcess);

    /// <summary>As many sessions as take three of four ports that the system gives.</summary>
    public static Admission Ports => new(ListenRefusal.EphemeralPorts() is var (first, last) ? (last - first + 1) / 4 * 3 : int.MaxValue);

    /// <summary>Gives a session its places: free ones, or those of the oldest that was never answered, of its forward or else of all, which is told to end.</summary>
    /// <returns>False where there are none; or none for it, since a connection waits for what could be had.</returns>
    public bool TryEnter(DatagramSession session, Forward forward)
    {
        DatagramSession? victim = null;
        lock (gate)
        {
            var hasOwn = forward.Places.TryEnter();
            if (!(hasOwn && TryTake()))
            {
                // One of the forward's own frees both kinds; one of another forward none of this one's.
                victim = forward.Unanswered.Oldest ?? (hasOwn ? unanswered.Oldest : null);
                if (hasOwn)
                    forward.Places.Leave();
                if (victim is not null)
                    Remove(victim);
                if (victim is null || !TryReplace(victim, forward))
                {
                    victim?.Evict();
                    return false;
                }
            }
            session.HasPlaces = true;
            forward.Unanswered.Add(session);
            unanswered.Add(session);
        }
        victim?.Evict();
        return true;
    }

    /// <summary>The oldest that was never answered ends: the system has no port or descriptor left.</summary>
    public void EvictOldest()
    {
        DatagramSession? victim;
        lock (gate)
        {
            victim = unanswered.Oldest;
            if (victim is not null)
                Remove(victim);
        }
        victim?.Evict();
    }

    /// <summary>A session was answered: it is not to be pushed out any more.</summary>
    public void Answered(DatagramSession session)
    {
        lock (gate)
            Remove(session);
    }

    /// <summary>A session has ended, and gives its places back if it still has them.</summary>
    public void Leave(DatagramSession session)
    {
        lock (gate)
        {
            Remove(session);
            if (!session.HasPlaces)
                return;
            session.HasPlaces = false;
        }
        session.Binding.Forward.Places.Leave();
        process.Leave();
        ports.Leave();
    }

    // The victim's places are the newcomer's, unless somebody who can wait has waited for them.
    private bool TryReplace(DatagramSession victim, Forward forward)
    {
        var other = victim.Binding.Forward;
        if (process.HasWaiting || other.Places.HasWaiting || (other != forward && !forward.Places.TryEnter()))
            return false;
        victim.HasPlaces = false;
        if (other != forward)
            other.Places.Leave();
        return true;
    }

    private bool TryTake()
    {
        if (!ports.TryEnter())
            return false;
        if (process.TryEnter())
            return true;
        ports.Leave();
        return false;
    }

    private void Remove(DatagramSession session)
    {
        session.Binding.Forward.Unanswered.Remove(session);
        unanswered.Remove(session);
    }
}
