using System.Globalization;

namespace Fairlead;

/// <summary>Decimal numbers in the text of commands and replies.</summary>
internal static class FtpNumbers
{
    /// <summary>Reads bytes in decimal, with a separator between each two.</summary>
    /// <param name="text">What begins with them.</param>
    /// <param name="separator">What stands between two.</param>
    /// <param name="bytes">As many as are read.</param>
    /// <returns>How long they are; 0 where they are not all there, and where another digit or separator follows.</returns>
    public static int ReadBytes(ReadOnlySpan<byte> text, byte separator, Span<byte> bytes)
    {
        var at = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (i > 0 && (at == text.Length || text[at++] != separator))
                return 0;
            var (value, start) = (0, at);
            while (at < text.Length && at - start < 3 && char.IsAsciiDigit((char)text[at]))
                value = (value * 10) + text[at++] - '0';
            if (at == start || value > byte.MaxValue)
                return 0;
            bytes[i] = (byte)value;
        }
        return at < text.Length && (char.IsAsciiDigit((char)text[at]) || text[at] == separator) ? 0 : at;
    }

    /// <summary>Reads a port, of at most five digits and not 0.</summary>
    public static bool TryReadPort(ReadOnlySpan<byte> text, out ushort port)
    {
        port = 0;
        return text.Length is > 0 and <= 5 && ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port != 0;
    }
}
