namespace Fairlead.Ssh;

/// <summary>The peer has broken the protocol, or nothing can be agreed on with it: the connection ends with this reason, and the peer is told.</summary>
internal sealed class SshProtocolException(SshDisconnectReason reason, string message) : Exception(message)
{
    public SshDisconnectReason Reason { get; } = reason;

    public static SshProtocolException Of(string message) => new(SshDisconnectReason.ProtocolError, message);
}

/// <summary>The peer has ended the connection, in words of its own (RFC 4253 section 11.1).</summary>
internal sealed class SshDisconnectedException(SshDisconnectReason reason, string description) : Exception(description)
{
    public SshDisconnectReason Reason { get; } = reason;
}
