namespace Fairlead;

/// <summary>What a forward may say, and is hardly meant.</summary>
internal static class ForwardDoubts
{
    public static IEnumerable<Fault> Find(ForwardConfig forward)
    {
        if (forward.Timeouts.Unacknowledged is { } unacknowledged && unacknowledged > TimeSpan.Zero && unacknowledged < TimeSpan.FromMinutes(1))
            yield return new Fault("timeouts.unacknowledged", $"unacknowledged is {Duration.ToText(unacknowledged)}: it counts a living peer's full window too, so slow readers are reset; keepalive finds the dead");
        if (forward.Timeouts is { Unanswered: { } unanswered, DatagramIdle: var idle } && unanswered > idle && idle != Timeout.InfiniteTimeSpan && forward.Protocols.HasFlag(PortProtocols.Udp))
            yield return new Fault("timeouts.unanswered", $"unanswered is {Duration.ToText(unanswered)}, and a session that was answered has {Duration.ToText(idle)} (idle), though whoever forges addresses makes unanswered ones");
        if (forward.Limits is { ConnectionsPerSource: { } perSource, ConnectionsPerPrefix: { } perPrefix } && perSource > perPrefix)
            yield return new Fault("limits.connections_per_source", $"connections_per_source is {perSource}, and its network has {perPrefix} (connections_per_prefix), which comes first");
        if (forward.Limits is { RatePerConnection: { } one, Rate: { } all } && one > all)
            yield return new Fault("limits.rate_per_connection", $"rate_per_connection is {Rate.ToText(one)}, and all sessions together have {Rate.ToText(all)} (rate), which comes first");
        for (var i = 0; i + 1 < forward.Routes.Count; i++)
        {
            if (forward.Routes[i].Sni.Count > 0 || forward.Routes[i].From.Count(network => network.PrefixLength == 0) < 2)
                continue;
            yield return new Fault($"routes[{i + 1}].from", "no client gets here, since a route before it takes all of them");
            yield break;
        }
        if (forward.Routes.Count > 0 && forward.To.Count > 0 && forward.Routes[^1].Sni.Count == 0 && forward.Routes[^1].From.Count(network => network.PrefixLength == 0) == 2)
            yield return new Fault("to", "no client gets here, since the last route takes all of them");
        if (forward.IsDynamic && forward.Users.Count == 0 && forward.Allow is { } allow && allow.Any(network => network.PrefixLength == 0) && forward.Listen.Any(listen => listen is PortEndpoint))
            yield return new Fault("allow", "everybody who reaches this may use it as a proxy: allow holds a whole Internet, and there are no users");
    }
}
