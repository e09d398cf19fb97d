using System.Buffers.Text;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>OpenSSH's own form of private keys (PROTOCOL.key of OpenSSH), without encryption.</summary>
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
    /// <exception cref="SshFormatException">It is damaged, or its parts do not belong together.</exception>
    /// <exception cref="CryptographicException">Its numbers are none of a key.</exception>
    /// <exception cref="SshKeyException">It is encrypted.</exception>
    public static SshPrivateKey Read(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.StartsWith(AuthMagic))
            throw new SshFormatException("it does not begin as a key of OpenSSH does");
        var reader = new SshReader(bytes[AuthMagic.Length..]);
        var (cipher, kdf) = (reader.ReadName(), reader.ReadName());
        reader.ReadString();
        if (reader.ReadUInt32() != 1)
            throw new SshFormatException("it does not hold just one key");
        var publicKey = SshPublicKey.Read(reader.ReadString());
        if (cipher != None || kdf != None)
            throw PrivateKeyFile.Encrypted(cipher);
        var secrets = reader.ReadString();
        reader.End();
        if (secrets.Length % BlockSize != 0)
            throw new SshFormatException("its private part is not padded");

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
