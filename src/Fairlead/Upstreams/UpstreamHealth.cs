namespace Fairlead;

/// <summary>What makes an upstream down, and up again.</summary>
/// <param name="Rise">After how many successes in a row one that was down is up.</param>
/// <param name="Fall">After how many failures in a row one that was up is down.</param>
/// <param name="Retry">How long after a failure one that is down may be tried by a client; null: never, since checks say when it is up.</param>
internal sealed record HealthRules(int Rise, int Fall, TimeSpan? Retry)
{
    /// <summary>Where nothing but clients' dials tells: three failures in a row, and 10 s until one client at a time may try it.</summary>
    public static HealthRules Unchecked { get; } = new(1, 3, TimeSpan.FromSeconds(10));

    /// <summary>The rules of a configuration; null is <c>off</c>.</summary>
    public static HealthRules Of(HealthConfig? config) => config is null ? Unchecked : new HealthRules(config.Rise, config.Fall, null);
}

/// <summary>
/// What is believed of an upstream. Immutable: whatever happens to one gives the next, or the same where nothing has changed, so that a success of
/// one that is well costs nothing. It begins up.
/// </summary>
/// <param name="Rules">What makes it down and up.</param>
internal sealed record UpstreamHealth(HealthRules Rules)
{
    // Of what would change it: failures in a row while it is up, successes in a row while it is down.
    private int streak;
    private bool isOnTrial;
    private TimeSpan lastFailure;

    /// <summary>Whether clients are sent to it.</summary>
    public bool IsUp { get; private init; } = true;

    /// <summary>A connection stood.</summary>
    public UpstreamHealth Succeeded()
    {
        if (IsUp)
            return streak == 0 ? this : this with { streak = 0 };
        return streak + 1 >= Rules.Rise ? this with { IsUp = true, streak = 0, isOnTrial = false } : this with { streak = streak + 1 };
    }

    /// <summary>None did, and that was the upstream's doing.</summary>
    /// <param name="now">Time since any fixed point.</param>
    public UpstreamHealth Failed(TimeSpan now)
    {
        if (IsUp)
            return streak + 1 >= Rules.Fall ? this with { IsUp = false, streak = 0, lastFailure = now } : this with { streak = streak + 1 };
        return streak == 0 && Rules.Retry is null ? this : this with { streak = 0, isOnTrial = false, lastFailure = now };
    }

    /// <summary>Whether it is down, but so long that a client may try it, and none is at it.</summary>
    public bool IsTrialDue(TimeSpan now) => !IsUp && !isOnTrial && now - lastFailure >= Rules.Retry;

    /// <summary>A client tries it; until that has ended, no other does.</summary>
    public UpstreamHealth TrialBegun() => this with { isOnTrial = true };

    /// <summary>That client is through. Where it neither succeeded nor failed, the next may try.</summary>
    public UpstreamHealth TrialEnded() => isOnTrial ? this with { isOnTrial = false } : this;
}
