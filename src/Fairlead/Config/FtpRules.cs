using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>What a forward of FTP may be told.</summary>
internal static class FtpRules
{
    /// <summary>What a forward may not have beside <c>protocol: ftp</c>, or <c>ftp</c> without it.</summary>
    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        if (forward.Protocol != ConversationKind.Ftp)
        {
            if (forward.Ftp != new FtpConfig())
                yield return new Fault("ftp", "ftp is for protocol: ftp; write that beside it, or leave it out") { Lacks = "protocol" };
            yield break;
        }
        foreach (var way in ForwardRules.WaysOf(forward).Where(way => way.Via.Count > 0 || way.Tunnel is not null).DistinctBy(way => way.ViaKey))
            yield return new Fault(way.ViaKey, $"protocol ftp needs connections both ways, which {(way.Tunnel is null ? "proxies do" : "a tunnel that dials does")} not carry; leave via out");
        for (var i = 0; i < forward.Routes.Count; i++)
        {
            if (forward.Routes[i].Sni.Count > 0)
                yield return new Fault($"routes[{i}].sni", "a client of FTP says nothing before the server does, no name either; leave sni out");
        }
        if (forward.ProxyProtocol.AcceptFrom.Count > 0)
            yield return new Fault("proxy_protocol.accept_from", "data connections of FTP come from the client itself, past whoever stands before this machine; leave accept_from out");
        if (forward.Ftp.Tls == FtpTls.Pass && (forward.ProxyProtocol.Send != ProxyHeader.Off || ForwardRules.UpstreamsOf(forward).Any(pair => pair.Upstream.ProxyProtocol is not (null or ProxyHeader.Off))))
            yield return new Fault("proxy_protocol.send", "with ftp.tls pass a header would stand before the data as well; leave it out");
        if (ForwardRules.UpstreamsOf(forward).FirstOrDefault(pair => pair.Upstream.Tls is not null) is { Key: { } key })
            yield return new Fault($"{key}.tls", "protocol ftp talks with the server in the clear; leave tls of the upstream out");
        if (ForwardRules.UpstreamsOf(forward).FirstOrDefault(pair => pair.Upstream.Address is not PortEndpoint { Ports.Count: 1 }) is { Key: { } other } && !forward.IsDynamic)
            yield return new Fault($"{other}.address", "protocol ftp needs a server with an address and one port; write HOST:21");
        if (forward.Listen.Any(listen => listen is not PortEndpoint { Ports.Count: 1 }))
            yield return new Fault("listen", "protocol ftp is listened for on single ports; write one, like :21");
        if (forward.Ftp.Tls == FtpTls.Pass && (forward.Routes.Count > 0 || forward.To.Count > 1))
            yield return new Fault("ftp.tls", "ftp.tls pass carries the passive ports of one server; write one in to, and no routes");
        if (forward.Tls is not null && forward.Ftp.Tls != FtpTls.Terminate)
            yield return new Fault("tls", "tls is the certificate for ftp.tls terminate; write that beside it, or leave tls out");
        foreach (var fault in Faults(forward.Ftp, forward.Tls is not null))
            yield return fault;
    }

    /// <summary>The errors of <c>ftp</c>.</summary>
    /// <param name="ftp">It.</param>
    /// <param name="hasTls">Whether the forward has a certificate, so that TLS can end here.</param>
    public static IEnumerable<Fault> Faults(FtpConfig ftp, bool hasTls)
    {
        if (ftp.Ports is { } ports && (ports.First < 1 || ports.Last < ports.First || ports.Last > 65535))
            yield return new Fault("ftp.ports", $"ftp.ports {ports} are not ports; write numbers from 1 to 65535, like 40000-40100, or leave it out: the system chooses then");
        if (ftp.Advertise is { } address)
        {
            if (address.AddressFamily != AddressFamily.InterNetwork)
                yield return new Fault("ftp.advertise", $"ftp.advertise is {address}, and PASV, which alone names an address, knows IPv4 only; write an IPv4 address, or leave it out");
            else if (address.Equals(IPAddress.Any) || address.GetAddressBytes()[0] >= 224)
                yield return new Fault("ftp.advertise", $"ftp.advertise is {address}, which is no address of one machine; write the one that clients reach");
        }
        if (ftp is { Tls: FtpTls.Pass, Ports: null })
        {
            yield return new Fault("ftp.tls", "ftp.tls pass needs ftp.ports: what is encrypted between client and server names ports that nobody here can read; write the passive ports of the server")
            {
                Lacks = "ftp.ports",
            };
        }
        if (ftp.Tls == FtpTls.Terminate && !hasTls)
            yield return new Fault("ftp.tls", "ftp.tls terminate needs a certificate; write tls with one, or let ftp.tls be refuse or pass") { Lacks = "tls" };
    }
}
