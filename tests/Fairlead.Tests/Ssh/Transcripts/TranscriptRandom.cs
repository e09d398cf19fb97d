using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>What this end of a recorded session had from chance, derived from the session's name: the same whenever it is replayed. The worst there could be outside of a test.</summary>
internal sealed class TranscriptRandom(string name) : SshRandom
{
    private int filled, exchanges;

    public override void Fill(Span<byte> bytes) => Derive($"{name} bytes {filled++}", bytes);

    public override KeyExchange? CreateExchange(string method)
    {
        var label = $"{name} exchange {exchanges++}";
        return method switch
        {
            "ecdh-sha2-nistp256" => EcdhKeyExchange.NistP256(KeyOf(ECCurve.NamedCurves.nistP256, label, 32)),
            "ecdh-sha2-nistp384" => EcdhKeyExchange.NistP384(KeyOf(ECCurve.NamedCurves.nistP384, label, 48)),
            "ecdh-sha2-nistp521" => EcdhKeyExchange.NistP521(KeyOf(ECCurve.NamedCurves.nistP521, label, 66)),
            "diffie-hellman-group14-sha256" => DiffieHellmanKeyExchange.Group14Sha256(Derive(label, 64)),
            "diffie-hellman-group16-sha512" => DiffieHellmanKeyExchange.Group16Sha512(Derive(label, 64)),
            "curve25519-sha256" or "curve25519-sha256@libssh.org" => new Curve25519KeyExchange(Derive(label, 32)),
            // One that nobody has thought of here would be recorded with chance in it.
            _ => throw new NotSupportedException($"the private value of {method} is not derived here yet"),
        };
    }

    // With zeros in front it is less than the order of the curve.
    private static ECDiffieHellman KeyOf(ECCurve curve, string label, int length) => ECDiffieHellman.Create(new ECParameters { Curve = curve, D = [0, 0, .. Derive(label, length - 2)] });

    private static byte[] Derive(string label, int length)
    {
        var bytes = new byte[length];
        Derive(label, bytes);
        return bytes;
    }

    // SHA-256 of a counter and the label.
    private static void Derive(string label, Span<byte> bytes)
    {
        byte[] input = [0, 0, 0, 0, .. Encoding.ASCII.GetBytes(label)];
        Span<byte> block = stackalloc byte[SHA256.HashSizeInBytes];
        for (var number = 0; bytes.Length > 0; number++)
        {
            BinaryPrimitives.WriteInt32BigEndian(input, number);
            SHA256.HashData(input, block);
            var part = block[..Math.Min(block.Length, bytes.Length)];
            part.CopyTo(bytes);
            bytes = bytes[part.Length..];
        }
    }
}
