using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Who may come in, by the network: whoever is denied may not; of the others all may, or those alone who are allowed.</summary>
internal sealed class AccessList
{
    private readonly AddressTable<bool> rules;
    private readonly bool others;

    /// <param name="deny">Whose clients are refused, allowed or not.</param>
    /// <param name="allow">Whose clients alone are let in; null lets everybody in, and an empty list nobody.</param>
    public AccessList(IEnumerable<IPNetwork> deny, IEnumerable<IPNetwork>? allow)
    {
        rules = new AddressTable<bool>(deny.Select(network => (network, false)).Concat((allow ?? []).Select(network => (network, true))));
        others = allow is null;
    }

    /// <summary>
    /// Whether a client is let in; null is one without an address, of a Unix socket, where the file's mode has decided already.
    /// </summary>
    public bool Allows(AddressKey? client) => client is not { } address || (rules.TryFind(address, out var isAllowed) ? isAllowed : others);
}
