using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>The calls of OpenSSL's libcrypto that the class library does not offer, or that keep a key between packets; names and constants in their C spelling.</summary>
/// <remarks>
/// OpenSSL 3, or 1.1.1. Whoever calls asks the result with <see cref="Check"/>, or clears the error: it is the thread's,
/// and the next to fail would tell it as its own.
/// </remarks>
internal static unsafe partial class Libcrypto
{
    private const string Library = "libcrypto";

    // openssl/obj_mac.h: kinds of keys.
    public const int EVP_PKEY_X25519 = 1034, EVP_PKEY_POLY1305 = 1061, EVP_PKEY_ED25519 = 1087;

    // openssl/evp.h
    public const int EVP_CTRL_AEAD_GET_TAG = 0x10, EVP_CTRL_AEAD_SET_TAG = 0x11;

    private static readonly string[] names = ["libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"];

    private static readonly Lazy<nint> library = new(Load);

    // A program that is not built against libcrypto has no link without a version: it is installed for developers only.
    static Libcrypto() =>
        NativeLibrary.SetDllImportResolver(typeof(Libcrypto).Assembly, static (name, _, _) => name == Library ? library.Value : 0);

    /// <summary>Whether there is <c>EVP_MAC</c>: not in 1.1.1.</summary>
    public static bool HasEvpMac => NativeLibrary.TryGetExport(library.Value, nameof(EVP_MAC_fetch), out _);

    /// <summary>Throws unless a call returned more than 0.</summary>
    /// <param name="result">What it returned.</param>
    /// <param name="call">Its name.</param>
    /// <exception cref="CryptographicException">It failed: with libcrypto's own text.</exception>
    public static void Check(int result, string call)
    {
        if (result <= 0)
            Throw(call);
    }

    /// <summary>Throws unless a call returned something.</summary>
    /// <exception cref="CryptographicException">It failed: with libcrypto's own text.</exception>
    public static nint NotNull(nint result, string call)
    {
        if (result == 0)
            Throw(call);
        return result;
    }

    [DoesNotReturn]
    private static void Throw(string call)
    {
        // The first error is the cause; what comes behind it only tells the way that it took.
        var error = ERR_get_error();
        ERR_clear_error();
        const int Size = 256; // ERR_error_string_n(3): at least that
        var text = stackalloc byte[Size];
        ERR_error_string_n(error, text, Size);
        throw new CryptographicException(error == 0 ? $"{call} failed" : $"{call} failed: {Marshal.PtrToStringUTF8((nint)text)}");
    }

    private static nint Load()
    {
        foreach (var name in names)
        {
            if (NativeLibrary.TryLoad(name, typeof(Libcrypto).Assembly, DllImportSearchPath.SafeDirectories, out var handle))
                return handle;
        }
        // Nothing else is looked for: macOS ends a program that loads its own libcrypto.
        throw new DllNotFoundException(
            $"SSH needs OpenSSL's libcrypto: none of {string.Join(", ", names)} could be loaded; install OpenSSL 3 (the package libssl3, openssl-libs, or libcrypto3)");
    }

    [LibraryImport(Library)]
    private static partial nuint ERR_get_error();

    [LibraryImport(Library)]
    private static partial void ERR_error_string_n(nuint e, byte* buf, nuint len);

    [LibraryImport(Library)]
    public static partial void ERR_clear_error();

    [LibraryImport(Library)]
    public static partial nint EVP_PKEY_new_raw_private_key(int type, nint e, byte* key, nuint keylen);

    [LibraryImport(Library)]
    public static partial nint EVP_PKEY_new_raw_public_key(int type, nint e, byte* key, nuint keylen);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_get_raw_public_key(EvpKey pkey, byte* pub, nuint* len);

