namespace Fairlead;

/// <summary>
/// The one public key that a peer's certificate may have: the SHA-256 of its SubjectPublicKeyInfo (RFC 7469 section 2.4), written as curl writes it,
/// <c>sha256//BASE64</c>. A certificate that is renewed with the same key keeps its pin.
/// </summary>
public sealed record PublicKeyPin
{
    private const string Prefix = "sha256//";

    private readonly string base64;

    private PublicKeyPin(string base64) => this.base64 = base64;

    /// <summary>Reads a pin.</summary>
    /// <exception cref="FormatException">It is none; the message says how to write one.</exception>
    public static PublicKeyPin Parse(string text)
    {
        var hash = new byte[32];
        var isPin = text.StartsWith(Prefix, StringComparison.Ordinal) && Convert.TryFromBase64String(text[Prefix.Length..], hash, out var length) && length == hash.Length;
        return isPin
            ? new PublicKeyPin(Convert.ToBase64String(hash))
            : throw new FormatException($"pin '{Printable.Escape(text)}' is not the SHA-256 of a public key; write it as {Prefix} and 44 characters of base64, as docs/tls.md shows how to get it");
    }

    /// <summary>The pin of a hash of 32 bytes.</summary>
    internal static PublicKeyPin Of(ReadOnlySpan<byte> hash) => new(Convert.ToBase64String(hash));

    /// <summary>The pin as it is written.</summary>
    public override string ToString() => Prefix + base64;
}
