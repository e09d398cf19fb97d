using Microsoft.Win32.SafeHandles;

namespace Fairlead.Ssh;

/// <summary>An <c>EVP_PKEY</c> of a kind whose keys are just bytes (RFC 7748, RFC 8032). libcrypto wipes it when it is disposed of.</summary>
internal sealed unsafe class EvpKey : SafeHandleZeroOrMinusOneIsInvalid
{
    private EvpKey(nint key) : base(ownsHandle: true) => SetHandle(key);

    /// <summary>A private key, with its public one.</summary>
    /// <param name="type">Its kind: <c>EVP_PKEY_…</c>.</param>
    /// <param name="key">Its bytes, copied.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">There are too many bytes, or too few.</exception>
    public static EvpKey Private(int type, ReadOnlySpan<byte> key)
    {
        fixed (byte* bytes = key)
            return new EvpKey(Libcrypto.NotNull(Libcrypto.EVP_PKEY_new_raw_private_key(type, 0, bytes, (nuint)key.Length), nameof(Libcrypto.EVP_PKEY_new_raw_private_key)));
    }

    /// <summary>A public key. Whether its bytes are a point of the curve shows when it is used.</summary>
    /// <param name="type">Its kind: <c>EVP_PKEY_…</c>.</param>
    /// <param name="key">Its bytes, copied.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">There are too many bytes, or too few.</exception>
    public static EvpKey Public(int type, ReadOnlySpan<byte> key)
    {
        fixed (byte* bytes = key)
            return new EvpKey(Libcrypto.NotNull(Libcrypto.EVP_PKEY_new_raw_public_key(type, 0, bytes, (nuint)key.Length), nameof(Libcrypto.EVP_PKEY_new_raw_public_key)));
    }

    /// <summary>Its public key, of 32 bytes.</summary>
    public byte[] PublicBytes()
    {
        var key = new byte[32];
        var length = (nuint)key.Length;
        fixed (byte* bytes = key)
            Libcrypto.Check(Libcrypto.EVP_PKEY_get_raw_public_key(this, bytes, &length), nameof(Libcrypto.EVP_PKEY_get_raw_public_key));
        return key;
    }

    /// <summary>The secret that it shares with another's public key (RFC 7748 section 6).</summary>
    /// <param name="peer">The other's public key, of the same kind.</param>
    /// <param name="secret">Filled with the secret, of 32 bytes.</param>
    /// <returns>False: the public key is one with which every secret is the same, all zeros.</returns>
    public bool TryDerive(EvpKey peer, Span<byte> secret)
    {
        var context = Libcrypto.NotNull(Libcrypto.EVP_PKEY_CTX_new(this, 0), nameof(Libcrypto.EVP_PKEY_CTX_new));
        try
        {
            Libcrypto.Check(Libcrypto.EVP_PKEY_derive_init(context), nameof(Libcrypto.EVP_PKEY_derive_init));
            var length = (nuint)secret.Length;
            fixed (byte* bytes = secret)
            {
                if (Libcrypto.EVP_PKEY_derive_set_peer(context, peer) > 0 && Libcrypto.EVP_PKEY_derive(context, bytes, &length) > 0)
                    return length == (nuint)secret.Length && secret.ContainsAnyExcept((byte)0);
            }
        }
        finally
        {
            Libcrypto.EVP_PKEY_CTX_free(context);
        }
        Libcrypto.ERR_clear_error();
        return false;
    }

    protected override bool ReleaseHandle()
    {
        Libcrypto.EVP_PKEY_free(handle);
        return true;
    }
}