    [LibraryImport(Library)]
    public static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Library)]
    public static partial nint EVP_MD_CTX_new();

    [LibraryImport(Library)]
    public static partial void EVP_MD_CTX_free(nint ctx);

    [LibraryImport(Library)]
    public static partial int EVP_MD_CTX_reset(nint ctx);

    [LibraryImport(Library)]
    public static partial int EVP_DigestSignInit(nint ctx, nint* pctx, nint type, nint e, EvpKey pkey);

    [LibraryImport(Library)]
    public static partial int EVP_DigestSign(nint ctx, byte* sigret, nuint* siglen, byte* tbs, nuint tbslen);

    [LibraryImport(Library)]
    public static partial int EVP_DigestVerifyInit(nint ctx, nint* pctx, nint type, nint e, EvpKey pkey);

    [LibraryImport(Library)]
    public static partial int EVP_DigestVerify(nint ctx, byte* sigret, nuint siglen, byte* tbs, nuint tbslen);

    [LibraryImport(Library)]
    public static partial nint EVP_PKEY_CTX_new(EvpKey pkey, nint e);

    [LibraryImport(Library)]
    public static partial void EVP_PKEY_CTX_free(nint ctx);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_derive_init(nint ctx);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_derive_set_peer(nint ctx, EvpKey peer);

    [LibraryImport(Library)]
    public static partial int EVP_PKEY_derive(nint ctx, byte* key, nuint* keylen);

    [LibraryImport(Library)]
    public static partial nint EVP_aes_128_gcm();

    [LibraryImport(Library)]
    public static partial nint EVP_aes_256_gcm();

    [LibraryImport(Library)]
    public static partial nint EVP_aes_128_ctr();

    [LibraryImport(Library)]
    public static partial nint EVP_aes_192_ctr();

    [LibraryImport(Library)]
    public static partial nint EVP_aes_256_ctr();

    [LibraryImport(Library)]
    public static partial nint EVP_chacha20();

    [LibraryImport(Library)]
    public static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(Library)]
    public static partial void EVP_CIPHER_CTX_free(nint ctx);

    [LibraryImport(Library)]
    public static partial int EVP_CIPHER_CTX_ctrl(nint ctx, int type, int arg, void* ptr);

    [LibraryImport(Library)]
    public static partial int EVP_CipherInit_ex(nint ctx, nint cipher, nint impl, byte* key, byte* iv, int enc);

    [LibraryImport(Library)]
    public static partial int EVP_CipherUpdate(nint ctx, byte* @out, int* outl, byte* @in, int inl);

    [LibraryImport(Library)]
    public static partial int EVP_CipherFinal_ex(nint ctx, byte* outm, int* outl);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint EVP_MAC_fetch(nint libctx, string algorithm, nint properties);

    [LibraryImport(Library)]
    public static partial nint EVP_MAC_CTX_new(nint mac);

    [LibraryImport(Library)]
    public static partial void EVP_MAC_CTX_free(nint ctx);

    [LibraryImport(Library)]
    public static partial int EVP_MAC_init(nint ctx, byte* key, nuint keylen, nint @params);

    [LibraryImport(Library)]
    public static partial int EVP_MAC_update(nint ctx, byte* data, nuint datalen);

    [LibraryImport(Library)]
    public static partial int EVP_MAC_final(nint ctx, byte* @out, nuint* outl, nuint outsize);

    [LibraryImport(Library)]
    public static partial int SHA256_Init(void* c);

    [LibraryImport(Library)]
    public static partial int SHA256_Update(void* c, byte* data, nuint len);

    [LibraryImport(Library)]
    public static partial int SHA256_Final(byte* md, void* c);

    [LibraryImport(Library)]
    public static partial int SHA512_Init(void* c);

    [LibraryImport(Library)]
    public static partial int SHA512_Update(void* c, byte* data, nuint len);

    [LibraryImport(Library)]
    public static partial int SHA512_Final(byte* md, void* c);

    [LibraryImport(Library)]
    public static partial nint BN_new();

    [LibraryImport(Library)]
    public static partial void BN_clear_free(nint a);

    [LibraryImport(Library)]
    public static partial nint BN_bin2bn(byte* s, int len, nint ret);

    [LibraryImport(Library)]
    public static partial int BN_bn2binpad(Bignum a, byte* to, int tolen);

    [LibraryImport(Library)]
    public static partial nint BN_get_rfc3526_prime_2048(nint bn);

    [LibraryImport(Library)]
    public static partial nint BN_get_rfc3526_prime_4096(nint bn);

    [LibraryImport(Library)]
    public static partial nint BN_CTX_new();

    [LibraryImport(Library)]
    public static partial void BN_CTX_free(nint c);

    [LibraryImport(Library)]
    public static partial int BN_mod_exp_mont_consttime(Bignum rr, Bignum a, Bignum p, Bignum m, nint ctx, nint in_mont);
}
