using System.Net;

namespace Fairlead.Cli;

/// <summary>Which addresses the admin API may have: it gives orders to the process, so nobody but its owner shall reach it.</summary>
internal static class AdminRules
{
    /// <summary>What is wrong with a configuration of the API, as a sentence with the remedy; null if nothing is.</summary>
    public static string? Fault(AdminConfig config)
    {
        if (config.Listen is not PortEndpoint tcp)
            return null;
        var shown = Printable.Escape(tcp.ToString());
        if (tcp.Protocols.HasFlag(PortProtocols.Udp))
            return $"admin: {shown} is not TCP, and the API is HTTP; leave the protocol out";
        if (tcp.Ports.Count > 1)
            return $"admin: {shown} is a range, and the API has one port; write one";
        if (tcp.Host != "localhost" && (!IPAddress.TryParse(tcp.Host, out var address) || !IPAddress.IsLoopback(address)))
            return $"admin: {shown} is not the address of a loopback, and without TLS the token would be read on the way; write 127.0.0.1:{tcp.Ports.First}, and go there by ssh -L";
        if (tcp is { Host: "localhost", Ports.First: 0 })
            return $"admin: {shown} is two addresses, for which the system does not choose one port; write one, or 127.0.0.1:0";
        return config.Token is null
            ? $"admin: {shown} can be reached by every user of this machine; add a token (token: file:/etc/fairlead/token), or use a Unix socket (listen: unix:PATH)"
            : null;
    }
}
