using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>How packets are encrypted (RFC 4253 section 6.3).</summary>
/// <param name="Name">Its name, as it is agreed on.</param>
/// <param name="KeyLength">How long its key is, in bytes.</param>
/// <param name="IvLength">How long its first IV is, in bytes; 0 where there is none.</param>
/// <param name="IsAead">Whether it authenticates too: then no MAC is agreed on.</param>
internal sealed record CipherAlgorithm(string Name, int KeyLength, int IvLength, bool IsAead);

/// <summary>How packets are authenticated (RFC 4253 section 6.4, RFC 6668).</summary>
/// <param name="Name">Its name, as it is agreed on.</param>
/// <param name="Hash">The HMAC's hash.</param>
/// <param name="KeyLength">How long its key is, in bytes: as its tag.</param>
/// <param name="IsEncryptThenMac">Whether it is over the encrypted packet.</param>
internal sealed record MacAlgorithm(string Name, HashAlgorithmName Hash, int KeyLength, bool IsEncryptThenMac);

/// <summary>The ciphers and MACs that are spoken, in both roles. None by CBC, by RC4 or by SHA-1.</summary>
internal static class PacketCiphers
{
    private const string ChaCha = "chacha20-poly1305@openssh.com";

    private static readonly CipherAlgorithm[] ciphers =
    [
        new("aes128-gcm@openssh.com", 16, 12, IsAead: true),
        new("aes256-gcm@openssh.com", 32, 12, IsAead: true),
        new(ChaCha, 64, 0, IsAead: true),
        new("aes128-ctr", 16, 16, IsAead: false),
        new("aes192-ctr", 24, 16, IsAead: false),
        new("aes256-ctr", 32, 16, IsAead: false),
    ];

    private static readonly MacAlgorithm[] macs =
    [
        new("hmac-sha2-256-etm@openssh.com", HashAlgorithmName.SHA256, 32, IsEncryptThenMac: true),
        new("hmac-sha2-512-etm@openssh.com", HashAlgorithmName.SHA512, 64, IsEncryptThenMac: true),
        new("hmac-sha2-256", HashAlgorithmName.SHA256, 32, IsEncryptThenMac: false),
        new("hmac-sha2-512", HashAlgorithmName.SHA512, 64, IsEncryptThenMac: false),
    ];

    /// <summary>The names of ciphers, the preferred first: what is fastest here.</summary>
    public static IReadOnlyList<string> CipherNames { get; } = Preferred(HasAes);

    /// <summary>The names of MACs, the preferred first.</summary>
    public static IReadOnlyList<string> MacNames { get; } = [.. macs.Select(mac => mac.Name)];

    // AES in software is slower than ChaCha20, and tells its key to whoever can time it. GCM multiplies as well.
    private static bool HasAes =>
        (System.Runtime.Intrinsics.X86.Aes.IsSupported && System.Runtime.Intrinsics.X86.Pclmulqdq.IsSupported) || System.Runtime.Intrinsics.Arm.Aes.IsSupported;

    /// <summary>The names of ciphers, the preferred first, on a processor that has AES or has not.</summary>
    public static string[] Preferred(bool hasAes)
    {
        var names = ciphers.Select(cipher => cipher.Name);
        return hasAes ? [.. names] : [ChaCha, .. names.Where(name => name != ChaCha)];
    }

    /// <summary>The cipher of a name; null if it is not spoken.</summary>
    public static CipherAlgorithm? FindCipher(string name) => Array.Find(ciphers, cipher => cipher.Name == name);

    /// <summary>The MAC of a name; null if it is not spoken.</summary>
    public static MacAlgorithm? FindMac(string name) => Array.Find(macs, mac => mac.Name == name);

    /// <summary>The cipher of one direction, with its keys, which it copies: the caller wipes its own.</summary>
    /// <param name="cipherName">A name that <see cref="FindCipher"/> knows.</param>
    /// <param name="macName">A name that <see cref="FindMac"/> knows; not looked at if the cipher authenticates.</param>
    /// <param name="key">The key, of the cipher's length.</param>
    /// <param name="iv">The first IV, of the cipher's length.</param>
    /// <param name="macKey">The MAC's key, of its length; not looked at if the cipher authenticates.</param>
    /// <param name="encrypting">Whether the direction is the one that we send.</param>
    /// <exception cref="ArgumentException">A name is not known, or a length is another.</exception>
    public static PacketCipher Create(string cipherName, string? macName, ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> macKey, bool encrypting)
    {
        var cipher = FindCipher(cipherName) ?? throw new ArgumentException($"there is no cipher {cipherName}", nameof(cipherName));
        // libcrypto reads as many bytes as it needs.
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, cipher.KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(iv.Length, cipher.IvLength);
        if (cipher.Name == ChaCha)
            return new ChaChaPacketCipher(key);
        if (cipher.IsAead)
            return new GcmPacketCipher(EvpCipher.Create(cipher.KeyLength == 16 ? Libcrypto.EVP_aes_128_gcm() : Libcrypto.EVP_aes_256_gcm(), key, [], encrypting), iv);

        var mac = macName is null ? null : FindMac(macName);
        if (mac is null)
            throw new ArgumentException($"there is no MAC {macName}", nameof(macName));
        ArgumentOutOfRangeException.ThrowIfNotEqual(macKey.Length, mac.KeyLength);
        var counter = cipher.KeyLength switch { 16 => Libcrypto.EVP_aes_128_ctr(), 24 => Libcrypto.EVP_aes_192_ctr(), _ => Libcrypto.EVP_aes_256_ctr() };
        return new CtrPacketCipher(EvpCipher.Create(counter, key, iv, encrypting), new Hmac(mac.Hash, macKey), mac.IsEncryptThenMac);
    }
}
