using Microsoft.Win32.SafeHandles;

namespace Fairlead.Ssh;

/// <summary>A kept <c>EVP_CIPHER_CTX</c>: keyed once, so that a packet costs neither a key schedule nor an allocation. libcrypto wipes it when it is disposed of.</summary>
/// <remarks>
/// One thread at a time. Calls use the pointer without counting a reference, which is two locked operations a call and there are five a packet: so nobody may dispose of it during
/// a call, and each call keeps it from being finalized.
/// </remarks>
internal sealed unsafe class EvpCipher : SafeHandleZeroOrMinusOneIsInvalid
{
    private EvpCipher(nint context) : base(ownsHandle: true) => SetHandle(context);

    /// <summary>A cipher with its key.</summary>
    /// <param name="cipher">What <c>EVP_aes_128_ctr</c> and the like returned.</param>
    /// <param name="key">As long as the cipher's keys are: that is not checked.</param>
    /// <param name="iv">As long as the cipher's IVs are, or empty: <see cref="Restart"/> sets it.</param>
    /// <param name="encrypting">Whether it encrypts.</param>
    public static EvpCipher Create(nint cipher, ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv, bool encrypting)
    {
        var context = new EvpCipher(Libcrypto.NotNull(Libcrypto.EVP_CIPHER_CTX_new(), nameof(Libcrypto.EVP_CIPHER_CTX_new)));
        fixed (byte* k = key, v = iv)
            Libcrypto.Check(Libcrypto.EVP_CipherInit_ex(context.handle, cipher, 0, k, v, encrypting ? 1 : 0), nameof(Libcrypto.EVP_CipherInit_ex));
        return context;
    }

    /// <summary>Begins again with the same key and another IV, which is as long as the cipher's IVs are.</summary>
    public void Restart(ReadOnlySpan<byte> iv)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        fixed (byte* v = iv)
            Libcrypto.Check(Libcrypto.EVP_CipherInit_ex(handle, 0, 0, null, v, -1), nameof(Libcrypto.EVP_CipherInit_ex));
        GC.KeepAlive(this);
    }

    /// <summary>Authenticates data that is not encrypted; of an AEAD cipher, before what is.</summary>
    public void Authenticate(ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        int length;
        fixed (byte* from = data)
            Libcrypto.Check(Libcrypto.EVP_CipherUpdate(handle, null, &length, from, data.Length), nameof(Libcrypto.EVP_CipherUpdate));
        GC.KeepAlive(this);
    }

    /// <summary>Encrypts, or decrypts, in place, and goes on where the last call ended.</summary>
    public void Apply(Span<byte> data)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        if (data.IsEmpty)
            return;
        int length;
        fixed (byte* at = data)
            Libcrypto.Check(Libcrypto.EVP_CipherUpdate(handle, at, &length, at, data.Length), nameof(Libcrypto.EVP_CipherUpdate));
        GC.KeepAlive(this);
    }

    /// <summary>The same from one place to another, which is at least as long.</summary>
    public void Apply(ReadOnlySpan<byte> data, Span<byte> result)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(result.Length, data.Length);
        if (data.IsEmpty)
            return;
        int length;
        fixed (byte* from = data, to = result)
            Libcrypto.Check(Libcrypto.EVP_CipherUpdate(handle, to, &length, from, data.Length), nameof(Libcrypto.EVP_CipherUpdate));
        GC.KeepAlive(this);
    }

    /// <summary>Ends what an AEAD cipher encrypted.</summary>
    /// <param name="tag">Filled with the tag.</param>
    public void Finish(Span<byte> tag)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        byte none;
        int length;
        Libcrypto.Check(Libcrypto.EVP_CipherFinal_ex(handle, &none, &length), nameof(Libcrypto.EVP_CipherFinal_ex));
        fixed (byte* to = tag)
            Libcrypto.Check(Libcrypto.EVP_CIPHER_CTX_ctrl(handle, Libcrypto.EVP_CTRL_AEAD_GET_TAG, tag.Length, to), nameof(Libcrypto.EVP_CIPHER_CTX_ctrl));
        GC.KeepAlive(this);
    }

    /// <summary>Ends what an AEAD cipher decrypted.</summary>
    /// <param name="tag">The tag that came.</param>
    /// <returns>Whether it is the right one; libcrypto compares in constant time.</returns>
    public bool TryFinish(ReadOnlySpan<byte> tag)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        byte none;
        int length;
        fixed (byte* from = tag)
            Libcrypto.Check(Libcrypto.EVP_CIPHER_CTX_ctrl(handle, Libcrypto.EVP_CTRL_AEAD_SET_TAG, tag.Length, from), nameof(Libcrypto.EVP_CIPHER_CTX_ctrl));
        var isRight = Libcrypto.EVP_CipherFinal_ex(handle, &none, &length) > 0;
        if (!isRight)
            Libcrypto.ERR_clear_error();
        GC.KeepAlive(this);
        return isRight;
    }

    protected override bool ReleaseHandle()
    {
        Libcrypto.EVP_CIPHER_CTX_free(handle);
        return true;
    }
}
