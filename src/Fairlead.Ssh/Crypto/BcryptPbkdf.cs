using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>
/// A key from a passphrase, slowly: bcrypt_pbkdf(3) of OpenBSD, which is PBKDF2 (RFC 8018 section 5.2) around bcrypt, with its output spread over the whole key. No library has it.
/// </summary>
internal static class BcryptPbkdf
{
    // What bcrypt hashes at once, and what it makes of it.
    private const int DigestLength = 64, HashLength = 32;

    private static ReadOnlySpan<byte> Text => "OxychromaticBlowfishSwatDynamite"u8;

    /// <summary>Derives a key. A round takes some milliseconds for each 32 bytes of it.</summary>
    /// <param name="passphrase">The passphrase, at least one byte.</param>
    /// <param name="salt">The salt, at least one byte.</param>
    /// <param name="rounds">How often, at least once.</param>
    /// <param name="key">Filled with the key, of at most 1,024 bytes. The caller wipes it.</param>
    public static void Derive(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, int rounds, Span<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfZero(passphrase.Length);
        ArgumentOutOfRangeException.ThrowIfZero(salt.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, HashLength * HashLength);
        Span<byte> secret = stackalloc byte[DigestLength], digest = stackalloc byte[DigestLength], hash = stackalloc byte[HashLength], sum = stackalloc byte[HashLength];
        Span<uint> state = stackalloc uint[Blowfish.Words];
        SHA512.HashData(passphrase, secret);
        var blocks = (key.Length + HashLength - 1) / HashLength;
        var counted = new byte[salt.Length + sizeof(uint)];
        salt.CopyTo(counted);
        for (var block = 0; block < blocks; block++)
        {
            BinaryPrimitives.WriteInt32BigEndian(counted.AsSpan(salt.Length), block + 1);
            SHA512.HashData(counted, digest);
            Hash(state, secret, digest, hash);
            hash.CopyTo(sum);
            for (var round = 1; round < rounds; round++)
            {
                SHA512.HashData(hash, digest);
                Hash(state, secret, digest, hash);
                for (var i = 0; i < HashLength; i++)
                    sum[i] ^= hash[i];
            }
            // Each block has a byte in every so many: who wants a part of the key has to compute it all.
            for (var (i, at) = (0, block); at < key.Length; i++, at += blocks)
                key[at] = sum[i];
        }
        CryptographicOperations.ZeroMemory(secret);
        CryptographicOperations.ZeroMemory(hash);
        CryptographicOperations.ZeroMemory(sum);
        state.Clear();
    }

    private static void Hash(Span<uint> state, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> salt, Span<byte> hash)
    {
        var blowfish = new Blowfish(state);
        blowfish.Reset();
        blowfish.Expand(secret, salt);
        for (var i = 0; i < 64; i++)
        {
            blowfish.Expand(salt, []);
            blowfish.Expand(secret, []);
        }
        for (var at = 0; at < HashLength; at += 2 * sizeof(uint))
        {
            var (left, right) = (BinaryPrimitives.ReadUInt32BigEndian(Text[at..]), BinaryPrimitives.ReadUInt32BigEndian(Text[(at + sizeof(uint))..]));
            for (var i = 0; i < 64; i++)
                blowfish.Encrypt(ref left, ref right);
            BinaryPrimitives.WriteUInt32LittleEndian(hash[at..], left);
            BinaryPrimitives.WriteUInt32LittleEndian(hash[(at + sizeof(uint))..], right);
        }
    }
}
