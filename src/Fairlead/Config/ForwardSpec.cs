namespace Fairlead;

/// <summary>
/// Reads a forward as the command line writes it: <c>[BIND:]PORT[-PORT]:HOST:PORT[-PORT][/tcp|/udp|/tcp+udp]</c>, with <c>unix:PATH</c> on either
/// side. A Unix path goes up to the next colon where it is listened on, and to the end where it is the target.
/// </summary>
internal static class ForwardSpec
{
    private const string Form = "[BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80";

    public static ForwardConfig Parse(string spec)
    {
        var text = new EndpointText("forward", spec);
        if (spec.Length == 0)
            throw text.Error($"is empty; write {Form}");

        var (listen, to) = spec.StartsWith(EndpointText.UnixPrefix, StringComparison.Ordinal) ? FromUnix(spec, text) : FromPort(spec, text);
        var forward = new ForwardConfig { Listen = [listen], To = [new UpstreamConfig(to)] };
        return ForwardRules.Faults(forward).FirstOrDefault() is { } fault ? throw text.Error(fault.Message) : forward;
    }

    private static (Endpoint Listen, Endpoint To) FromUnix(string spec, EndpointText text)
    {
        var colon = spec.IndexOf(':', EndpointText.UnixPrefix.Length);
        if (colon < 0)
            throw text.Error("has no target; write where connections go behind the path, like unix:/run/app.sock:10.0.0.5:80");

        var listen = text.Unix(spec[..colon], "listen ");
        var target = spec[(colon + 1)..];
        if (target.StartsWith(EndpointText.UnixPrefix, StringComparison.Ordinal))
            return (listen, text.Unix(target, "target "));
        return text.Split(target) switch
        {
            ({ Count: 2 } fields, null) => (listen, Target(fields[0], fields[1], text)),
            ({ Count: 1 } fields, null) => throw text.Error($"target '{Printable.Escape(fields[0])}' has no port; write HOST:PORT, like 10.0.0.5:80"),
            _ => throw text.Error($"target '{Printable.Escape(target)}' has too many parts; write HOST:PORT, with an IPv6 address in brackets, like [::1]:80"),
        };
    }

    private static (Endpoint Listen, Endpoint To) FromPort(string spec, EndpointText text)
    {
        return text.Split(spec) switch
        {
            ({ Count: 1 } fields, { } unix) => (Listen("", fields[0], text), text.Unix(unix, "target ")),
            ({ Count: 2 } fields, { } unix) => (Listen(fields[0], fields[1], text), text.Unix(unix, "target ")),
            ({ Count: 3 } fields, null) => FromPorts(Listen("", fields[0], text), Target(fields[1], fields[2], text)),
            ({ Count: 4 } fields, null) => FromPorts(Listen(fields[0], fields[1], text), Target(fields[2], fields[3], text)),
            ({ Count: 1 }, null) => throw text.Error($"has no target; write {Form}"),
            ({ Count: 2 } fields, null) => throw TwoParts(fields[0], fields[1], text),
            _ => throw text.Error($"has too many parts; write {Form}, with an IPv6 address in brackets, like [::1]"),
        };
    }

    /// <summary>A forward has one protocol, which stands at its end; the listen has what the target says.</summary>
    private static (Endpoint Listen, Endpoint To) FromPorts(PortEndpoint listen, PortEndpoint to) => (listen with { Protocols = to.Protocols }, to with { Protocols = PortProtocols.None });

    private static FormatException TwoParts(string first, string second, EndpointText text)
    {
        if (!LooksLikePorts(first))
            return text.Error($"has no target; write {Form}");
        var (firstShown, secondShown) = (Printable.Escape(first), Printable.Escape(second));
        return LooksLikePorts(second)
            ? text.Error($"has no target host; write {firstShown}:127.0.0.1:{secondShown} for a port of this machine")
            : text.Error($"target '{secondShown}' has no port; write one behind it, like {firstShown}:{(second.Length == 0 ? "10.0.0.5" : secondShown)}:80");
    }

    private static bool LooksLikePorts(string text) => text.Length > 0 && text.All(character => char.IsAsciiDigit(character) || character == '-');

    private static PortEndpoint Listen(string host, string ports, EndpointText text)
    {
        if (ports.Contains('/', StringComparison.Ordinal))
            throw text.Error($"listen port '{Printable.Escape(ports)}' carries a protocol, which stands once, at the end: 8080:10.0.0.5:80{(ports.EndsWith("/udp", StringComparison.Ordinal) ? "/udp" : "/tcp")}");
        return new PortEndpoint(text.Host(host, "listen "), text.Ports(ports, "listen "));
    }

    private static PortEndpoint Target(string host, string port, EndpointText text)
    {
        if (host == "*")
            throw text.Error("target host '*' stands for every address, and a target is one; write its name or address, or 127.0.0.1 for this machine");
        var (ports, protocols) = text.PortsAndProtocols(port, "target ");
        return new PortEndpoint(text.Host(host, "target "), ports, protocols);
    }
}
