using System.Buffers;
using System.Buffers.Text;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>What a file of a private key may have in it: which form it is, and the forms of PEM (RFC 7468) that other programs write.</summary>
internal static class PrivateKeyFile
{
    // X.509 object identifiers: RFC 8017 appendix C, RFC 5480 section 2.1.1, RFC 8410 section 3.
    private const string RsaEncryption = "1.2.840.113549.1.1.1", IdEcPublicKey = "1.2.840.10045.2.1", IdEd25519 = "1.3.101.112";

    private const string Remedy = "write the path of a private key, like one that ssh-keygen -t ed25519 makes";

    private static ReadOnlySpan<byte> Begin => "-----BEGIN "u8;

    private static ReadOnlySpan<byte> Dashes => "-----"u8;

    /// <summary>Reads the first private key of a file.</summary>
    /// <param name="file">What the file has in it.</param>
    /// <param name="passphrase">What it is encrypted with; empty: it is not, or nobody knows.</param>
    /// <exception cref="SshKeyException">It has none, or one that is encrypted, and not with this passphrase.</exception>
    /// <exception cref="SshFormatException">It is damaged, or not of a kind that is known.</exception>
    /// <exception cref="CryptographicException">Its numbers are none of a key.</exception>
    public static SshPrivateKey Read(ReadOnlySpan<byte> file, ReadOnlySpan<byte> passphrase)
    {
        var rest = file;
        while (TryNextBlock(ref rest, out var label, out var body))
        {
            if (ReadBlock(label, body, passphrase) is { } key)
                return key;
        }
        throw new SshKeyException(WhatElse(file));
    }

    /// <summary>The public key that the file of a private one has in the clear, which of the forms only OpenSSH's own has; null: it has none. Of a key that is not encrypted, none is looked for.</summary>
    /// <exception cref="SshFormatException">It is damaged, or not of a kind that is known.</exception>
    public static SshPublicKey? ReadPublic(ReadOnlySpan<byte> file)
    {
        while (TryNextBlock(ref file, out var label, out var body))
        {
            if (!label.SequenceEqual(Encoding.ASCII.GetBytes(OpenSshKeyFormat.Label)))
                continue;
            var bytes = Bytes(body, out var length);
            try
            {
                return OpenSshKeyFormat.ReadPublic(bytes.AsSpan(0, length));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(bytes);
            }
        }
        return null;
    }

    // What stands between the next two lines of PEM.
    private static bool TryNextBlock(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> label, out ReadOnlySpan<byte> body)
    {
        label = body = default;
        if (rest.Length > KeyFiles.MostBytes)
            throw new SshKeyException($"the file is larger than {KeyFiles.MostBytes >> 10} KiB, which no key is; {Remedy}");
        if (rest.IndexOf(Begin) is not (var begin and >= 0))
            return false;
        rest = rest[(begin + Begin.Length)..];
        var end = rest.IndexOf(Dashes);
        if (end is < 0 or > 64)
            return false;
        label = rest[..end];
        rest = rest[(end + Dashes.Length)..];
        var last = rest.IndexOf([.. "-----END "u8, .. label, .. Dashes]);
        if (last < 0)
            throw new SshFormatException("its last line is missing");
        body = rest[..last];
        rest = rest[last..];
        return true;
    }

    /// <summary>That a key is encrypted, and what to do.</summary>
    /// <param name="cipher">With what.</param>
    public static SshKeyException Encrypted(string cipher) => new(
        $"the private key is encrypted with a passphrase ({cipher}), and none is given; give it (passphrase: file:PATH or env:NAME, --passphrase), let an agent keep the key (ssh-add FILE), or take a key of its own (ssh-keygen -t ed25519 -N '')")
    { IsPassphraseWrong = true };

    /// <summary>That a passphrase is another one, and what to do.</summary>
    public static SshKeyException WrongPassphrase() => new("the passphrase is not that of the private key; give the right one, which this asks for too: ssh-keygen -y -f FILE") { IsPassphraseWrong = true };

    // Null for what may stand before a key, like the parameters of a curve or a certificate.
    private static SshPrivateKey? ReadBlock(ReadOnlySpan<byte> label, ReadOnlySpan<byte> body, ReadOnlySpan<byte> passphrase)
    {
        switch (Encoding.Latin1.GetString(label))
        {
            case "ENCRYPTED PRIVATE KEY":
                return Decoded(body, passphrase, static (der, passphrase) => Decrypted(passphrase.IsEmpty ? throw Encrypted("PKCS#8") : PemEncryption.DecryptPkcs8(der, passphrase), ReadPkcs8));
            case "DSA PRIVATE KEY":
                throw new SshFormatException("it is one of DSA, which is not safe any more");
            case OpenSshKeyFormat.Label:
                return Decoded(body, passphrase, OpenSshKeyFormat.Read);
            case "RSA PRIVATE KEY":
                return ReadOld(body, passphrase, static der => ImportRsa(der, static (RSA key, ReadOnlySpan<byte> from, out int read) => key.ImportRSAPrivateKey(from, out read)));
            case "EC PRIVATE KEY":
                return ReadOld(body, passphrase, static der => ImportEcdsa(der, static (ECDsa key, ReadOnlySpan<byte> from, out int read) => key.ImportECPrivateKey(from, out read)));
            case "PRIVATE KEY":
                return Decoded(body, [], static (der, _) => ReadPkcs8(der));
            default:
                return null;
        }
    }

