using System.Buffers;

namespace Fairlead;

/// <summary>What forwards have to hold to, alone and together. Pure: nothing is bound or looked up.</summary>
public static class ForwardRules
{
    private static readonly SearchValues<char> nameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Checks forwards that are to run in one process.</summary>
    /// <returns>Every error, in the order of the forwards, each naming its forward and the remedy; empty if there is none.</returns>
    public static IReadOnlyList<string> Check(IReadOnlyList<ForwardConfig> forwards)
    {
        var errors = new List<string>();
        var sound = new List<ForwardConfig>();
        var names = new HashSet<string>();
        foreach (var forward in forwards)
        {
            var before = errors.Count;
            foreach (var fault in Faults(forward))
                errors.Add($"forward {Describe(forward)}: {fault}");
            if (forward.Name is { } name && !names.Add(name))
                errors.Add($"forward {Describe(forward)}: another forward has this name; give each its own");
            if (errors.Count == before)
                sound.Add(forward);
        }
        // Faulty forwards are left out, so that one slip is not reported twice.
        errors.AddRange(ListenOverlap.Find(sound, Describe));
        return errors;
    }

    /// <summary>What is wrong with one forward, without naming it.</summary>
    internal static IEnumerable<string> Faults(ForwardConfig forward)
    {
        return NameFaults(forward)
            .Concat(forward.Listen.SelectMany(listen => EndpointFaults(listen, "listen ")))
            .Concat(Targets(forward).SelectMany(target => EndpointFaults(target, "target ").Concat(TargetFaults(target))))
            .Concat(ProtocolFaults(forward))
            .Concat(Targets(forward).SelectMany(target => LengthFaults(forward, target).Concat(LoopFaults(forward, target))))
            .Concat(TimeoutFaults(forward));
    }

    private static string Describe(ForwardConfig forward)
    {
        if (forward.Name is { } name)
            return $"'{Printable.Escape(name)}'";
        var listen = forward.Listen.Count == 0 ? "" : Show(forward.Listen[0]) + " ";
        return $"{listen}to {Printable.Escape(forward.Destination)}";
    }

    private static IEnumerable<Endpoint> Targets(ForwardConfig forward) => forward.Upstreams.Select(upstream => upstream.Address);

    private static string Show(Endpoint endpoint) => Printable.Escape(endpoint.ToString()!);

    private static IEnumerable<string> NameFaults(ForwardConfig forward)
    {
        if (forward.Name is { } name && (name.Length is 0 or > 63 || name.AsSpan().IndexOfAnyExcept(nameCharacters) >= 0))
            yield return "name has to be 1 to 63 of the characters a-z, 0-9 and '-', like web-1";
        if (forward.To.Count == 0 && forward.Routes.Count == 0)
            yield return "leads nowhere; write where connections go, like 10.0.0.5:80";
        if (forward.Listen.Count == 0)
            yield return "listens nowhere; write where connections arrive, like :8080";
    }

    private static IEnumerable<string> EndpointFaults(Endpoint endpoint, string side)
    {
        if (endpoint is UnixEndpoint unix && EndpointText.PathFault(unix.Path) is { } pathFault)
            yield return side + pathFault;
        if (endpoint is not PortEndpoint port)
            yield break;

        if (port.Host.Length > 0 && HostText.Fault(port.Host) is { } hostFault)
            yield return $"{side}host {hostFault}";
        if (port.Ports.First < 0 || port.Ports.Last > 65535 || port.Ports.Last < port.Ports.First || (port.Ports.First == 0 && port.Ports.Last > 0))
            yield return $"{side}ports '{port.Ports}' are not ports; write a number from 1 to 65535, or a range like 8000-8010";
    }

    private static IEnumerable<string> ProtocolFaults(ForwardConfig forward)
    {
        var protocols = forward.Listen.Concat(Targets(forward)).OfType<PortEndpoint>().Aggregate((PortProtocols)0, (all, port) => all | port.Protocols);
        if (protocols.HasFlag(PortProtocols.Udp))
            yield return $"protocol is {(protocols.HasFlag(PortProtocols.Tcp) ? "/tcp+udp" : "/udp")}, and this version forwards TCP only; write /tcp, or leave it out";
    }

    private static IEnumerable<string> TargetFaults(Endpoint target)
    {
        if (target is not PortEndpoint port)
            yield break;
        if (port.Host.Length == 0)
            yield return "target host is missing; write its name or address, or 127.0.0.1 for this machine";
        if (port.Ports == new PortRange(0))
            yield return "target port 0 cannot be connected to; write the port that the target listens on, from 1 to 65535";
    }

    private static IEnumerable<string> LengthFaults(ForwardConfig forward, Endpoint target)
    {
        if (target is not PortEndpoint { Ports: { Count: > 1 } to })
            yield break;
        foreach (var listen in forward.Listen)
        {
            var count = listen is PortEndpoint port ? port.Ports.Count : 1;
            if (count == 1)
                yield return $"{(listen is UnixEndpoint ? "one socket" : "one port")} is listened on and the target is {to.Count} ports ({to}); write one target port, or listen on {to.Count} ports";
            else if (count != to.Count)
                yield return $"listen range {((PortEndpoint)listen).Ports} has {count} ports and target range {to} has {to.Count}; ranges map one to one, so write ranges of the same length, or one target port for all";
        }
    }

    // One client would be accepted again and again until no descriptor is left.
    private static IEnumerable<string> LoopFaults(ForwardConfig forward, Endpoint target)
    {
        if (target is UnixEndpoint unix && forward.Listen.OfType<UnixEndpoint>().Any(listen => listen.Path == unix.Path))
            yield return $"leads to itself: {Show(unix)} is listened on and the target; write another target";
        if (target is not PortEndpoint to)
            yield break;
        foreach (var listen in forward.Listen.OfType<PortEndpoint>())
        {
            // A range that is shifted leads elsewhere in the end.
            var canLoop = listen.Ports.First > 0 && (to.Ports.Count == 1 || to.Ports.First == listen.Ports.First);
            if (canLoop && ListenOverlap.LeadsTo(to, to.Ports.First, listen))
                yield return $"leads to itself: the target {Show(to)} is reached by listen {Show(listen)}; write another target";
        }
    }

    private static IEnumerable<string> TimeoutFaults(ForwardConfig forward)
    {
        var timeouts = forward.Timeouts;
        (string Name, TimeSpan Value)[] all =
            [("connect", timeouts.Connect), ("idle", timeouts.Idle), ("half-closed", timeouts.HalfClosed), ("drain", timeouts.Drain),
                ("keepalive", timeouts.Keepalive), ("unacknowledged", timeouts.Unacknowledged ?? Timeout.InfiniteTimeSpan)];
        foreach (var (name, value) in all)
        {
            // No time at all makes sense only for the drain: stop at once.
            if (value == Timeout.InfiniteTimeSpan || (value == TimeSpan.Zero && name == "drain"))
                continue;
            if (value <= TimeSpan.Zero)
                yield return $"{name} timeout is {Duration.ToText(value)}; write a longer one, or off for none";
            else if (value > Duration.Longest)
                yield return $"{name} timeout is {Duration.ToText(value)}; it is at most {Duration.ToText(Duration.Longest)}, or off for none";
        }
    }
}
