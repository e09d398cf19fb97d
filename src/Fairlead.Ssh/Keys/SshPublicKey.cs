using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>A public key: of a host or a user (RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709). Immutable; equal to another of the same blob.</summary>
public sealed class SshPublicKey : IEquatable<SshPublicKey>
{
    internal const string Ed25519Type = "ssh-ed25519", RsaType = "ssh-rsa";

    // A key of 16,384 bits, the largest, is 2,100 bytes.
    private const int MostBlobBytes = 8 << 10;

    private static readonly string[] ed25519Algorithms = [Ed25519Type];

    private readonly byte[] blob;
    private readonly RSAParameters rsa;
    private readonly EcdsaCurve? curve;
    private readonly ECPoint point;

    private SshPublicKey(byte[] blob)
    {
        if (blob.Length > MostBlobBytes)
            throw new SshFormatException($"a key of {blob.Length} bytes is longer than any that is known");
        this.blob = blob;
        var reader = new SshReader(blob);
        Type = reader.ReadName();
        switch (Type)
        {
            case Ed25519Type:
                Algorithms = ed25519Algorithms;
                if (reader.ReadString().Length != Ed25519.PublicKeyLength)
                    throw new SshFormatException($"a key of {Ed25519Type} is not {Ed25519.PublicKeyLength} bytes long");
                break;
            case RsaType:
                Algorithms = RsaNumbers.Algorithms;
                rsa = RsaNumbers.ReadPublic(ref reader);
                break;
            default:
                curve = EcdsaCurve.Of(Type) ?? throw new SshFormatException(Unknown(Type));
                Algorithms = curve.Algorithms;
                point = curve.ReadPublic(ref reader);
                break;
        }
        reader.End();
    }

    /// <summary>The key as it is sent: its type, and what the type asks for.</summary>
    public ReadOnlyMemory<byte> Blob => blob;

    /// <summary><c>ssh-ed25519</c>, <c>ecdsa-sha2-nistp256</c>, <c>ecdsa-sha2-nistp384</c>, <c>ecdsa-sha2-nistp521</c>, or <c>ssh-rsa</c>.</summary>
    public string Type { get; }

    /// <summary>How long the modulus of an RSA key is; null for others.</summary>
    internal int? RsaBits => rsa.Modulus is { } modulus ? RsaNumbers.BitsOf(modulus) : null;

    /// <summary>
    /// The algorithms that this key may sign with, the preferred first: its type, and for <c>ssh-rsa</c> <c>rsa-sha2-512</c> and <c>rsa-sha2-256</c>, never
    /// <c>ssh-rsa</c> itself, which signs with SHA-1.
    /// </summary>
    public IReadOnlyList<string> Algorithms { get; }

    /// <summary>The key in short, for people to compare: <c>SHA256:</c> and 43 characters of Base64, as OpenSSH prints it.</summary>
    public string Fingerprint => field ??= $"SHA256:{Convert.ToBase64String(SHA256.HashData(blob)).TrimEnd('=')}";

    /// <summary>Reads a key as it is sent. The bytes are copied.</summary>
    /// <exception cref="SshFormatException">They are no key, one of a type that is not known, or one that is too weak.</exception>
    internal static SshPublicKey Read(ReadOnlySpan<byte> blob) => new(blob.ToArray());

    /// <summary>Reads a line <c>TYPE BASE64 [COMMENT]</c>, as it stands in a file that ends in <c>.pub</c>.</summary>
    /// <exception cref="SshKeyException">It is none, or its key cannot be used; the message says why and what to do.</exception>
    public static SshPublicKey Parse(string line) => TryParse(line, out var key, out _, out var fault) ? key : throw new SshKeyException(fault);

