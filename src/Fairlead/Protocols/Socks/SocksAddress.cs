using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead;

/// <summary>How SOCKS5 writes an address: ATYP, the address, and the port in network order (RFC 1928 section 5).</summary>
internal static class SocksAddress
{
    public const byte IPv4 = 0x01, DomainName = 0x03, IPv6 = 0x04;

    /// <summary>The longest: type, length, 255 bytes of a name, port.</summary>
    public const int MostBytes = 1 + 1 + 255 + 2;

    /// <summary>0.0.0.0 and port 0: what is written where there is no address to tell.</summary>
    public static IPEndPoint None { get; } = new(IPAddress.Any, 0);

    /// <summary>
    /// How many bytes the address takes, type and port included; 0 if too few are there to tell, below zero if the type is unknown, when nobody can tell.
    /// </summary>
    public static int Measure(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return 0;
        return bytes[0] switch
        {
            IPv4 => 1 + 4 + 2,
            IPv6 => 1 + 16 + 2,
            DomainName => bytes.Length < 2 ? 0 : 1 + 1 + bytes[1] + 2,
            _ => -1,
        };
    }

    /// <summary>Reads an address. A name that is an address comes out as one; see <see cref="Destination"/>.</summary>
    public static Parsed<EndPoint> Read(ReadOnlySpan<byte> bytes)
    {
        var length = Measure(bytes);
        if (length < 0)
            return Parsed.Wrong<EndPoint>($"the address type 0x{bytes[0]:x2} is unknown");
        if (length == 0 || bytes.Length < length)
            return default;
        var port = BinaryPrimitives.ReadUInt16BigEndian(bytes[(length - 2)..]);
        if (bytes[0] != DomainName)
            return Parsed.Whole<EndPoint>(Destination.Of(new IPAddress(bytes[1..(length - 2)]), port), length);
        return Destination.Read(Encoding.Latin1.GetString(bytes[2..(length - 2)]), port, out var fault) is { } target
            ? Parsed.Whole(target, length)
            : Parsed.Wrong<EndPoint>($"the host {fault}");
    }

    /// <summary>Whether an address can be written: an IP address, or a name of at most 255 bytes.</summary>
    public static bool CanWrite(EndPoint target) => target is IPEndPoint || (target is DnsEndPoint name && name.Host.Length is >= 1 and <= 255 && Ascii.IsValid(name.Host));

    /// <summary>Writes an address that <see cref="CanWrite"/>.</summary>
    /// <returns>How many bytes it took, at most <see cref="MostBytes"/>.</returns>
    public static int Write(EndPoint target, Span<byte> to)
    {
        int length;
        if (target is DnsEndPoint name)
        {
            to[0] = DomainName;
            to[1] = (byte)Encoding.ASCII.GetBytes(name.Host, to.Slice(2, 255));
            length = 2 + to[1];
            BinaryPrimitives.WriteUInt16BigEndian(to[length..], (ushort)name.Port);
            return length + 2;
        }
        var ip = (IPEndPoint)target;
        var address = ip.Address.IsIPv4MappedToIPv6 ? ip.Address.MapToIPv4() : ip.Address;
        to[0] = address.AddressFamily == AddressFamily.InterNetwork ? IPv4 : IPv6;
        address.TryWriteBytes(to[1..], out length);
        BinaryPrimitives.WriteUInt16BigEndian(to[(1 + length)..], (ushort)ip.Port);
        return 1 + length + 2;
    }
}
