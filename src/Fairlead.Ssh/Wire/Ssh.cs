namespace Fairlead.Ssh;

/// <summary>Numbers of messages and reasons, with the names that the RFCs give them.</summary>
internal static class Message
{
    // RFC 4253 section 12, RFC 8308.
    public const byte SSH_MSG_DISCONNECT = 1, SSH_MSG_IGNORE = 2, SSH_MSG_UNIMPLEMENTED = 3, SSH_MSG_DEBUG = 4, SSH_MSG_SERVICE_REQUEST = 5, SSH_MSG_SERVICE_ACCEPT = 6, SSH_MSG_EXT_INFO = 7,
        SSH_MSG_KEXINIT = 20, SSH_MSG_NEWKEYS = 21;

    // RFC 4253 section 8, RFC 5656 section 4: the numbers 30 to 49 belong to the method of key exchange.
    public const byte SSH_MSG_KEXDH_INIT = 30, SSH_MSG_KEXDH_REPLY = 31;

    // RFC 4252 section 6. 60 and more belong to the method.
    public const byte SSH_MSG_USERAUTH_REQUEST = 50, SSH_MSG_USERAUTH_FAILURE = 51, SSH_MSG_USERAUTH_SUCCESS = 52, SSH_MSG_USERAUTH_BANNER = 53, SSH_MSG_USERAUTH_PK_OK = 60,
        SSH_MSG_USERAUTH_PASSWD_CHANGEREQ = 60;

    // RFC 4256 section 5.
    public const byte SSH_MSG_USERAUTH_INFO_REQUEST = 60, SSH_MSG_USERAUTH_INFO_RESPONSE = 61;

    // RFC 4254 section 9.
    public const byte SSH_MSG_GLOBAL_REQUEST = 80, SSH_MSG_REQUEST_SUCCESS = 81, SSH_MSG_REQUEST_FAILURE = 82, SSH_MSG_CHANNEL_OPEN = 90, SSH_MSG_CHANNEL_OPEN_CONFIRMATION = 91,
        SSH_MSG_CHANNEL_OPEN_FAILURE = 92, SSH_MSG_CHANNEL_WINDOW_ADJUST = 93, SSH_MSG_CHANNEL_DATA = 94, SSH_MSG_CHANNEL_EXTENDED_DATA = 95, SSH_MSG_CHANNEL_EOF = 96,
        SSH_MSG_CHANNEL_CLOSE = 97, SSH_MSG_CHANNEL_REQUEST = 98, SSH_MSG_CHANNEL_SUCCESS = 99, SSH_MSG_CHANNEL_FAILURE = 100;

    // PROTOCOL of OpenSSH, section 1.8.
    public const byte SSH2_MSG_PING = 192, SSH2_MSG_PONG = 193;
}

/// <summary>Why a peer disconnects (RFC 4253 section 11.1).</summary>
public enum SshDisconnectReason
{
    /// <summary>It may not connect.</summary>
    HostNotAllowedToConnect = 1,

    /// <summary>It broke the protocol.</summary>
    ProtocolError = 2,

    /// <summary>No keys could be agreed on.</summary>
    KeyExchangeFailed = 3,

    /// <summary>Not used.</summary>
    Reserved = 4,

    /// <summary>A packet was changed on the way.</summary>
    MacError = 5,

    /// <summary>Compressed bytes could not be read.</summary>
    CompressionError = 6,

    /// <summary>There is no such service.</summary>
    ServiceNotAvailable = 7,

    /// <summary>Another version of the protocol is spoken.</summary>
    ProtocolVersionNotSupported = 8,

    /// <summary>The host's key is not the one that is known.</summary>
    HostKeyNotVerifiable = 9,

    /// <summary>The connection was lost.</summary>
    ConnectionLost = 10,

    /// <summary>It was ended on purpose.</summary>
    ByApplication = 11,

    /// <summary>There are too many connections.</summary>
    TooManyConnections = 12,

    /// <summary>The user gave up.</summary>
    AuthCancelledByUser = 13,

    /// <summary>No method of authentication is left to try.</summary>
    NoMoreAuthMethodsAvailable = 14,

    /// <summary>The name of the user is not allowed.</summary>
    IllegalUserName = 15,
}
