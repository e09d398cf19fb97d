using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>An address of this machine that dials leave from.</summary>
/// <param name="Address">The address.</param>
/// <param name="FirstPort">The first of the ports to leave from; 0: the system chooses, for each pair of addresses apart.</param>
/// <param name="LastPort">The last of them, included.</param>
public sealed record DialSource(IPAddress Address, int FirstPort = 0, int LastPort = 0)
{
    /// <summary><c>10.0.0.1</c>, <c>10.0.0.1:4000</c> or <c>[2001:db8::1]:4000-4999</c>.</summary>
    public override string ToString()
    {
        if (FirstPort == 0)
            return Address.ToString();
        var host = Address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Address}]" : Address.ToString();
        return FirstPort == LastPort
            ? string.Create(CultureInfo.InvariantCulture, $"{host}:{FirstPort}")
            : string.Create(CultureInfo.InvariantCulture, $"{host}:{FirstPort}-{LastPort}");
    }
}