    // Those that OpenSSL encrypts in its old way.
    private static SshPrivateKey ReadOld(ReadOnlySpan<byte> body, ReadOnlySpan<byte> passphrase, ReadKey read)
    {
        if (!PemEncryption.IsOld(body))
            return Decoded(body, [], (der, _) => read(der));
        if (passphrase.IsEmpty)
            throw Encrypted("PEM");
        var cipher = PemEncryption.ReadOld(body, out var base64);
        return Decoded(base64, passphrase, (encrypted, passphrase) => Decrypted(PemEncryption.DecryptOld(encrypted, cipher, passphrase), read));
    }

    // One of 256 wrong passphrases leaves what looks padded, and is no key.
    private static SshPrivateKey Decrypted(byte[] der, ReadKey read)
    {
        try
        {
            AsnDecoder.ReadSequence(der, AsnEncodingRules.BER, out _, out _, out var length);
            return length == der.Length ? read(der) : throw WrongPassphrase();
        }
        catch (AsnContentException)
        {
            throw WrongPassphrase();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    private static SshPrivateKey Decoded(ReadOnlySpan<byte> body, ReadOnlySpan<byte> passphrase, ReadEncrypted read)
    {
        var bytes = Bytes(body, out var length);
        try
        {
            return read(bytes.AsSpan(0, length), passphrase);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    // The caller wipes them.
    private static byte[] Bytes(ReadOnlySpan<byte> base64, out int length)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(Base64.GetMaxDecodedFromUtf8Length(base64.Length), pinned: true);
        if (Base64.DecodeFromUtf8(base64, bytes, out _, out length) == OperationStatus.Done)
            return bytes;
        CryptographicOperations.ZeroMemory(bytes);
        throw new SshFormatException("it is not in Base64");
    }

    // RFC 5958 section 2. .NET has no Ed25519.
    private static SshPrivateKey ReadPkcs8(ReadOnlySpan<byte> der)
    {
        string algorithm;
        try
        {
            AsnDecoder.ReadSequence(der, AsnEncodingRules.BER, out var at, out var length, out var read);
            if (read != der.Length)
                throw new SshFormatException("there are bytes behind its end");
            var info = der.Slice(at, length);
            AsnDecoder.ReadIntegerBytes(info, AsnEncodingRules.BER, out read);
            info = info[read..];
            AsnDecoder.ReadSequence(info, AsnEncodingRules.BER, out at, out length, out read);
            algorithm = AsnDecoder.ReadObjectIdentifier(info.Slice(at, length), AsnEncodingRules.BER, out _);
            if (algorithm == IdEd25519)
            {
                // RFC 8410 section 7: an octet string within the octet string.
                var seed = OctetString(OctetString(info[read..]));
                return seed.Length == Ed25519.SeedLength ? SshPrivateKey.OfSeed(seed, "") : throw new SshFormatException($"it is not of {Ed25519.SeedLength} bytes");
            }
        }
        catch (AsnContentException)
        {
            throw new SshFormatException("it is damaged");
        }
        return algorithm switch
        {
            RsaEncryption => ImportRsa(der, static (RSA key, ReadOnlySpan<byte> from, out int read) => key.ImportPkcs8PrivateKey(from, out read)),
            IdEcPublicKey => ImportEcdsa(der, static (ECDsa key, ReadOnlySpan<byte> from, out int read) => key.ImportPkcs8PrivateKey(from, out read)),
            _ => throw new SshFormatException($"it is of a kind that is not known (object identifier {KeyLines.Shown(algorithm)})"),
        };
    }

    // What it returns lies in what it reads, so that no copy has to be wiped.
    private static ReadOnlySpan<byte> OctetString(ReadOnlySpan<byte> bytes) =>
        AsnDecoder.TryReadPrimitiveOctetString(bytes, AsnEncodingRules.BER, out var value, out _) ? value : throw new SshFormatException("it is damaged");

    private static SshPrivateKey ImportRsa(ReadOnlySpan<byte> der, Import<RSA> import)
    {
        var key = RSA.Create();
        ImportInto(key, der, import);
        return SshPrivateKey.Of(key, "");
    }

    private static SshPrivateKey ImportEcdsa(ReadOnlySpan<byte> der, Import<ECDsa> import)
    {
        var key = ECDsa.Create();
        ImportInto(key, der, import);
        return SshPrivateKey.Of(key, "");
    }

    private static void ImportInto<T>(T key, ReadOnlySpan<byte> der, Import<T> import)
        where T : AsymmetricAlgorithm
    {
        try
        {
            import(key, der, out var read);
            if (read != der.Length)
                throw new SshFormatException("there are bytes behind its end");
        }
        catch (PlatformNotSupportedException)
        {
            key.Dispose();
            throw new SshFormatException(EcdsaCurve.NotKnown);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private static string WhatElse(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith("PuTTY-User-Key-File"u8))
            return "the file is a key of PuTTY's form; write it in OpenSSH's with: puttygen FILE -O private-openssh -o NEW";
        if (file.IndexOf("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"u8) >= 0)
            return "the file is a key of ssh.com's form; write it in OpenSSH's with: ssh-keygen -i -f FILE > NEW";
        var line = file.IndexOf((byte)'\n') is var end and >= 0 ? file[..end] : file;
        var isPublic = file.IndexOf("PUBLIC KEY-----"u8) >= 0 || file.IndexOf("---- BEGIN SSH2 PUBLIC KEY ----"u8) >= 0
            || (line.Length <= KeyLines.MostCharacters && SshPublicKey.TryParse(Encoding.Latin1.GetString(line), out _, out _, out _));
        return isPublic ? "the file has a public key and no private one; write the path of the private key, which is the same without .pub" : $"the file has no private key; {Remedy}";
    }

    private delegate SshPrivateKey ReadKey(ReadOnlySpan<byte> bytes);

    private delegate SshPrivateKey ReadEncrypted(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> passphrase);

    private delegate void Import<in T>(T key, ReadOnlySpan<byte> der, out int read);
}
