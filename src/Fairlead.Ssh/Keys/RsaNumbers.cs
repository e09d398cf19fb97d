using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>
/// The numbers of RSA keys, what they may be, and how they sign (RFC 4253 section 6.6, RFC 8332). What verifies and signs computes for longer than an event loop may.
/// </summary>
internal static class RsaNumbers
{
    /// <summary>
    /// NIST SP 800-131A allows no less since 2014; OpenSSH and OpenSSL take no more, as a stranger could make us compute for as long as he likes.
    /// </summary>
    public const int FewestBits = 2048, MostBits = 16384;

    // 65537 has 17, and OpenSSL takes no more than this with a modulus of over 3,072 bits: verifying costs in proportion to it.
    private const int MostExponentBits = 64;

    private const string Sha512 = "rsa-sha2-512", Sha256 = "rsa-sha2-256";

    /// <summary>The algorithms of signatures, the preferred first.</summary>
    public static readonly string[] Algorithms = [Sha512, Sha256];

    /// <summary>Reads what follows the type in a public key: e and n.</summary>
    /// <exception cref="SshFormatException">They are no numbers as they are sent, or not what they may be; the message says which.</exception>
    public static RSAParameters ReadPublic(ref SshReader reader)
    {
        var e = ReadPositive(ref reader);
        var n = ReadPositive(ref reader);
        if (Fault(BitsOf(n)) is { } fault)
            throw new SshFormatException(fault);
        if (BitsOf(e) > MostExponentBits)
            throw new SshFormatException($"an RSA key has an exponent of {BitsOf(e)} bits, and at most {MostExponentBits} are taken");
        if ((n[^1] & 1) == 0 || (e[^1] & 1) == 0 || e is [1])
            throw new SshFormatException("an RSA key has numbers that no such key has");
        return new RSAParameters { Exponent = e.ToArray(), Modulus = n.ToArray() };
    }

    /// <summary>What is wrong with a modulus of so many bits; null if nothing is.</summary>
    public static string? Fault(int bits) => bits switch
    {
        < FewestBits => $"an RSA key of {bits} bits is too weak: at least {FewestBits} are asked for",
        > MostBits => $"an RSA key of {bits} bits is too large: at most {MostBits} are taken",
        _ => null,
    };

    /// <summary>The public key as it is sent.</summary>
    public static byte[] WritePublic(RSAParameters key) => new SshWriter().WriteString(SshPublicKey.RsaType).WriteMpint(key.Exponent).WriteMpint(key.Modulus).ToArray();

    /// <param name="key">The public key.</param>
    /// <param name="algorithm">One of <see cref="Algorithms"/>.</param>
    /// <param name="data">What was signed.</param>
    /// <param name="signature">The signature's number (RFC 8332 section 3).</param>
    public static bool Verify(RSAParameters key, string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        var length = key.Modulus!.Length;
        if (signature.Length > length)
            return false;

        // Some write the number without the zeros that it begins with, which OpenSSH takes too.
        byte[] padded = [.. new byte[length - signature.Length], .. signature];
        using var rsa = RSA.Create(key);
        return rsa.VerifyData(data, padded, HashOf(algorithm), RSASignaturePadding.Pkcs1);
    }

    public static byte[] Sign(RSA key, string algorithm, ReadOnlySpan<byte> data) => key.SignData(data, HashOf(algorithm), RSASignaturePadding.Pkcs1);

