using System.Globalization;

namespace Fairlead;

/// <summary>How long and how much, and what the system can do.</summary>
internal static class BoundRules
{
    /// <summary><c>MAX_TCP_KEEPIDLE</c> and <c>MAX_TCP_KEEPINTVL</c> of the kernel.</summary>
    private static readonly TimeSpan longestKeepalive = TimeSpan.FromSeconds(32767);

    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        return TimeoutFaults(forward.Timeouts)
            .Concat(TimeFaults("resolve", "resolve", forward.Resolve, mayBeOff: false))
            .Concat(LimitFaults(forward.Limits))
            .Concat(ResponsesFaults(forward.Responses))
            .Concat(EngineFaults(forward.Engine, OperatingSystem.IsLinux()));
    }

    /// <summary>What is wrong with a duration that has to be longer than none.</summary>
    public static IEnumerable<Fault> TimeFaults(string key, string name, TimeSpan value, bool mayBeOff = true)
    {
        if (value == Timeout.InfiniteTimeSpan && !mayBeOff)
            yield return new Fault(key, $"{name} is off, which it cannot be; write a duration, like 30s");
        else if (value == Timeout.InfiniteTimeSpan)
            yield break;
        else if (value <= TimeSpan.Zero)
            yield return new Fault(key, $"{name} is {Duration.ToText(value)}; write a longer one{(mayBeOff ? ", or off for none" : "")}");
        else if (value > Duration.Longest)
            yield return new Fault(key, $"{name} is {Duration.ToText(value)}; it is at most {Duration.ToText(Duration.Longest)}{(mayBeOff ? ", or off for none" : "")}");
    }

    public static IEnumerable<Fault> EngineFaults(EngineKind engine, bool isLinux)
    {
        if (engine == EngineKind.Native && !isLinux)
            yield return new Fault("engine", "engine native is for Linux only; write auto, or portable");
    }

    private static IEnumerable<Fault> TimeoutFaults(ForwardTimeouts timeouts)
    {
        (string Key, TimeSpan Value)[] all =
            [("connect", timeouts.Connect), ("idle", timeouts.StreamIdle), ("half_closed", timeouts.HalfClosed), ("drain", timeouts.Drain),
                ("keepalive", timeouts.Keepalive), ("unacknowledged", timeouts.Unacknowledged ?? Timeout.InfiniteTimeSpan)];
        foreach (var (key, value) in all)
        {
            // No time at all makes sense only for the drain: stop at once.
            if (value == TimeSpan.Zero && key == "drain")
                continue;
            foreach (var fault in TimeFaults($"timeouts.{key}", $"{key.Replace('_', '-')} timeout", value))
                yield return fault;
        }
        if (timeouts.Unanswered is { } unanswered)
        {
            foreach (var fault in TimeFaults("timeouts.unanswered", "unanswered timeout", unanswered, mayBeOff: false))
                yield return fault;
        }
        var isWhole = timeouts.Keepalive.Ticks % TimeSpan.TicksPerSecond == 0;
        if (timeouts.Keepalive > TimeSpan.Zero && timeouts.Keepalive <= Duration.Longest && (!isWhole || timeouts.Keepalive > longestKeepalive))
            yield return new Fault("timeouts.keepalive", $"keepalive timeout is {Duration.ToText(timeouts.Keepalive)}; the system takes whole seconds, 1s to 32767s, or off for none");
    }

    private static IEnumerable<Fault> ResponsesFaults(int responses)
    {
        if (responses < 0)
            yield return new Fault("responses", string.Create(CultureInfo.InvariantCulture, $"responses is {responses}; write how many answers end a session, or 0 for no limit"));
    }

    private static IEnumerable<Fault> LimitFaults(ForwardLimits limits)
    {
        (string Key, long? Value)[] all =
            [("connections", limits.Connections), ("connections_per_source", limits.ConnectionsPerSource), ("connections_per_prefix", limits.ConnectionsPerPrefix),
                ("accepts_per_second", limits.AcceptsPerSecond), ("sessions_per_second", limits.SessionsPerSecond), ("rate", limits.Rate), ("rate_per_connection", limits.RatePerConnection)];
        foreach (var (key, value) in all)
        {
            if (value < 1)
                yield return new Fault($"limits.{key}", string.Create(CultureInfo.InvariantCulture, $"{key} is {value}; write 1 or more, or off for no limit"));
        }
    }
}
