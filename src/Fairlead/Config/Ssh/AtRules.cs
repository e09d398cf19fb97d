namespace Fairlead;

/// <summary>What goes with <c>at</c>, where the far end of a tunnel listens.</summary>
internal static class AtRules
{
    /// <summary>What is wrong with one forward by itself.</summary>
    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        if (forward.At is not { } tunnel)
            yield break;
        if (TunnelRules.ReferenceFault(tunnel) is { } fault)
            yield return new Fault("at", $"at {fault}");
        for (var i = 0; i < forward.Listen.Count; i++)
        {
            if (forward.Listen[i] is not PortEndpoint port)
                continue;
            var listen = Printable.Escape(port.ToString());
            if (port.Ports.Count > 1)
                yield return new Fault($"listen[{i}]", $"listen {listen} is a range, and the far end of a tunnel is asked for one port at a time; write each port as an element of the list");
        }
        if (forward.ProxyProtocol.AcceptFrom.Count > 0)
            yield return new Fault("proxy_protocol.accept_from", "accept_from is for who connects to this machine, and clients come through the tunnel, which says who they are; leave it out");
        if (forward.Advertise is not null)
            yield return new Fault("advertise", "advertise is for ports that are opened here for clients, and clients are at the far end of the tunnel; leave it out");
        if (forward is { Protocol: ConversationKind.Ftp, Ftp.Tls: FtpTls.Pass })
            yield return new Fault("ftp.tls", "ftp.tls pass carries a range of ports one to one, and the far end of a tunnel is asked for one port at a time; write refuse or terminate");
    }

    /// <summary>Listens that the same far end is asked for twice.</summary>
    public static IEnumerable<Fault> Find(IReadOnlyList<ForwardConfig> forwards)
    {
        var known = new Dictionary<(string At, Endpoint Listen), (int Number, int Index)>();
        for (var number = 0; number < forwards.Count; number++)
        {
            if (forwards[number].At is not { } at)
                continue;
            for (var i = 0; i < forwards[number].Listen.Count; i++)
            {
                var listen = forwards[number].Listen[i];
                // Each port 0 is another port in the end.
                if (listen is PortEndpoint { Ports.First: 0 } || known.TryAdd((at, listen), (number, i)))
                    continue;
                var (first, index) = known[(at, listen)];
                var shown = $"{Printable.Escape(listen.ToString()!)} at {Printable.Escape(at)}";
                var remedy = $"give one of them another {(listen is UnixEndpoint ? "path" : "port or address")}";
                var owner = first == number ? "the same forward" : $"forward {ForwardRules.Describe(forwards[first])}";
                yield return new Fault($"listen[{i}]", $"{shown} is asked for by {owner} already; {remedy}")
                {
                    Forward = number,
                    Other = new Contradiction(first, $"listen[{index}]", other => $"{shown} is asked for twice, here and at {other}; {remedy}"),
                };
            }
        }
    }
}
