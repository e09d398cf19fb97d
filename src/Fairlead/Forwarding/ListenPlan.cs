using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>One socket to be bound for a forward: pure, nothing is bound yet.</summary>
/// <param name="Written">The listen of which it is a part, as it was written.</param>
/// <param name="Text">The address as it is shown.</param>
/// <param name="Address">The address.</param>
/// <param name="IsOptional">Whether it may be left out where the system lacks the family: it was not written literally.</param>
/// <param name="ToPort">The upstream's port; 0 for a Unix socket.</param>
internal sealed record PlannedListen(Endpoint Written, string Text, EndPoint Address, bool IsOptional, int ToPort)
{
    /// <summary>The sockets of a forward, in the order of its listens and ports.</summary>
    /// <exception cref="ForwardException">A host to listen on has no address.</exception>
    public static IEnumerable<PlannedListen> Of(ForwardConfig forward)
    {
        foreach (var listen in forward.Listen)
        {
            if (listen is UnixEndpoint unix)
            {
                yield return new PlannedListen(listen, listen.ToString(), new UnixDomainSocketEndPoint(unix.Path), false, ToPortOf(forward.To[0].Address, 0));
                continue;
            }
            var (host, ports) = ((PortEndpoint)listen).Host is var h ? (h, ((PortEndpoint)listen).Ports) : default;
            var addresses = AddressesOf(host);
            for (var index = 0; index < ports.Count; index++)
            {
                foreach (var address in addresses)
                {
                    var endPoint = new IPEndPoint(address, ports.First + index);
                    yield return new PlannedListen(listen, endPoint.ToString(), endPoint, host is "" or "localhost", ToPortOf(forward.To[0].Address, index));
                }
            }
        }
    }

    private static int ToPortOf(Endpoint to, int index) => to is PortEndpoint { Ports: var ports } ? ports.Count > 1 ? ports.First + index : ports.First : 0;

    private static IPAddress[] AddressesOf(string host)
    {
        if (host.Length == 0)
            return [Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any];
        if (host == "localhost")
            return [IPAddress.Loopback, IPAddress.IPv6Loopback];
        if (IPAddress.TryParse(host, out var literal))
            return [literal];
        try
        {
            return [.. Dns.GetHostAddresses(host).Distinct()];
        }
        catch (SocketException e)
        {
            throw new ForwardException($"cannot listen on {Printable.Escape(host)}: {Printable.Escape(e.Message)}; write an address of this machine", e);
        }
    }
}