    /// <summary>Reads a line <c>TYPE BASE64 [COMMENT]</c>, as it stands in a file that ends in <c>.pub</c>.</summary>
    /// <param name="line">The line, with or without white space around it.</param>
    /// <param name="key">The key.</param>
    /// <param name="comment">What follows it: any text, to be shown escaped; empty if there is none.</param>
    /// <param name="fault">What is wrong with it, and what to do.</param>
    public static bool TryParse(string line, [NotNullWhen(true)] out SshPublicKey? key, out string comment, [NotNullWhen(false)] out string? fault)
    {
        (key, comment, fault) = (null, "", null);
        var rest = line.AsSpan().Trim(KeyLines.WhiteSpace);
        var type = KeyLines.Field(ref rest);
        var text = KeyLines.Field(ref rest);
        if (text.IsEmpty)
        {
            fault = "there is no key; write TYPE BASE64, as in a file that ends in .pub";
            return false;
        }
        if (text.Length > MostBlobBytes * 4 / 3)
        {
            fault = $"the key is {text.Length} characters long, and no key that is known has more than {MostBlobBytes * 4 / 3}; copy it anew";
            return false;
        }
        var bytes = new byte[text.Length];
        if (!Convert.TryFromBase64Chars(text, bytes, out var length))
        {
            fault = $"what follows {KeyLines.Shown(type)} is not a key in Base64; copy it anew, in one line";
            return false;
        }
        try
        {
            key = Read(bytes.AsSpan(0, length));
        }
        catch (SshFormatException error)
        {
            fault = $"{error.Message}; take another key, like one of: ssh-keygen -t ed25519";
            return false;
        }
        if (!type.Equals(key.Type, StringComparison.Ordinal))
        {
            fault = $"the key calls itself {key.Type}, and the line calls it {KeyLines.Shown(type)}; copy it anew";
            key = null;
            return false;
        }
        comment = rest.ToString();
        return true;
    }

    /// <summary>Whether a signature is that of the data by this key.</summary>
    /// <param name="algorithm">The algorithm that was agreed on, or asked for: the signature has to name the same.</param>
    /// <param name="data">What was signed, not hashed.</param>
    /// <param name="signature">The signature as it is sent: <c>string</c> algorithm, <c>string</c> bytes. Any bytes at all are just no signature.</param>
    /// <remarks>It computes for longer than an event loop may.</remarks>
    public bool Verify(string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (!Algorithms.Contains(algorithm))
            return false;
        try
        {
            var reader = new SshReader(signature);
            if (!reader.ReadString().SequenceEqual(Encoding.ASCII.GetBytes(algorithm)))
                return false;
            var bytes = reader.ReadString();
            reader.End();
            if (curve is not null)
                return curve.Verify(point, data, bytes);
            return Type == RsaType ? RsaNumbers.Verify(rsa, algorithm, data, bytes) : Ed25519.Verify(blob.AsSpan(^Ed25519.PublicKeyLength..), data, bytes);
        }
        catch (Exception error) when (error is SshFormatException or CryptographicException)
        {
            // The key was a stranger's too: libcrypto may find only now that its numbers are no key.
            return false;
        }
    }

    /// <summary>Whether another key is the same, byte for byte.</summary>
    public bool Equals(SshPublicKey? other) => other is not null && blob.AsSpan().SequenceEqual(other.blob);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SshPublicKey);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(blob);
        return hash.ToHashCode();
    }

    /// <summary>The key as a line: <c>TYPE BASE64</c>.</summary>
    public override string ToString() => $"{Type} {Convert.ToBase64String(blob)}";

    /// <summary>What to say about a type of key that is not known here.</summary>
    /// <param name="type">Its name, of printable ASCII.</param>
    internal static string Unknown(string type)
    {
        if (SignatureAlgorithms.IsOfCertificate(type))
            return $"it is a certificate ({type}), and a key is expected";
        return type.StartsWith("sk-", StringComparison.Ordinal) ? $"keys that stay in a security token ({type}) are not known yet" : $"the key type '{type}' is not known";
    }
}
