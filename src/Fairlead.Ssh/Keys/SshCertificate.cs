using System.Globalization;

namespace Fairlead.Ssh;

/// <summary>Whose keys a certificate is about.</summary>
public enum SshCertificateKind
{
    /// <summary>A user's.</summary>
    User = 1,

    /// <summary>A host's.</summary>
    Host = 2,
}

/// <summary>
/// A certificate of OpenSSH (PROTOCOL.certkeys): a public key, whose it is, and the signature of an authority over both. Immutable. What it says is a stranger's as long as nobody has
/// asked <see cref="IsSigned"/>, and looked whether <see cref="Authority"/> is believed.
/// </summary>
public sealed class SshCertificate
{
    // A certificate of the largest keys with a hundred principals has half of that.
    private const int MostBlobBytes = 32 << 10;

    // As OpenSSH.
    private const int MostPrincipals = 256;

    private readonly byte[] blob;
    private readonly int signedLength;
    private readonly byte[] signature;

    private SshCertificate(byte[] blob)
    {
        if (blob.Length > MostBlobBytes)
            throw new SshFormatException($"a certificate of {blob.Length} bytes is longer than the {MostBlobBytes} that are read");
        this.blob = blob;
        var reader = new SshReader(blob);
        Type = reader.ReadName();
        var plain = SignatureAlgorithms.WithoutCertificate(Type);
        // The nonce, which is there so that nobody can foretell what an authority signs.
        reader.ReadString();
        Key = ReadKey(plain, ref reader);
        Serial = reader.ReadUInt64();
        Kind = reader.ReadUInt32() is var kind and (1 or 2) ? (SshCertificateKind)kind : throw new SshFormatException("a certificate is neither of a user nor of a host");
        KeyId = reader.ReadText();
        Principals = ReadPrincipals(reader.ReadString());
        (ValidAfter, ValidBefore) = (reader.ReadUInt64(), reader.ReadUInt64());
        CriticalOptions = ReadOptions(reader.ReadString());
        Extensions = ReadOptions(reader.ReadString());
        reader.ReadString();
        var authority = reader.ReadString();
        signedLength = blob.Length - reader.Rest.Length;
        signature = reader.ReadString().ToArray();
        reader.End();
        Authority = SshPublicKey.Read(authority);
    }

    /// <summary>The certificate as it is sent.</summary>
    public ReadOnlyMemory<byte> Blob => blob;

    /// <summary><c>ssh-ed25519-cert-v01@openssh.com</c> and the like; of RSA <c>ssh-rsa-cert-v01@openssh.com</c>.</summary>
    public string Type { get; }

    /// <summary>The key that it is about.</summary>
    public SshPublicKey Key { get; }

    /// <summary>The number that the authority has given it; 0 if it gives none.</summary>
    public ulong Serial { get; }

    /// <summary>Whose key it is.</summary>
    public SshCertificateKind Kind { get; }

    /// <summary>What the authority calls it; a stranger's text.</summary>
    public string KeyId { get; }

    /// <summary>The names of the users, or of the hosts, that it is for; strangers' texts.</summary>
    public IReadOnlyList<string> Principals { get; }

    /// <summary>From when on it is valid, and until when: in seconds since 1970 (UTC), the first of which it is valid no more.</summary>
    public ulong ValidAfter { get; }

    /// <inheritdoc cref="ValidAfter"/>
    public ulong ValidBefore { get; }

    /// <summary>What has to be heeded, each with its value as it stands there: whoever does not know one refuses the certificate.</summary>
    public IReadOnlyList<(string Name, ReadOnlyMemory<byte> Value)> CriticalOptions { get; }

    /// <summary>What else is said, which may be left aside.</summary>
    public IReadOnlyList<(string Name, ReadOnlyMemory<byte> Value)> Extensions { get; }

    /// <summary>Who has signed it, as it says.</summary>
    public SshPublicKey Authority { get; }

    /// <summary>Reads a certificate as it is sent. The bytes are copied.</summary>
    /// <exception cref="SshFormatException">They are none, or one of a type that is not known.</exception>
    internal static SshCertificate Read(ReadOnlySpan<byte> blob) => new(blob.ToArray());

