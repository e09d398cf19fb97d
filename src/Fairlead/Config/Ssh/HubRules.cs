using System.Globalization;

namespace Fairlead;

/// <summary>What a hub has to hold to, at keys of the file.</summary>
internal static class HubRules
{
    public static IEnumerable<Fault> Faults(HubConfig? hub)
    {
        if (hub is null)
            return [];
        return ListenFaults(hub.Listen).Concat(TunnelRules.PathFaults(hub.HostKeys, "hub.host_keys", "host_keys")).Concat(KeysFaults(hub.AuthorizedKeys)).Concat(BoundFaults(hub));
    }

    private static IEnumerable<Fault> ListenFaults(ValueList<Endpoint> listens)
    {
        if (listens.Count == 0)
            yield return new Fault("hub.listen", "the hub listens nowhere; write where clients connect, like :2022");
        for (var i = 0; i < listens.Count; i++)
        {
            var key = $"hub.listen[{i}]";
            foreach (var fault in EndpointRules.WrittenFaults(listens[i], key, "listen "))
                yield return fault;
            if (listens[i] is not PortEndpoint port)
                continue;
            if (port.Protocols.HasFlag(PortProtocols.Udp))
                yield return new Fault(key, $"listen {Printable.Escape(port.ToString())} is for UDP, and SSH is spoken over TCP; leave the protocol out");
            if (port.Ports.Count > 1)
                yield return new Fault(key, $"listen {Printable.Escape(port.ToString())} is a range, and the hub listens on single ports; write one, like :2022");
        }
    }

    private static IEnumerable<Fault> KeysFaults(string path)
    {
        if (TunnelRules.PathFault(path) is { } fault)
            yield return new Fault("hub.authorized_keys", $"authorized_keys {fault}") { Lacks = "hub.authorized_keys" };
    }

    private static IEnumerable<Fault> BoundFaults(HubConfig hub)
    {
        foreach (var fault in BoundRules.TimeFaults("hub.login_grace", "login_grace", hub.LoginGrace, mayBeOff: false))
            yield return fault;
        foreach (var fault in BoundRules.TimeFaults("hub.login_penalty", "login_penalty", hub.LoginPenalty))
            yield return fault;
        if (hub.Window is < HubConfig.LeastWindow or > 1 << 30)
            yield return new Fault("hub.window", $"window is {ByteSize.ToText(hub.Window)}; write a size from {ByteSize.ToText(HubConfig.LeastWindow)} to 1GiB");
        const string OrOff = ", or off for no limit";
        (string Key, int? Value, string OrOff)[] all =
        [
            ("max_startups", hub.MaxStartups, ""), ("max_startups_per_source", hub.MaxStartupsPerSource, OrOff), ("max_startups_per_prefix", hub.MaxStartupsPerPrefix, OrOff),
            ("max_connections", hub.MaxConnections, ""), ("max_connections_per_source", hub.MaxConnectionsPerSource, OrOff), ("max_connections_per_prefix", hub.MaxConnectionsPerPrefix, OrOff),
            ("max_connections_per_key", hub.MaxConnectionsPerKey, OrOff), ("max_channels", hub.MaxChannels, ""), ("max_listens", hub.MaxListens, ""),
        ];
        foreach (var (key, value, orOff) in all)
        {
            // No listens at all is a hub for -L and -D alone.
            if (value < (key == "max_listens" ? 0 : 1))
                yield return new Fault($"hub.{key}", string.Create(CultureInfo.InvariantCulture, $"{key} is {value}; write {(key == "max_listens" ? "0" : "1")} or more{orOff}"));
        }
    }
}
