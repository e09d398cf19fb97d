using Fairlead.Ssh;

namespace Fairlead;

/// <summary>What the hub listens on for whom, over all event loops, so that a key that comes back finds what its lost connection still holds. Bounded by the listens that each key may have.</summary>
internal sealed class HubListens
{
    private readonly Lock gate = new();
    private readonly Dictionary<SshPublicKey, List<(HubPlace Place, HubClient Owner)>> listens = [];

    public void Add(SshPublicKey key, HubPlace place, HubClient owner)
    {
        lock (gate)
        {
            if (!listens.TryGetValue(key, out var own))
                listens.Add(key, own = []);
            own.Add((place, owner));
        }
    }

    /// <summary>Forgets one, if it has not been forgotten already.</summary>
    public void Remove(SshPublicKey key, HubPlace place)
    {
        lock (gate)
        {
            if (!listens.TryGetValue(key, out var own))
                return;
            own.RemoveAll(one => ReferenceEquals(one.Place, place));
            if (own.Count == 0)
                listens.Remove(key);
        }
    }

    /// <summary>Another connection of the same key that listens on such a port; null: none does.</summary>
    /// <param name="asks">Who is none of the others.</param>
    /// <param name="key">The key.</param>
    /// <param name="place">Where.</param>
    public HubClient? OtherAt(HubClient asks, SshPublicKey key, HubPlace place)
    {
        lock (gate)
            return listens.TryGetValue(key, out var own) ? own.Find(one => one.Owner != asks && one.Place.Overlaps(place)).Owner : null;
    }
}
