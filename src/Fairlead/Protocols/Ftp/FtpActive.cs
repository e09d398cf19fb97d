using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead;

/// <summary>What the argument of a command that names an address turned out to be.</summary>
internal enum FtpArgument
{
    /// <summary>An address.</summary>
    Address,

    /// <summary>None, or not of that form.</summary>
    Malformed,

    /// <summary>Of a network protocol that is neither IPv4 nor IPv6 (RFC 2428).</summary>
    OtherProtocol,
}

/// <summary>Where a client waits for a data connection: the arguments of PORT (RFC 959) and EPRT (RFC 2428).</summary>
internal static class FtpActive
{
    /// <summary>More than an address of IPv6 (at most 45 characters), a port and the bars have.</summary>
    private const int LongestEprt = 80;

    private static readonly SearchValues<char> ofV6 = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>Reads the argument of PORT: <c>h1,h2,h3,h4,p1,p2</c>.</summary>
    public static FtpArgument ReadPort(ReadOnlySpan<byte> argument, out IPAddress address, out ushort port)
    {
        argument = argument.Trim((byte)' ');
        (address, port) = (IPAddress.None, 0);
        Span<byte> six = stackalloc byte[6];
        var length = FtpNumbers.ReadBytes(argument, (byte)',', six);
        return length > 0 && length == argument.Length && FtpPassive.Address(six, out address, out port) ? FtpArgument.Address : FtpArgument.Malformed;
    }

    /// <summary>Reads the argument of EPRT: <c>|1|192.0.2.1|6275|</c> or <c>|2|2001:db8::1|5282|</c>, with any character as the bar.</summary>
    public static FtpArgument ReadEprt(ReadOnlySpan<byte> argument, out IPAddress address, out ushort port)
    {
        argument = argument.Trim((byte)' ');
        (address, port) = (IPAddress.None, 0);
        if (argument.Length is < 2 or > LongestEprt || argument[0] is <= 32 or >= 127)
            return FtpArgument.Malformed;
        var fields = Encoding.Latin1.GetString(argument).Split((char)argument[0]);
        if (fields is not ["", var protocol, var host, var digits, ""] || !FtpNumbers.TryReadPort(Encoding.Latin1.GetBytes(digits), out port))
            return FtpArgument.Malformed;
        return protocol switch
        {
            "1" => ReadV4(Encoding.Latin1.GetBytes(host), out address) ? FtpArgument.Address : FtpArgument.Malformed,
            "2" => ReadV6(host, out address) ? FtpArgument.Address : FtpArgument.Malformed,
            _ when ushort.TryParse(protocol, NumberStyles.None, CultureInfo.InvariantCulture, out _) => FtpArgument.OtherProtocol,
            _ => FtpArgument.Malformed,
        };
    }

    /// <summary>The command by which a server learns where it is waited for: PORT for IPv4, EPRT for IPv6.</summary>
    public static string Command(IPEndPoint at)
    {
        return at.AddressFamily == AddressFamily.InterNetwork
            ? $"PORT {Six(at.Address, at.Port)}"
            : string.Create(CultureInfo.InvariantCulture, $"EPRT |2|{new IPAddress(at.Address.GetAddressBytes())}|{at.Port}|");
    }

    /// <summary>An address of IPv4 and a port, as PORT and 227 have them.</summary>
    internal static string Six(IPAddress address, int port)
    {
        Span<byte> four = stackalloc byte[4];
        address.TryWriteBytes(four, out _);
        return string.Create(CultureInfo.InvariantCulture, $"{four[0]},{four[1]},{four[2]},{four[3]},{port >> 8},{port & 255}");
    }

    private static bool ReadV4(ReadOnlySpan<byte> host, out IPAddress address)
    {
        Span<byte> four = stackalloc byte[4];
        var length = FtpNumbers.ReadBytes(host, (byte)'.', four);
        address = new IPAddress(four);
        return length > 0 && length == host.Length;
    }

    // Without a zone, which means nothing to somebody else.
    private static bool ReadV6(string host, out IPAddress address)
    {
        address = IPAddress.IPv6None;
        if (host.AsSpan().IndexOfAnyExcept(ofV6) >= 0 || !host.Contains(':', StringComparison.Ordinal) || !IPAddress.TryParse(host, out var read))
            return false;
        address = read.IsIPv4MappedToIPv6 ? read.MapToIPv4() : read;
        return true;
    }
}
