using System.Text;

namespace Fairlead;

/// <summary>What a server says of its features (the reply to FEAT, RFC 2389), as far as whoever stands between takes part in them.</summary>
internal static class FtpFeatures
{
    /// <summary>The lines that say that TLS is to be had (RFC 4217 section 6).</summary>
    public static IReadOnlyList<string> Tls { get; } = [" AUTH TLS", " PBSZ", " PROT"];

    /// <summary>Whether a line of the reply is about security, which ends here, or about a way to a data connection that cannot be carried.</summary>
    public static bool IsWithheld(ReadOnlySpan<byte> line)
    {
        var feature = line.Trim((byte)' ');
        var end = feature.IndexOfAny((byte)' ', (byte)';');
        var name = end < 0 ? feature : feature[..end];
        return Ascii.EqualsIgnoreCase(name, "AUTH"u8) || Ascii.EqualsIgnoreCase(name, "PBSZ"u8) || Ascii.EqualsIgnoreCase(name, "PROT"u8) || Ascii.EqualsIgnoreCase(name, "CCC"u8)
            || Ascii.EqualsIgnoreCase(name, "SSCN"u8) || FtpCommand.IsUnsupported(name);
    }
}
