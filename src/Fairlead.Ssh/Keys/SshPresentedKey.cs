namespace Fairlead.Ssh;

/// <summary>What somebody shows for a key: the key itself, or a certificate of it. Immutable.</summary>
public sealed class SshPresentedKey
{
    private SshPresentedKey(SshPublicKey key, SshCertificate? certificate)
    {
        (Key, Certificate) = (key, certificate);
        Algorithms = certificate is null ? key.Algorithms : [.. key.Algorithms.Select(SignatureAlgorithms.OfCertificate)];
    }

    /// <summary>The key.</summary>
    public SshPublicKey Key { get; }

    /// <summary>The certificate; null: the key alone is shown.</summary>
    public SshCertificate? Certificate { get; }

    /// <summary>What is sent.</summary>
    public ReadOnlyMemory<byte> Blob => Certificate?.Blob ?? Key.Blob;

    /// <summary>How its signatures are asked for.</summary>
    public IReadOnlyList<string> Algorithms { get; }

    /// <summary>Reads what is sent.</summary>
    /// <exception cref="SshFormatException">It is neither a key nor a certificate that is known.</exception>
    internal static SshPresentedKey Read(ReadOnlySpan<byte> blob)
    {
        if (!SignatureAlgorithms.IsOfCertificate(new SshReader(blob).ReadName()))
            return Of(SshPublicKey.Read(blob));
        var certificate = SshCertificate.Read(blob);
        return new SshPresentedKey(certificate.Key, certificate);
    }

    /// <summary>A key alone.</summary>
    public static SshPresentedKey Of(SshPublicKey key) => new(key, null);

    /// <summary>Whether a signature is that of the data by the key. Nothing is said about the certificate.</summary>
    /// <param name="algorithm">One of <see cref="Algorithms"/>.</param>
    /// <param name="data">What was signed, not hashed.</param>
    /// <param name="signature">The signature as it is sent.</param>
    internal bool Verify(string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) =>
        Algorithms.Contains(algorithm) && Key.Verify(SignatureAlgorithms.WithoutCertificate(algorithm), data, signature);
}
