using System.Net;

namespace Fairlead;

/// <summary>What a configuration has to hold to beside its forwards.</summary>
internal static class ConfigurationRules
{
    /// <summary>Checks a configuration that was not read from a file: every error, each naming what it is about and the remedy.</summary>
    public static IReadOnlyList<string> Check(Configuration configuration)
    {
        var ofForwards = FtpDataForwards.Find(configuration.Forwards, configuration.Hub).Concat(TunnelRules.Find(configuration.Forwards, configuration.Tunnels));
        return [.. Faults(configuration).Select(fault => fault.Message), .. ofForwards.Select(fault => fault.Forward == Fault.OfFile ? $"hub: {fault.Message}" : $"forward {ForwardRules.Describe(configuration.Forwards[fault.Forward])}: {fault.Message}")];
    }

    /// <summary>What is wrong beside the forwards, at keys of the file.</summary>
    public static IEnumerable<Fault> Faults(Configuration configuration)
    {
        if (EndpointRules.NameFault(configuration.Name) is { } nameFault)
            yield return new Fault("name", $"name {nameFault}");
        if (configuration.Limits.Connections < 1)
            yield return new Fault("limits.connections", $"connections is {configuration.Limits.Connections}; write 1 or more, or leave it out for as many as the descriptor limit allows");
        foreach (var fault in AdminFaults(configuration.Admin).Concat(TunnelRules.Faults(configuration.Tunnels)).Concat(HubRules.Faults(configuration.Hub)))
            yield return fault;
    }

    /// <summary>Whoever reaches the admin port with the token rules the process, so neither may be had from afar.</summary>
    private static IEnumerable<Fault> AdminFaults(AdminConfig? admin)
    {
        if (admin?.Listen is UnixEndpoint unix && EndpointText.PathFault(unix.Path) is { } fault)
            yield return new Fault("admin.listen", fault);
        if (admin is { Listen: not PortEndpoint, Token: not null })
            yield return new Fault("admin.token", "a token is for TCP, and a Unix socket knows its peer's user; leave token out, or listen on a port like 127.0.0.1:9000");
        if (admin is not { Listen: PortEndpoint port })
            yield break;
        if (port.Protocols.HasFlag(PortProtocols.Udp))
            yield return new Fault("admin.listen", "admin speaks TCP only; leave the protocol out");
        if (port.Ports.Count > 1)
            yield return new Fault("admin.listen", "admin listens on one port; write one, like 127.0.0.1:9000");
        if (port is { Host: "localhost", Ports.First: 0 })
            yield return new Fault("admin.listen", "admin on localhost listens on two addresses, for which the system does not choose one port; write one, or 127.0.0.1:0");
        if (!IsLoopback(port.Host))
            yield return new Fault("admin.listen", "admin does not encrypt, so it listens on the loopback only; write a port of it, like 127.0.0.1:9000, or a Unix socket");
        if (admin.Token is null)
            yield return new Fault("admin.listen", "admin on a port needs a token, since every user of this machine can connect to it; write token: env:NAME or file:/path beside it, or listen on a Unix socket") { Lacks = "admin.token" };
    }

    private static bool IsLoopback(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
