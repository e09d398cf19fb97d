using System.Buffers.Binary;
using System.Numerics;

namespace Fairlead.Ssh;

/// <summary>The key schedule of Blowfish (Schneier, 1993) with the salt of bcrypt (Provos and Mazières, 1999), and its rounds: as <see cref="BcryptPbkdf"/> needs them, and nothing else does.</summary>
internal ref struct Blowfish(Span<uint> state)
{
    /// <summary>How many words its state has: 18 of the rounds, and four boxes of 256.</summary>
    public const int Words = Rounds + (4 * BoxWords);

    private const int Rounds = 18, BoxWords = 256;

    // Every state begins as the binary digits of π behind the point. They are computed once, which takes a few milliseconds, and is less to get wrong than 1,042 constants.
    private static readonly Lazy<uint[]> pi = new(DigitsOfPi);

    private readonly Span<uint> state = state;

    /// <summary>Forgets every key.</summary>
    public readonly void Reset() => pi.Value.CopyTo(state);

    /// <summary>Mixes a key in.</summary>
    /// <param name="key">Its bytes, at least one; taken again from the beginning where they do not suffice.</param>
    /// <param name="salt">The same of a salt; empty: none.</param>
    public readonly void Expand(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt)
    {
        var at = 0;
        for (var i = 0; i < Rounds; i++)
            state[i] ^= NextWord(key, ref at);
        uint left = 0, right = 0;
        at = 0;
        for (var i = 0; i < Words; i += 2)
        {
            if (!salt.IsEmpty)
            {
                left ^= NextWord(salt, ref at);
                right ^= NextWord(salt, ref at);
            }
            Encrypt(ref left, ref right);
            (state[i], state[i + 1]) = (left, right);
        }
    }

    /// <summary>Encrypts a block of two words.</summary>
    public readonly void Encrypt(ref uint left, ref uint right)
    {
        var words = state[..Words];
        var (l, r) = (left ^ words[0], right);
        for (var i = 1; i <= 16; i += 2)
        {
            r ^= Mixed(words, l) ^ words[i];
            l ^= Mixed(words, r) ^ words[i + 1];
        }
        (left, right) = (r ^ words[17], l);
    }

    private static uint Mixed(ReadOnlySpan<uint> words, uint x)
    {
        var boxes = words[Rounds..];
        return ((boxes[(int)(x >> 24)] + boxes[BoxWords + (byte)(x >> 16)]) ^ boxes[(2 * BoxWords) + (byte)(x >> 8)]) + boxes[(3 * BoxWords) + (byte)x];
    }

    private static uint NextWord(ReadOnlySpan<byte> bytes, ref int at)
    {
        var word = 0u;
        for (var i = 0; i < sizeof(uint); i++)
        {
            word = (word << 8) | bytes[at];
            at = (at + 1) % bytes.Length;
        }
        return word;
    }

    // Machin: π = 16 arctan 1/5 - 4 arctan 1/239.
    private static uint[] DigitsOfPi()
    {
        const int Spare = 64; // for what each division leaves out
        const int Bits = (32 * Words) + Spare;
        var digits = ((16 * ArcTangent(5, Bits)) - (4 * ArcTangent(239, Bits))) >> Spare;
        var bytes = (digits - (new BigInteger(3) << (32 * Words))).ToByteArray(isUnsigned: true, isBigEndian: true);
        var words = new uint[Words];
        for (var i = 0; i < Words; i++)
            words[i] = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(i * sizeof(uint)));
        return words;
    }

    // arctan 1/x = 1/x - 1/3x³ + 1/5x⁵ …, in units of 2^-bits.
    private static BigInteger ArcTangent(int x, int bits)
    {
        var power = (BigInteger.One << bits) / x;
        var sum = power;
        for (var n = 3; !power.IsZero; n += 2)
        {
            power /= -x * x;
            sum += power / n;
        }
        return sum;
    }
}
