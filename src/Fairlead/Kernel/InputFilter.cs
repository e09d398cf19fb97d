using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Fairlead;

/// <summary>
/// Foretells whether the packet filter lets clients through to a listen. Only what is certain is told: where a rule depends on what a ruleset
/// does not say, such as an interface or a rate, it counts as letting in.
/// </summary>
internal static partial class InputFilter
{
    /// <summary>The most warnings that are given; one more says how many there are beyond.</summary>
    public const int Limit = 50;

    /// <summary>
    /// The chains of this machine's packet filter that would drop a new TCP connection from outside, or the first datagram of a UDP session, one sentence for a listen
    /// and a chain, with the command that lets it in. Starts nft and waits for it, <see cref="NftListing.Patience"/> at most. Never throws.
    /// </summary>
    /// <param name="listens">What is listened on; a wildcard address for all addresses of its family. Loopback is not looked at. The text is what the listen is called.</param>
    /// <returns>Empty also where nft is missing, or may not be used.</returns>
    public static IReadOnlyList<string> Warnings(IEnumerable<(IPAddress Address, int Port, bool IsUdp, string Text)> listens)
    {
        var outside = listens.Where(IsOutside).ToArray();
        return outside.Length > 0 && NftListing.Read() is { } json ? Warnings(json, outside) : [];
    }

    /// <summary>The same for a ruleset that was read already, as <c>nft -j list ruleset</c> prints it; of any shape.</summary>
    public static IReadOnlyList<string> Warnings(ReadOnlyMemory<byte> json, IEnumerable<(IPAddress Address, int Port, bool IsUdp, string Text)> listens)
    {
        if (Ruleset.Read(json) is not { } ruleset)
            return [];
        List<string> warnings = [];
        var beyond = 0;
        foreach (var listen in listens.Where(IsOutside).GroupBy(listen => (listen.Text, listen.Port, listen.IsUdp)))
        {
            foreach (var text in Warnings(ruleset, listen.Key.Text, listen.Key.Port, listen.Key.IsUdp, [.. listen.Select(one => one.Address).Distinct()]))
            {
                if (warnings.Count < Limit)
                    warnings.Add(text);
                else
                    beyond++;
            }
        }
        if (beyond > 0)
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"the packet filter drops {beyond} more listens"));
        return warnings;
    }

    /// <summary>
    /// The chains that keep a connection from getting in, in the order in which the kernel calls them, and whether some sources are let in all the same.
    /// </summary>
    public static IReadOnlyList<(NftChain Chain, Reach Accepted)> Drops(Ruleset ruleset, NewConnection connection)
    {
        var walk = new ChainWalk(ruleset, connection);
        return
        [
            .. ruleset.Chains.Where(chain => chain.Hook is "prerouting" or "input" && chain.Sees(connection.IsIPv6))
                .OrderBy(chain => chain.Hook == "input").ThenBy(chain => chain.Priority)
                .Select(chain => (chain, walk.Accepted(chain))).Where(pair => pair.Item2 != Reach.Anybody),
        ];
    }

    private static bool IsOutside((IPAddress Address, int Port, bool IsUdp, string Text) listen) => !IPAddress.IsLoopback(Plain(listen.Address)) && listen.Port is > 0 and <= 65535;

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static IEnumerable<string> Warnings(Ruleset ruleset, string text, int port, bool isUdp, IReadOnlyList<IPAddress> addresses)
    {
        var drops =
            from address in addresses.Select(Plain)
            let family = address.AddressFamily == AddressFamily.InterNetworkV6
            // Without a scope: rules have none.
            let own = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? null : new IPAddress(address.GetAddressBytes())
            from drop in Drops(ruleset, new NewConnection(family, own, port, isUdp))
            group (address, own, drop.Accepted) by drop.Chain;
        foreach (var drop in drops)
        {
            var (chain, hit) = (drop.Key, drop.ToArray());
            var wildcard = hit.Any(one => one.own is null);
            var families = hit.Select(one => one.address.AddressFamily).Distinct().ToArray();
            // Which family is worth a word where the other gets in, or has a chain of its own.
            var family = families.Length == 1 && addresses.Select(address => Plain(address).AddressFamily).Distinct().Count() > 1
                ? families[0] == AddressFamily.InterNetworkV6 ? " over IPv6" : " over IPv4"
                : "";
            var who = hit.All(one => one.Accepted == Reach.SomeSources) ? "lets only some sources" : "lets nobody from outside";
            var verb = isUdp ? "send to" : "connect to";
            var policy = chain.Drops ? ", policy drop" : "";
            var place = string.Create(CultureInfo.InvariantCulture,
                $"chain {Printable.Escape(chain.Name)} of table {chain.Family} {Printable.Escape(chain.Table)} (hook {chain.Hook}, priority {chain.Priority}{policy})");
            var command = Remedy(chain, port, isUdp ? "udp" : "tcp", wildcard ? null : hit[0].own);
            yield return $"the packet filter {who} {verb} {Printable.Escape(text)}{family}: {place}{(command is null ? "" : $"; to let everybody in: {command}")}";
        }
    }

    /// <summary>The command that lets a port through a chain, in the words of the program that made the chain, as far as that can be seen.</summary>
    /// <returns>Null if a name in it is not one that a shell takes as it is.</returns>
    private static string? Remedy(NftChain chain, int port, string protocol, IPAddress? address)
    {
        if (chain.Table == "firewalld")
            return string.Create(CultureInfo.InvariantCulture, $"firewall-cmd --add-port={port}/{protocol}");
        if (chain.Rules.SelectMany(rule => rule).Any(statement => statement is NftStatement.Decision { Verdict.Target: var target }
            && (target.StartsWith("ufw-", StringComparison.Ordinal) || target.StartsWith("ufw6-", StringComparison.Ordinal))))
            return string.Create(CultureInfo.InvariantCulture, $"ufw allow {port}/{protocol}");
        if (!PlainName().IsMatch(chain.Table) || !PlainName().IsMatch(chain.Name))
            return null;
        var destination = address is null ? "" : $"{(address.AddressFamily == AddressFamily.InterNetworkV6 ? "ip6" : "ip")} daddr {address} ";
        return string.Create(CultureInfo.InvariantCulture, $"nft insert rule {chain.Family} {chain.Table} {chain.Name} {destination}{protocol} dport {port} accept");
    }

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_.-]*\z")]
    private static partial Regex PlainName();
}
