namespace Fairlead.Ssh;

/// <summary>The methods of key exchange that are spoken, in both roles.</summary>
internal static class KeyExchanges
{
    private static readonly (string Name, Func<KeyExchange> Create)[] methods =
    [
        ("curve25519-sha256", () => new Curve25519KeyExchange()),
        // The same, under the name that it had before RFC 8731.
        ("curve25519-sha256@libssh.org", () => new Curve25519KeyExchange()),
        ("ecdh-sha2-nistp256", () => EcdhKeyExchange.NistP256()),
        ("ecdh-sha2-nistp384", () => EcdhKeyExchange.NistP384()),
        ("ecdh-sha2-nistp521", () => EcdhKeyExchange.NistP521()),
        ("diffie-hellman-group16-sha512", () => DiffieHellmanKeyExchange.Group16Sha512()),
        ("diffie-hellman-group14-sha256", () => DiffieHellmanKeyExchange.Group14Sha256()),
    ];

    /// <summary>Their names, the preferred first.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. methods.Select(method => method.Name)];

    /// <summary>One exchange by the method of a name. It computes nothing yet.</summary>
    /// <returns>Null if the method is not spoken.</returns>
    public static KeyExchange? Create(string name) => Array.Find(methods, method => method.Name == name).Create?.Invoke();
}
