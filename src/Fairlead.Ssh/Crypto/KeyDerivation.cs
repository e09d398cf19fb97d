using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>Keys from what an exchange of keys has agreed on (RFC 4253 section 7.2).</summary>
internal static class KeyDerivation
{
    // What the keys are for: client to server, and server to client.
    public const char IvToServer = 'A', IvToClient = 'B', KeyToServer = 'C', KeyToClient = 'D', MacKeyToServer = 'E', MacKeyToClient = 'F';

    /// <summary>Derives one key.</summary>
    /// <param name="hash">The hash of the exchange.</param>
    /// <param name="secret">K, as it is hashed: encoded, with its length.</param>
    /// <param name="exchangeHash">H of this exchange.</param>
    /// <param name="letter">What it is for, 'A' to 'F'.</param>
    /// <param name="sessionId">H of the first exchange of the connection.</param>
    /// <param name="length">How many bytes it has; 0 is none.</param>
    /// <returns>The key. Whoever asked has to wipe it.</returns>
    public static byte[] Derive(HashAlgorithmName hash, ReadOnlySpan<byte> secret, ReadOnlySpan<byte> exchangeHash, char letter, ReadOnlySpan<byte> sessionId, int length)
    {
        var key = new byte[length];
        using var hashing = IncrementalHash.CreateHash(hash);
        Span<byte> part = (stackalloc byte[64])[..hashing.HashLengthInBytes];
        for (var done = 0; done < length;)
        {
            hashing.AppendData(secret);
            hashing.AppendData(exchangeHash);
            if (done == 0)
            {
                hashing.AppendData([(byte)letter]);
                hashing.AppendData(sessionId);
            }
            else
            {
                hashing.AppendData(key, 0, done);
            }
            hashing.GetHashAndReset(part);
            // Only the last part may be cut off: those before it are hashed whole.
            var taken = Math.Min(part.Length, length - done);
            part[..taken].CopyTo(key.AsSpan(done));
            done += taken;
        }
        CryptographicOperations.ZeroMemory(part);
        return key;
    }
}
