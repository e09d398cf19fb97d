namespace Fairlead;

/// <summary>
/// What Telnet (RFC 854) leaves at the beginning of a line: an interrupt and a mark before ABOR (RFC 959 section 4.1.3), or the refusal of an option (RFC 1123 section 4.1.2.12).
/// </summary>
internal static class FtpTelnet
{
    /// <summary>The first byte of every Telnet command.</summary>
    public const byte IAC = 255;

    /// <summary>The data mark. It is sent as urgent data, so that the system may have taken it out of the stream.</summary>
    public const byte DM = 242;

    private const byte SE = 240, WILL = 251, DONT = 254;

    /// <summary>How long the Telnet commands at the beginning of a line are.</summary>
    /// <param name="line">The line.</param>
    /// <param name="hasLostMark">Whether they end in an IAC without the mark that belonged to it.</param>
    public static int PrefixLength(ReadOnlySpan<byte> line, out bool hasLostMark)
    {
        hasLostMark = false;
        var at = 0;
        while (at + 1 < line.Length && line[at] == IAC && line[at + 1] != IAC)
        {
            if (line[at + 1] < SE)
            {
                hasLostMark = true;
                return at + 1;
            }
            var length = line[at + 1] is >= WILL and <= DONT ? 3 : 2;
            if (at + length > line.Length)
                break;
            at += length;
        }
        return at;
    }
}
