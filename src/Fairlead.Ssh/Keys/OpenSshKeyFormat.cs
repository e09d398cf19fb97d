using System.Buffers.Text;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>OpenSSH's own form of private keys (PROTOCOL.key of OpenSSH): written without encryption, and read with it too.</summary>
internal static class OpenSshKeyFormat
{
    public const string Label = "OPENSSH PRIVATE KEY";

    private const string None = "none";

    // Of the cipher "none".
    private const int BlockSize = 8;

    // As OpenSSH breaks lines.
    private const int LineLength = 70;

    // Room for the numbers of the largest key (10 KiB), so that nothing secret is moved as memory grows.
    private const int Room = 16 << 10;

    private static ReadOnlySpan<byte> AuthMagic => "openssh-key-v1\0"u8;

    /// <summary>Reads what stands in Base64 between the lines of such a file.</summary>
    /// <param name="bytes">That.</param>
    /// <param name="passphrase">What it is encrypted with; empty: it is not, or nobody knows.</param>
    /// <exception cref="SshFormatException">It is damaged, or its parts do not belong together.</exception>
    /// <exception cref="CryptographicException">Its numbers are none of a key.</exception>
    /// <exception cref="SshKeyException">It is encrypted, and not with this passphrase.</exception>
    public static SshPrivateKey Read(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> passphrase)
    {
        var publicKey = ReadHead(bytes, out var cipher, out var options, out var body);
        var reader = new SshReader(body);
        var encrypted = reader.ReadString();
        if (cipher is null)
        {
            reader.End();
            return encrypted.Length % BlockSize == 0 ? ReadPrivate(encrypted, publicKey) : throw new SshFormatException("its private part is not padded");
        }
        if (passphrase.IsEmpty)
            throw PrivateKeyFile.Encrypted(cipher.Name);
        if (encrypted.Length % cipher.BlockSize != 0 || reader.Rest.Length != cipher.TagLength)
            throw new SshFormatException("its private part is not as long as it should be");
        var secrets = GC.AllocateUninitializedArray<byte>(encrypted.Length, pinned: true);
        try
        {
            // Two numbers at the beginning are the same, if it is the right one.
            return cipher.TryDecrypt(options, encrypted, reader.Rest, passphrase, secrets) && secrets.Length >= 8 && secrets.AsSpan(0, 4).SequenceEqual(secrets.AsSpan(4, 4))
                ? ReadPrivate(secrets, publicKey) : throw PrivateKeyFile.WrongPassphrase();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secrets);
        }
    }

    /// <summary>The public key, which is never encrypted.</summary>
    /// <inheritdoc cref="Read"/>
    public static SshPublicKey ReadPublic(ReadOnlySpan<byte> bytes) => ReadHead(bytes, out _, out _, out _);

    // Null is no cipher. What is left is the private part, and what stands behind it.
    private static SshPublicKey ReadHead(ReadOnlySpan<byte> bytes, out OpenSshKeyCipher? cipher, out ReadOnlySpan<byte> options, out ReadOnlySpan<byte> body)
    {
        if (!bytes.StartsWith(AuthMagic))
            throw new SshFormatException("it does not begin as a key of OpenSSH does");
        var reader = new SshReader(bytes[AuthMagic.Length..]);
        var (name, kdf) = (reader.ReadName(), reader.ReadName());
        options = reader.ReadString();
        if (reader.ReadUInt32() != 1)
            throw new SshFormatException("it does not hold just one key");
        var publicKey = SshPublicKey.Read(reader.ReadString());
        body = reader.Rest;
        cipher = OpenSshKeyCipher.Of(name);
        return name == None && kdf == None ? publicKey
            : cipher is not null && kdf == OpenSshKeyCipher.Kdf ? publicKey
            : throw new SshFormatException($"it is encrypted with {name} and {kdf}, which are not known here; write it anew with: ssh-keygen -p -Z aes256-ctr -f FILE");
    }

    private static SshPrivateKey ReadPrivate(ReadOnlySpan<byte> secrets, SshPublicKey publicKey)
    {
        var key = ReadSecrets(secrets);
        if (key.PublicKey.Equals(publicKey))
            return key;
        key.Dispose();
        throw new SshFormatException("its private part does not belong to its public one");
    }

    /// <summary>Writes a key of Ed25519.</summary>
    public static byte[] Write(SshPublicKey publicKey, ReadOnlySpan<byte> seed, string comment)
    {
        var point = publicKey.Blob.Span[^Ed25519.PublicKeyLength..];
        var secrets = Begin(publicKey).WriteString(point).WriteUInt32(Ed25519.SeedLength + Ed25519.PublicKeyLength).WriteBytes(seed).WriteBytes(point);
        return End(publicKey, secrets, comment);
    }

    /// <summary>Writes a key of ECDSA.</summary>
    public static byte[] Write(SshPublicKey publicKey, ECDsa key, string comment)
    {
        // The public blob goes on with the curve and the point, just as the private part does.
        var reader = new SshReader(publicKey.Blob.Span);
        reader.ReadString();
        var secret = key.ExportParameters(includePrivateParameters: true).D;
        var secrets = Begin(publicKey).WriteBytes(reader.Rest).WriteMpint(secret);
        CryptographicOperations.ZeroMemory(secret);
        return End(publicKey, secrets, comment);
    }

    /// <summary>Writes a key of RSA.</summary>
    public static byte[] Write(SshPublicKey publicKey, RSA key, string comment)
    {
        var numbers = key.ExportParameters(includePrivateParameters: true);
        var secrets = Begin(publicKey).WriteMpint(numbers.Modulus).WriteMpint(numbers.Exponent).WriteMpint(numbers.D).WriteMpint(numbers.InverseQ).WriteMpint(numbers.P).WriteMpint(numbers.Q);
        RsaNumbers.Wipe(numbers);
        return End(publicKey, secrets, comment);
    }

    private static SshPrivateKey ReadSecrets(ReadOnlySpan<byte> secrets)
    {
        var reader = new SshReader(secrets);
        if (reader.ReadUInt32() != reader.ReadUInt32())
            throw new SshFormatException("its private part is damaged");
        var type = reader.ReadName();
        return type switch
        {
            SshPublicKey.Ed25519Type => ReadEd25519(ref reader),
            SshPublicKey.RsaType => ReadRsa(ref reader),
            _ => ReadEcdsa(ref reader, EcdsaCurve.Of(type) ?? throw new SshFormatException(SshPublicKey.Unknown(type))),
        };
    }

    private static SshPrivateKey ReadEd25519(ref SshReader reader)
    {
        var point = reader.ReadString();
        var both = reader.ReadString();
        if (both.Length != Ed25519.SeedLength + Ed25519.PublicKeyLength || !both[Ed25519.SeedLength..].SequenceEqual(point))
            throw new SshFormatException("its private part is damaged");
        var key = SshPrivateKey.OfSeed(both[..Ed25519.SeedLength], ReadComment(ref reader));
        if (key.PublicKey.Blob.Span[^Ed25519.PublicKeyLength..].SequenceEqual(point))
            return key;
        key.Dispose();
        throw new SshFormatException("its private part does not belong to its public one");
    }

    private static SshPrivateKey ReadRsa(ref SshReader reader)
    {
        var numbers = RsaNumbers.Complete(n: reader.ReadMpint(), e: reader.ReadMpint(), d: reader.ReadMpint(), inverseQ: reader.ReadMpint(), p: reader.ReadMpint(), q: reader.ReadMpint());
        try
        {
            var comment = ReadComment(ref reader);
            return SshPrivateKey.Of(RSA.Create(numbers), comment);
        }
        finally
        {
            RsaNumbers.Wipe(numbers);
        }
    }

    private static SshPrivateKey ReadEcdsa(ref SshReader reader, EcdsaCurve curve)
    {
        var point = curve.ReadPublic(ref reader);
        var magnitude = reader.ReadMpint();
        if (magnitude.Length > curve.Length)
            throw new SshFormatException("its private part is damaged");
        var secret = new byte[curve.Length];
        magnitude.CopyTo(secret.AsSpan(curve.Length - magnitude.Length));
        try
        {
            var comment = ReadComment(ref reader);
            return SshPrivateKey.Of(ECDsa.Create(curve.Parameters(point, secret)), comment);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private static string ReadComment(ref SshReader reader)
    {
        var comment = reader.ReadText();
        for (var expected = 1; !reader.IsAtEnd; expected++)
        {
            if (reader.ReadByte() != (byte)expected)
                throw new SshFormatException("its private part is not padded as it should be");
        }
        return comment;
    }

    private static SshWriter Begin(SshPublicKey publicKey)
    {
        var check = RandomNumberGenerator.GetBytes(sizeof(uint));
        return new SshWriter(Room).WriteBytes(check).WriteBytes(check).WriteString(publicKey.Type);
    }

    private static byte[] End(SshPublicKey publicKey, SshWriter secrets, string comment)
    {
        secrets.WriteString(comment);
        for (var padding = 1; secrets.Written.Length % BlockSize != 0; padding++)
            secrets.WriteByte((byte)padding);
        var file = new SshWriter(Room + secrets.Written.Length).WriteBytes(AuthMagic).WriteString(None).WriteString(None).WriteString([]).WriteUInt32(1)
            .WriteString(publicKey.Blob.Span).WriteString(secrets.Written);
        secrets.Wipe();
        var text = Text(file.Written);
        file.Wipe();
        return text;
    }

    private static byte[] Text(ReadOnlySpan<byte> bytes)
    {
        var encoded = new byte[Base64.GetMaxEncodedToUtf8Length(bytes.Length)];
        Base64.EncodeToUtf8(bytes, encoded, out _, out var length);
        var text = new SshWriter(length + (length / LineLength) + 128).WriteBytes("-----BEGIN OPENSSH PRIVATE KEY-----\n"u8);
        for (var at = 0; at < length; at += LineLength)
            text.WriteBytes(encoded.AsSpan(at, Math.Min(LineLength, length - at))).WriteByte((byte)'\n');
        var result = text.WriteBytes("-----END OPENSSH PRIVATE KEY-----\n"u8).ToArray();
        CryptographicOperations.ZeroMemory(encoded);
        text.Wipe();
        return result;
    }
}
