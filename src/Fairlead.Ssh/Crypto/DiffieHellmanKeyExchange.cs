using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>
/// Diffie-Hellman in a group of RFC 3526 (RFC 4253 section 8, RFC 8268): <c>diffie-hellman-group14-sha256</c> and the like. Each side's value is an <c>mpint</c>, and so is the
/// secret.
/// </summary>
internal sealed class DiffieHellmanKeyExchange : KeyExchange
{
    // The groups have no small subgroups, so that a private exponent may be shorter than they are: twice as long as the longest key that is derived, as OpenSSH has it.
    private const int ExponentLength = 512 / 8;

    private static readonly Lazy<Group> group14 = new(() => new Group(Bignum.Prime2048(), 2048 / 8)), group16 = new(() => new Group(Bignum.Prime4096(), 4096 / 8));

    private readonly Lazy<Group> group;
    private Bignum? exponent;

    private DiffieHellmanKeyExchange(Lazy<Group> group, HashAlgorithmName hash, ReadOnlySpan<byte> exponent)
    {
        this.group = group;
        Hash = hash;
        if (!exponent.IsEmpty)
            this.exponent = Bignum.From(exponent);
    }

    /// <summary>2048 bits.</summary>
    /// <param name="exponent">The private exponent; if it is empty one is chosen.</param>
    public static DiffieHellmanKeyExchange Group14Sha256(ReadOnlySpan<byte> exponent = default) => new(group14, HashAlgorithmName.SHA256, exponent);

    /// <summary>4096 bits.</summary>
    /// <param name="exponent">The private exponent; if it is empty one is chosen.</param>
    public static DiffieHellmanKeyExchange Group16Sha512(ReadOnlySpan<byte> exponent = default) => new(group16, HashAlgorithmName.SHA512, exponent);

    public override HashAlgorithmName Hash { get; }

    public override byte[] Begin()
    {
        if (exponent is null)
        {
            Span<byte> chosen = stackalloc byte[ExponentLength];
            RandomNumberGenerator.Fill(chosen);
            chosen[0] |= 0x80; // never a small one
            exponent = Bignum.From(chosen);
            CryptographicOperations.ZeroMemory(chosen);
        }
        // The encoding without its length.
        return Power(group.Value.Generator)[sizeof(uint)..];
    }

    public override void Dispose() => exponent?.Dispose();

    protected override byte[] Derive(ReadOnlySpan<byte> value)
    {
        using var peer = Read(value);
        return Power(peer);
    }

    /// <summary>A value that came: more than 1 and less than p - 1 (RFC 4253 section 8, RFC 8268 section 4), as those two and 0 tell the secret.</summary>
    private Bignum Read(ReadOnlySpan<byte> value)
    {
        var prime = group.Value.PrimeBytes;
        // RFC 4251 section 5: what is not the shortest encoding is hashed as it came here, and maybe not so there.
        if (value.IsEmpty || value[0] >= 0x80 || (value[0] == 0 && (value.Length == 1 || value[1] < 0x80)))
            throw new SshFormatException("a public value of Diffie-Hellman is 0, negative, or has unnecessary zeros");
        var magnitude = value[0] == 0 ? value[1..] : value;
        // The prime is odd: p - 1 is all its bits but the last.
        var isTooLarge = magnitude.Length > prime.Length || (magnitude.Length == prime.Length
            && (magnitude.SequenceCompareTo(prime) >= 0 || (magnitude[..^1].SequenceEqual(prime.AsSpan(..^1)) && magnitude[^1] == prime[^1] - 1)));
        if (isTooLarge || (magnitude.Length == 1 && magnitude[0] == 1))
            throw new SshFormatException("a public value of Diffie-Hellman is not between 1 and p - 1");
        return Bignum.From(magnitude);
    }

    private byte[] Power(Bignum number)
    {
        if (exponent is null)
            throw new InvalidOperationException("the exchange has not begun");
        using var power = Bignum.ModPow(number, exponent, group.Value.Prime);
        var bytes = new byte[group.Value.PrimeBytes.Length];
        power.Write(bytes);
        var encoded = EncodeSecret(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return encoded;
    }

    // Never disposed of: as long as the program.
    private sealed class Group
    {
        public Group(Bignum prime, int length)
        {
            Prime = prime;
            PrimeBytes = new byte[length];
            prime.Write(PrimeBytes);
        }

        public Bignum Prime { get; }

        public byte[] PrimeBytes { get; }

        public Bignum Generator { get; } = Bignum.From([2]);
    }
}
