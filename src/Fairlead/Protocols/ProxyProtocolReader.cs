using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead;

/// <summary>What became of reading a header.</summary>
internal enum ProxyProtocolState
{
    /// <summary>What is there can be the beginning of one.</summary>
    NeedMore,

    /// <summary>It is none, or one that cannot be believed; <see cref="ProxyProtocolReading.Reason"/> says why.</summary>
    Wrong,

    /// <summary>It is one.</summary>
    Complete,
}

/// <summary>A header of the PROXY protocol, or why there is none.</summary>
/// <param name="State">What became of reading it.</param>
/// <param name="Length">How many bytes it takes; what follows is the client's. 0 unless complete.</param>
/// <param name="Source">The client; null where the header names nobody: then the connection's own addresses count.</param>
/// <param name="Destination">Where the client connected to; null exactly where the source is.</param>
/// <param name="Reason">What is wrong, in plain words and without a stranger's text.</param>
internal readonly record struct ProxyProtocolReading(ProxyProtocolState State, int Length = 0, IPEndPoint? Source = null, IPEndPoint? Destination = null, string? Reason = null);

/// <summary>
/// Reads the header that a connection of TCP begins with where another proxy stands before this one: version 1 or 2 of the PROXY protocol (HAProxy's proxy-protocol.txt,
/// sections 2.1 and 2.2), told apart by their first byte.
/// </summary>
/// <remarks>
/// An IPv4 address that comes as IPv6 is IPv4. Extensions (TLV) of version 2 are skipped unseen. A header for datagrams is wrong here, and so are commands, families and
/// versions that the specification does not know.
/// </remarks>
internal static class ProxyProtocolReader
{
    /// <summary>The longest line of version 1, with its end (section 2.1).</summary>
    public const int MostV1 = 107;

    /// <summary>
    /// The longest header of version 2 that is taken. The specification asks for 536 bytes; extensions with a client's certificate or name can be more, and none needs a
    /// whole page.
    /// </summary>
    public const int MostV2 = 4096;

    // Two addresses, or two paths of 108 bytes, and for the first two families the ports.
    private const int InetLength = 12, Inet6Length = 36, UnixLength = 216;

