using Microsoft.Win32.SafeHandles;

namespace Fairlead.Ssh;

/// <summary>Poly1305 (RFC 8439 section 2.5), which wants another key for each message.</summary>
/// <remarks>A context is kept in OpenSSL 3; in 1.1.1 libcrypto allocates one a message. One thread at a time, and nobody may dispose of it during a call.</remarks>
internal sealed unsafe class Poly1305 : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>How long a key and a tag are, in bytes.</summary>
    public const int KeyLength = 32, TagLength = 16;

    private static readonly Lazy<nint> algorithm = new(() => Libcrypto.NotNull(Libcrypto.EVP_MAC_fetch(0, "POLY1305", 0), nameof(Libcrypto.EVP_MAC_fetch)));

    private readonly bool isKept;

    public Poly1305() : this(Libcrypto.HasEvpMac)
    {
    }

    /// <summary>By the calls of one version.</summary>
    /// <param name="isKept">By those of OpenSSL 3; else by those that both have.</param>
    internal Poly1305(bool isKept) : base(ownsHandle: true)
    {
        this.isKept = isKept;
        SetHandle(isKept
            ? Libcrypto.NotNull(Libcrypto.EVP_MAC_CTX_new(algorithm.Value), nameof(Libcrypto.EVP_MAC_CTX_new))
            : Libcrypto.NotNull(Libcrypto.EVP_MD_CTX_new(), nameof(Libcrypto.EVP_MD_CTX_new)));
    }

    /// <summary>Computes the tag of a message.</summary>
    /// <param name="key">32 bytes, never used before.</param>
    /// <param name="message">The message.</param>
    /// <param name="tag">Filled with the tag, of 16 bytes.</param>
    public void Compute(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, Span<byte> tag)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(tag.Length, TagLength);
        var length = (nuint)TagLength;
        fixed (byte* from = message, to = tag)
        {
            if (isKept)
            {
                fixed (byte* k = key)
                    Libcrypto.Check(Libcrypto.EVP_MAC_init(handle, k, KeyLength, 0), nameof(Libcrypto.EVP_MAC_init));
                Libcrypto.Check(Libcrypto.EVP_MAC_update(handle, from, (nuint)message.Length), nameof(Libcrypto.EVP_MAC_update));
                Libcrypto.Check(Libcrypto.EVP_MAC_final(handle, to, &length, TagLength), nameof(Libcrypto.EVP_MAC_final));
            }
            else
            {
                using var once = EvpKey.Private(Libcrypto.EVP_PKEY_POLY1305, key);
                Libcrypto.Check(Libcrypto.EVP_MD_CTX_reset(handle), nameof(Libcrypto.EVP_MD_CTX_reset));
                Libcrypto.Check(Libcrypto.EVP_DigestSignInit(handle, null, 0, 0, once), nameof(Libcrypto.EVP_DigestSignInit));
                Libcrypto.Check(Libcrypto.EVP_DigestSign(handle, to, &length, from, (nuint)message.Length), nameof(Libcrypto.EVP_DigestSign));
            }
        }
        GC.KeepAlive(this);
    }

    protected override bool ReleaseHandle()
    {
        if (isKept)
            Libcrypto.EVP_MAC_CTX_free(handle);
        else
            Libcrypto.EVP_MD_CTX_free(handle);
        return true;
    }
}
