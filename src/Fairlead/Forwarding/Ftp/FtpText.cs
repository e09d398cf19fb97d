using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What Fairlead itself says to FTP clients, and of them.</summary>
internal static class FtpText
{
    public const string TooLong = "500 The line is longer than 4096 bytes";
    public const string Malformed = "500 That is no command";
    public const string Unsupported = "502 That cannot be forwarded; use EPSV or PASV";
    public const string BadArgument = "501 That is no address and port";
    public const string OnlyEpsv = "501 Only EPSV after EPSV ALL";
    public const string NotYours = "504 Only your own address, and ports from 1024 up";
    public const string NoActive = "500 Active mode cannot be forwarded here; use EPSV or PASV";
    public const string NoPassive = "425 Passive mode cannot be forwarded here";
    public const string UseEpsv = "425 PASV names no IPv6 address; use EPSV";
    public const string Foreign = "425 The server's passive address is not its own, or of a forbidden port; nothing was opened";
    public const string Unclear = "425 The server's passive reply has no address";
    public const string NoPort = "425 No port is free for the data connection";
    public const string Busy = "425 Too many data connections are under way";
    public const string NoTls = "534 There is no TLS here";
    public const string UnknownSecurity = "504 Only TLS";
    public const string SecuredAlready = "503 TLS is on already";
    public const string NothingBehindAuth = "503 Nothing may follow AUTH before its reply";
    public const string Proceed = "234 Proceed with TLS";
    public const string NoClear = "534 The control connection stays encrypted";
    public const string NotSecured = "503 AUTH comes first";
    public const string BufferSizeFirst = "503 PBSZ comes first";
    public const string BufferSize = "200 PBSZ=0";
    public const string Protected = "200 Data connections are encrypted";
    public const string Clear = "200 Data connections are clear";
    public const string NoSuchLevel = "536 Only PROT P and PROT C";
    public const string BadLevel = "504 That is no protection level";
    public const string NoRein = "502 Not while the control connection is encrypted";
    public const string FeaturesBegin = "211-Features:";
    public const string FeaturesEnd = "211 End";

    /// <summary>Of a network protocol that the client does not talk itself (RFC 2428).</summary>
    public static string OtherProtocol(AddressFamily family) => $"522 Network protocol not supported, use ({(family == AddressFamily.InterNetwork ? 1 : 2)})";

    public static string ForeignPassive(IPAddress? address, int port, IPAddress? upstream) =>
        $"the server says that it waits for data at {address}:{port}, and its control connection is at {upstream}; that is refused, so let it name its own address (pasv_address, ForcePassiveIP) or clients use EPSV";

    public static string PrivilegedPassive(int port) => $"the server says that it waits for data on port {port}; ports below 1024 are refused";

    public static string ForeignActive(IPAddress client, IPAddress address, int port) =>
        $"{client} asks for a data connection to {new IPEndPoint(address, port)}; only its own address, and ports from 1024 up, are let through";

    public static string NoPortFree(PortRange ports) => ports.First == 0 ? "no port or descriptor is left for a data connection" : $"no port of ftp.ports {ports}, or no descriptor, is left for a data connection";

    public static string OutsidePorts(int port, PortRange? ports) =>
        $"the server says that it waits for data on port {port}, which ftp.ports {ports} does not have; let its passive ports and ftp.ports be the same";

    public static string NotDialled(Side side, DialResult dial) =>
        $"the {(side == Side.Client ? "client" : "upstream")} cannot be reached for a data connection ({dial.Outcome}{(dial.Detail is null ? "" : $": {Printable.Escape(dial.Detail)}")})";
}
