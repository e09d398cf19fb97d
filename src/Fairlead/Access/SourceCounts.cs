using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// How many sessions each address has at once, and each network of a customer's size: /24 of IPv4, /56 of IPv6 (RFC 6177). Exact over all
/// event loops. It knows nobody who has no session, so that it is bounded by the sessions that there may be.
/// </summary>
internal sealed class SourceCounts
{
    private const int V4Prefix = 24, V6Prefix = 56;

    // Enough that loops seldom meet. A power of two.
    private const int MostParts = 16;

    private readonly Part[] parts = [.. Enumerable.Range(0, MostParts).Select(_ => new Part())];

    /// <summary>How many addresses have a session.</summary>
    public int Sources => parts.Sum(part => part.Count(part.Sources));

    /// <summary>How many networks have a session.</summary>
    public int Prefixes => parts.Sum(part => part.Count(part.Prefixes));

    /// <summary>
    /// Counts a session of a client, unless its address or its network has as many as it may have. Then nothing is counted; otherwise
    /// <see cref="Leave"/> is owed. Both are counted whatever is limited, so that a limit may come later.
    /// </summary>
    /// <param name="client">The client's address.</param>
    /// <param name="perSource">How many one address may have; null: any number.</param>
    /// <param name="perPrefix">How many one network may have; null: any number.</param>
    public bool TryEnter(AddressKey client, int? perSource, int? perPrefix)
    {
        var prefix = PrefixOf(client);
        var part = PartOf(prefix);
        lock (part.Gate)
        {
            var ofSource = part.Sources.GetValueOrDefault(client);
            var ofPrefix = part.Prefixes.GetValueOrDefault(prefix);
            if (ofSource >= perSource || ofPrefix >= perPrefix)
                return false;
            part.Sources[client] = ofSource + 1;
            part.Prefixes[prefix] = ofPrefix + 1;
            return true;
        }
    }

    /// <summary>A session has ended that had entered.</summary>
    public void Leave(AddressKey client)
    {
        var prefix = PrefixOf(client);
        var part = PartOf(prefix);
        lock (part.Gate)
        {
            Decrement(part.Sources, client);
            Decrement(part.Prefixes, prefix);
        }
    }

    private static AddressKey PrefixOf(AddressKey client) => client.Masked(client.IsV4 ? V4Prefix : V6Prefix);

    // By the network, so that an address and its network are under one lock.
    private Part PartOf(AddressKey prefix) => parts[prefix.GetHashCode() & (MostParts - 1)];

    private static void Decrement(Dictionary<AddressKey, int> counts, AddressKey key)
    {
        if (counts[key] == 1)
            counts.Remove(key);
        else
            counts[key]--;
    }

    private sealed class Part
    {
        public Lock Gate { get; } = new();

        public Dictionary<AddressKey, int> Sources { get; } = [];

        public Dictionary<AddressKey, int> Prefixes { get; } = [];

        public int Count(Dictionary<AddressKey, int> counts)
        {
            lock (Gate)
                return counts.Count;
        }
    }
}
