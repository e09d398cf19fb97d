using System.Net;

namespace Fairlead;

/// <summary>Where the hub listens, or is to listen, for a client: one port, on one address or both loopbacks.</summary>
/// <param name="IsUdp">Whether for datagrams.</param>
/// <param name="Addresses">Of this machine.</param>
/// <param name="Port">The port; 0: any, which nobody else has.</param>
internal sealed record HubPlace(bool IsUdp, IPAddress[] Addresses, int Port)
{
    /// <summary>As it is shown.</summary>
    public string Text => $"{(Addresses.Length == 1 ? new IPEndPoint(Addresses[0], Port) : $"localhost:{Port}")}{(IsUdp ? "/udp" : "")}";

    /// <summary>Whether one of the addresses cannot be listened on while there is another listen at the other place.</summary>
    public bool Overlaps(HubPlace other) => IsUdp == other.IsUdp && Port == other.Port && Port != 0 && Addresses.Any(own => other.Addresses.Any(one => own.Equals(one) || IsAny(own) || IsAny(one)));

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
