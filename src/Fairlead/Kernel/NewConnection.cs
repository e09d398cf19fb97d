using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>The first segment of a TCP connection, or the first datagram of UDP, from another machine to a listen of this one, as the packet filter sees it.</summary>
/// <param name="IsIPv6">Which family it comes by.</param>
/// <param name="Address">Where it goes to; null for any of this machine's addresses.</param>
/// <param name="Port">The listen's port.</param>
/// <param name="IsUdp">Whether it is of UDP.</param>
internal sealed record NewConnection(bool IsIPv6, IPAddress? Address, int Port, bool IsUdp = false)
{
    private const int FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128;

    /// <summary>Whether a condition holds.</summary>
    /// <param name="fields">One field, or those of a concatenation.</param>
    /// <param name="operator"><c>==</c>, <c>!=</c>, <c>in</c>, <c>&lt;</c> and so on.</param>
    /// <param name="value">What is compared with.</param>
    /// <param name="sets">The elements of a named set; null where they are not known.</param>
    public Match Test(IReadOnlyList<NftField> fields, string @operator, NftValue value, Func<string, NftValue?> sets)
    {
        // A header that is not there makes a rule end, whatever it compares.
        if (fields.Any(field => field.Kind == NftFieldKind.Foreign || field.Protocol == (IsIPv6 ? "ip" : "ip6") || field.Protocol == (IsUdp ? "tcp" : "udp")))
            return Match.Never;
        return @operator switch
        {
            "==" or "in" => Holds(fields, @operator, value, sets),
            "!=" => Holds(fields, "==", value, sets).Not,
            "!" when fields is [{ Kind: NftFieldKind.TcpFlags }] => Holds(fields, "in", value, sets).Not,
            "<" or ">" or "<=" or ">=" when fields is [{ Kind: NftFieldKind.DestinationPort }] && value is NftValue.Number(var number) => Match.If(@operator switch
            {
                "<" => Port < number,
                ">" => Port > number,
                "<=" => Port <= number,
                _ => Port >= number,
            }),
            _ => Match.Perhaps,
        };
    }

    private Match Holds(IReadOnlyList<NftField> fields, string @operator, NftValue value, Func<string, NftValue?> sets) => value switch
    {
        // Sets do not hold sets, though a listing could claim it.
        NftValue.Named(var name) when sets(name) is { } known => Holds(fields, @operator, known, static _ => null),
        NftValue.Named when fields.Any(field => field.Kind == NftFieldKind.Source) => Match.BySource,
        NftValue.Any(var values) => Any(fields, @operator, values, sets),
        NftValue.Bits(var flags) when fields is not [{ Kind: NftFieldKind.TcpFlags }] => Any(fields, @operator, flags, sets),
        NftValue.Concat(var parts) when parts.Count == fields.Count => fields.Zip(parts).Aggregate(Match.Always, (match, pair) => match.And(Equals(pair.First, @operator, pair.Second))),
        NftValue.Rest => Match.Always,
        _ when fields is [var field] => Equals(field, @operator, value),
        _ => Match.Perhaps,
    };

    private Match Any(IReadOnlyList<NftField> fields, string @operator, IReadOnlyList<NftValue> values, Func<string, NftValue?> sets)
    {
        return values.Aggregate(Match.Never, (match, one) => match.Or(Holds(fields, @operator, one, sets)));
    }

