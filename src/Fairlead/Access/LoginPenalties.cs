using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// How long sources are refused whose logins fail: each failure puts something on their time, and time takes it off again. A source is an address, of IPv6 the /56 that one customer
/// has (RFC 6177). It knows those alone whose time is not over, and of those no more than 10,000.
/// </summary>
/// <param name="time">Measures it.</param>
internal sealed class LoginPenalties(TimeProvider time)
{
    private const int MostSources = 10_000, V6Prefix = 56;

    // A person who errs a few times is let in all the same; and whoever never stops may come back some time.
    private const int Tolerated = 3, Most = 120;

    private readonly long start = time.GetTimestamp();
    private readonly Lock gate = new();
    private readonly Dictionary<AddressKey, TimeSpan> ends = [];

    /// <summary>How many sources it knows.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return ends.Count;
        }
    }

    /// <summary>Whether a client has to wait.</summary>
    /// <param name="client">Its address.</param>
    /// <param name="each">What a failure costs, of which three may be owed.</param>
    public bool Refuses(AddressKey client, TimeSpan each)
    {
        lock (gate)
            return ends.TryGetValue(SourceOf(client), out var end) && end - Now > Tolerated * each;
    }

    /// <summary>A login has failed.</summary>
    /// <param name="client">Whose.</param>
    /// <param name="each">What a failure costs; no more than 120 of them are owed.</param>
    /// <param name="part">What this one costs.</param>
    public void Add(AddressKey client, TimeSpan each, TimeSpan part)
    {
        var (source, now) = (SourceOf(client), Now);
        lock (gate)
        {
            var end = ends.GetValueOrDefault(source);
            if (end <= now && ends.Count >= MostSources)
                MakeRoom(now);
            end = (end > now ? end : now) + part;
            ends[source] = end < now + Most * each ? end : now + Most * each;
        }
    }

    private TimeSpan Now => time.GetElapsedTime(start);

    private static AddressKey SourceOf(AddressKey client) => client.IsV4 ? client : client.Masked(V6Prefix);

    // Those whose time is over, else the one whose time is over first.
    private void MakeRoom(TimeSpan now)
    {
        foreach (var (source, end) in ends)
        {
            if (end <= now)
                ends.Remove(source);
        }
        if (ends.Count >= MostSources)
            ends.Remove(ends.MinBy(pair => pair.Value).Key);
    }
}
