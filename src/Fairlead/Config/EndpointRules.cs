using System.Buffers;

namespace Fairlead;

/// <summary>Where a forward listens and where it leads.</summary>
internal static class EndpointRules
{
    private static readonly SearchValues<char> nameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        var targets = ForwardRules.UpstreamsOf(forward).Select(pair => (Key: $"{pair.Key}.address", pair.Upstream)).ToList();
        return NameFaults(forward)
            .Concat(forward.Listen.SelectMany((listen, i) => WrittenFaults(listen, $"listen[{i}]", "listen ")))
            .Concat(targets.SelectMany(target => WrittenFaults(target.Upstream.Address, target.Key, "target ").Concat(TargetFaults(target.Upstream.Address, target.Key))))
            .Concat(targets.SelectMany(target => LengthFaults(forward, target.Upstream, target.Key)))
            // What is dialled elsewhere, by the far end of a tunnel, is another machine's.
            .Concat(ForwardRules.WaysOf(forward).Where(way => way.Tunnel is null).SelectMany(way => way.Upstreams.SelectMany((upstream, i) => LoopFaults(forward, upstream, $"{way.Key}[{i}].address"))));
    }

    /// <summary>What is wrong with a name, as the end of a sentence; null if nothing is.</summary>
    public static string? NameFault(string name)
    {
        return name.Length is 0 or > 63 || name.AsSpan().IndexOfAnyExcept(nameCharacters) >= 0 ? "has to be 1 to 63 of the characters a-z, 0-9 and '-', like web-1" : null;
    }

    private static IEnumerable<Fault> NameFaults(ForwardConfig forward)
    {
        if (forward.Name is { } name && NameFault(name) is { } fault)
            yield return new Fault("name", $"name {fault}");
        if (forward.To.Count == 0 && forward.Routes.Count == 0)
            yield return new Fault("to", "leads nowhere; write where connections go, like 10.0.0.5:80");
        if (forward.Listen.Count == 0)
            yield return new Fault("listen", "listens nowhere; write where connections arrive, like :8080");
    }

    /// <summary>What is wrong with an endpoint as such.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="key">Where it stands.</param>
    /// <param name="side"><c>"listen "</c> or <c>"target "</c>.</param>
    public static IEnumerable<Fault> WrittenFaults(Endpoint endpoint, string key, string side)
    {
        if (endpoint is UnixEndpoint unix && EndpointText.PathFault(unix.Path) is { } pathFault)
            yield return new Fault(key, side + pathFault);
        if (endpoint is not PortEndpoint port)
            yield break;

        if (port.Host.Length > 0 && HostText.Fault(port.Host) is { } hostFault)
            yield return new Fault(key, $"{side}host {hostFault}");
        if (port.Ports.First < 0 || port.Ports.Last > 65535 || port.Ports.Last < port.Ports.First || (port.Ports.First == 0 && port.Ports.Last > 0))
            yield return new Fault(key, $"{side}ports '{port.Ports}' are not ports; write a number from 1 to 65535, or a range like 8000-8010");
    }

    private static IEnumerable<Fault> TargetFaults(Endpoint target, string key)
    {
        if (target is not PortEndpoint port)
            yield break;
        if (port.Host.Length == 0)
            yield return new Fault(key, "target host is missing; write its name or address, or 127.0.0.1 for this machine");
        if (port.Ports == new PortRange(0))
            yield return new Fault(key, "target port 0 cannot be connected to; write the port that the target listens on, from 1 to 65535");
    }

    private static IEnumerable<Fault> LengthFaults(ForwardConfig forward, UpstreamConfig target, string key)
    {
        if (target.Address is not PortEndpoint { Ports: { Count: > 1 } to })
            yield break;
        for (var i = 0; i < forward.Listen.Count; i++)
        {
            var ports = (forward.Listen[i] as PortEndpoint)?.Ports;
            var count = ports?.Count ?? 1;
            if (count == to.Count || !ProtocolRules.Meet(forward.Listen[i], target))
                continue;
            Func<string, string> message = count == 1
                ? at => $"{(ports is null ? "one socket" : "one port")} is listened on and the target is {to.Count} ports ({to}{at}); write one target port, or listen on {to.Count} ports"
                : at => $"listen range {ports} has {count} ports and target range {to}{at} has {to.Count}; ranges map one to one, so write ranges of the same length, or one target port for all";
            yield return Pair($"listen[{i}]", key, message);
        }
    }

    // One client would be accepted again and again until no descriptor is left.
    private static IEnumerable<Fault> LoopFaults(ForwardConfig forward, UpstreamConfig target, string key)
    {
        for (var i = 0; i < forward.LocalListens.Count; i++)
        {
            var at = $"listen[{i}]";
            if (target.Address is UnixEndpoint unix && forward.Listen[i] is UnixEndpoint socket && socket.Path == unix.Path)
                yield return Pair(at, key, place => $"leads to itself: {Show(unix)} is listened on and the target{place}; write another target");
            if (target.Address is not PortEndpoint to || forward.Listen[i] is not PortEndpoint listen || !ProtocolRules.Meet(listen, target))
                continue;
            // A range that is shifted leads elsewhere in the end.
            var canLoop = listen.Ports.First > 0 && (to.Ports.Count == 1 || to.Ports.First == listen.Ports.First);
            if (canLoop && ListenOverlap.LeadsTo(to, to.Ports.First, listen))
                yield return Pair(at, key, place => $"leads to itself: the target {Show(to)}{place} is reached by listen {Show(listen)}; write another target");
        }
    }

    /// <summary>A listen and a target that contradict each other. The error names the place of the target where there is one.</summary>
    private static Fault Pair(string listen, string target, Func<string, string> message)
    {
        return new Fault(target, message("")) { Other = new Contradiction(0, listen, other => message($" at {other}")) };
    }

    private static string Show(Endpoint endpoint) => Printable.Escape(endpoint.ToString()!);
}
