using System.Security.Cryptography;

namespace Fairlead;

/// <summary>The one key that a server of SSH may have: the SHA-256 of its public key as it is sent (RFC 4253 section 6.6), written as OpenSSH writes it, <c>SHA256:BASE64</c>.</summary>
public sealed record HostKeyPin
{
    private const string Prefix = "SHA256:";

    private const int Characters = 43;

    // Without the '=' at its end, as OpenSSH leaves it out.
    private readonly string base64;

    private HostKeyPin(string base64) => this.base64 = base64;

    /// <summary>Reads a pin.</summary>
    /// <exception cref="FormatException">It is none; the message says how to get one.</exception>
    public static HostKeyPin Parse(string text)
    {
        var hash = new byte[SHA256.HashSizeInBytes];
        var isPin = text.StartsWith(Prefix, StringComparison.Ordinal) && text.TrimEnd('=') is { Length: var length } pin && length == Prefix.Length + Characters
            && Convert.TryFromBase64String($"{pin[Prefix.Length..]}=", hash, out var written) && written == hash.Length;
        return isPin
            ? OfHash(hash)
            : throw new FormatException($"pin '{Printable.Escape(text)}' is not the SHA-256 of a host key; write it as {Prefix} and {Characters} characters of base64, as 'ssh-keygen -lf' shows it on the server");
    }

    /// <summary>The pin of a public key.</summary>
    /// <param name="publicKey">The key as it is sent: its kind, then its parts.</param>
    internal static HostKeyPin Of(ReadOnlySpan<byte> publicKey) => OfHash(SHA256.HashData(publicKey));

    /// <summary>The pin as it is written.</summary>
    public override string ToString() => Prefix + base64;

    private static HostKeyPin OfHash(ReadOnlySpan<byte> hash) => new(Convert.ToBase64String(hash).TrimEnd('='));
}
