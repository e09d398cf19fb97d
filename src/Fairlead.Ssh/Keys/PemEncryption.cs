using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>How private keys in PEM are encrypted with a passphrase: PKCS#8 by PBES2 (RFC 8018 section 6.2), and OpenSSL's old way (RFC 1421 section 4.6.1, PEM_read(3)).</summary>
internal static class PemEncryption
{
    /// <summary>More would take longer than anybody waits. OpenSSL takes 2,048, and what is recommended for passwords of users is 600,000.</summary>
    private const int MostIterations = 10_000_000;

    // RFC 8018 appendix A.2 and A.4, B.1.2; and NIST's AES.
    private const string Pbes2 = "1.2.840.113549.1.5.13", Pbkdf2 = "1.2.840.113549.1.5.12",
        HmacWithSha1 = "1.2.840.113549.2.7", HmacWithSha256 = "1.2.840.113549.2.9", HmacWithSha384 = "1.2.840.113549.2.10", HmacWithSha512 = "1.2.840.113549.2.11",
        Aes128Cbc = "2.16.840.1.101.3.4.1.2", Aes192Cbc = "2.16.840.1.101.3.4.1.22", Aes256Cbc = "2.16.840.1.101.3.4.1.42";

    private const string Remedy = "write it in OpenSSH's form with: ssh-keygen -p -f FILE";

    /// <summary>Whether what stands between the lines of PEM has headers that say that it is encrypted in the old way.</summary>
    public static bool IsOld(ReadOnlySpan<byte> body) => body.IndexOf("Proc-Type: 4,ENCRYPTED"u8) >= 0;

    /// <summary>What is encrypted in the old way: the cipher with its IV, and the Base64 behind the headers.</summary>
    /// <exception cref="SshFormatException">The headers are none, or name another cipher than AES in CBC.</exception>
    public static (int KeyLength, byte[] Iv) ReadOld(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> base64)
    {
        var header = "DEK-Info: "u8;
        var at = body.IndexOf(header);
        var info = at < 0 ? [] : body[(at + header.Length)..];
        var end = info.IndexOf((byte)'\n');
        if (end is < 0 or > 128)
            throw new SshFormatException("it does not say how it is encrypted");
        base64 = info[end..];
        var words = Encoding.Latin1.GetString(info[..end]).TrimEnd().Split(',');
        var length = words[0] switch { "AES-128-CBC" => 16, "AES-192-CBC" => 24, "AES-256-CBC" => 32, _ => 0 };
        if (length == 0)
            throw new SshFormatException($"it is encrypted with {KeyLines.Shown(words[0])}, which is not known here; {Remedy}");
        try
        {
            return words.Length == 2 && Convert.FromHexString(words[1]) is { Length: 16 } iv ? (length, iv) : throw new FormatException();
        }
        catch (FormatException)
        {
            throw new SshFormatException("it does not say how it is encrypted");
        }
    }

    /// <summary>Decrypts in the old way. The caller wipes the result.</summary>
    /// <exception cref="SshKeyException">The passphrase is another one.</exception>
    public static byte[] DecryptOld(ReadOnlySpan<byte> encrypted, (int KeyLength, byte[] Iv) cipher, ReadOnlySpan<byte> passphrase)
    {
        // EVP_BytesToKey(3) with MD5 and one iteration, salted by the first half of the IV.
        var key = new byte[32];
        byte[] round = [.. new byte[MD5.HashSizeInBytes], .. passphrase, .. cipher.Iv.AsSpan(0, 8)];
#pragma warning disable CA5351 // MD5 is what the form of the file is. Whoever has the file may guess as fast as he can, which is why OpenSSH writes another form.
        MD5.HashData(round.AsSpan(MD5.HashSizeInBytes), key);
        key.AsSpan(0, MD5.HashSizeInBytes).CopyTo(round);
        MD5.HashData(round, key.AsSpan(MD5.HashSizeInBytes));
#pragma warning restore CA5351
        try
        {
            return DecryptCbc(encrypted, key.AsSpan(0, cipher.KeyLength), cipher.Iv);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(round);
        }
    }

