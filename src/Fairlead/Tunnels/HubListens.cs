using System.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>What the hub listens on for whom, over all event loops, so that a key that comes back finds what its lost connection still holds. Bounded by the listens that each key may have.</summary>
internal sealed class HubListens
{
    private readonly Lock gate = new();
    private readonly Dictionary<SshPublicKey, List<(HubListen Listen, HubClient Owner)>> listens = [];

    public void Add(SshPublicKey key, HubListen listen, HubClient owner)
    {
        lock (gate)
        {
            if (!listens.TryGetValue(key, out var own))
                listens.Add(key, own = []);
            own.Add((listen, owner));
        }
    }

    public void Remove(SshPublicKey key, HubListen listen)
    {
        lock (gate)
        {
            var own = listens[key];
            own.RemoveAll(one => one.Listen == listen);
            if (own.Count == 0)
                listens.Remove(key);
        }
    }

    /// <summary>Another connection of the same key that listens on such a port; null: none does.</summary>
    /// <param name="asks">Who is none of the others.</param>
    /// <param name="key">The key.</param>
    /// <param name="addresses">Where.</param>
    /// <param name="port">The port; 0, any, is nobody's.</param>
    public HubClient? OtherAt(HubClient asks, SshPublicKey key, IPAddress[] addresses, int port)
    {
        lock (gate)
            return listens.TryGetValue(key, out var own) ? own.Find(one => one.Owner != asks && one.Listen.Port == port && one.Listen.Overlaps(addresses)).Owner : null;
    }
}
