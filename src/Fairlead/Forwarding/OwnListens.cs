using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Where this process accepts connections, for those who must not be sent back to it. Asked from event loops, changed by reloads.</summary>
internal sealed class OwnListens
{
    // What this machine's addresses are is asked of the system, which takes a while and rarely changes.
    private static readonly TimeSpan age = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly LocalAddresses addresses = new();
    private readonly List<IPEndPoint> listens = [];
    private HashSet<IPAddress> local = [];
    private long? read;

    public void Add(Listen listen)
    {
        lock (gate)
        {
            if (listen is StreamListen && listen.EndPoint is IPEndPoint endPoint)
                listens.Add(endPoint);
        }
    }

    public void Remove(Listen listen)
    {
        lock (gate)
        {
            if (listen is StreamListen && listen.EndPoint is IPEndPoint endPoint)
                listens.Remove(endPoint);
        }
    }

    /// <summary>Whether a connection to an address arrives at one of them.</summary>
    public bool Holds(IPEndPoint address)
    {
        lock (gate)
        {
            foreach (var listen in listens)
            {
                if (listen.Port != address.Port)
                    continue;
                if (listen.Address.Equals(address.Address))
                    return true;
                var isEvery = listen.Address.Equals(IPAddress.IPv6Any) || listen.Address.Equals(IPAddress.Any);
                if (isEvery && (IPAddress.IsLoopback(address.Address) || Local().Contains(address.Address)))
                    return true;
            }
            return false;
        }
    }

    // Under the gate.
    private HashSet<IPAddress> Local()
    {
        if (read is not { } last || TimeProvider.System.GetElapsedTime(last) > age)
        {
            local = [.. addresses.Read()];
            read = TimeProvider.System.GetTimestamp();
        }
        return local;
    }
}
