namespace Fairlead.Ssh;

/// <summary>How keys sign: in each way that is spoken here, and none by SHA-1 (RFC 8332, RFC 8709, RFC 5656; PROTOCOL.certkeys of OpenSSH).</summary>
internal static class SignatureAlgorithms
{
    /// <summary>How the name of a certificate's algorithm, or type, ends: what stands before it is that of the key.</summary>
    public const string CertificateSuffix = "-cert-v01@openssh.com";

    private static readonly string[] rsa = ["rsa-sha2-512", "rsa-sha2-256"];

    /// <summary>Their names, the preferred first.</summary>
    public static IReadOnlyList<string> Names { get; } = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", .. rsa];

    /// <summary>The same with those of certificates before them, as OpenSSH has it.</summary>
    public static IReadOnlyList<string> AllNames { get; } = [.. Names.Select(OfCertificate), .. Names];

    /// <summary>Those of a type of key: of all types but RSA the type itself.</summary>
    public static IReadOnlyList<string> OfType(string type) => type == SshPublicKey.RsaType ? rsa : [type];

    /// <summary>How who has a certificate says that the key in it signs so.</summary>
    public static string OfCertificate(string algorithm) => algorithm + CertificateSuffix;

    public static bool IsOfCertificate(string algorithm) => algorithm.EndsWith(CertificateSuffix, StringComparison.Ordinal);

    /// <summary>What a signature is called that is made so: a certificate's key signs as it does without one.</summary>
    public static string WithoutCertificate(string algorithm) => IsOfCertificate(algorithm) ? algorithm[..^CertificateSuffix.Length] : algorithm;
}
