namespace Fairlead;

/// <summary>What an EPSV asks for (RFC 2428 section 3 and 4).</summary>
internal enum FtpEpsv
{
    /// <summary>A port, of the control connection's own network protocol.</summary>
    Port,

    /// <summary>A port of IPv4.</summary>
    V4,

    /// <summary>A port of IPv6.</summary>
    V6,

    /// <summary>Nothing: the client will use no other way to a data connection from now on.</summary>
    All,

    /// <summary>A port of another network protocol.</summary>
    OtherProtocol,

    /// <summary>None of these.</summary>
    Malformed,
}

/// <summary>Reads the argument of EPSV.</summary>
internal static class FtpEpsvArgument
{
    /// <summary>Reads it.</summary>
    public static FtpEpsv Read(ReadOnlySpan<byte> argument)
    {
        argument = argument.Trim((byte)' ');
        if (argument.IsEmpty)
            return FtpEpsv.Port;
        if (argument.SequenceEqual("1"u8))
            return FtpEpsv.V4;
        if (argument.SequenceEqual("2"u8))
            return FtpEpsv.V6;
        if (argument.Length == 3 && System.Text.Ascii.EqualsIgnoreCase(argument, "ALL"u8))
            return FtpEpsv.All;
        return argument.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0 ? FtpEpsv.OtherProtocol : FtpEpsv.Malformed;
    }
}
