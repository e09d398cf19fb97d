using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>A curve that keys of ECDSA may be on, and how they sign (RFC 5656 section 3). What verifies and signs computes for longer than an event loop may.</summary>
internal sealed class EcdsaCurve
{
    /// <summary>That a key is on none of them.</summary>
    public const string NotKnown = "it is on a curve that is not known here, which are nistp256, nistp384 and nistp521";

    // SEC 1 section 2.3.3: what stands before the two coordinates of a point that is not compressed.
    private const byte Uncompressed = 4;

    private static readonly EcdsaCurve[] all =
    [
        new("nistp256", ECCurve.NamedCurves.nistP256, 32, HashAlgorithmName.SHA256),
        new("nistp384", ECCurve.NamedCurves.nistP384, 48, HashAlgorithmName.SHA384),
        new("nistp521", ECCurve.NamedCurves.nistP521, 66, HashAlgorithmName.SHA512),
    ];

    private readonly ECCurve curve;
    private readonly HashAlgorithmName hash;

    private EcdsaCurve(string name, ECCurve curve, int length, HashAlgorithmName hash)
    {
        (Name, Length, this.curve, this.hash) = (name, length, curve, hash);
        Type = "ecdsa-sha2-" + name;
        Algorithms = [Type];
    }

    /// <summary>The curve's name, as keys have it inside.</summary>
    public string Name { get; }

    /// <summary>The type of the curve's keys, and the algorithm of their signatures.</summary>
    public string Type { get; }

    public IReadOnlyList<string> Algorithms { get; }

    /// <summary>How long a coordinate and a private key are, in bytes.</summary>
    public int Length { get; }

    /// <summary>The curve of a type of keys; null if it is no type of such keys.</summary>
    public static EcdsaCurve? Of(string type) => Array.Find(all, curve => curve.Type == type);

    /// <summary>The same curve as .NET's; null if it is none of these.</summary>
    public static EcdsaCurve? Of(ECCurve curve) => curve.IsNamed ? Array.Find(all, known => known.curve.Oid.Value == curve.Oid.Value) : null;

    /// <summary>Reads what follows the type in a public key: the curve, and a point on it.</summary>
    /// <exception cref="SshFormatException">It is another curve, or no point of this one, or a compressed one, as nobody sends it.</exception>
    public ECPoint ReadPublic(ref SshReader reader)
    {
        if (!reader.ReadString().SequenceEqual(Encoding.ASCII.GetBytes(Name)))
            throw new SshFormatException($"a key of {Type} is on another curve than its type says");
        var octets = reader.ReadString();
        if (octets.Length != 1 + (2 * Length) || octets[0] != Uncompressed)
            throw new SshFormatException($"a key of {Type} is no point of the curve");
        var point = new ECPoint { X = octets[1..(1 + Length)].ToArray(), Y = octets[(1 + Length)..].ToArray() };
        try
        {
            ECDsa.Create(Parameters(point)).Dispose();
        }
        catch (CryptographicException)
        {
            throw new SshFormatException($"a key of {Type} is no point of the curve");
        }
        return point;
    }

    /// <summary>The public key as it is sent.</summary>
    public byte[] WritePublic(ECPoint point) => new SshWriter().WriteString(Type).WriteString(Name).WriteString([Uncompressed, .. Padded(point.X!), .. Padded(point.Y!)]).ToArray();

    /// <summary>A key, for .NET.</summary>
    /// <param name="point">Its public part.</param>
    /// <param name="secret">Its private part, of <see cref="Length"/> bytes; null if there is none.</param>
    public ECParameters Parameters(ECPoint point, byte[]? secret = null) => new() { Curve = curve, Q = point, D = secret };

    /// <param name="point">The public key.</param>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">Two numbers (RFC 5656 section 3.1.2).</param>
    /// <exception cref="SshFormatException">They are none.</exception>
    public bool Verify(ECPoint point, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        var reader = new SshReader(signature);
        var r = reader.ReadMpint();
        var s = reader.ReadMpint();
        reader.End();
        if (r.Length > Length || s.Length > Length)
            return false;
        Span<byte> fixedLength = stackalloc byte[2 * Length];
        fixedLength.Clear();
        r.CopyTo(fixedLength[(Length - r.Length)..]);
        s.CopyTo(fixedLength[(fixedLength.Length - s.Length)..]);
        using var key = ECDsa.Create(Parameters(point));
        return key.VerifyData(data, fixedLength, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    /// <summary>Signs: two numbers (RFC 5656 section 3.1.2).</summary>
    public byte[] Sign(ECDsa key, ReadOnlySpan<byte> data)
    {
        var signature = key.SignData(data, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation).AsSpan();
        return new SshWriter().WriteMpint(signature[..Length]).WriteMpint(signature[Length..]).ToArray();
    }

    private byte[] Padded(byte[] coordinate) => [.. new byte[Length - coordinate.Length], .. coordinate];
}
