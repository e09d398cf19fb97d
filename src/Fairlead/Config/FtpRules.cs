using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>What a forward of FTP may be told.</summary>
internal static class FtpRules
{
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
