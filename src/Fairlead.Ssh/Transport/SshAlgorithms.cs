namespace Fairlead.Ssh;

/// <summary>The algorithms that one end offers, the preferred ones first (RFC 4253 section 7.1). Both directions are offered the same.</summary>
/// <remarks>
/// What there is: see <c>docs/ssh-protocol.md</c>. No CBC, no SHA-1, no compression. Strict key exchange is always offered; <see cref="IsStrictRequired"/> refuses peers without it.
/// </remarks>
public sealed record SshAlgorithms
{
    /// <summary>Everything, in the order of preference of this machine: AES-GCM first where the processor has AES.</summary>
    public static SshAlgorithms Default { get; } = new();

    /// <summary>Methods of key exchange.</summary>
    public IReadOnlyList<string> KeyExchanges { get; init; } = Ssh.KeyExchanges.Names;

    /// <summary>Signature algorithms of host keys, and of their certificates, which are left out where none could be checked.</summary>
    public IReadOnlyList<string> HostKeys { get; init; } = SignatureAlgorithms.AllNames;

    /// <summary>Ciphers.</summary>
    public IReadOnlyList<string> Ciphers { get; init; } = PacketCiphers.CipherNames;

    /// <summary>MACs, for ciphers that do not authenticate.</summary>
    public IReadOnlyList<string> Macs { get; init; } = PacketCiphers.MacNames;

    /// <summary>Whether a peer without strict key exchange is refused, which its Terrapin counter-measure is (CVE-2023-48795).</summary>
    public bool IsStrictRequired { get; init; }
}
