using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>
/// One exchange of keys by one method, in one role (RFC 4253 section 7): the client begins, the server answers, and both know a secret.
/// </summary>
/// <remarks>
/// Values are the contents of the fields of the messages as they are sent, without their length: of an <c>mpint</c> (Diffie-Hellman), or a <c>string</c> (elliptic curves). A
/// method whose server does not just send a public value of its own, as post-quantum ones do, fits as well. It computes for longer than an event loop may.
/// </remarks>
internal abstract class KeyExchange : IDisposable
{
    /// <summary>The hash of the exchange, by which keys are derived too.</summary>
    public abstract HashAlgorithmName Hash { get; }

    /// <summary>The client's value.</summary>
    public abstract byte[] Begin();

    /// <summary>The server's value, and the secret.</summary>
    /// <exception cref="SshFormatException">The client's value is none: of the wrong length, not on the curve, or one that gives away the secret.</exception>
    public virtual (byte[] Answer, byte[] Secret) Answer(ReadOnlySpan<byte> clientValue)
    {
        var answer = Begin();
        return (answer, Derive(clientValue));
    }

    /// <summary>The secret, from the server's value.</summary>
    /// <returns>The shared secret as it is hashed: an encoded <c>mpint</c> with its length, or a <c>string</c>.</returns>
    /// <exception cref="SshFormatException">The server's value is none.</exception>
    public virtual byte[] End(ReadOnlySpan<byte> serverValue) => Derive(serverValue);

    /// <summary>The secret, from the peer's public value and the private one that this end began with: both roles do the same, unless a method says otherwise.</summary>
    protected abstract byte[] Derive(ReadOnlySpan<byte> value);

    /// <summary>Wipes what is secret; not what was returned.</summary>
    public abstract void Dispose();

    /// <summary>A secret as most methods hash it: an encoded <c>mpint</c> (RFC 4251 section 5), with its length.</summary>
    /// <param name="magnitude">The number, big-endian, with or without leading zeros.</param>
    /// <remarks>What <see cref="SshWriter"/> writes lies in memory that it lets go of as it grows.</remarks>
    protected static byte[] EncodeSecret(ReadOnlySpan<byte> magnitude)
    {
        var start = magnitude.IndexOfAnyExcept((byte)0);
        var number = start < 0 ? [] : magnitude[start..];
        var sign = !number.IsEmpty && number[0] >= 0x80 ? 1 : 0;
        var encoded = new byte[sizeof(uint) + sign + number.Length];
        BinaryPrimitives.WriteUInt32BigEndian(encoded, (uint)(sign + number.Length));
        number.CopyTo(encoded.AsSpan(sizeof(uint) + sign));
        return encoded;
    }
}
