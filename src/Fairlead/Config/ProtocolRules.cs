namespace Fairlead;

/// <summary>What is for TCP and what for UDP, and who takes which.</summary>
internal static class ProtocolRules
{
    private static readonly string[] datagramKeys = ["affinity", "responses", "proxy_protocol.udp", "limits.sessions_per_second", "timeouts.unanswered"];

    private static readonly string[] streamKeys = ["limits.accepts_per_second", "timeouts.half_closed", "timeouts.unacknowledged", "timeouts.keepalive", "timeouts.first_bytes"];

    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        return ForwardRules.PoolsOf(forward).SelectMany(pool => TargetFaults(forward, pool.Key, pool.Upstreams))
            .Concat(KeyFaults(forward, key => IsSet(forward, key)))
            .Concat(HealthFaults(forward))
            .Concat(HeaderFaults(forward))
            .Concat(ConversationFaults(forward));
    }

    /// <summary>Keys that mean nothing for what is listened for.</summary>
    /// <param name="forward">The forward.</param>
    /// <param name="isWritten">Whether a key was written for this forward, and not for all of them.</param>
    public static IEnumerable<Fault> KeyFaults(ForwardConfig forward, Func<string, bool> isWritten)
    {
        var protocols = forward.Protocols;
        // Who listens nowhere is told that.
        if (protocols == PortProtocols.None)
            yield break;
        foreach (var key in datagramKeys.Concat(streamKeys).Where(key => !Fits(key, protocols) && isWritten(key)))
        {
            yield return datagramKeys.Contains(key)
                ? WithListen(key, at => $"{key}{at} is for UDP, which nothing is listened on for; leave it out, or listen on a port with /udp")
                : WithListen(key, at => $"{key}{at} is for TCP, which nothing is listened on for; leave it out");
        }
    }

    /// <summary>Whether a key means something for one of these protocols.</summary>
    public static bool Fits(string key, PortProtocols protocols)
    {
        return (!datagramKeys.Contains(key) || protocols.HasFlag(PortProtocols.Udp)) && (!streamKeys.Contains(key) || protocols.HasFlag(PortProtocols.Tcp));
    }

    /// <summary>One after the other.</summary>
    public static IEnumerable<PortProtocols> Each(PortProtocols protocols) => ((PortProtocols[])[PortProtocols.Tcp, PortProtocols.Udp]).Where(one => protocols.HasFlag(one));

    /// <summary>Whether who comes by a listen may be sent to an upstream.</summary>
    public static bool Meet(Endpoint listen, UpstreamConfig upstream) => Each(ForwardConfig.ProtocolsOf(listen)).Any(upstream.Takes);

    /// <summary>As it is called in a sentence.</summary>
    public static string Name(PortProtocols protocols) => protocols switch
    {
        PortProtocols.Udp => "UDP",
        PortProtocols.Tcp | PortProtocols.Udp => "TCP and UDP",
        _ => "TCP",
    };

    /// <summary>As it is written behind a port.</summary>
    public static string Suffix(PortProtocols protocols) => protocols switch
    {
        PortProtocols.Udp => "/udp",
        PortProtocols.Tcp | PortProtocols.Udp => "/tcp+udp",
        _ => "/tcp",
    };

    // What defaults do not say: the limits and timeouts of a forward may be those of all.
    private static bool IsSet(ForwardConfig forward, string key) => key switch
    {
        "affinity" => forward.Affinity != AffinityKind.Off,
        "responses" => forward.Responses != 0,
        "proxy_protocol.udp" => forward.ProxyProtocol.Udp != ProxyDatagrams.First,
        _ => false,
    };

    private static IEnumerable<Fault> TargetFaults(ForwardConfig forward, string key, ValueList<UpstreamConfig> upstreams)
    {
        var (listened, contradicts) = (forward.Protocols, false);
        // Where the client says where to go, rules of their own say the same in words that fit.
        if (listened == PortProtocols.None || forward.IsDynamic)
            yield break;
        for (var i = 0; i < upstreams.Count; i++)
        {
            if (upstreams[i].Address is not PortEndpoint { Protocols: var written } || (written & ~listened) is var beyond && beyond == PortProtocols.None)
                continue;
            contradicts = true;
            var target = Printable.Escape(upstreams[i].ToString());
            yield return WithListen($"{key}[{i}].address", forward.Listen.All(listen => listen is UnixEndpoint)
                ? at => $"target {target}{at} is for UDP, and a Unix socket is a stream; leave {Suffix(written)} out, or listen on a port"
                : at => $"target {target}{at} is for {Name(beyond)}, which nothing is listened on for; leave {Suffix(written)} out, or write it behind the listen's port");
        }
        foreach (var protocol in Each(contradicts ? PortProtocols.None : listened))
        {
            if (upstreams.Count == 0 || upstreams.Any(upstream => upstream.Takes(protocol)))
                continue;
            var number = forward.Listen.ToList().FindIndex(listen => ForwardConfig.ProtocolsOf(listen).HasFlag(protocol));
            var listen = Printable.Escape(forward.Listen[number].ToString()!);
            var socket = upstreams.ToList().FindIndex(upstream => upstream.Address is UnixEndpoint);
            yield return socket >= 0 && protocol == PortProtocols.Udp
                ? With($"listen[{number}]", $"{key}[{socket}].address", at => $"target {Printable.Escape(upstreams[socket].ToString())}{at} is a stream, and {listen} takes UDP; write a target with a port, like 10.0.0.53:53")
                : With($"listen[{number}]", key, at => $"{listen} takes {Name(protocol)}, and no target{at} does; write one without a protocol, or with {Suffix(protocol)}");
        }
    }

    private static IEnumerable<Fault> HealthFaults(ForwardConfig forward)
    {
        if (forward.Health is not null && forward.Protocols == PortProtocols.Udp)
            yield return WithListen("health", at => $"health{at} is for TCP, since a UDP port cannot be asked whether it is alive; leave it out: what ICMP says of a closed port counts by itself");
    }

    private static IEnumerable<Fault> HeaderFaults(ForwardConfig forward)
    {
        if (forward.Protocols.HasFlag(PortProtocols.Udp))
        {
            if (forward.ProxyProtocol.Send == ProxyHeader.V1)
                yield return WithListen("proxy_protocol.send", at => $"proxy_protocol.send v1{at} is for TCP, and UDP is listened on for too; write v2");
            if (forward.ProxyProtocol.AcceptFrom.Count > 0)
                yield return WithListen("proxy_protocol.accept_from", at => $"proxy_protocol.accept_from{at} is for TCP, and UDP is listened on for too; leave it out, or make two forwards of it");
        }
        if (forward.ProxyProtocol is { Send: ProxyHeader.Off, Udp: not ProxyDatagrams.First } && forward.Protocols.HasFlag(PortProtocols.Udp))
            yield return new Fault("proxy_protocol.udp", "udp says which datagrams carry the header, and none is sent; write send: v2 beside it, or leave it out");
    }

    private static IEnumerable<Fault> ConversationFaults(ForwardConfig forward)
    {
        if (!forward.Protocols.HasFlag(PortProtocols.Udp))
            yield break;
        if (forward.Protocol == ConversationKind.Ftp)
            yield return WithListen("protocol", at => $"protocol ftp{at} is a conversation over TCP, and UDP is listened on for too; leave the protocol of the listen out");
        for (var i = 0; i < forward.Routes.Count; i++)
        {
            if (forward.Routes[i].Sni.Count > 0)
                yield return WithListen($"routes[{i}].sni", at => $"sni{at} is for TCP, and UDP is listened on for too; leave it out, or make two forwards of it");
        }
    }

    private static Fault WithListen(string key, Func<string, string> message)
    {
        return new Fault(key, message("")) { Other = new Contradiction(0, "listen", other => message($", at {other},")) };
    }

    private static Fault With(string listen, string key, Func<string, string> message)
    {
        return new Fault(key, message("")) { Other = new Contradiction(0, listen, other => message($" at {other}")) };
    }
}
