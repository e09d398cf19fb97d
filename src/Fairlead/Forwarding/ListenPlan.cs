using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>One socket to be bound for a forward: pure, nothing is bound yet.</summary>
/// <param name="Written">The listen of which it is a part, as it was written.</param>
/// <param name="Text">The address as it is shown.</param>
/// <param name="Address">The address.</param>
/// <param name="IsOptional">Whether it may be left out where the system lacks the family: it was not written literally.</param>
/// <param name="Offset">Which port of its range it is, from 0.</param>
/// <param name="Protocol">Connections (of Unix sockets too), or datagrams.</param>
internal sealed record PlannedListen(Endpoint Written, string Text, EndPoint Address, bool IsOptional, int Offset, PortProtocols Protocol = PortProtocols.Tcp)
{
    /// <summary>The sockets of a forward, in the order of its listens and ports.</summary>
    /// <param name="forward">The forward.</param>
    /// <param name="hosts">What <see cref="LookUp"/> found.</param>
    /// <exception cref="ForwardException">A host to listen on has no address.</exception>
    public static IEnumerable<PlannedListen> Of(ForwardConfig forward, IReadOnlyDictionary<string, Func<IPAddress[]>> hosts)
    {
        foreach (var listen in forward.Listen)
        {
            if (forward.At is { } at)
            {
                var far = new FarEndPoint(listen, at);
                foreach (var protocol in ProtocolRules.Each((listen as PortEndpoint)?.Protocols ?? PortProtocols.Tcp))
                    yield return new PlannedListen(listen, far.ToString(), far, false, 0, protocol);
                continue;
            }
            if (listen is UnixEndpoint unix)
            {
                yield return new PlannedListen(listen, listen.ToString(), new UnixDomainSocketEndPoint(unix.Path), false, 0);
                continue;
            }
            var (host, ports) = ((PortEndpoint)listen).Host is var h ? (h, ((PortEndpoint)listen).Ports) : default;
            var addresses = hosts[host]();
            foreach (var protocol in ProtocolRules.Each(((PortEndpoint)listen).Protocols))
            {
                for (var offset = 0; offset < ports.Count; offset++)
                {
                    foreach (var address in addresses)
                    {
                        var endPoint = new IPEndPoint(address, ports.First + offset);
                        yield return new PlannedListen(listen, TextOf(endPoint, protocol), endPoint, host is "" or "localhost", offset, protocol);
                    }
                }
            }
        }
    }

    /// <summary>How an address is shown.</summary>
    public static string TextOf(EndPoint address, PortProtocols protocol) => protocol == PortProtocols.Udp ? $"{address}/udp" : address.ToString()!;

    /// <summary>Looks up what forwards listen on. Blocks where that is a name; what it cannot find is thrown when it is asked for.</summary>
    public static IReadOnlyDictionary<string, Func<IPAddress[]>> LookUp(IEnumerable<ForwardConfig> forwards, LookUps lookUps)
    {
        var found = new Dictionary<string, Func<IPAddress[]>>();
        foreach (var host in forwards.SelectMany(forward => forward.LocalListens).OfType<PortEndpoint>().Select(port => port.Host).Distinct())
        {
            try
            {
                var addresses = AddressesOf(host, lookUps);
                found.Add(host, () => addresses);
            }
            catch (ForwardException unknown)
            {
                found.Add(host, () => throw unknown);
            }
        }
        return found;
    }

    private static IPAddress[] AddressesOf(string host, LookUps lookUps)
    {
        if (host.Length == 0)
            return [Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any];
        if (host == "localhost")
            return [IPAddress.Loopback, IPAddress.IPv6Loopback];
        if (IPAddress.TryParse(host, out var literal))
            return [literal];
        try
        {
            return [.. lookUps.Ask(host).Distinct()];
        }
        catch (SocketException e)
        {
            throw new ForwardException($"cannot listen on {Printable.Escape(host)}: {Printable.Escape(e.Message)}; write an address of this machine", e);
        }
    }
}
