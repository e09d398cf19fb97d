namespace Fairlead;

/// <summary>How fast relays may go. Each direction is held to the rates by itself, as on a line.</summary>
/// <param name="FromClient">What all sessions of a forward share towards their upstreams; null: no limit.</param>
/// <param name="FromUpstream">What they share towards their clients; null: no limit.</param>
/// <param name="PerConnection">What each session may, in bytes a second; null: no limit.</param>
/// <param name="Time">What measures it.</param>
internal sealed record RelayRates(TokenBucket? FromClient, TokenBucket? FromUpstream, long? PerConnection, TimeProvider Time)
{
    /// <summary>The rates of a forward: one in all, one for each connection; null where there is neither.</summary>
    /// <param name="rate">What its sessions share, in bytes a second and direction; null: no limit.</param>
    /// <param name="perConnection">What each session may, likewise.</param>
    /// <param name="time">What measures it.</param>
    /// <param name="before">
    /// What they were until now: sessions under way that share a rate are held to the new one at once (or set free), while one that there was
    /// not yet, and what each connection may, hold for the next connections.
    /// </param>
    public static RelayRates? Of(long? rate, long? perConnection, TimeProvider time, RelayRates? before = null)
    {
        var fromClient = Change(before?.FromClient, rate, time);
        var fromUpstream = Change(before?.FromUpstream, rate, time);
        return rate is null && perConnection is null ? null : new RelayRates(fromClient, fromUpstream, perConnection, time);
    }

    /// <summary>What holds a new session's direction back; null if nothing does.</summary>
    public Throttle? Begin(Side from)
    {
        var shared = from == Side.Client ? FromClient : FromUpstream;
        var own = PerConnection is { } rate ? new TokenBucket(rate, Time) : null;
        return (own, shared) switch
        {
            (null, null) => null,
            (null, _) => new Throttle(shared),
            (_, null) => new Throttle(own),
            _ => new Throttle(own, shared),
        };
    }

    /// <summary>What a new session's datagrams of one direction have to pass; null if nothing holds them.</summary>
    public Policer? Police(Side from)
    {
        var shared = from == Side.Client ? FromClient : FromUpstream;
        var own = PerConnection is { } rate ? new TokenBucket(rate, Time) : null;
        return (own, shared) switch
        {
            (null, null) => null,
            (null, _) => new Policer(shared),
            (_, null) => new Policer(own),
            _ => new Policer(own, shared),
        };
    }

    private static TokenBucket? Change(TokenBucket? bucket, long? rate, TimeProvider time)
    {
        bucket?.SetRate(rate ?? TokenBucket.MostBytesPerSecond);
        return rate is null ? null : bucket ?? new TokenBucket(rate.Value, time);
    }
}
