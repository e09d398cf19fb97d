using System.Globalization;
using System.Net;

namespace Fairlead;

/// <summary>Where a server waits for a data connection: the texts of replies 227 (RFC 959, RFC 1123 section 4.1.2.6) and 229 (RFC 2428).</summary>
internal static class FtpPassive
{
    /// <summary>
    /// Finds the address in the text of a 227. Neither its place nor parentheses around it are certain: it is the first digits that are followed by five more numbers.
    /// </summary>
    public static bool TryReadPasv(ReadOnlySpan<byte> text, out IPAddress address, out ushort port)
    {
        Span<byte> six = stackalloc byte[6];
        for (var at = 0; at < text.Length; at++)
        {
            var begins = char.IsAsciiDigit((char)text[at]) && (at == 0 || !(char.IsAsciiDigit((char)text[at - 1]) || text[at - 1] == ','));
            if (begins && FtpNumbers.ReadBytes(text[at..], (byte)',', six) > 0)
                return Address(six, out address, out port);
        }
        (address, port) = (IPAddress.None, 0);
        return false;
    }

    /// <summary>Finds the port in the text of a 229: between four of the same character, the first three side by side, in parentheses.</summary>
    public static bool TryReadEpsv(ReadOnlySpan<byte> text, out ushort port)
    {
        port = 0;
        for (var at = text.IndexOf((byte)'('); at >= 0;)
        {
            var inside = text[(at + 1)..];
            if (inside.Length > 3 && inside[0] is > 32 and < 127 && inside[1] == inside[0] && inside[2] == inside[0]
                && inside[3..].IndexOf(inside[0]) is var digits and > 0 && inside[(4 + digits)..].StartsWith(")"u8))
            {
                return FtpNumbers.TryReadPort(inside.Slice(3, digits), out port);
            }
            var next = inside.IndexOf((byte)'(');
            at = next < 0 ? -1 : at + 1 + next;
        }
        return false;
    }

    /// <summary>A 227.</summary>
    /// <param name="address">Of IPv4.</param>
    /// <param name="port">The port.</param>
    public static string Pasv(IPAddress address, int port) => $"227 Entering Passive Mode ({FtpActive.Six(address, port)})";

    /// <summary>A 229.</summary>
    public static string Epsv(int port) => string.Create(CultureInfo.InvariantCulture, $"229 Entering Extended Passive Mode (|||{port}|)");

    internal static bool Address(ReadOnlySpan<byte> six, out IPAddress address, out ushort port)
    {
        address = new IPAddress(six[..4]);
        port = (ushort)((six[4] << 8) | six[5]);
        return port != 0;
    }
}
