using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Where clients who name their destination may go: <c>deny_to</c> is asked first; then, if there is <c>allow_to</c>, only what that holds. Clients of other machines
/// do not reach what only this machine should, unless it is named.
/// </summary>
/// <param name="deny">Where nobody may go.</param>
/// <param name="allow">Where alone they may go; null for everywhere else.</param>
/// <param name="isOwnListen">Whether Fairlead itself listens at an address of this machine.</param>
internal sealed class DestinationRules(IReadOnlyList<DestinationPattern> deny, IReadOnlyList<DestinationPattern>? allow, Func<IPEndPoint, bool> isOwnListen)
{
    // Where clouds tell a machine its secrets (instance metadata), beside the link-local 169.254.169.254.
    private static readonly AddressKey[] metadata = [.. ((string[])["fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192"]).Select(address => AddressKey.Of(IPAddress.Parse(address))!.Value)];

    // IPv6 addresses in which an IPv4 address stands, so many bits before the end: IPv4-compatible, NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056).
    private static readonly ((AddressKey Network, int Length) Of, int Below)[] embedding = [(Inner("::", 96), 0), (Inner("64:ff9b::", 96), 0), (Inner("64:ff9b:1::", 48), 0), (Inner("2002::", 16), 80)];

    // RFC 6890: this host (which Linux takes for the loopback), loopback, link-local, multicast, reserved with broadcast.
    private static readonly (AddressKey Network, int Length)[] inner =
    [
        Inner("0.0.0.0", 8), Inner("127.0.0.0", 8), Inner("169.254.0.0", 16), Inner("224.0.0.0", 4), Inner("240.0.0.0", 4),
        Inner("::", 128), Inner("::1", 128), Inner("fe80::", 10), Inner("ff00::", 8),
    ];

    private static (AddressKey, int) Inner(string network, int length) => (AddressKey.Of(IPAddress.Parse(network))!.Value, length);

    /// <summary>Whether a name may be asked for at all, before it is known what it means: what may not is not looked up.</summary>
    /// <param name="name">In lower case, without a dot at its end.</param>
    /// <param name="port">The port.</param>
    public bool MayAsk(string name, int port)
    {
        return !deny.Any(rule => rule.HoldsName(name, port)) && (allow is null || allow.Any(rule => rule.Network is not null || rule.HoldsName(name, port)));
    }

    /// <summary>
    /// Whether a client may go to a name that the far end of a proxy or tunnel looks up: by the name alone, of which <c>localhost</c> and those below it are the loopback.
    /// </summary>
    /// <param name="name">In lower case, without a dot at its end.</param>
    /// <param name="port">The port.</param>
    /// <param name="isLocal">Whether the client is of this machine.</param>
    public bool AllowsFar(string name, int port, bool isLocal)
    {
        if (deny.Any(rule => rule.HoldsName(name, port)))
            return false;
        if (!isLocal && IsLocalhost(name))
            return allow is not null && allow.Any(rule => rule.Name is not null && rule.HoldsName(name, port));
        return allow is null || allow.Any(rule => rule.HoldsName(name, port));
    }

    /// <summary>Whether a client may go to an address.</summary>
    /// <param name="address">The very address that is to be dialled.</param>
    /// <param name="port">The port.</param>
    /// <param name="name">The name whose address it is, in lower case; null where the client named the address itself.</param>
    /// <param name="isLocal">Whether the client is of this machine.</param>
    public bool Allows(IPAddress address, int port, string? name, bool isLocal)
    {
        var key = AddressKey.Of(address)!.Value;
        if (deny.Any(rule => rule.HoldsAddress(key, port) || (name is not null && rule.HoldsName(name, port))))
            return false;
        if (!isLocal && IsInner(key, new IPEndPoint(address, port)))
            return allow is not null && allow.Any(rule => rule.NamesAddress(key, port) || (name is not null && IsLocalhost(name) && rule.Name is not null && rule.HoldsName(name, port)));
        return allow is null || allow.Any(rule => rule.HoldsAddress(key, port) || (name is not null && rule.HoldsName(name, port)));
    }

    private bool IsInner(AddressKey address, IPEndPoint endPoint)
    {
        if (metadata.Contains(address))
            return true;
        foreach (var (of, below) in embedding)
        {
            if (address.IsIn(of.Network, of.Length) && IsInner(new AddressKey((uint)(address.Bits >> below), true), endPoint))
                return true;
        }
        foreach (var (network, length) in inner)
        {
            if (address.IsIn(network, length))
                return true;
        }
        return isOwnListen(endPoint);
    }

    private static bool IsLocalhost(string name) => name == "localhost" || name.EndsWith(".localhost", StringComparison.Ordinal);
}
