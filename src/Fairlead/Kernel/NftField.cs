using System.Text.Json;

namespace Fairlead;

internal enum NftFieldKind
{
    /// <summary>Cannot be known from the outside: marks, owners, interface groups.</summary>
    Opaque,

    /// <summary>A header that neither a TCP segment nor a UDP datagram over IP has.</summary>
    Foreign,
    DestinationPort,
    TransportProtocol,
    Family,
    EtherType,
    Interface,
    InterfaceType,
    PacketType,
    State,
    Status,
    Direction,
    DestinationType,
    TcpFlags,
    Source,
    Destination,
}

/// <summary>What a rule looks at: the left-hand side of libnftables-json(5).</summary>
/// <param name="Kind">Which fact.</param>
/// <param name="Protocol"><c>ip</c>, <c>ip6</c>, <c>tcp</c> or <c>udp</c> where the field is one of that header; else empty.</param>
/// <param name="Mask">The flags that are looked at; null for all.</param>
internal sealed record NftField(NftFieldKind Kind, string Protocol = "", NftValue? Mask = null)
{
    private static readonly NftField opaque = new(NftFieldKind.Opaque);

    /// <summary>One field, or those of a concatenation.</summary>
    public static IReadOnlyList<NftField> ReadAll(JsonElement? json)
    {
        if (json is not { } left)
            return [opaque];
        return left.Member("concat") is { ValueKind: JsonValueKind.Array } parts ? [.. parts.EnumerateArray().Select(Read)] : [Read(left)];
    }

    private static NftField Read(JsonElement json)
    {
        if (json.Member("payload") is { } payload)
            return Payload(payload.Text("protocol"), payload.Text("field"));
        if (json.Member("meta") is { } meta)
            return new NftField(Meta(meta.Text("key")));
        if (json.Member("ct") is { } ct)
            return new NftField(Conntrack(ct.Text("key"), ct.Text("dir")));
        if (json.Member("fib") is { } fib)
            return fib.Text("result") == "type" && Flags(fib).Contains("daddr") ? new NftField(NftFieldKind.DestinationType) : opaque;
        if (json.Member("&") is { ValueKind: JsonValueKind.Array } masked && masked.GetArrayLength() == 2)
            return Read(masked[0]) is { Kind: NftFieldKind.TcpFlags, Mask: null } flags ? flags with { Mask = NftValue.Read(masked[1]) } : opaque;
        return opaque;
    }

    private static IEnumerable<string> Flags(JsonElement fib)
    {
        return fib.Member("flags") is { ValueKind: JsonValueKind.Array } flags
            ? flags.EnumerateArray().Where(flag => flag.ValueKind == JsonValueKind.String).Select(flag => flag.GetString()!)
            : [fib.Text("flags")];
    }

    private static NftField Payload(string protocol, string field) => (protocol, field) switch
    {
        ("tcp" or "udp", "dport") => new NftField(NftFieldKind.DestinationPort, protocol),
        ("th", "dport") => new NftField(NftFieldKind.DestinationPort),
        ("tcp", "flags") => new NftField(NftFieldKind.TcpFlags, protocol),
        ("tcp" or "udp", _) => new NftField(NftFieldKind.Opaque, protocol),
        ("th", _) => opaque,
        ("ip" or "ip6", "saddr") => new NftField(NftFieldKind.Source, protocol),
        ("ip" or "ip6", "daddr") => new NftField(NftFieldKind.Destination, protocol),
        ("ip", "protocol") or ("ip6", "nexthdr") => new NftField(NftFieldKind.TransportProtocol, protocol),
        ("ip" or "ip6", _) => new NftField(NftFieldKind.Opaque, protocol),
        ("udplite" or "sctp" or "dccp" or "icmp" or "icmpv6" or "igmp" or "esp" or "ah" or "comp" or "gre" or "arp", _) => new NftField(NftFieldKind.Foreign),
        _ => opaque,
    };

    private static NftFieldKind Meta(string key) => key switch
    {
        "l4proto" => NftFieldKind.TransportProtocol,
        "nfproto" => NftFieldKind.Family,
        "protocol" => NftFieldKind.EtherType,
        "iif" or "iifname" => NftFieldKind.Interface,
        "iiftype" => NftFieldKind.InterfaceType,
        "pkttype" => NftFieldKind.PacketType,
        _ => NftFieldKind.Opaque,
    };

    private static NftFieldKind Conntrack(string key, string direction) => (key, direction) switch
    {
        ("state", _) => NftFieldKind.State,
        ("status", _) => NftFieldKind.Status,
        ("direction", _) => NftFieldKind.Direction,
        ("saddr" or "ip saddr" or "ip6 saddr", "original") => NftFieldKind.Source,
        _ => NftFieldKind.Opaque,
    };
}
