using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>
/// From why a channel was not opened to the word for how a dial ended, and back. SSH has one number for all that goes wrong when the far end dials (RFC 4254 section 5.1), so that its words
/// have to tell: those of the C library, which OpenSSH sends, and of others like them.
/// </summary>
internal static class OpenFailures
{
    private static readonly (string Words, DialOutcome Outcome)[] table =
    [
        ("refused", DialOutcome.Refused),
        ("timed out", DialOutcome.TimedOut),
        ("timeout", DialOutcome.TimedOut),
        ("unreachable", DialOutcome.Unreachable),
        ("no route", DialOutcome.Unreachable),
        ("not known", DialOutcome.NameUnknown),
        ("unknown host", DialOutcome.NameUnknown),
        ("no address associated", DialOutcome.NameUnknown),
        ("name resolution", DialOutcome.NameUnknown),
        ("cannot be looked up", DialOutcome.NameUnknown),
    ];

    /// <summary>How the dial ended that the far end did not do, or did in vain.</summary>
    /// <param name="failure">The number that it told.</param>
    /// <param name="description">Its words; a stranger's.</param>
    public static DialOutcome ToOutcome(SshOpenFailure failure, string description) => failure switch
    {
        SshOpenFailure.AdministrativelyProhibited => DialOutcome.NotAllowed,
        SshOpenFailure.ResourceShortage => DialOutcome.NoResources,
        SshOpenFailure.UnknownChannelType => DialOutcome.NotSupported,
        SshOpenFailure.ConnectFailed => Array.Find(table, entry => description.Contains(entry.Words, StringComparison.OrdinalIgnoreCase)) is { Words: not null } known ? known.Outcome : DialOutcome.Failed,
        _ => DialOutcome.Failed,
    };

    /// <summary>What a client of ours is told.</summary>
    public static (SshOpenFailure Failure, string Description) Of(DialOutcome outcome) => outcome switch
    {
        DialOutcome.Refused => (SshOpenFailure.ConnectFailed, "Connection refused"),
        DialOutcome.Unreachable => (SshOpenFailure.ConnectFailed, "Network is unreachable"),
        DialOutcome.TimedOut => (SshOpenFailure.ConnectFailed, "Connection timed out"),
        DialOutcome.NameUnknown => (SshOpenFailure.ConnectFailed, "Name or service not known"),
        DialOutcome.NotSupported => (SshOpenFailure.UnknownChannelType, "this is not known here"),
        DialOutcome.NotAllowed => (SshOpenFailure.AdministrativelyProhibited, "this is not allowed"),
        DialOutcome.NoResources or DialOutcome.NoLocalAddress or DialOutcome.Busy => (SshOpenFailure.ResourceShortage, "there is too little of something"),
        _ => (SshOpenFailure.ConnectFailed, "the connection could not be made"),
    };
}