    /// <summary>Reads a line <c>TYPE BASE64 [COMMENT]</c>, as it stands in a file that ends in <c>-cert.pub</c>.</summary>
    /// <exception cref="SshKeyException">It is none; the message says why and what to do.</exception>
    public static SshCertificate Parse(string line)
    {
        var rest = line.AsSpan().Trim(KeyLines.WhiteSpace);
        KeyLines.Field(ref rest);
        var text = KeyLines.Field(ref rest);
        var bytes = new byte[text.Length];
        if (text.IsEmpty || text.Length > MostBlobBytes * 4 / 3 || !Convert.TryFromBase64Chars(text, bytes, out var length))
            throw new SshKeyException("it is no certificate in one line, as ssh-keygen -s writes it; write the path of a file that ends in -cert.pub");
        try
        {
            return Read(bytes.AsSpan(0, length));
        }
        catch (SshFormatException error)
        {
            throw new SshKeyException($"the certificate cannot be used: {error.Message}; have it made anew with: ssh-keygen -s CA -I NAME -n USER KEY.pub", error);
        }
    }

    /// <summary>Reads the certificate of a file. Blocks.</summary>
    /// <exception cref="SshKeyException">It cannot be read; the message names the file, and what to do.</exception>
    public static SshCertificate Load(string path)
    {
        try
        {
            return Parse(KeyFiles.ReadList(path) ?? throw new SshKeyException("it does not exist; write the path of a file that ends in -cert.pub"));
        }
        catch (SshKeyException error) when (!error.Message.StartsWith(KeyFiles.Shown(path), StringComparison.Ordinal))
        {
            throw new SshKeyException($"{KeyFiles.Shown(path)}: {error.Message}", error);
        }
    }

    /// <summary>How it is signed, as the signature says.</summary>
    /// <exception cref="SshFormatException">It is no signature.</exception>
    internal string SignatureAlgorithm => new SshReader(signature).ReadName();

    /// <summary>Whether <see cref="Authority"/> has signed it, and not by SHA-1.</summary>
    /// <remarks>It computes for longer than an event loop may.</remarks>
    public bool IsSigned()
    {
        try
        {
            return Authority.Verify(SignatureAlgorithm, blob.AsSpan(0, signedLength), signature);
        }
        catch (SshFormatException)
        {
            return false;
        }
    }

    /// <summary>Whether it is valid at a time.</summary>
    public bool IsValidAt(DateTimeOffset time) => time.ToUnixTimeSeconds() is var seconds and >= 0 && ValidAfter <= (ulong)seconds && (ulong)seconds < ValidBefore;

    /// <summary>Whether it has an extension: <c>permit-port-forwarding</c> and the like.</summary>
    public bool HasExtension(string name) => Extensions.Any(extension => extension.Name == name);

    /// <summary>The certificate in short, to be looked for in logs: <c>NAME (serial 7, ssh-ed25519 SHA256:… by SHA256:…)</c>, safe to show.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{KeyLines.Shown(KeyId)} (serial {Serial}, {Key.Type} {Key.Fingerprint} by {Authority.Fingerprint})");

    // The same fields as in the public key, behind another type.
    private static SshPublicKey ReadKey(string type, ref SshReader reader)
    {
        var fields = type switch
        {
            SshPublicKey.Ed25519Type => 1,
            SshPublicKey.RsaType => 2,
            _ => EcdsaCurve.Of(type) is not null ? 2 : throw new SshFormatException($"the type of certificate '{KeyLines.Shown(type + SignatureAlgorithms.CertificateSuffix)}' is not known"),
        };
        var writer = new SshWriter(1024).WriteString(type);
        for (; fields > 0; fields--)
            writer.WriteString(reader.ReadString());
        return SshPublicKey.Read(writer.Written);
    }

    private static List<string> ReadPrincipals(ReadOnlySpan<byte> list)
    {
        var names = new List<string>();
        for (var reader = new SshReader(list); !reader.IsAtEnd;)
        {
            names.Add(reader.ReadText());
            if (names.Count > MostPrincipals)
                throw new SshFormatException($"a certificate is for more than the {MostPrincipals} names that are read");
        }
        return names;
    }

    // In lexical order and each once, so that none can be read in two ways.
    private static List<(string Name, ReadOnlyMemory<byte> Value)> ReadOptions(ReadOnlySpan<byte> list)
    {
        var options = new List<(string Name, ReadOnlyMemory<byte> Value)>();
        for (var reader = new SshReader(list); !reader.IsAtEnd;)
        {
            var name = reader.ReadText();
            if (options.Count > 0 && string.CompareOrdinal(options[^1].Name, name) >= 0)
                throw new SshFormatException("a certificate has options out of their order");
            options.Add((name, reader.ReadString().ToArray()));
        }
        return options;
    }
}
