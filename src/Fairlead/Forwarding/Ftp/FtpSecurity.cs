using System.Text;

namespace Fairlead;

/// <summary>TLS of a control connection that may end here, and the commands about it (RFC 4217 and 2228).</summary>
internal sealed class FtpSecurity(FtpConfig config, FtpChannels channels, bool isOn)
{
    private bool hasBufferSize;

    /// <summary>Whether the control connection is encrypted.</summary>
    public bool IsOn { get; private set; } = isOn;

    /// <summary>Why a client may not begin with a mechanism, as the answer to AUTH; null: it may.</summary>
    public string? Refusal(string mechanism)
    {
        if (IsOn)
            return FtpText.SecuredAlready;
        if (config.Tls == FtpTls.Refuse)
            return FtpText.NoTls;
        return mechanism is "TLS" or "TLS-C" or "TLS-P" or "SSL" ? null : FtpText.UnknownSecurity;
    }

    /// <summary>It is encrypted from now on. The older names SSL and TLS-P mean data connections too.</summary>
    public void Begin(string mechanism)
    {
        IsOn = true;
        channels.IsPrivate = hasBufferSize = mechanism is "SSL" or "TLS-P";
    }

    /// <summary>Answers PBSZ, PROT, CCC and REIN; null where that is the server's.</summary>
    public string? Answer(FtpVerb verb, ReadOnlySpan<byte> argument)
    {
        if (config.Tls != FtpTls.Terminate)
            return null;
        if (verb == FtpVerb.Rein)
            return IsOn ? FtpText.NoRein : null;
        if (!IsOn)
            return FtpText.NotSecured;
        if (verb == FtpVerb.Ccc)
            return FtpText.NoClear;
        if (verb == FtpVerb.Prot)
            return Protect(argument.Trim((byte)' '));
        // RFC 4217 section 8: whatever is proposed, a stream of TLS has no buffers of its own.
        hasBufferSize = true;
        return FtpText.BufferSize;
    }

    private string Protect(ReadOnlySpan<byte> level)
    {
        if (!hasBufferSize)
            return FtpText.BufferSizeFirst;
        if (Ascii.EqualsIgnoreCase(level, "P"u8) || Ascii.EqualsIgnoreCase(level, "C"u8))
        {
            channels.IsPrivate = Ascii.EqualsIgnoreCase(level, "P"u8);
            return channels.IsPrivate ? FtpText.Protected : FtpText.Clear;
        }
        return Ascii.EqualsIgnoreCase(level, "S"u8) || Ascii.EqualsIgnoreCase(level, "E"u8) ? FtpText.NoSuchLevel : FtpText.BadLevel;
    }
}
