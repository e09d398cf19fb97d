using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>
/// The header by which an upstream is told whom it really talks to: the PROXY protocol of HAProxy, version 2, section 2.2 of its specification
/// (proxy-protocol.txt).
/// </summary>
internal static class ProxyProtocolHeader
{
    private const byte Version2Proxy = 0x21, Inet = 0x10, Inet6 = 0x20, Stream = 0x01, Datagram = 0x02;

    private static ReadOnlySpan<byte> Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    /// <summary>Writes a header.</summary>
    /// <param name="source">The client.</param>
    /// <param name="destination">Where it wrote to. Of two families, both are written as IPv6.</param>
    /// <param name="isDatagram">UDP rather than TCP.</param>
    public static byte[] WriteV2(IPEndPoint source, IPEndPoint destination, bool isDatagram)
    {
        var isV4 = source.AddressFamily == AddressFamily.InterNetwork && destination.AddressFamily == AddressFamily.InterNetwork;
        var length = isV4 ? 4 : 16;
        var header = new byte[16 + (2 * length) + 4];
        Signature.CopyTo(header);
        header[12] = Version2Proxy;
        header[13] = (byte)((isV4 ? Inet : Inet6) | (isDatagram ? Datagram : Stream));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(14), (ushort)((2 * length) + 4));
        Write(source.Address, header.AsSpan(16, length));
        Write(destination.Address, header.AsSpan(16 + length, length));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(16 + (2 * length)), (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(18 + (2 * length)), (ushort)destination.Port);
        return header;
    }

    private static void Write(IPAddress address, Span<byte> to) => (to.Length == 4 ? address : address.MapToIPv6()).TryWriteBytes(to, out _);
}
