using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>Signatures of Ed25519 (RFC 8032 section 5.1), which the class library does not have. It computes for longer than an event loop may.</summary>
internal static unsafe class Ed25519
{
    /// <summary>How long a private key (the seed, without the public key behind it), a public key, and a signature are, in bytes.</summary>
    public const int SeedLength = 32, PublicKeyLength = 32, SignatureLength = 64;

    /// <summary>A new seed. Whoever asked has to wipe it.</summary>
    public static byte[] Generate() => RandomNumberGenerator.GetBytes(SeedLength);

    /// <summary>The public key of a seed.</summary>
    /// <exception cref="CryptographicException">The seed is not of 32 bytes.</exception>
    public static byte[] PublicKeyOf(ReadOnlySpan<byte> seed)
    {
        using var key = EvpKey.Private(Libcrypto.EVP_PKEY_ED25519, seed);
        return key.PublicBytes();
    }

    /// <summary>Signs. The same data has the same signature.</summary>
    /// <returns>The signature, of 64 bytes.</returns>
    /// <exception cref="CryptographicException">The seed is not of 32 bytes.</exception>
    public static byte[] Sign(ReadOnlySpan<byte> seed, ReadOnlySpan<byte> data)
    {
        using var key = EvpKey.Private(Libcrypto.EVP_PKEY_ED25519, seed);
        var signature = new byte[SignatureLength];
        var length = (nuint)signature.Length;
        var context = Libcrypto.NotNull(Libcrypto.EVP_MD_CTX_new(), nameof(Libcrypto.EVP_MD_CTX_new));
        try
        {
            Libcrypto.Check(Libcrypto.EVP_DigestSignInit(context, null, 0, 0, key), nameof(Libcrypto.EVP_DigestSignInit));
            fixed (byte* filled = signature, signed = data)
                Libcrypto.Check(Libcrypto.EVP_DigestSign(context, filled, &length, signed, (nuint)data.Length), nameof(Libcrypto.EVP_DigestSign));
        }
        finally
        {
            Libcrypto.EVP_MD_CTX_free(context);
        }
        return signature;
    }

    /// <summary>Whether a signature is that of the data by a key. A key or a signature that is none signs nothing.</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != PublicKeyLength || signature.Length != SignatureLength)
            return false;
        using var key = EvpKey.Public(Libcrypto.EVP_PKEY_ED25519, publicKey);
        var context = Libcrypto.NotNull(Libcrypto.EVP_MD_CTX_new(), nameof(Libcrypto.EVP_MD_CTX_new));
        try
        {
            Libcrypto.Check(Libcrypto.EVP_DigestVerifyInit(context, null, 0, 0, key), nameof(Libcrypto.EVP_DigestVerifyInit));
            fixed (byte* claimed = signature, signed = data)
            {
                if (Libcrypto.EVP_DigestVerify(context, claimed, (nuint)signature.Length, signed, (nuint)data.Length) == 1)
                    return true;
            }
        }
        finally
        {
            Libcrypto.EVP_MD_CTX_free(context);
        }
        Libcrypto.ERR_clear_error();
        return false;
    }
}