    private Match Equals(NftField field, string @operator, NftValue value) => (field.Kind, value) switch
    {
        (_, NftValue.Rest) => Match.Always,
        (NftFieldKind.Opaque or NftFieldKind.Foreign, _) => Match.Perhaps,
        (NftFieldKind.TcpFlags, _) => EqualsFlags(field.Mask, @operator, value),
        (NftFieldKind.Source, _) => EqualsSource(value),
        (NftFieldKind.Destination, _) => EqualsDestination(value),
        (_, NftValue.Opaque) => Match.Perhaps,
        (NftFieldKind.DestinationPort, NftValue.Number(var number)) => Match.If(number == Port),
        (NftFieldKind.DestinationPort, NftValue.Range(NftValue.Number(var from), NftValue.Number(var to))) => Match.If(from <= Port && Port <= to),
        (NftFieldKind.DestinationPort, _) => Match.Perhaps,
        (NftFieldKind.TransportProtocol, _) => IsUdp ? Is(value, 17, "udp") : Is(value, 6, "tcp"),
        (NftFieldKind.Family, _) => IsIPv6 ? Is(value, 10, "ipv6") : Is(value, 2, "ipv4"),
        (NftFieldKind.EtherType, _) => IsIPv6 ? Is(value, 0x86dd, "ip6") : Is(value, 0x0800, "ip"),
        (NftFieldKind.State, _) => Is(value, 8, "new"),
        (NftFieldKind.Status, _) => Is(value, 0),
        (NftFieldKind.Direction, _) => Is(value, 0, "original"),
        (NftFieldKind.DestinationType, _) => Is(value, 2, "local"),
        (NftFieldKind.PacketType, _) => Is(value, 0, "host", "unicast"),
        // Loopback is the one interface that nobody from outside comes by.
        (NftFieldKind.Interface, NftValue.Word("lo") or NftValue.Number(1)) => Match.Never,
        (NftFieldKind.InterfaceType, NftValue.Word("loopback") or NftValue.Number(772)) => Match.Never,
        _ => Match.Perhaps,
    };

    private static Match Is(NftValue value, long number, params ReadOnlySpan<string> words) => value switch
    {
        NftValue.Number(var other) => Match.If(other == number),
        NftValue.Word(var word) => Match.If(words.Contains(word)),
        _ => Match.Perhaps,
    };

    private static Match EqualsFlags(NftValue? mask, string @operator, NftValue value)
    {
        if (Flags(value) is not { } flags || (mask is null ? 0xff : Flags(mask)) is not { } looked)
            return Match.Perhaps;
        return Match.If(@operator == "in" ? (SYN & looked & flags) != 0 : (SYN & looked) == flags);
    }

    private static int? Flags(NftValue value) => value switch
    {
        NftValue.Number(var number and >= 0 and <= 0xff) => (int)number,
        NftValue.Bits(var bits) => bits.Aggregate((int?)0, (flags, one) => flags | Flags(one)),
        NftValue.Word(var word) => word switch
        {
            "fin" => FIN,
            "syn" => SYN,
            "rst" => RST,
            "psh" => PSH,
            "ack" => ACK,
            "urg" => URG,
            "ecn" or "ece" => ECE,
            "cwr" => CWR,
            _ => null,
        },
        _ => null,
    };

    private static Match EqualsSource(NftValue value) => value switch
    {
        NftValue.Prefix { Length: 0 } => Match.Always,
        NftValue.Prefix(var address, _) when IPAddress.IsLoopback(address) => Match.Never,
        NftValue.Address(var address) when IPAddress.IsLoopback(address) => Match.Never,
        _ => Match.BySource,
    };

    private Match EqualsDestination(NftValue value) => value switch
    {
        NftValue.Address(var address) => Address is null ? CanBeOurs(address) : Match.If(Address.Equals(address)),
        NftValue.Prefix(_, 0) => Match.Always,
        NftValue.Prefix(var first, var length) => Address is null ? CanBeOurs(first) : Match.If(IsIn(Address, first, length)),
        NftValue.Range(NftValue.Address(var from), NftValue.Address(var to)) when Address is not null => Match.If(Compare(from, Address) <= 0 && Compare(Address, to) <= 0),
        _ => Match.Perhaps,
    };

    // From outside nobody connects to loopback, to a group or to everybody.
    private static Match CanBeOurs(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        return IPAddress.IsLoopback(address) || (address.AddressFamily == AddressFamily.InterNetwork ? bytes[0] >= 224 : bytes[0] == 0xff) ? Match.Never : Match.Perhaps;
    }

    private static bool IsIn(IPAddress address, IPAddress first, int length) => address.AddressFamily == first.AddressFamily && new IPNetwork(Masked(first, length), length).Contains(address);

    private static IPAddress Masked(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bytes.Length * 8; bit++)
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return new IPAddress(bytes);
    }

    private static int Compare(IPAddress one, IPAddress other) => one.GetAddressBytes().AsSpan().SequenceCompareTo(other.GetAddressBytes());
}
