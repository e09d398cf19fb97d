using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>What of ssh_config(5) a tunnel can be told on a command line and in such files, and by no key of its own; the names are OpenSSH's. Each initial value is the default.</summary>
internal sealed record SshOptions
{
    /// <summary>Whether a forward that cannot be had ends everything; else the others go on.</summary>
    public bool ExitOnForwardFailure { get; init; }

    /// <summary>After how many unanswered questions for a sign of life the connection is dead: <c>ServerAliveCountMax</c>.</summary>
    public int KeepaliveCount { get; init; } = 3;

    /// <summary>For the connection and its greeting to stand; null: what the implementation takes, and <see cref="Timeout.InfiniteTimeSpan"/>: as long as the system tries.</summary>
    public TimeSpan? ConnectTimeout { get; init; }

    /// <summary>After how many bytes keys are exchanged anew; null: as the cipher wants it.</summary>
    public long? RekeyBytes { get; init; }

    /// <summary>After what time keys are exchanged anew; null: only by bytes.</summary>
    public TimeSpan? RekeyAfter { get; init; }

    /// <summary>Which ciphers may be used; null: all that there are, the best first.</summary>
    public AlgorithmList? Ciphers { get; init; }

    /// <summary>Which message authentication codes may be used; null: all.</summary>
    public AlgorithmList? Macs { get; init; }

    /// <summary>Which key exchanges may be used; null: all.</summary>
    public AlgorithmList? KexAlgorithms { get; init; }

    /// <summary>With which signatures the server may prove itself; null: all.</summary>
    public AlgorithmList? HostKeyAlgorithms { get; init; }

    /// <summary>The name by which the server's key is looked for and written down; null: its host.</summary>
    public string? HostKeyAlias { get; init; }

    /// <summary>Whether names of hosts are hashed where they are written down.</summary>
    public bool HashKnownHosts { get; init; }

    /// <summary>Which addresses the server is connected to; null: of either family.</summary>
    public AddressFamily? AddressFamily { get; init; }

    /// <summary>The address of this machine to connect from; null: as the system routes it.</summary>
    public IPAddress? BindAddress { get; init; }

    /// <summary>Whether the kernel probes the connection too.</summary>
    public bool TcpKeepAlive { get; init; } = true;

    /// <summary>Whether keys alone count that are named.</summary>
    public bool IdentitiesOnly { get; init; }

    /// <summary>Whether nobody is there to be asked for anything.</summary>
    public bool BatchMode { get; init; }

    /// <summary>Whether keys are offered.</summary>
    public bool PubkeyAuthentication { get; init; } = true;

    /// <summary>By which algorithms keys of the user may sign; null: all.</summary>
    public AlgorithmList? PubkeyAcceptedAlgorithms { get; init; }

    /// <summary>Files of certificates, beside those that stand beside keys.</summary>
    public ValueList<string> CertificateFiles { get; init; } = [];

    /// <summary>Whether known keys of a server follow what it proves of itself; null: where the user has named no file of them.</summary>
    public bool? UpdateHostKeys { get; init; }

    /// <summary>Whether questions of a server are answered (keyboard-interactive).</summary>
    public bool KbdInteractiveAuthentication { get; init; } = true;

    /// <summary>Whether a password is offered.</summary>
    public bool PasswordAuthentication { get; init; } = true;

    /// <summary>In which order what can be offered is; empty: as the implementation has it. Only what stands here is offered.</summary>
    public ValueList<string> PreferredAuthentications { get; init; } = [];

    /// <summary>The command whose standard input and output are the connection, as a shell is given it; null: the server is dialled.</summary>
    public string? ProxyCommand { get; init; }

    /// <summary>The interface whose addresses to connect from; null: as <see cref="BindAddress"/> says.</summary>
    public string? BindInterface { get; init; }

    /// <summary>Further files of private keys, which need not be there.</summary>
    public ValueList<string> OtherIdentities { get; init; } = [];

    /// <summary>Further files of certificates, which need not be there.</summary>
    public ValueList<string> OtherCertificates { get; init; } = [];

    /// <summary>Whether files of known hosts may be missing that are named.</summary>
    public bool MayLackKnownHosts { get; init; }

    /// <summary>Files of known hosts that are read after the user's, and never written; they need not be there.</summary>
    public ValueList<string> GlobalKnownHosts { get; init; } = [];

    /// <summary>Whether the address that was reached must not be known with another key than the host.</summary>
    public bool CheckHostIp { get; init; }

    /// <summary>The fewest bits of an RSA key, the server's and the user's; null: what the implementation asks for.</summary>
    public int? RequiredRsaBits { get; init; }

    /// <summary>With which signatures an authority may vouch for the server; null: all.</summary>
    public AlgorithmList? CaSignatureAlgorithms { get; init; }
}
