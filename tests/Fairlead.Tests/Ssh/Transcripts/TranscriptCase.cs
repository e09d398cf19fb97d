using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>The real program at the other end of a recorded session.</summary>
internal enum TranscriptPeer
{
    Sshd,
    Ssh,
    Dropbear,
    Dbclient,
}

/// <summary>What a recorded session is about.</summary>
internal enum TranscriptKind
{
    Kex,
    Cipher,
    Mac,
    HostKey,
    UserKey,
}

/// <summary>A session in which one algorithm is used, with a real program at the other end.</summary>
/// <remarks>
/// Where this end signs, it is by Ed25519 and RSA, whose signatures are always the same. Those of ECDSA are made with chance that nobody injects; that a peer takes them is for it to say, and no recording does. What peers
/// have signed by ECDSA is there.
/// </remarks>
internal sealed record TranscriptCase(TranscriptPeer Peer, TranscriptKind Kind, string Algorithm)
{
    private static readonly string[] deterministic = ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"];

    /// <summary>Every algorithm that is spoken, with OpenSSH in both roles, and with Dropbear what that has.</summary>
    public static IReadOnlyList<TranscriptCase> All { get; } = [.. from peer in Enum.GetValues<TranscriptPeer>() from one in Of(peer) select one];

    /// <summary>Whether this end is the server.</summary>
    public bool IsServer => Peer is TranscriptPeer.Ssh or TranscriptPeer.Dbclient;

    /// <summary>Its name, and that of its file.</summary>
    public string Name => $"{Peer}.{Kind}.{Algorithm}".ToLowerInvariant();

    /// <summary>The file of this end's key.</summary>
    public string KeyName => (IsServer ? HostKeyAlgorithm : UserKeyAlgorithm).StartsWith("rsa-", StringComparison.Ordinal) ? "rsa.key" : "ed25519.key";

    /// <summary>By which algorithm the server signs.</summary>
    public string HostKeyAlgorithm => Kind == TranscriptKind.HostKey ? Algorithm : "ssh-ed25519";

    /// <summary>By which algorithm the user signs.</summary>
    public string UserKeyAlgorithm => Kind == TranscriptKind.UserKey ? Algorithm : "ssh-ed25519";

    /// <summary>What this end offers: the one algorithm, and of the other kinds one that everybody has. What the program prefers changes nothing that was recorded.</summary>
    public SshAlgorithms Offer => new()
    {
        KeyExchanges = [Kind == TranscriptKind.Kex ? Algorithm : "curve25519-sha256"],
        HostKeys = [HostKeyAlgorithm],
        Ciphers = [Kind == TranscriptKind.Cipher ? Algorithm : Kind == TranscriptKind.Mac ? "aes128-ctr" : "chacha20-poly1305@openssh.com"],
        Macs = [Kind == TranscriptKind.Mac ? Algorithm : "hmac-sha2-256"],
    };

    private static IEnumerable<TranscriptCase> Of(TranscriptPeer peer)
    {
        var isDropbear = peer is TranscriptPeer.Dropbear or TranscriptPeer.Dbclient;
        var isServer = peer is TranscriptPeer.Ssh or TranscriptPeer.Dbclient;
        return Of(TranscriptKind.Kex, SshAlgorithms.Default.KeyExchanges)
            .Concat(Of(TranscriptKind.Cipher, SshAlgorithms.Default.Ciphers))
            .Concat(Of(TranscriptKind.Mac, SshAlgorithms.Default.Macs))
            .Concat(Of(TranscriptKind.HostKey, isServer ? deterministic : SignatureAlgorithms.Names))
            .Concat(Of(TranscriptKind.UserKey, isServer ? SignatureAlgorithms.Names : deterministic));

        IEnumerable<TranscriptCase> Of(TranscriptKind kind, IEnumerable<string> names) => names.Where(name => !isDropbear || IsOfDropbear(name)).Select(name => new TranscriptCase(peer, kind, name));
    }

    // Version 2022.83.
    private static bool IsOfDropbear(string algorithm) => !algorithm.Contains("-gcm@", StringComparison.Ordinal) && !algorithm.Contains("-etm@", StringComparison.Ordinal)
        && algorithm is not ("diffie-hellman-group16-sha512" or "aes192-ctr" or "hmac-sha2-512" or "rsa-sha2-512");
}
