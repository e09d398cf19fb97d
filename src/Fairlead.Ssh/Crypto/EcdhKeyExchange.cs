using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>
/// Diffie-Hellman on a curve of NIST: <c>ecdh-sha2-nistp256</c> and the like (RFC 5656 section 4). Each side's value is a point that is not compressed (SEC 1 section 2.3.3); the
/// secret is an <c>mpint</c> of an x.
/// </summary>
internal sealed class EcdhKeyExchange : KeyExchange
{
    private const byte Uncompressed = 4;

    private readonly ECCurve curve;
    private readonly int fieldLength;
    private ECDiffieHellman? own;

    private EcdhKeyExchange(ECCurve curve, int fieldLength, HashAlgorithmName hash, ECDiffieHellman? own)
    {
        this.curve = curve;
        this.fieldLength = fieldLength;
        this.own = own;
        Hash = hash;
    }

    // RFC 5656 section 6.2.1: the hash follows from the size of the curve.
    public static EcdhKeyExchange NistP256(ECDiffieHellman? own = null) => new(ECCurve.NamedCurves.nistP256, 32, HashAlgorithmName.SHA256, own);

    public static EcdhKeyExchange NistP384(ECDiffieHellman? own = null) => new(ECCurve.NamedCurves.nistP384, 48, HashAlgorithmName.SHA384, own);

    public static EcdhKeyExchange NistP521(ECDiffieHellman? own = null) => new(ECCurve.NamedCurves.nistP521, 66, HashAlgorithmName.SHA512, own);

    public override HashAlgorithmName Hash { get; }

    public override byte[] Begin()
    {
        own ??= ECDiffieHellman.Create(curve);
        var point = own.ExportParameters(includePrivateParameters: false).Q;
        return [Uncompressed, .. point.X!, .. point.Y!];
    }

    public override void Dispose() => own?.Dispose();

    protected override byte[] Derive(ReadOnlySpan<byte> value)
    {
        if (own is null)
            throw new InvalidOperationException("the exchange has not begun");
        // A point at infinity is one byte. Compressed points are allowed and nobody sends them.
        if (value.Length != 1 + (2 * fieldLength) || value[0] != Uncompressed)
            throw new SshFormatException("a public key is no uncompressed point of its curve");
        byte[] secret;
        try
        {
            // These curves have a prime order: each point that is on the curve will do (RFC 5656 section 4, SEC 1 section 3.2.2). Importing it looks whether it is.
            var point = new ECPoint { X = value.Slice(1, fieldLength).ToArray(), Y = value[(1 + fieldLength)..].ToArray() };
            using var peer = ECDiffieHellman.Create(new ECParameters { Curve = curve, Q = point });
            using var key = peer.PublicKey;
            secret = own.DeriveRawSecretAgreement(key);
        }
        catch (CryptographicException)
        {
            throw new SshFormatException("a public key is not on its curve");
        }
        var encoded = EncodeSecret(secret);
        CryptographicOperations.ZeroMemory(secret);
        return encoded;
    }
}