    /// <summary>A private key for .NET, from the numbers that OpenSSH keeps: what it leaves out is computed. Whoever asked has to <see cref="Wipe"/> it.</summary>
    /// <exception cref="SshFormatException">They are not the numbers of a key.</exception>
    public static RSAParameters Complete(ReadOnlySpan<byte> n, ReadOnlySpan<byte> e, ReadOnlySpan<byte> d, ReadOnlySpan<byte> inverseQ, ReadOnlySpan<byte> p, ReadOnlySpan<byte> q)
    {
        if (Fault(BitsOf(n)) is { } fault)
            throw new SshFormatException(fault);
        var half = (n.Length + 1) / 2;
        return new RSAParameters
        {
            Modulus = n.ToArray(),
            Exponent = e.ToArray(),
            D = Padded(d, n.Length),
            P = Padded(p, half),
            Q = Padded(q, half),
            DP = RemainderOfLess(d, p, half),
            DQ = RemainderOfLess(d, q, half),
            InverseQ = Padded(inverseQ, half),
        };
    }

    /// <summary>Overwrites the private numbers of a key.</summary>
    public static void Wipe(RSAParameters key)
    {
        foreach (var secret in new[] { key.D, key.P, key.Q, key.DP, key.DQ, key.InverseQ })
            CryptographicOperations.ZeroMemory(secret);
    }

    /// <summary>How many bits a number has that does not begin with zeros.</summary>
    public static int BitsOf(ReadOnlySpan<byte> magnitude) => magnitude.IsEmpty ? 0 : (magnitude.Length * 8) - (int)byte.LeadingZeroCount(magnitude[0]);

    // One key has one blob: a number that may be written in two ways would let a key pass for another that is not known, or not revoked.
    private static ReadOnlySpan<byte> ReadPositive(ref SshReader reader)
    {
        var bytes = reader.ReadString();
        if (bytes.IsEmpty || bytes[0] >= 0x80 || (bytes[0] == 0 && (bytes.Length == 1 || bytes[1] < 0x80)))
            throw new SshFormatException("an RSA key has a number that is not above zero, or begins with zeros that it does not need");
        return bytes[0] == 0 ? bytes[1..] : bytes;
    }

    private static byte[] Padded(ReadOnlySpan<byte> magnitude, int length)
    {
        if (magnitude.Length > length)
            throw new SshFormatException("an RSA key has a number that is larger than its modulus allows");
        var padded = new byte[length];
        magnitude.CopyTo(padded.AsSpan(length - magnitude.Length));
        return padded;
    }

    /// <summary>
    /// d mod (prime - 1), in so many bytes. Bit for bit, as the class library's large numbers stay in memory, where nothing wipes them.
    /// </summary>
    private static byte[] RemainderOfLess(ReadOnlySpan<byte> d, ReadOnlySpan<byte> prime, int length)
    {
        if (prime.IsEmpty || (prime[^1] & 1) == 0 || prime is [1])
            throw new SshFormatException("an RSA key has a factor that is no prime");
        var modulus = Padded(prime, length);
        modulus[^1]--;
        var rest = new byte[length + 1]; // one more, as it is doubled before it is reduced
        for (var bit = (d.Length * 8) - 1; bit >= 0; bit--)
        {
            var carry = (d[d.Length - 1 - (bit / 8)] >> (bit % 8)) & 1;
            for (var i = rest.Length - 1; i >= 0; i--)
            {
                carry |= rest[i] << 1;
                rest[i] = (byte)carry;
                carry >>= 8;
            }
            if (rest[0] == 0 && rest.AsSpan(1).SequenceCompareTo(modulus) < 0)
                continue;
            var borrow = 0;
            for (var i = length; i >= 0; i--)
            {
                borrow += rest[i] - (i > 0 ? modulus[i - 1] : 0);
                rest[i] = (byte)borrow;
                borrow >>= 8;
            }
        }
        var result = rest[1..];
        CryptographicOperations.ZeroMemory(rest);
        CryptographicOperations.ZeroMemory(modulus);
        return result;
    }

    private static HashAlgorithmName HashOf(string algorithm) => algorithm switch
    {
        Sha512 => HashAlgorithmName.SHA512,
        Sha256 => HashAlgorithmName.SHA256,
        _ => throw new ArgumentException("There is no such algorithm of RSA.", nameof(algorithm)),
    };
}
