using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>How OpenSSH encrypts the private part of a key file with a passphrase: what <c>ssh-keygen -Z</c> offers, without 3DES.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="KeyLength">How long its key is, in bytes.</param>
/// <param name="IvLength">How long its IV is, in bytes, which is derived with the key.</param>
/// <param name="BlockSize">What the private part is padded to, in bytes.</param>
/// <param name="TagLength">How long the tag behind the private part is, in bytes; 0 where there is none.</param>
internal sealed record OpenSshKeyCipher(string Name, int KeyLength, int IvLength, int BlockSize, int TagLength)
{
    /// <summary>The key derivation of all of them.</summary>
    public const string Kdf = "bcrypt";

    /// <summary>More would take this machine half a minute: ssh-keygen takes 16 or 24, and careful people a hundred.</summary>
    public const int MostRounds = 4096;

    private const string ChaCha = "chacha20-poly1305@openssh.com";

    private static readonly OpenSshKeyCipher[] all =
    [
        new("aes256-ctr", 32, 16, 16, 0),
        new("aes192-ctr", 24, 16, 16, 0),
        new("aes128-ctr", 16, 16, 16, 0),
        new("aes256-cbc", 32, 16, 16, 0),
        new("aes192-cbc", 24, 16, 16, 0),
        new("aes128-cbc", 16, 16, 16, 0),
        new("aes256-gcm@openssh.com", 32, 12, 16, 16),
        new("aes128-gcm@openssh.com", 16, 12, 16, 16),
        new(ChaCha, 64, 0, 8, 16),
    ];

    /// <summary>The cipher of a name; null if it is not known.</summary>
    public static OpenSshKeyCipher? Of(string name) => Array.Find(all, cipher => cipher.Name == name);

    /// <summary>Decrypts the private part. It takes as long as the rounds want.</summary>
    /// <param name="options">What the file says of the derivation: <c>string</c> salt, <c>uint32</c> rounds.</param>
    /// <param name="encrypted">The private part.</param>
    /// <param name="tag">What stands behind it, of <see cref="TagLength"/>.</param>
    /// <param name="passphrase">The passphrase, at least one byte.</param>
    /// <param name="secrets">Filled with the private part, as long as it is encrypted. The caller wipes it.</param>
    /// <returns>False: the passphrase is another one, as far as that can be told without reading what was decrypted.</returns>
    /// <exception cref="SshFormatException">The options are none, or ask for too much.</exception>
    public bool TryDecrypt(ReadOnlySpan<byte> options, ReadOnlySpan<byte> encrypted, ReadOnlySpan<byte> tag, ReadOnlySpan<byte> passphrase, Span<byte> secrets)
    {
        var reader = new SshReader(options);
        var salt = reader.ReadString();
        var rounds = reader.ReadUInt32();
        reader.End();
        if (salt.IsEmpty || rounds is 0 or > MostRounds)
            throw new SshFormatException($"it asks for {rounds} rounds of the key derivation, and from 1 to {MostRounds} are done");
        Span<byte> derived = stackalloc byte[KeyLength + IvLength];
        BcryptPbkdf.Derive(passphrase, salt, (int)rounds, derived);
        try
        {
            return TryDecryptBy(derived[..KeyLength], derived[KeyLength..], encrypted, tag, secrets);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    private bool TryDecryptBy(ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> encrypted, ReadOnlySpan<byte> tag, Span<byte> secrets)
    {
        if (Name == ChaCha)
            return TryDecryptChaCha(key[..32], encrypted, tag, secrets);
        if (TagLength > 0)
            return TryDecryptGcm(key, iv, encrypted, tag, secrets);
        if (Name.EndsWith("-cbc", StringComparison.Ordinal))
        {
            using var aes = Aes.Create();
            aes.SetKey(key);
            aes.DecryptCbc(encrypted, iv, secrets, PaddingMode.None);
            return true;
        }
        var counter = KeyLength switch { 16 => Libcrypto.EVP_aes_128_ctr(), 24 => Libcrypto.EVP_aes_192_ctr(), _ => Libcrypto.EVP_aes_256_ctr() };
        using var cipher = EvpCipher.Create(counter, key, iv, encrypting: false);
        encrypted.CopyTo(secrets);
        cipher.Apply(secrets);
        return true;
    }

    private static bool TryDecryptGcm(ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> encrypted, ReadOnlySpan<byte> tag, Span<byte> secrets)
    {
        using var gcm = new AesGcm(key, tag.Length);
        try
        {
            gcm.Decrypt(iv, encrypted, tag, secrets);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    // As of packets (PROTOCOL.chacha20poly1305), with the sequence number 0 and without a length: the second half of the key has no use.
    private static bool TryDecryptChaCha(ReadOnlySpan<byte> key, ReadOnlySpan<byte> encrypted, ReadOnlySpan<byte> tag, Span<byte> secrets)
    {
        using var cipher = EvpCipher.Create(Libcrypto.EVP_chacha20(), key, new byte[16], encrypting: true);
        using var mac = new Poly1305();
        Span<byte> firstBlock = stackalloc byte[64], expected = stackalloc byte[16];
        firstBlock.Clear();
        cipher.Apply(firstBlock);
        mac.Compute(firstBlock[..32], encrypted, expected);
        CryptographicOperations.ZeroMemory(firstBlock);
        if (!CryptographicOperations.FixedTimeEquals(expected, tag))
            return false;
        encrypted.CopyTo(secrets);
        cipher.Apply(secrets);
        return true;
    }
}
