using System.Net;

namespace Fairlead;

/// <summary>What a forward with <c>protocol: ftp</c> does with data connections and TLS.</summary>
public sealed record FtpConfig
{
    /// <summary>
    /// The ports for the data connections of clients in passive mode, at the address that the client has reached; null: the system chooses. With <see cref="FtpTls.Pass"/> also
    /// the passive ports of the server, which are carried one to one.
    /// </summary>
    public PortRange? Ports { get; init; }

    /// <summary>The IPv4 address that replies to PASV name: the outside of a router before this machine; null: the one that the client has reached.</summary>
    public IPAddress? Advertise { get; init; }

    /// <summary>What becomes of a client that asks for TLS (AUTH, RFC 4217).</summary>
    public FtpTls Tls { get; init; }
}

/// <summary>What becomes of a client that asks for TLS.</summary>
public enum FtpTls
{
    /// <summary>It is told that there is none, so that it goes on in clear, or stops.</summary>
    Refuse,

    /// <summary>It talks TLS with the server; nothing of that can be read here, so that data connections need a fixed range of ports.</summary>
    Pass,

    /// <summary>It talks TLS with Fairlead, which talks in clear with the server.</summary>
    Terminate,
}
