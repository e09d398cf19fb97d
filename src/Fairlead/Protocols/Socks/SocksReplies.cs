using Fairlead.Net;

namespace Fairlead;

/// <summary>From how a dial ended to the code that a SOCKS client is told (RFC 1928 section 6, and SOCKS4's), and back.</summary>
internal static class SocksReplies
{
    public const byte Succeeded = 0x00, GeneralFailure = 0x01, NotAllowed = 0x02, NetworkUnreachable = 0x03, HostUnreachable = 0x04,
        ConnectionRefused = 0x05, TtlExpired = 0x06, CommandNotSupported = 0x07, AddressTypeNotSupported = 0x08;

    /// <summary>SOCKS4's; it has none that says why, except that identd (RFC 1413) was not there, or named another user.</summary>
    public const byte Granted = 0x5a, Rejected = 0x5b, NoIdentd = 0x5c, OtherUser = 0x5d;

    /// <summary>The code of SOCKS5. A dial that timed out is told as TTL expired, which is what clients know for it.</summary>
    public static byte To5(DialOutcome outcome) => outcome switch
    {
        DialOutcome.Connected => Succeeded,
        DialOutcome.NotAllowed => NotAllowed,
        DialOutcome.Refused => ConnectionRefused,
        DialOutcome.Unreachable or DialOutcome.NameUnknown => HostUnreachable,
        DialOutcome.TimedOut => TtlExpired,
        DialOutcome.NotSupported => CommandNotSupported,
        _ => GeneralFailure,
    };

    /// <summary>The code of SOCKS4.</summary>
    public static byte To4(DialOutcome outcome) => outcome == DialOutcome.Connected ? Granted : Rejected;

    /// <summary>How a dial ended of which a server of SOCKS5 says so.</summary>
    public static DialOutcome From5(byte code) => code switch
    {
        Succeeded => DialOutcome.Connected,
        NotAllowed => DialOutcome.NotAllowed,
        NetworkUnreachable or HostUnreachable => DialOutcome.Unreachable,
        ConnectionRefused => DialOutcome.Refused,
        TtlExpired => DialOutcome.TimedOut,
        CommandNotSupported => DialOutcome.NotSupported,
        _ => DialOutcome.Failed,
    };

    /// <summary>How a dial ended of which a server of SOCKS4 says so.</summary>
    public static DialOutcome From4(byte code) => code switch
    {
        Granted => DialOutcome.Connected,
        NoIdentd or OtherUser => DialOutcome.NotAllowed,
        _ => DialOutcome.Failed,
    };

    /// <summary>A code of SOCKS5 in words, for logs.</summary>
    public static string Words5(byte code) => code switch
    {
        Succeeded => "succeeded",
        GeneralFailure => "general failure",
        NotAllowed => "not allowed",
        NetworkUnreachable => "network unreachable",
        HostUnreachable => "host unreachable",
        ConnectionRefused => "connection refused",
        TtlExpired => "TTL expired",
        CommandNotSupported => "command not supported",
        AddressTypeNotSupported => "address type not supported",
        _ => $"failure 0x{code:x2}",
    };

    /// <summary>A code of SOCKS4 in words, for logs.</summary>
    public static string Words4(byte code) => code switch
    {
        Granted => "granted",
        Rejected => "rejected or failed",
        NoIdentd => "rejected, since it finds no identd here",
        OtherUser => "rejected, since identd names another user",
        _ => $"failure 0x{code:x2}",
    };
}
