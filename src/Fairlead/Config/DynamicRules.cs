using System.Net;
using System.Text;

namespace Fairlead;

/// <summary>What goes with <c>to: dynamic</c>, and what with it alone.</summary>
internal static class DynamicRules
{
    private const int MostUserBytes = 255;

    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        foreach (var (key, pool) in ForwardRules.PoolsOf(forward))
        {
            if (pool.Any(upstream => upstream.Address is DynamicEndpoint) && (key != "to" || pool.Count > 1))
                yield return new Fault(key, "dynamic says that the client names where to go, so it stands alone behind the forward's own to");
        }
        foreach (var fault in UserFaults(forward.Users).Concat(forward.IsDynamic ? FaultsOfDynamic(forward) : FaultsOfOthers(forward)))
            yield return fault;
    }

    // A proxy that everybody can reach is found within hours, and used by everybody.
    private static IEnumerable<Fault> FaultsOfDynamic(ForwardConfig forward)
    {
        foreach (var key in Unfit(forward))
            yield return new Fault(key, $"{key} means nothing with to: dynamic, where the client says where to go; leave it out");
        if (forward.Advertise is not null && forward.Listen.All(listen => listen is UnixEndpoint))
            yield return new Fault("advertise", "advertise is for clients with addresses, and those of a Unix socket have none; leave it out");
        for (var i = 0; i < forward.Listen.Count; i++)
        {
            if (forward.Listen[i] is not PortEndpoint port)
                continue;
            var shown = Printable.Escape(port.ToString());
            if (port.Protocols.HasFlag(PortProtocols.Udp))
                yield return new Fault($"listen[{i}]", $"listen {shown} is for UDP, and a proxy is spoken to by TCP (datagrams have ports of their own, as SOCKS5 agrees on them); leave the protocol out");
            else if (forward.At is not null && forward.Users.Count == 0 && forward.Allow is null && forward.AllowTo is null && !IsLoopback(port.Host))
                yield return new Fault($"listen[{i}]", $"listen {shown} would be a proxy into this network for everybody who can reach the far end; write users, allow or allow_to beside it, or listen on localhost:{port.Ports}") { Lacks = "users" };
            else if (forward.At is null && forward.Users.Count == 0 && forward.Allow is null && !IsLoopback(port.Host))
                yield return new Fault($"listen[{i}]", $"listen {shown} would be a proxy for everybody who can reach it; write users or allow beside it, or listen on 127.0.0.1:{port.Ports}") { Lacks = "users" };
        }
    }

    private static IEnumerable<string> Unfit(ForwardConfig forward)
    {
        if (forward.Routes.Count > 0)
            yield return "routes";
        if (forward.Balance != BalanceKind.RoundRobin)
            yield return "balance";
        if (forward.Health is not null)
            yield return "health";
        if (forward.Protocol != ConversationKind.Tcp)
            yield return "protocol";
        if (forward.ProxyProtocol.Send != ProxyHeader.Off)
            yield return "proxy_protocol.send";
    }

    private static IEnumerable<Fault> FaultsOfOthers(ForwardConfig forward)
    {
        var own = new List<string>();
        if (forward.DenyTo.Count > 0)
            own.Add("deny_to");
        if (forward.AllowTo is not null)
            own.Add("allow_to");
        if (forward.Users.Count > 0)
            own.Add("users");
        if (forward.Advertise is not null)
            own.Add("advertise");
        foreach (var key in own)
            yield return new Fault(key, $"{key} is for to: dynamic, where the client says where to go; leave it out");
    }

    private static IEnumerable<Fault> UserFaults(ValueList<ProxyUser> users)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var user in users)
        {
            var shown = Printable.Escape(user.Name);
            if (user.Name.Length == 0 || user.Name.Contains(':', StringComparison.Ordinal) || user.Name.Any(char.IsControl) || Encoding.UTF8.GetByteCount(user.Name) > MostUserBytes)
                yield return new Fault("users", $"user '{shown}' has no such name as SOCKS5 and HTTP carry: 1 to {MostUserBytes} bytes, no colon, no control characters");
            else if (!seen.Add(user.Name))
                yield return new Fault("users", $"user '{shown}' is written twice; keep one");
            if (user.Password.Reveal().Length > MostUserBytes)
                yield return new Fault("users", $"the password of user '{shown}' is longer than {MostUserBytes} bytes, which is what SOCKS5 carries; shorten it");
        }
    }

    private static bool IsLoopback(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
