using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Who is at the hub, over all event loops: connections that have not logged in yet, what each key has, and whose logins fail.</summary>
/// <param name="time">Measures how long sources are refused.</param>
internal sealed class HubCounts(TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly Dictionary<SshPublicKey, (int Connections, int Listens)> keys = [];
    private readonly SourceCounts sources = new();
    private int startups;

    /// <summary>What is listened on for each key.</summary>
    public HubListens Listens { get; } = new();

    /// <summary>Whose logins have failed.</summary>
    public LoginPenalties Penalties { get; } = new(time);

    /// <summary>How many have not logged in yet.</summary>
    public int Startups => Volatile.Read(ref startups);

    /// <summary>How many keys have a connection or a listen.</summary>
    public int Keys
    {
        get
        {
            lock (gate)
                return keys.Count;
        }
    }

    /// <summary>Counts a connection that begins, unless there are too many; <see cref="EndStart"/> is owed then.</summary>
    /// <param name="source">Where it is from; null: from nowhere, by a Unix socket.</param>
    /// <param name="hub">The bounds.</param>
    /// <returns>Why it may not; null: it may.</returns>
    public string? TryStart(AddressKey? source, HubConfig hub)
    {
        if (source is { } who && hub.LoginPenalty != Timeout.InfiniteTimeSpan && Penalties.Refuses(who, hub.LoginPenalty))
            return "too many logins from this address have failed";
        if (source is { } client && !sources.TryEnter(client, hub.MaxStartupsPerSource, hub.MaxStartupsPerPrefix))
            return "too many connections from this address have not logged in yet";
        if (Interlocked.Increment(ref startups) <= hub.MaxStartups)
            return null;
        EndStart(source);
        return "too many connections have not logged in yet";
    }

    public void EndStart(AddressKey? source)
    {
        Interlocked.Decrement(ref startups);
        if (source is { } client)
            sources.Leave(client);
    }

    public bool TryConnect(SshPublicKey key, int? most) => TryAdd(key, 1, 0, most ?? int.MaxValue, int.MaxValue);

    public void Disconnect(SshPublicKey key) => TryAdd(key, -1, 0, int.MaxValue, int.MaxValue);

    public bool TryListen(SshPublicKey key, int most) => TryAdd(key, 0, 1, int.MaxValue, most);

    public void EndListen(SshPublicKey key) => TryAdd(key, 0, -1, int.MaxValue, int.MaxValue);

    private bool TryAdd(SshPublicKey key, int connections, int listens, int mostConnections, int mostListens)
    {
        lock (gate)
        {
            var has = keys.GetValueOrDefault(key);
            has = (has.Connections + connections, has.Listens + listens);
            if (has.Connections > mostConnections || has.Listens > mostListens)
                return false;
            if (has == default)
                keys.Remove(key);
            else
                keys[key] = has;
            return true;
        }
    }
}
