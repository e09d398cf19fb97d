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
    /// <exception cref="SshKeyException">It has none, or one that is encrypted.</exception>
    /// <exception cref="SshFormatException">It is damaged, or not of a kind that is known.</exception>
    /// <exception cref="CryptographicException">Its numbers are none of a key.</exception>
    public static SshPrivateKey Read(ReadOnlySpan<byte> file)
    {
        if (file.Length > KeyFiles.MostBytes)
            throw new SshKeyException($"the file is larger than {KeyFiles.MostBytes >> 10} KiB, which no key is; {Remedy}");
        for (var rest = file; rest.IndexOf(Begin) is var begin and >= 0;)
        {
            rest = rest[(begin + Begin.Length)..];
            var end = rest.IndexOf(Dashes);
            if (end is < 0 or > 64)
                break;
            var label = rest[..end];
            rest = rest[(end + Dashes.Length)..];
            var last = rest.IndexOf([.. "-----END "u8, .. label, .. Dashes]);
            if (last < 0)
                throw new SshFormatException("its last line is missing");
            if (ReadBlock(label, rest[..last]) is { } key)
                return key;
            rest = rest[last..];
        }
        throw new SshKeyException(WhatElse(file));
    }

    /// <summary>That a key is encrypted, and what to do.</summary>
    /// <param name="cipher">With what.</param>
    public static SshKeyException Encrypted(string cipher) => new(
        $"the private key is encrypted with a passphrase ({cipher}), and such keys are not read yet: the next version does; until then take a key of its own (ssh-keygen -t ed25519 -N ''), or take the passphrase off a copy (ssh-keygen -p -N '' -f COPY)");

    // Null for what may stand before a key, like the parameters of a curve or a certificate.
    private static SshPrivateKey? ReadBlock(ReadOnlySpan<byte> label, ReadOnlySpan<byte> body)
    {
        switch (Encoding.Latin1.GetString(label))
        {
            case "ENCRYPTED PRIVATE KEY":
                throw Encrypted("PKCS#8");
            case "DSA PRIVATE KEY":
                throw new SshFormatException("it is one of DSA, which is not safe any more");
            case OpenSshKeyFormat.Label:
                return Decoded(body, OpenSshKeyFormat.Read);
            case "RSA PRIVATE KEY":
                return Decoded(body, static der => ImportRsa(der, static (RSA key, ReadOnlySpan<byte> from, out int read) => key.ImportRSAPrivateKey(from, out read)));
            case "EC PRIVATE KEY":
                return Decoded(body, static der => ImportEcdsa(der, static (ECDsa key, ReadOnlySpan<byte> from, out int read) => key.ImportECPrivateKey(from, out read)));
            case "PRIVATE KEY":
                return Decoded(body, ReadPkcs8);
            default:
                return null;
        }
    }

    private static SshPrivateKey Decoded(ReadOnlySpan<byte> body, ReadKey read)
    {
        // RFC 1421 section 4.6.1.1, as OpenSSL still writes it.
        if (body.IndexOf("Proc-Type: 4,ENCRYPTED"u8) >= 0)
            throw Encrypted("PEM");
        var bytes = GC.AllocateUninitializedArray<byte>(Base64.GetMaxDecodedFromUtf8Length(body.Length), pinned: true);
        try
        {
            if (Base64.DecodeFromUtf8(body, bytes, out _, out var length) != OperationStatus.Done)
                throw new SshFormatException("it is not in Base64");
            return read(bytes.AsSpan(0, length));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
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

    private delegate void Import<in T>(T key, ReadOnlySpan<byte> der, out int read);
}
