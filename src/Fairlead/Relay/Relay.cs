using Fairlead.Net;

namespace Fairlead;

/// <summary>How a relay goes about it.</summary>
public sealed record RelayOptions
{
    /// <summary>Silence in both directions after which it ends; infinite: never. Being held back by a rate is no silence.</summary>
    public TimeSpan Idle { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Silence after which it ends once one direction has ended; infinite: never.</summary>
    public TimeSpan HalfClosed { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>What measures the silence.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How fast it may go; null: as fast as it can.</summary>
    internal RelayRates? Rates { get; init; }

    /// <summary>The silence that ends a relay, and how that is called; only asked where one of the two is finite.</summary>
    internal (TimeSpan Length, RelayEnd Reason) Limit(bool isHalfClosed)
    {
        var idle = Idle == Timeout.InfiniteTimeSpan ? TimeSpan.MaxValue : Idle;
        var halfClosed = HalfClosed == Timeout.InfiniteTimeSpan ? TimeSpan.MaxValue : HalfClosed;
        return isHalfClosed && halfClosed < idle ? (halfClosed, RelayEnd.HalfClosed) : (idle, RelayEnd.Idle);
    }
}

/// <summary>
/// Bytes from a client to an upstream and back, until both directions have ended. What one side ends, the other sees ended the same
/// way: a completed direction is completed, a reset is a reset, and never the one for the other.
/// </summary>
public abstract class Relay
{
    private protected Relay(Connection client, Connection upstream, RelayOptions options)
    {
        Client = client;
        Upstream = upstream;
        Options = options;
    }

    /// <summary>Bytes that the upstream's connection has taken so far.</summary>
    public abstract long BytesFromClient { get; }

    /// <summary>Bytes that the client's connection has taken so far.</summary>
    public abstract long BytesFromUpstream { get; }

    private protected Connection Client { get; }

    private protected Connection Upstream { get; }

    private protected RelayOptions Options { get; }

    /// <summary>Where its connections belong, as one of them says, or both alike; null where any thread will do.</summary>
    internal SynchronizationContext? Context => Client.Context ?? Upstream.Context;

    /// <summary>
    /// Makes a relay: within the kernel and over event loops where both connections are native and on one loop, else by copying through
    /// <see cref="Connection.ReadAsync"/> and <see cref="Connection.WriteAsync"/>. Both must be usable where it runs.
    /// </summary>
    public static Relay Between(Connection client, Connection upstream, RelayOptions options)
    {
        if (OperatingSystem.IsLinux() && client is NativeConnection near && upstream is NativeConnection far && near.Loop == far.Loop)
            return new NativeRelay(near, far, options);
        return new CopyRelay(client, upstream, options);
    }

    /// <summary>
    /// Relays until the end. Where that was not an orderly one, both connections have been aborted; closing them is the caller's
    /// in any case. Called once.
    /// </summary>
    public abstract ValueTask<RelayResult> RunAsync();

    /// <summary>Ends the relay at once, with resets; to be called where the connections belong.</summary>
    public abstract void Stop();

    private protected static RelayEnd EndOf(ConnectionError error) => error switch
    {
        ConnectionError.Reset => RelayEnd.Reset,
        ConnectionError.TimedOut or ConnectionError.Unreachable => RelayEnd.Lost,
        ConnectionError.Aborted => RelayEnd.Stopped,
        _ => RelayEnd.Fault,
    };
}
