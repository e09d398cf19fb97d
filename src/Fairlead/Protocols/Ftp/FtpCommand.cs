namespace Fairlead;

/// <summary>The commands that whoever stands between client and server has to understand; all others are <see cref="Other"/>.</summary>
internal enum FtpVerb
{
    /// <summary>Not to be passed on: a server might read something else into it.</summary>
    Malformed,

    /// <summary>Any other.</summary>
    Other,

    /// <summary>ABOR, RFC 959.</summary>
    Abor,

    /// <summary>AUTH, RFC 2228 and 4217.</summary>
    Auth,

    /// <summary>CCC, RFC 2228.</summary>
    Ccc,

    /// <summary>EPRT, RFC 2428.</summary>
    Eprt,

    /// <summary>EPSV, RFC 2428.</summary>
    Epsv,

    /// <summary>FEAT, RFC 2389.</summary>
    Feat,

    /// <summary>PASV, RFC 959.</summary>
    Pasv,

    /// <summary>PBSZ, RFC 2228.</summary>
    Pbsz,

    /// <summary>PORT, RFC 959.</summary>
    Port,

    /// <summary>PROT, RFC 2228.</summary>
    Prot,

    /// <summary>REIN, RFC 959.</summary>
    Rein,

    /// <summary>Names an address in a way that nobody between could carry: LPRT and LPSV (RFC 1639), CPSV, SPSV.</summary>
    Unsupported,
}

/// <summary>A command line, without its end (RFC 959 section 5.3).</summary>
/// <param name="Verb">Which command it is.</param>
/// <param name="Start">Where it begins: behind Telnet commands and spaces.</param>
/// <param name="Argument">Where its argument begins; the length of the line where it has none.</param>
/// <param name="HasLostMark">Whether the Telnet commands before it lack a mark (<see cref="FtpTelnet.DM"/>).</param>
internal readonly record struct FtpCommand(FtpVerb Verb, int Start = 0, int Argument = 0, bool HasLostMark = false)
{
    /// <summary>Longer than any that is known; who sends one longer gets it passed on as it is.</summary>
    private const int LongestKnown = 4;

    /// <summary>Reads a line.</summary>
    public static FtpCommand Parse(ReadOnlySpan<byte> line)
    {
        var start = FtpTelnet.PrefixLength(line, out var hasLostMark);
        while (start < line.Length && line[start] == ' ')
            start++;
        var rest = line[start..];
        var length = rest.IndexOf((byte)' ');
        if (length < 0)
            length = rest.Length;
        // A verb with anything else inside, or a bare CR anywhere, might be another command to a server that leaves such bytes out, or that ends lines there.
        if (length == 0 || !IsPlain(rest[..length]) || line.Contains((byte)'\r'))
            return default;
        return new FtpCommand(VerbOf(rest[..length]), start, Math.Min(start + length + 1, line.Length), hasLostMark);
    }

    /// <summary>Whether a name is one of those that <see cref="Parse"/> calls unsupported.</summary>
    public static bool IsUnsupported(ReadOnlySpan<byte> name) => VerbOf(name) == FtpVerb.Unsupported;

    private static bool IsPlain(ReadOnlySpan<byte> verb)
    {
        foreach (var letter in verb)
        {
            if (!char.IsAsciiLetterOrDigit((char)letter))
                return false;
        }
        return true;
    }

    private static FtpVerb VerbOf(ReadOnlySpan<byte> name)
    {
        if (name.Length > LongestKnown)
            return FtpVerb.Other;
        Span<char> upper = stackalloc char[LongestKnown];
        for (var i = 0; i < name.Length; i++)
            upper[i] = char.ToUpperInvariant((char)name[i]);
        return upper[..name.Length] switch
        {
            "ABOR" => FtpVerb.Abor,
            "AUTH" => FtpVerb.Auth,
            "CCC" => FtpVerb.Ccc,
            "EPRT" => FtpVerb.Eprt,
            "EPSV" => FtpVerb.Epsv,
            "FEAT" => FtpVerb.Feat,
            "PASV" => FtpVerb.Pasv,
            "PBSZ" => FtpVerb.Pbsz,
            "PORT" => FtpVerb.Port,
            "PROT" => FtpVerb.Prot,
            "REIN" => FtpVerb.Rein,
            "LPRT" or "LPSV" or "CPSV" or "SPSV" => FtpVerb.Unsupported,
            _ => FtpVerb.Other,
        };
    }
}
