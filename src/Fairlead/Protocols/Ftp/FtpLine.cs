namespace Fairlead;

/// <summary>Whether there is a line.</summary>
internal enum FtpLineOutcome
{
    /// <summary>There is one.</summary>
    Complete,

    /// <summary>Its end has not come yet.</summary>
    NeedMore,

    /// <summary>It is longer than any line may be.</summary>
    TooLong,
}

/// <summary>
/// A line of an FTP control connection, of either way. It ends with CR LF (RFC 959 section 4.1.3, RFC 1123 section 4.1.2.10); a bare LF, which old programs send, ends one too, as
/// servers take it: a line that ends earlier there than here would carry a command that nobody has looked at.
/// </summary>
/// <param name="Outcome">Whether there is one.</param>
/// <param name="Text">How many bytes it has without its end.</param>
/// <param name="Length">How many bytes it has with its end.</param>
internal readonly record struct FtpLine(FtpLineOutcome Outcome, int Text = 0, int Length = 0)
{
    /// <summary>The most bytes that a line has, its end included: what vsftpd takes.</summary>
    public const int Limit = 4096;

    /// <summary>Finds the line at the beginning of what has come.</summary>
    public static FtpLine Find(ReadOnlySpan<byte> bytes)
    {
        var end = bytes[..Math.Min(bytes.Length, Limit)].IndexOf((byte)'\n');
        if (end < 0)
            return new FtpLine(bytes.Length >= Limit ? FtpLineOutcome.TooLong : FtpLineOutcome.NeedMore);
        return new FtpLine(FtpLineOutcome.Complete, end > 0 && bytes[end - 1] == '\r' ? end - 1 : end, end + 1);
    }
}
