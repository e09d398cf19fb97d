using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead;

/// <summary>
/// The header by which an upstream is told whom it really talks to: the PROXY protocol of HAProxy, of its specification (proxy-protocol.txt) section 2.1, the line of
/// text, and 2.2, the binary one. <see cref="ProxyProtocolReader"/> reads it.
/// </summary>
internal static class ProxyProtocolHeader
{
    internal const byte Version2Local = 0x20, Version2Proxy = 0x21;
    internal const byte Unspecified = 0x00, Inet = 0x10, Inet6 = 0x20, Unix = 0x30, Stream = 0x01, Datagram = 0x02;

    /// <summary>The signature of version 2, the command, the families, and two bytes of how much follows.</summary>
    internal const int Version2Fixed = 16;

    internal static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Writes the line of version 1, which is for TCP alone.</summary>
    /// <param name="source">The client; null where it has no address, as on a Unix socket.</param>
    /// <param name="destination">Where it connected to. Of two families, both are written as IPv6; null where it has no address.</param>
    /// <returns>The line; without one of the addresses <c>PROXY UNKNOWN</c>, which has the upstream use what it sees.</returns>
    public static byte[] WriteV1(IPEndPoint? source, IPEndPoint? destination)
    {
        if (source is null || destination is null)
            return "PROXY UNKNOWN\r\n"u8.ToArray();
        var isV4 = IsV4(source.Address) && IsV4(destination.Address);
        return Encoding.ASCII.GetBytes($"PROXY {(isV4 ? "TCP4" : "TCP6")} {Text(source.Address, isV4)} {Text(destination.Address, isV4)} {source.Port} {destination.Port}\r\n");
    }

    /// <summary>Writes a header of version 2.</summary>
    /// <param name="source">The client.</param>
    /// <param name="destination">Where it wrote to. Of two families, both are written as IPv6.</param>
    /// <param name="isDatagram">UDP rather than TCP.</param>
    public static byte[] WriteV2(IPEndPoint source, IPEndPoint destination, bool isDatagram)
    {
        var isV4 = IsV4(source.Address) && IsV4(destination.Address);
        var length = isV4 ? 4 : 16;
        var header = Version2((2 * length) + 4);
        header[12] = Version2Proxy;
        header[13] = (byte)((isV4 ? Inet : Inet6) | (isDatagram ? Datagram : Stream));
        Write(source.Address, header.AsSpan(16, length));
        Write(destination.Address, header.AsSpan(16 + length, length));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(16 + (2 * length)), (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(18 + (2 * length)), (ushort)destination.Port);
        return header;
    }

    /// <summary>Writes the header of version 2 that names nobody (LOCAL): of a health check, or of a client that has no address.</summary>
    public static byte[] WriteV2Local()
    {
        var header = Version2(0);
        header[12] = Version2Local;
        return header;
    }

    private static byte[] Version2(int following)
    {
        var header = new byte[Version2Fixed + following];
        Signature.CopyTo(header);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)following);
        return header;
    }

    private static bool IsV4(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6;

    private static void Write(IPAddress address, Span<byte> to) => (to.Length == 4 ? address.MapToIPv4() : address.MapToIPv6()).TryWriteBytes(to, out _);

    // A scope is this machine's, and has no place in the line.
    private static string Text(IPAddress address, bool asV4) => (asV4 ? address.MapToIPv4() : new IPAddress(address.MapToIPv6().GetAddressBytes())).ToString();
}
