using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>Who talks in an FTP conversation, as addresses; an IPv4 address is never given as one of IPv6.</summary>
/// <param name="Client">The client's; null where it has none (a Unix socket).</param>
/// <param name="Reached">The one of ours that the client has reached; null where it has none.</param>
/// <param name="Upstream">The server's; null where somebody else dials it for us by its name.</param>
/// <param name="Near">The one of ours from which the server was dialled, and where it can reach us; null where it cannot.</param>
internal sealed record FtpEnds(IPAddress? Client, IPAddress? Reached, IPAddress? Upstream, IPAddress? Near)
{
    /// <summary>The client's; null where it has none (a Unix socket).</summary>
    public IPAddress? Client { get; init => field = Plain(value); } = Plain(Client);

    /// <summary>The one of ours that the client has reached; null where it has none.</summary>
    public IPAddress? Reached { get; init => field = Plain(value); } = Plain(Reached);

    /// <summary>The server's; null where somebody else dials it for us by its name.</summary>
    public IPAddress? Upstream { get; init => field = Plain(value); } = Plain(Upstream);

    /// <summary>The one of ours from which the server was dialled, and where it can reach us; null where it cannot.</summary>
    public IPAddress? Near { get; init => field = Plain(value); } = Plain(Near);

    /// <summary>Whether the server is asked by PASV: its reply names an address, which has to be the server's own. Else by EPSV, which names none.</summary>
    public bool UpstreamKnowsPasv => Upstream?.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>Whether it is one host, whatever zone an address is written with.</summary>
    public static bool AreSame(IPAddress first, IPAddress second) => first.GetAddressBytes().AsSpan().SequenceEqual(second.GetAddressBytes());

    private static IPAddress? Plain(IPAddress? address) => address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
}
