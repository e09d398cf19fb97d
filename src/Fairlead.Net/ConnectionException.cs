namespace Fairlead.Net;

/// <summary>How a connection broke.</summary>
public enum ConnectionError
{
    /// <summary>The peer reset it, or had gone when bytes were sent to it.</summary>
    Reset,

    /// <summary>It was aborted or disposed at this end.</summary>
    Aborted,

    /// <summary>The peer stopped answering: keepalive probes or sent bytes were not acknowledged in time.</summary>
    TimedOut,

    /// <summary>The network reports that the peer cannot be reached any more.</summary>
    Unreachable,

    /// <summary>Anything else; the inner exception or the message says what.</summary>
    Failed,
}

/// <summary>A connection ended other than by both sides completing their writes.</summary>
public sealed class ConnectionException : IOException
{
    /// <summary>Makes one that says how the connection broke.</summary>
    public ConnectionException(ConnectionError error, string message, Exception? inner = null)
        : base(message, inner)
    {
        Error = error;
    }

    /// <summary>How the connection broke.</summary>
    public ConnectionError Error { get; }
}
