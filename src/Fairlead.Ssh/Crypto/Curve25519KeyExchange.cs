using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>
/// Diffie-Hellman by X25519: <c>curve25519-sha256</c> (RFC 8731). Each side's value is a public key of 32 bytes; the secret is an <c>mpint</c> of what both derive.
/// </summary>
internal sealed class Curve25519KeyExchange : KeyExchange
{
    private const int Length = 32;

    private EvpKey? own;

    public Curve25519KeyExchange()
    {
    }

    /// <summary>With a private key that was chosen before.</summary>
    internal Curve25519KeyExchange(ReadOnlySpan<byte> privateKey) => own = EvpKey.Private(Libcrypto.EVP_PKEY_X25519, privateKey);

    public override HashAlgorithmName Hash => HashAlgorithmName.SHA256;

    public override byte[] Begin()
    {
        if (own is null)
        {
            Span<byte> chosen = stackalloc byte[Length];
            RandomNumberGenerator.Fill(chosen);
            own = EvpKey.Private(Libcrypto.EVP_PKEY_X25519, chosen);
            CryptographicOperations.ZeroMemory(chosen);
        }
        return own.PublicBytes();
    }

    public override void Dispose() => own?.Dispose();

    protected override byte[] Derive(ReadOnlySpan<byte> value)
    {
        if (own is null)
            throw new InvalidOperationException("the exchange has not begun");
        if (value.Length != Length)
            throw new SshFormatException("a public key of curve25519 does not have 32 bytes");
        using var peer = EvpKey.Public(Libcrypto.EVP_PKEY_X25519, value);
        Span<byte> secret = stackalloc byte[Length];
        // RFC 8731 section 3: an all-zero secret ends the exchange.
        if (!own.TryDerive(peer, secret))
            throw new SshFormatException("a public key of curve25519 has a small order");
        // The bytes are taken for a number with the high byte first, though X25519 has the low byte first (RFC 8731 section 3.1).
        var encoded = EncodeSecret(secret);
        CryptographicOperations.ZeroMemory(secret);
        return encoded;
    }
}
