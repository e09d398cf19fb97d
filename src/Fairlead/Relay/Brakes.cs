using System.Runtime.Versioning;

namespace Fairlead;

/// <summary>What holds the directions of a <see cref="NativeRelay"/> to their rates; one that has no rate has none.</summary>
[SupportedOSPlatform("linux")]
internal sealed class Brakes
{
    private Brakes(Brake? fromClient, Brake? fromUpstream)
    {
        FromClient = fromClient;
        FromUpstream = fromUpstream;
    }

    public Brake? FromClient { get; }

    public Brake? FromUpstream { get; }

    /// <summary>Whether a direction waits for its rate.</summary>
    public bool AreOn => FromClient is { IsOn: true } || FromUpstream is { IsOn: true };

    /// <summary>The brakes of a new relay; null if no rate holds for it.</summary>
    public static Brakes? Of(RelayRates? rates, NativeRelay relay)
    {
        if (rates is null)
            return null;
        var (fromClient, fromUpstream) = (rates.Begin(Side.Client), rates.Begin(Side.Upstream));
        return new Brakes(fromClient is null ? null : new Brake(fromClient, relay, rates.Time), fromUpstream is null ? null : new Brake(fromUpstream, relay, rates.Time));
    }

    /// <summary>The end of the relay: gives back what is waited for.</summary>
    public void Dispose()
    {
        FromClient?.Dispose();
        FromUpstream?.Dispose();
    }
}

/// <summary>A direction's throttle, and the timer that lets it go on.</summary>
[SupportedOSPlatform("linux")]
internal sealed class Brake(Throttle throttle, NativeRelay relay, TimeProvider time)
{
    private ITimer? timer;

    /// <summary>Whether the direction waits for its rate; the relay is told when that is over.</summary>
    public bool IsOn { get; private set; }

    /// <summary>How many bytes may pass now; 0: none, and the brake is on.</summary>
    public int Take(int want)
    {
        var most = TakeNow(want, out var wait);
        if (most > 0)
            return most;
        IsOn = true;
        timer ??= time.CreateTimer(static brake => ((Brake)brake!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(wait, Timeout.InfiniteTimeSpan);
        return 0;
    }

    /// <summary>The same, without waiting for more.</summary>
    public int TakeNow(int want, out TimeSpan wait) => throttle.Take(want, out wait);

    /// <summary>Gives back what was taken and did not pass.</summary>
    public void Return(int unused) => throttle.Return(unused);

    /// <summary>Pays for bytes that pass without having been asked for.</summary>
    public void Spend(int count) => throttle.Spend(count);

    /// <summary>Takes the brake off; asking again may put it on again.</summary>
    public void Release() => IsOn = false;

    public void Dispose()
    {
        timer?.Dispose();
        throttle.Drop();
        IsOn = false;
    }

    private void OnTimer() => relay.OnBrakeTimer(this);
}
