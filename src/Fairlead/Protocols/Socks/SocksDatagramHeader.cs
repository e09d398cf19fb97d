using System.Net;

namespace Fairlead;

/// <summary>What stands before each datagram between a SOCKS5 client and his server's relay: RSV, FRAG, and whom it goes to or comes from (RFC 1928 section 7).</summary>
/// <param name="Fragment">0: it stands alone. Others are part of something, and whoever puts nothing together drops them.</param>
/// <param name="Address">Whom it goes to, or comes from.</param>
internal readonly record struct SocksDatagramHeader(byte Fragment, EndPoint Address)
{
    /// <summary>The longest header.</summary>
    public const int MostBytes = Head + SocksAddress.MostBytes;

    // RSV (2), FRAG.
    private const int Head = 3;

    /// <summary>
    /// How many bytes the header of a datagram takes, without looking at what the address says; 0: it is no whole header. Of two datagrams, if the
    /// second begins with the first one's header, that is its header too.
    /// </summary>
    public static int Measure(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length <= Head || datagram[0] != 0 || datagram[1] != 0)
            return 0;
        var length = Head + SocksAddress.Measure(datagram[Head..]);
        return length > Head && length <= datagram.Length ? length : 0;
    }

    /// <summary>Reads the header of a whole datagram; what follows it is the payload, which may be empty. A datagram cannot need more, so that it is whole or wrong.</summary>
    public static Parsed<SocksDatagramHeader> Read(ReadOnlySpan<byte> datagram)
    {
        var length = Measure(datagram);
        if (length == 0)
            return Parsed.Wrong<SocksDatagramHeader>("the datagram has no whole header");
        var address = SocksAddress.Read(datagram[Head..]);
        return address.IsWhole
            ? Parsed.Whole(new SocksDatagramHeader(datagram[2], address.Value!), length)
            : Parsed.Wrong<SocksDatagramHeader>(address.Fault!);
    }

    /// <summary>Writes a header, FRAG 0, of an address that <see cref="SocksAddress.CanWrite"/>.</summary>
    /// <returns>How many bytes it took, at most <see cref="MostBytes"/>.</returns>
    public static int Write(EndPoint address, Span<byte> to)
    {
        to[..Head].Clear();
        return Head + SocksAddress.Write(address, to[Head..]);
    }
}
