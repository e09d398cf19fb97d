using System.Security.Cryptography;
using System.Text;

namespace Fairlead;

/// <summary>A text that is never printed: whatever shows it shows <c>***</c>.</summary>
public sealed class Secret : IEquatable<Secret>
{
    private readonly byte[] value;

    /// <summary>Keeps a secret.</summary>
    public Secret(string value) => this.value = Encoding.UTF8.GetBytes(value);

    /// <summary>Whether a text is the secret, in a time that does not tell how much of it is right.</summary>
    public bool Matches(string text) => CryptographicOperations.FixedTimeEquals(SHA256.HashData(value), SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Whether another secret is the same, in a time that does not tell how much of it is.</summary>
    public bool Equals(Secret? other) => other is not null && CryptographicOperations.FixedTimeEquals(SHA256.HashData(value), SHA256.HashData(other.value));

    /// <summary>The secret itself, in UTF-8, for whoever has to say it to a proxy or a server.</summary>
    internal ReadOnlySpan<byte> Reveal() => value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Secret);

    /// <summary>The same for every secret: a hash of it would say something about it.</summary>
    public override int GetHashCode() => 0;

    /// <summary><c>***</c>.</summary>
    public override string ToString() => "***";
}
