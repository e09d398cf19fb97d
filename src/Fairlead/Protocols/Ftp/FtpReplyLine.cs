namespace Fairlead;

/// <summary>A line of a reply (RFC 959 section 4.2).</summary>
/// <param name="Code">The code of the reply; 0 for a line that belongs to none.</param>
/// <param name="IsFinal">Whether the reply ends with it.</param>
/// <param name="IsFirst">Whether the reply begins with it.</param>
/// <param name="Text">Where the text behind the code begins; 0 for a line inside of a reply.</param>
internal readonly record struct FtpReplyLine(int Code, bool IsFinal, bool IsFirst, int Text)
{
    /// <summary>
    /// Reads a line, without its end, that follows those before it. A reply of several lines begins with its code and a hyphen, and ends with the line that begins with the
    /// same code and a space; whatever stands between is text, however much it looks like a reply.
    /// </summary>
    /// <param name="line">The line.</param>
    /// <param name="open">The code of the reply that has begun and not ended, 0 for none; brought up to date.</param>
    public static FtpReplyLine Parse(ReadOnlySpan<byte> line, ref int open)
    {
        var start = open == 0 ? FtpTelnet.PrefixLength(line, out _) : 0;
        var code = CodeOf(line[start..], out var isMore);
        if (open != 0)
        {
            if (code != open || isMore)
                return new FtpReplyLine(open, IsFinal: false, IsFirst: false, 0);
            open = 0;
            return new FtpReplyLine(code, IsFinal: true, IsFirst: false, 3);
        }
        if (code == 0)
            return default;
        open = isMore ? code : 0;
        return new FtpReplyLine(code, !isMore, IsFirst: true, start + 3);
    }

    // 0 where there is none. A code alone, without the space that should follow, is sent by some.
    private static int CodeOf(ReadOnlySpan<byte> line, out bool isMore)
    {
        isMore = line.Length > 3 && line[3] == '-';
        if (line.Length < 3 || (line.Length > 3 && line[3] is not ((byte)' ' or (byte)'-')))
            return 0;
        var code = 0;
        foreach (var digit in line[..3])
        {
            if (!char.IsAsciiDigit((char)digit))
                return 0;
            code = (code * 10) + digit - '0';
        }
        return code is >= 100 and < 700 ? code : 0;
    }
}
