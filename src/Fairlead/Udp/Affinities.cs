using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Which upstream each client has while it has a session, by each port of a range, over all event loops: who comes back from another port, as behind a NAT that has rebound it,
/// gets the same. It knows nobody who has no session, so that it is bounded by the sessions that there may be.
/// </summary>
internal sealed class Affinities
{
    private readonly Lock gate = new();
    private readonly Dictionary<(AddressKey Client, int Offset), (Upstream Upstream, int Sessions)> clients = [];

    /// <summary>The upstream of a client; null where it has none.</summary>
    public Upstream? Find(AddressKey client, int offset)
    {
        lock (gate)
            return clients.TryGetValue((client, offset), out var found) ? found.Upstream : null;
    }

    /// <summary>A session of the client goes to an upstream, where the client's next will go too; <see cref="Leave"/> is owed.</summary>
    public void Enter(AddressKey client, int offset, Upstream upstream)
    {
        lock (gate)
            clients[(client, offset)] = (upstream, clients.GetValueOrDefault((client, offset)).Sessions + 1);
    }

    /// <summary>That session has ended, or goes elsewhere.</summary>
    public void Leave(AddressKey client, int offset)
    {
        lock (gate)
        {
            var (upstream, sessions) = clients[(client, offset)];
            if (sessions == 1)
                clients.Remove((client, offset));
            else
                clients[(client, offset)] = (upstream, sessions - 1);
        }
    }
}
