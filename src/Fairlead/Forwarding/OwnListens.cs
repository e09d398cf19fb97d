using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Where this process listens, for connections or datagrams, for those who must not be sent back to it. Asked from event loops, changed by reloads.</summary>
internal sealed class OwnListens
{
    // What this machine's addresses are is asked of the system, which takes a while and rarely changes.
    private static readonly TimeSpan age = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly LocalAddresses addresses = new();
    private readonly List<IPEndPoint> listens = [];
    private HashSet<AddressKey> local = [];
    private long? read;

    public void Add(Listen listen)
    {
        lock (gate)
        {
            if (listen.EndPoint is IPEndPoint endPoint)
                listens.Add(endPoint);
        }
    }

    public void Remove(Listen listen)
    {
        lock (gate)
        {
            if (listen.EndPoint is IPEndPoint endPoint)
                listens.Remove(endPoint);
        }
    }

    /// <summary>Whether what is sent to an address arrives at one of them, by whichever protocol; the zone of an address does not make it another.</summary>
    public bool Holds(IPEndPoint address)
    {
        var key = AddressKey.Of(address.Address)!.Value;
        lock (gate)
        {
            foreach (var listen in listens)
            {
                if (listen.Port != address.Port)
                    continue;
                if (AddressKey.Of(listen.Address) == key)
                    return true;
                var isEvery = listen.Address.Equals(IPAddress.IPv6Any) || listen.Address.Equals(IPAddress.Any);
                if (isEvery && (IPAddress.IsLoopback(address.Address) || Local().Contains(key)))
                    return true;
            }
            return false;
        }
    }

    // Under the gate.
    private HashSet<AddressKey> Local()
    {
        if (read is not { } last || TimeProvider.System.GetElapsedTime(last) > age)
        {
            local = [.. addresses.Read().Select(address => AddressKey.Of(address)!.Value)];
            read = TimeProvider.System.GetTimestamp();
        }
        return local;
    }
}
