namespace Fairlead.Ssh;

/// <summary>Where the far end is to listen (RFC 4254 section 7.1; PROTOCOL of OpenSSH, section 2.4).</summary>
public abstract record SshBind
{
    private SshBind()
    {
    }

    /// <summary>On a port.</summary>
    /// <param name="Host">As it is asked for: empty is every address, <c>localhost</c> the loopbacks, <c>0.0.0.0</c> and <c>::</c> every address of a family. A stranger's text at a server.</param>
    /// <param name="Port">0: the far end chooses.</param>
    public sealed record Tcp(string Host, int Port) : SshBind;

    /// <summary>On a Unix socket.</summary>
    public sealed record Streamlocal(string Path) : SshBind;
}

/// <summary>What a channel is for (RFC 4254 sections 5.1, 6.1, 7.2; PROTOCOL of OpenSSH, section 2.4). Names and paths are the peer's text.</summary>
public abstract record SshOpen
{
    // A name of a host has 255 characters at the most, a path of a socket 108. Each may be kept until it is answered.
    private const int MostPlace = 1024;

    private SshOpen(string type) => Type = type;

    /// <summary>The name of the type.</summary>
    public string Type { get; }

    /// <summary>To be connected to a host and port, as the far end sees them.</summary>
    public sealed record DirectTcp(string Host, int Port, string OriginatorAddress, int OriginatorPort) : SshOpen("direct-tcpip");

    /// <summary>To be connected to a Unix socket there.</summary>
    public sealed record DirectStreamlocal(string Path) : SshOpen("direct-streamlocal@openssh.com");

    /// <summary>Somebody has connected to where the far end was asked to listen.</summary>
    public sealed record ForwardedTcp(string Host, int Port, string OriginatorAddress, int OriginatorPort) : SshOpen("forwarded-tcpip");

    /// <summary>The same for a Unix socket.</summary>
    public sealed record ForwardedStreamlocal(string Path) : SshOpen("forwarded-streamlocal@openssh.com");

    /// <summary>
    /// Datagrams to and from whomever they name, by a port of the far end that it chooses: a channel type of Fairlead's own (<c>docs/ssh-protocol.md</c>). Each message is a datagram with the header
    /// of RFC 1928 section 7.
    /// </summary>
    public sealed record UdpAssociation(string OriginatorAddress, int OriginatorPort) : SshOpen("udp-association@fairlead");

    /// <summary>The same by a port that the far end is asked to listen on: whoever has sent to it may be answered.</summary>
    /// <param name="Host">As with <see cref="SshBind.Tcp"/>.</param>
    /// <param name="Port">0: the far end chooses, and tells it.</param>
    public sealed record UdpListen(string Host, int Port) : SshOpen("udp-listen@fairlead");

    /// <summary>A shell or a command.</summary>
    public sealed record Session() : SshOpen("session");

    /// <summary>Something that is not known here.</summary>
    public sealed record Other(string Name) : SshOpen(Name);

    /// <summary>Whether each message of the channel is a datagram.</summary>
    internal bool IsOfDatagrams => this is UdpAssociation or UdpListen;

    internal SshWriter Write(SshWriter writer) => this switch
    {
        DirectTcp tcp => writer.WriteString(tcp.Host).WriteUInt32((uint)tcp.Port).WriteString(tcp.OriginatorAddress).WriteUInt32((uint)tcp.OriginatorPort),
        ForwardedTcp tcp => writer.WriteString(tcp.Host).WriteUInt32((uint)tcp.Port).WriteString(tcp.OriginatorAddress).WriteUInt32((uint)tcp.OriginatorPort),
        UdpAssociation udp => writer.WriteString(udp.OriginatorAddress).WriteUInt32((uint)udp.OriginatorPort),
        UdpListen udp => writer.WriteString(udp.Host).WriteUInt32((uint)udp.Port),
        DirectStreamlocal local => writer.WriteString(local.Path).WriteString("").WriteUInt32(0),
        ForwardedStreamlocal local => writer.WriteString(local.Path).WriteString(""),
        _ => writer,
    };

    internal static SshOpen Read(string type, ref SshReader fields) => type switch
    {
        "direct-tcpip" => new DirectTcp(ReadPlace(ref fields), ReadPort(ref fields), ReadPlace(ref fields), ReadAnyPort(ref fields)),
        "forwarded-tcpip" => new ForwardedTcp(ReadPlace(ref fields), ReadPort(ref fields), ReadPlace(ref fields), ReadAnyPort(ref fields)),
        "direct-streamlocal@openssh.com" => new DirectStreamlocal(ReadPlace(ref fields)),
        "forwarded-streamlocal@openssh.com" => new ForwardedStreamlocal(ReadPlace(ref fields)),
        "udp-association@fairlead" => new UdpAssociation(ReadPlace(ref fields), ReadAnyPort(ref fields)),
        "udp-listen@fairlead" => new UdpListen(ReadPlace(ref fields), ReadPort(ref fields)),
        "session" => new Session(),
        _ => new Other(type),
    };

    /// <summary>Reads a host, an address or a path.</summary>
    internal static string ReadPlace(ref SshReader fields)
    {
        var place = fields.ReadText();
        return place.Length <= MostPlace ? place : throw new SshFormatException($"a name of {place.Length} characters is longer than any host or path");
    }

    internal static int ReadPort(ref SshReader fields)
    {
        var port = fields.ReadUInt32();
        return port <= 65535 ? (int)port : throw new SshFormatException("a port is above 65535");
    }

    // Who connected is told for logs; some peers have none to tell.
    private static int ReadAnyPort(ref SshReader fields) => (int)Math.Min(fields.ReadUInt32(), 65535);
}

/// <summary>Why a channel is not opened (RFC 4254 section 5.1).</summary>
public enum SshOpenFailure
{
    /// <summary>It is not allowed.</summary>
    AdministrativelyProhibited = 1,

    /// <summary>Its target cannot be connected to.</summary>
    ConnectFailed = 2,

    /// <summary>There is no such type of channel.</summary>
    UnknownChannelType = 3,

    /// <summary>There are too many, or too little of something else.</summary>
    ResourceShortage = 4,
}

/// <summary>What became of a channel that was asked for.</summary>
/// <param name="Channel">The channel, which is the caller's; null: it was not opened.</param>
/// <param name="Failure">Why not; null: the connection ended before there was an answer, or the wait was given up.</param>
/// <param name="Description">The far end's words, or this end's; a stranger's text.</param>
/// <param name="Datagrams">The channel as datagrams, where it is one of those, which the caller owns instead of it.</param>
/// <param name="Port">The port that <see cref="SshOpen.UdpListen"/> listens on; null without it.</param>
public readonly record struct SshOpenResult(SshChannel? Channel, SshOpenFailure? Failure, string Description, SshDatagrams? Datagrams = null, int? Port = null);

/// <summary>What became of a listen that was asked for.</summary>
/// <param name="Port">The port that is listened on, 0 for a path; null: it was refused.</param>
/// <param name="IsOver">Whether the connection ended before there was an answer.</param>
public readonly record struct SshListenResult(int? Port, bool IsOver);
