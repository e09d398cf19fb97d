namespace Fairlead.Ssh;

/// <summary>How keys sign: in each way that is spoken here, and none by SHA-1 (RFC 8332, RFC 8709, RFC 5656).</summary>
internal static class SignatureAlgorithms
{
    private static readonly string[] rsa = ["rsa-sha2-512", "rsa-sha2-256"];

    /// <summary>Their names, the preferred first.</summary>
    public static IReadOnlyList<string> Names { get; } = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", .. rsa];

    /// <summary>Those of a type of key: of all types but RSA the type itself.</summary>
    public static IReadOnlyList<string> OfType(string type) => type == "ssh-rsa" ? rsa : [type];
}
