using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>HMAC by SHA-256 or SHA-512 (RFC 2104, RFC 6668) with a key that is kept. One thread at a time.</summary>
/// <remarks>
/// What the key does to the hash is computed once, and copied for each message. The HMAC of OpenSSL 3.0, which the class library calls as well, allocates each time that it begins
/// anew. The structures that are copied are part of the interface of libcrypto: its callers have always allocated them.
/// </remarks>
internal sealed unsafe class Hmac : IDisposable
{
    // openssl/sha.h: SHA256_CTX has 112 bytes, SHA512_CTX 216.
    private const int StateWords = 216 / sizeof(ulong);

    // Three states, pinned, so that none is left behind where it once lay: of the inner hash and of the outer one, each behind its block of key, and of the hash that is computed.
    private readonly ulong[] states = GC.AllocateArray<ulong>(3 * StateWords, pinned: true);
    private readonly bool isWide;
    private bool isDisposed;

    /// <summary>A MAC with its key.</summary>
    /// <param name="hash">SHA-256 or SHA-512.</param>
    /// <param name="key">The key, of any length up to the hash's block: 64 bytes, or 128.</param>
    public Hmac(HashAlgorithmName hash, ReadOnlySpan<byte> key)
    {
        isWide = hash == HashAlgorithmName.SHA512;
        if (!isWide && hash != HashAlgorithmName.SHA256)
            throw new ArgumentException("the hash is neither SHA-256 nor SHA-512", nameof(hash));
        TagLength = isWide ? 64 : 32;
        Span<byte> block = stackalloc byte[isWide ? 128 : 64];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, block.Length);
        Prepare(Inner, key, block, 0x36);
        Prepare(Outer, key, block, 0x5c);
        CryptographicOperations.ZeroMemory(block);
    }

    /// <summary>How long the tag is, in bytes.</summary>
    public int TagLength { get; }

    private ulong* Inner => (ulong*)Marshal.UnsafeAddrOfPinnedArrayElement(states, 0);

    private ulong* Outer => Inner + StateWords;

    private ulong* Running => Inner + (2 * StateWords);

    /// <summary>Computes the tag of a packet (RFC 4253 section 6.4).</summary>
    /// <param name="sequence">Its sequence number, which is not sent.</param>
    /// <param name="packet">The packet, encrypted or not.</param>
    /// <param name="tag">Filled with the tag: <see cref="TagLength"/> bytes.</param>
    public void Compute(uint sequence, ReadOnlySpan<byte> packet, Span<byte> tag)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(tag.Length, TagLength);
        var number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(number, sizeof(uint)), sequence);
        var digest = stackalloc byte[64];
        Copy(Inner, Running);
        Update(Running, number, sizeof(uint));
        fixed (byte* from = packet)
            Update(Running, from, packet.Length);
        Final(digest, Running);
        Copy(Outer, Running);
        Update(Running, digest, TagLength);
        fixed (byte* to = tag)
            Final(to, Running);
        GC.KeepAlive(this);
    }

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        isDisposed = true;
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(states.AsSpan()));
    }

    private static void Copy(ulong* from, ulong* to) => new ReadOnlySpan<ulong>(from, StateWords).CopyTo(new Span<ulong>(to, StateWords));

    private void Prepare(ulong* state, ReadOnlySpan<byte> key, Span<byte> block, byte pad)
    {
        block.Fill(pad);
        for (var i = 0; i < key.Length; i++)
            block[i] ^= key[i];
        Libcrypto.Check(isWide ? Libcrypto.SHA512_Init(state) : Libcrypto.SHA256_Init(state), nameof(Libcrypto.SHA256_Init));
        fixed (byte* from = block)
            Update(state, from, block.Length);
    }

    private void Update(ulong* state, byte* data, int length) =>
        Libcrypto.Check(isWide ? Libcrypto.SHA512_Update(state, data, (nuint)length) : Libcrypto.SHA256_Update(state, data, (nuint)length), nameof(Libcrypto.SHA256_Update));

    private void Final(byte* digest, ulong* state) =>
        Libcrypto.Check(isWide ? Libcrypto.SHA512_Final(digest, state) : Libcrypto.SHA256_Final(digest, state), nameof(Libcrypto.SHA256_Final));
}