    /// <summary>Reads.</summary>
    /// <param name="bytes">What the connection has said so far, from its first byte on. More than <see cref="MostV2"/> is never needed.</param>
    public static ProxyProtocolReading Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return new(ProxyProtocolState.NeedMore);
        return bytes[0] == ProxyProtocolHeader.Signature[0] ? ReadV2(bytes) : ReadV1(bytes);
    }

    private static ProxyProtocolReading ReadV2(ReadOnlySpan<byte> bytes)
    {
        var signature = ProxyProtocolHeader.Signature;
        if (!Begins(bytes, signature))
            return Wrong("it does not begin with a header of the PROXY protocol");
        if (bytes.Length > 12 && bytes[12] is not (ProxyProtocolHeader.Version2Local or ProxyProtocolHeader.Version2Proxy))
            return Wrong(bytes[12] >> 4 == 2 ? "its header has a command other than LOCAL and PROXY" : "its header is of a version other than 1 and 2");
        if (bytes.Length < ProxyProtocolHeader.Version2Fixed)
            return new(ProxyProtocolState.NeedMore);

        int following = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        var length = ProxyProtocolHeader.Version2Fixed + following;
        if (length > MostV2)
            return Wrong($"its header is {length} bytes long, and at most {MostV2} are taken");
        var families = bytes[13];
        var needed = bytes[12] == ProxyProtocolHeader.Version2Local ? 0 : Needed(families);
        if (needed < 0)
            return Wrong((families & 0x0F) == ProxyProtocolHeader.Datagram ? "its header is for datagrams" : "its header has an unknown family");
        if (following < needed)
            return Wrong($"its header has {following} bytes for addresses that take {needed}");
        if (bytes.Length < length)
            return new(ProxyProtocolState.NeedMore);
        return needed switch
        {
            InetLength => Complete(length, bytes[ProxyProtocolHeader.Version2Fixed..], 4),
            Inet6Length => Complete(length, bytes[ProxyProtocolHeader.Version2Fixed..], 16),
            _ => new(ProxyProtocolState.Complete, length),
        };
    }

    // How many bytes the addresses of these families take; below zero where they have no place here.
    private static int Needed(byte families) => ((byte)(families & 0xF0), (byte)(families & 0x0F)) switch
    {
        (_, >= ProxyProtocolHeader.Datagram) => -1,
        (ProxyProtocolHeader.Unspecified, _) => 0,
        (var family, _) when family > ProxyProtocolHeader.Unix => -1,
        (_, ProxyProtocolHeader.Unspecified) => 0,
        (ProxyProtocolHeader.Inet, _) => InetLength,
        (ProxyProtocolHeader.Inet6, _) => Inet6Length,
        _ => UnixLength,
    };

    private static ProxyProtocolReading Complete(int length, ReadOnlySpan<byte> addresses, int size)
    {
        return new(ProxyProtocolState.Complete, length, At(addresses, 0), At(addresses, 1));

        IPEndPoint At(ReadOnlySpan<byte> from, int number)
        {
            return EndPoint(new IPAddress(from.Slice(number * size, size)), BinaryPrimitives.ReadUInt16BigEndian(from[((2 * size) + (2 * number))..]));
        }
    }

    private static ProxyProtocolReading ReadV1(ReadOnlySpan<byte> bytes)
    {
        if (!Begins(bytes, "PROXY "u8))
            return Wrong("it does not begin with a header of the PROXY protocol");
        var line = bytes[..Math.Min(bytes.Length, MostV1)];
        var end = line.IndexOf((byte)'\n');
        if (end < 0)
            return line.Length < MostV1 ? new(ProxyProtocolState.NeedMore) : Wrong($"its header is longer than the {MostV1} bytes of a line of version 1");
        line = line[..end];
        if (line[^1] != '\r')
            return Wrong("the line of its header ends in LF alone");
        line = line[..^1];

        // Whatever stands behind UNKNOWN is to be ignored.
        if (line.SequenceEqual("PROXY UNKNOWN"u8) || line.StartsWith("PROXY UNKNOWN "u8))
            return new(ProxyProtocolState.Complete, end + 1);
        var words = Encoding.Latin1.GetString(line).Split(' ');
        var family = words[1] switch
        {
            "TCP4" => AddressFamily.InterNetwork,
            "TCP6" => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unknown,
        };
        if (family == AddressFamily.Unknown)
            return Wrong("its header is for something other than TCP4, TCP6 and UNKNOWN");
        if (words.Length != 6)
            return Wrong("its header is not of two addresses and two ports");
        if (Address(words[2], family) is not { } source || Address(words[3], family) is not { } destination)
            return Wrong($"its header has something that is not an address of {words[1]}");
        if (Port(words[4]) is not { } sourcePort || Port(words[5]) is not { } destinationPort)
            return Wrong("its header has something that is not a port");
        return new(ProxyProtocolState.Complete, end + 1, EndPoint(source, sourcePort), EndPoint(destination, destinationPort));
    }

    private static IPAddress? Address(string text, AddressFamily family)
    {
        var isPlain = text.Length > 0 && HostText.Fault(text) is null && !text.Contains('%', StringComparison.Ordinal);
        return isPlain && IPAddress.TryParse(text, out var address) && address.AddressFamily == family ? address : null;
    }

    // The specification forbids leading zeros.
    private static int? Port(string text)
    {
        var isPlain = text.Length is > 0 and <= 5 && (text.Length == 1 || text[0] != '0');
        return isPlain && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65535 ? port : null;
    }

    private static IPEndPoint EndPoint(IPAddress address, int port) => new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);

    // Whether the one can begin with the other, as far as it is there.
    private static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> with)
    {
        var known = Math.Min(bytes.Length, with.Length);
        return bytes[..known].SequenceEqual(with[..known]);
    }

    private static ProxyProtocolReading Wrong(string reason) => new(ProxyProtocolState.Wrong, Reason: reason);
}
