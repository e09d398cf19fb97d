namespace Fairlead.Ssh;

/// <summary>How an SSH connection ended, or why there was none.</summary>
public enum SshEndCause
{
    /// <summary>The peer closed it.</summary>
    ClosedByPeer,

    /// <summary>The peer ended it, and said why.</summary>
    Disconnected,

    /// <summary>It was closed at this end.</summary>
    Closed,

    /// <summary>The network broke it.</summary>
    Lost,

    /// <summary>The peer did not answer any more, or not in time.</summary>
    NoAnswer,

    /// <summary>The peer broke the protocol, or nothing could be agreed on.</summary>
    Protocol,

    /// <summary>The server's key is not believed.</summary>
    HostKey,

    /// <summary>The user was not let in.</summary>
    Authentication,
}

/// <summary>How an SSH connection ended, as a value.</summary>
/// <param name="Cause">How.</param>
/// <param name="Reason">The reason that was told, by either end; null where none was.</param>
/// <param name="Text">In words; what is the peer's among them is a stranger's text, to be printed escaped.</param>
public sealed record SshEnd(SshEndCause Cause, SshDisconnectReason? Reason, string Text);

/// <summary>What became of an attempt to connect, or to accept.</summary>
/// <param name="Connection">The connection, which is the caller's; null: there is none.</param>
/// <param name="End">Why there is none; null if there is one.</param>
public readonly record struct SshConnectResult(SshConnection? Connection, SshEnd? End);
