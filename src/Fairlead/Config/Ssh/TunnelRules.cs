using System.Globalization;

namespace Fairlead;

/// <summary>What tunnels have to hold to, and those who use them.</summary>
internal static class TunnelRules
{
    private const int MostConnections = 16;

    /// <summary>What is wrong with tunnels by themselves, at keys of the file.</summary>
    public static IEnumerable<Fault> Faults(IReadOnlyList<TunnelConfig> tunnels)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tunnel in tunnels)
        {
            var key = $"tunnels.{tunnel.Name}";
            if (ReferenceFault(tunnel.Name) is { } fault)
                yield return new Fault("tunnels", $"tunnel {fault}");
            else if (!names.Add(tunnel.Name))
                yield return new Fault(key, $"another tunnel is called '{tunnel.Name}'; give each its own name");
            foreach (var own in Faults(tunnel, key))
                yield return own;
        }
    }

    /// <summary>What is wrong with forwards for want of a tunnel, or for where it leads.</summary>
    public static IEnumerable<Fault> Find(IReadOnlyList<ForwardConfig> forwards, IReadOnlyList<TunnelConfig> tunnels)
    {
        var known = new Dictionary<string, TunnelConfig>(StringComparer.Ordinal);
        foreach (var tunnel in tunnels)
            known.TryAdd(tunnel.Name, tunnel);
        for (var number = 0; number < forwards.Count; number++)
        {
            foreach (var (key, name) in References(forwards[number]))
            {
                if (!known.TryGetValue(name, out var tunnel))
                    yield return Unknown(key, name, known.Keys) with { Forward = number };
                else if (key != "at" && LoopFault(forwards[number], key, tunnel) is { } loop)
                    yield return loop with { Forward = number };
            }
        }
    }

    /// <summary>What is allowed and hardly meant, at keys of the file.</summary>
    public static IEnumerable<Fault> Doubts(Configuration configuration)
    {
        var used = configuration.Forwards.SelectMany(forward => forward.Tunnels).ToHashSet();
        return configuration.Tunnels.Where(tunnel => !used.Contains(tunnel.Name)).Select(tunnel => new Fault($"tunnels.{tunnel.Name}", $"no forward uses the tunnel '{tunnel.Name}'; name it in via or at of one, or leave it out"));
    }

    /// <summary>What is wrong with how a tunnel is named, as a sentence that the key stands before; null if nothing is.</summary>
    public static string? ReferenceFault(string name)
    {
        try
        {
            return ViaHop.TunnelName(name, "") == name ? null : $"'{Printable.Escape(name)}' is not the shortest form of the URL; write '{Printable.Escape(ViaHop.TunnelName(name, ""))}'";
        }
        catch (FormatException error)
        {
            return error.Message.TrimStart();
        }
    }

    // Where a forward names tunnels, with the paths of the keys.
    private static IEnumerable<(string Key, string Name)> References(ForwardConfig forward)
    {
        if (forward.At is { } at)
            yield return ("at", at);
        if (forward.Tunnel is { } tunnel)
            yield return ("via[0]", tunnel);
        for (var i = 0; i < forward.Routes.Count; i++)
        {
            if (forward.Routes[i].Tunnel is { } own)
                yield return ($"routes[{i}].via[0]", own);
        }
    }

    private static Fault Unknown(string key, string name, IEnumerable<string> known)
    {
        var hint = Nearest.Hint(name, known.Where(other => !other.Contains(':', StringComparison.Ordinal)));
        var remedy = hint.Length > 0 ? hint : $"; write where it goes, as tunnels: {{ {Printable.Escape(name)}: {{ ssh: alice@gw.example.com }} }} in the file itself";
        return new Fault(key, $"{(key == "at" ? "at" : "via")} '{Printable.Escape(name)}' names a tunnel that is not there{remedy}");
    }

    // Each of its connections would need the tunnel that it is to carry.
    private static Fault? LoopFault(ForwardConfig forward, string key, TunnelConfig tunnel)
    {
        var (first, command) = (tunnel.Servers[0].Ssh, tunnel.Servers[0].Options.ProxyCommand);
        var listen = forward.LocalListens.OfType<PortEndpoint>().FirstOrDefault(listen => listen.Protocols.HasFlag(PortProtocols.Tcp) && ListenOverlap.LeadsTo(new PortEndpoint(first.Host, new PortRange(first.Port)), first.Port, listen));
        return listen is null || command is not null ? null : new Fault(key, $"leads to itself: the tunnel {Printable.Escape(tunnel.Name)} goes to {Printable.Escape(first.ToString())}, which is listen {Printable.Escape(listen.ToString())}; write another server, or listen elsewhere");
    }

    private static IEnumerable<Fault> Faults(TunnelConfig tunnel, string key)
    {
        foreach (var (part, target) in tunnel.Jump.Select((jump, i) => ($"jump[{i}]", jump)).Prepend(("ssh", tunnel.Ssh)))
        {
            if (TargetFault(target) is { } fault)
                yield return new Fault($"{key}.{part}", $"{part.Split('[')[0]} {fault}");
        }
        foreach (var fault in PathFaults(tunnel.Identity, $"{key}.identity", "identity").Concat(PathFaults(tunnel.KnownHosts, $"{key}.known_hosts", "known_hosts")))
            yield return fault;
        if (PathFault(tunnel.Agent) is { } agentFault)
            yield return new Fault($"{key}.agent", $"agent {agentFault}");
        // Servers on the way have their keys there.
        if (tunnel is { HostKey.Count: > 0, Servers.Count: 1 })
        {
            if (tunnel.KnownHosts.Count > 0)
                yield return new Fault($"{key}.known_hosts", "known_hosts is not asked where host_key says which key the server has; leave one of them out");
            if (tunnel.AcceptNew)
                yield return new Fault($"{key}.accept_new", "accept_new means nothing where host_key says which key the server has; leave one of them out");
        }
        if (tunnel.Connections is < 1 or > MostConnections)
            yield return new Fault($"{key}.connections", string.Create(CultureInfo.InvariantCulture, $"connections is {tunnel.Connections}; write a number from 1 to {MostConnections}"));
        foreach (var fault in BoundRules.TimeFaults($"{key}.keepalive", "keepalive", tunnel.Keepalive))
            yield return fault;
    }

    private static string? TargetFault(SshTarget target)
    {
        if (target.User is { } user && SshTarget.UserFault(user) is { } userFault)
            return userFault;
        if (target.Host.Length == 0)
            return "host is missing; write the name or the address of the server";
        if (HostText.Fault(target.Host) is { } hostFault)
            return $"host {hostFault}";
        return target.Port is < 1 or > 65535 ? $"port {target.Port} is not a port; write a number from 1 to 65535" : null;
    }

    /// <summary>What is wrong with paths of files.</summary>
    public static IEnumerable<Fault> PathFaults(ValueList<string> paths, string key, string name)
    {
        for (var i = 0; i < paths.Count; i++)
        {
            if (PathFault(paths[i]) is { } fault)
                yield return new Fault($"{key}[{i}]", $"{name} {fault}");
            else if (paths.ToList().IndexOf(paths[i]) < i)
                yield return new Fault($"{key}[{i}]", $"{name} {Printable.Escape(paths[i])} is written twice; keep one");
        }
    }

    /// <summary>What is wrong with the path of a file, as the end of a sentence; null if nothing is.</summary>
    public static string? PathFault(string path)
    {
        if (path.Length == 0)
            return "is an empty path; write the path of a file";
        return path.Contains('\0', StringComparison.Ordinal) ? $"'{Printable.Escape(path)}' has a NUL character; a path has none" : null;
    }
}