    /// <summary>Decrypts an <c>EncryptedPrivateKeyInfo</c> (RFC 5958 section 3): a <c>PrivateKeyInfo</c>, which the caller wipes. It takes as long as the iterations want.</summary>
    /// <exception cref="SshKeyException">The passphrase is another one.</exception>
    /// <exception cref="SshFormatException">It is damaged, or encrypted in another way.</exception>
    public static byte[] DecryptPkcs8(ReadOnlySpan<byte> der, ReadOnlySpan<byte> passphrase)
    {
        Pbes2Parameters parameters;
        byte[] encrypted;
        try
        {
            var reader = new AsnReader(der.ToArray(), AsnEncodingRules.BER);
            var info = reader.ReadSequence();
            reader.ThrowIfNotEmpty();
            parameters = ReadPbes2(info.ReadSequence());
            encrypted = info.ReadOctetString();
        }
        catch (AsnContentException)
        {
            throw new SshFormatException("it is damaged");
        }
        Span<byte> key = stackalloc byte[parameters.KeyLength];
        Rfc2898DeriveBytes.Pbkdf2(passphrase, parameters.Salt, key, parameters.Iterations, parameters.Hash);
        try
        {
            return DecryptCbc(encrypted, key, parameters.Iv);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static Pbes2Parameters ReadPbes2(AsnReader algorithm)
    {
        if (algorithm.ReadObjectIdentifier() is var scheme && scheme != Pbes2)
            throw NotKnown(scheme);
        var both = algorithm.ReadSequence();
        var (derivation, cipher) = (both.ReadSequence(), both.ReadSequence());
        if (derivation.ReadObjectIdentifier() is var kdf && kdf != Pbkdf2)
            throw NotKnown(kdf);
        var options = derivation.ReadSequence();
        var salt = options.ReadOctetString();
        if (!options.TryReadInt32(out var iterations) || iterations is < 1 or > MostIterations)
            throw new SshFormatException($"it asks for more iterations of the key derivation than the {MostIterations} that are done, or for none");
        if (options.HasData && options.PeekTag() == Asn1Tag.Integer)
            options.ReadInteger();
        var hash = options.HasData ? options.ReadSequence().ReadObjectIdentifier() : HmacWithSha1;
        var mode = cipher.ReadObjectIdentifier();
        var iv = cipher.ReadOctetString();
        if (iv.Length != 16)
            throw new SshFormatException("it is damaged");
        return new Pbes2Parameters(salt, iterations,
            hash switch { HmacWithSha1 => HashAlgorithmName.SHA1, HmacWithSha256 => HashAlgorithmName.SHA256, HmacWithSha384 => HashAlgorithmName.SHA384, HmacWithSha512 => HashAlgorithmName.SHA512, _ => throw NotKnown(hash) },
            mode switch { Aes128Cbc => 16, Aes192Cbc => 24, Aes256Cbc => 32, _ => throw NotKnown(mode) },
            iv);
    }

    // The padding is the only sign of the passphrase; what it lets through is no key.
    private static byte[] DecryptCbc(ReadOnlySpan<byte> encrypted, ReadOnlySpan<byte> key, ReadOnlySpan<byte> iv)
    {
        using var aes = Aes.Create();
        aes.SetKey(key);
        try
        {
            return aes.DecryptCbc(encrypted, iv);
        }
        catch (CryptographicException)
        {
            throw PrivateKeyFile.WrongPassphrase();
        }
    }

    private static SshFormatException NotKnown(string oid) => new($"it is encrypted in a way that is not known here (object identifier {KeyLines.Shown(oid)}); {Remedy}");

    private sealed record Pbes2Parameters(byte[] Salt, int Iterations, HashAlgorithmName Hash, int KeyLength, byte[] Iv);
}
