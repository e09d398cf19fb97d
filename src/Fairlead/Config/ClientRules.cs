namespace Fairlead;

/// <summary>Which clients are let in, and which way they go.</summary>
internal static class ClientRules
{
    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        for (var i = 0; i < forward.Routes.Count; i++)
        {
            if (forward.Routes[i].From.Count == 0 && forward.Routes[i].Sni.Count == 0)
                yield return new Fault($"routes[{i}].from", "the route says not for whom it is; write from: with networks, like 10.0.0.0/8, or sni: with names, like example.com") { Lacks = $"routes[{i}].from" };
        }
        if (!forward.Listen.Any(listen => listen is UnixEndpoint))
            yield break;
        foreach (var key in NeedingAddresses(forward))
        {
            var socket = forward.Listen.ToList().FindIndex(listen => listen is UnixEndpoint);
            Func<string, string> message = at => $"{key}{at} goes by the client's address, and clients of {Printable.Escape(forward.Listen[socket].ToString()!)} have none; leave it out, or listen on a port";
            yield return new Fault(key, message("")) { Other = new Contradiction(0, $"listen[{socket}]", other => message($", at {other},")) };
        }
    }

    private static IEnumerable<string> NeedingAddresses(ForwardConfig forward)
    {
        if (forward.Deny.Count > 0)
            yield return "deny";
        if (forward.Allow is not null)
            yield return "allow";
        if (forward.Routes.Any(route => route.From.Count > 0))
            yield return "routes";
        if (forward.ProxyProtocol.AcceptFrom.Count > 0)
            yield return "proxy_protocol.accept_from";
        if (forward.Balance == BalanceKind.SourceHash)
            yield return "balance";
        if (forward.Limits.ConnectionsPerSource is not null)
            yield return "limits.connections_per_source";
        if (forward.Limits.ConnectionsPerPrefix is not null)
            yield return "limits.connections_per_prefix";
    }
}
