using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Who is at the hub, over all event loops: connections that have not logged in yet, and what each key has.</summary>
internal sealed class HubCounts
{
    private readonly Lock gate = new();
    private readonly Dictionary<SshPublicKey, (int Connections, int Listens)> keys = [];
    private int startups;

    public bool TryStart(int most)
    {
        if (Interlocked.Increment(ref startups) <= most)
            return true;
        Interlocked.Decrement(ref startups);
        return false;
    }

    public void EndStart() => Interlocked.Decrement(ref startups);

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
