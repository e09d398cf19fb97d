using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>How one of several upstreams is chosen, tried out and dialled.</summary>
internal static class UpstreamRules
{
    /// <summary>HAProxy has 256; more than three digits nobody tells apart.</summary>
    private const int HeaviestWeight = 1000;

    public static IEnumerable<Fault> Faults(ForwardConfig forward)
    {
        return ForwardRules.PoolsOf(forward).SelectMany(pool => PoolFaults(pool.Key, pool.Upstreams, forward))
            .Concat(SourceFaults(forward.Source, "source"))
            .Concat(ForwardRules.UpstreamsOf(forward).SelectMany(pair => SourceFaults(pair.Upstream.Source, $"{pair.Key}.source")))
            .Concat(FamilyFaults(forward))
            .Concat(HealthFaults(forward.Health));
    }

    private static IEnumerable<Fault> PoolFaults(string key, ValueList<UpstreamConfig> pool, ForwardConfig forward)
    {
        if (pool.Count == 0)
            yield return new Fault(key, "leads nowhere; write where connections go, like 10.0.0.5:80");
        for (var i = 0; i < pool.Count; i++)
        {
            if (pool[i].Weight is < 0 or > HeaviestWeight)
                yield return new Fault($"{key}[{i}].weight", $"weight is {pool[i].Weight}; write a number from 0 to {HeaviestWeight}");
            else if (pool[i].Weight > 1 && forward.Balance == BalanceKind.First)
                yield return new Fault($"{key}[{i}].weight", "weight means nothing with balance first, which takes the first upstream that is up; leave it out, or choose another balance");
        }
        foreach (var fault in ProtocolRules.Each(forward.Protocols).SelectMany(protocol => ShareFaults(key, pool, protocol)).DistinctBy(fault => (fault.Key, fault.Message)))
            yield return fault;
    }

    /// <summary>Clients of a protocol are balanced among those upstreams only that take it.</summary>
    private static IEnumerable<Fault> ShareFaults(string key, ValueList<UpstreamConfig> pool, PortProtocols protocol)
    {
        var members = Enumerable.Range(0, pool.Count).Where(i => pool[i].Takes(protocol)).ToList();
        var which = members.Count == pool.Count ? "upstream" : $"upstream for {ProtocolRules.Name(protocol)}";
        if (members.Count > 0 && members.TrueForAll(i => pool[i].Backup))
            yield return new Fault($"{key}[{members[0]}].backup", $"every {which} is a backup; a backup is for when others are down, so let one be none");
        else if (members.Count > 0 && members.TrueForAll(i => pool[i].Backup || pool[i].Weight == 0))
            yield return new Fault($"{key}[{members.Find(i => !pool[i].Backup)}].weight", $"every {which} has weight 0, which gets no clients; give one a weight of 1");
        foreach (var (first, second) in Repeated(pool, members))
        {
            yield return new Fault($"{key}[{second}].address", $"{Printable.Escape(pool[second].ToString())} is written twice; keep one, and give it a weight")
            {
                Other = new Contradiction(0, $"{key}[{first}].address", other => $"{Printable.Escape(pool[second].ToString())} is written twice, here and at {other}; keep one, and give it a weight"),
            };
        }
    }

    private static IEnumerable<(int First, int Second)> Repeated(ValueList<UpstreamConfig> pool, IEnumerable<int> members)
    {
        var seen = new Dictionary<Endpoint, int>();
        foreach (var i in members)
        {
            var address = pool[i].Address is PortEndpoint port ? port with { Protocols = PortProtocols.None } : pool[i].Address;
            if (!seen.TryAdd(address, i))
                yield return (seen[address], i);
        }
    }

    private static IEnumerable<Fault> SourceFaults(ValueList<DialSource> sources, string key)
    {
        for (var i = 0; i < sources.Count; i++)
        {
            var source = sources[i];
            var at = $"{key}[{i}]";
            if (source.Address.Equals(IPAddress.Any) || source.Address.Equals(IPAddress.IPv6Any))
                yield return new Fault(at, $"source {source.Address} is every address; write one of this machine, or leave source out");
            else if (source.Address.AddressFamily == AddressFamily.InterNetwork ? source.Address.GetAddressBytes()[0] >= 224 : source.Address.IsIPv6Multicast)
                yield return new Fault(at, $"source {source.Address} is no address of one machine; write one of this machine");
            var isRange = source.FirstPort >= 1 && source.LastPort >= source.FirstPort && source.LastPort <= 65535;
            if (!isRange && (source.FirstPort, source.LastPort) != (0, 0))
                yield return new Fault(at, $"source ports {source.FirstPort}-{source.LastPort} are not ports; write numbers from 1 to 65535, like 4000-4999");
        }
    }

    /// <summary>An upstream that is written as an address needs a source of its family; what a name means shows when it is looked up.</summary>
    private static IEnumerable<Fault> FamilyFaults(ForwardConfig forward)
    {
        var common = forward.Source.Select(source => source.Address.AddressFamily).ToHashSet();
        var upstreams = ForwardRules.UpstreamsOf(forward).ToList();
        if (common.Count > 0 && upstreams.Count > 0 && upstreams.All(pair => pair.Upstream.Address is UnixEndpoint))
            yield return new Fault("source", "a Unix socket is dialled from no address; leave source out");
        foreach (var (key, upstream) in upstreams)
        {
            var own = upstream.Source.Count > 0;
            if (upstream.Address is UnixEndpoint && own)
                yield return new Fault($"{key}.source", "a Unix socket is dialled from no address; leave source out");
            var families = own ? upstream.Source.Select(source => source.Address.AddressFamily).ToHashSet() : common;
            if (families.Count == 0 || upstream.Address is not PortEndpoint { Host: var host } || FamilyOf(host) is not { } family || families.Contains(family))
                continue;
            var words = family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";
            Func<string, string> message = at => $"upstream {Printable.Escape(upstream.ToString())} is {words}, and source{at} has no {words} address; add one";
            yield return new Fault(own ? $"{key}.source" : "source", message("")) { Other = new Contradiction(0, $"{key}.address", other => message($", at {other},")) };
        }
    }

    private static AddressFamily? FamilyOf(string host)
    {
        if (!IPAddress.TryParse(host, out var address))
            return null;
        return address.IsIPv4MappedToIPv6 ? AddressFamily.InterNetwork : address.AddressFamily;
    }

    private static IEnumerable<Fault> HealthFaults(HealthConfig? health)
    {
        if (health is null)
            yield break;
        foreach (var fault in BoundRules.TimeFaults("health.interval", "health interval", health.Interval, mayBeOff: false).Concat(BoundRules.TimeFaults("health.timeout", "health timeout", health.Timeout, mayBeOff: false)))
            yield return fault;
        foreach (var (name, value) in ((string, int)[])[("rise", health.Rise), ("fall", health.Fall)])
        {
            if (value is < 1 or > 100)
                yield return new Fault($"health.{name}", $"health {name} is {value}; write a number from 1 to 100");
        }
    }
}
