namespace Fairlead.Ssh;

/// <summary>What a user may show to be let in, and who signs with it: a private key that is at hand, one that has to be decrypted first, or an agent.</summary>
/// <param name="Key">What is shown.</param>
/// <param name="Sign">
/// Signs data by an algorithm of the key alone (<see cref="SshPublicKey.Algorithms"/>), away from the event loop; throws <see cref="SshKeyException"/> where it cannot be had.
/// </param>
public sealed record SshIdentity(SshPresentedKey Key, Func<string, byte[], Task<byte[]>> Sign)
{
    /// <summary>Whether the server is asked first whether it would do: signing asks somebody, or takes long.</summary>
    public bool IsAskedFirst { get; init; }

    /// <summary>The key at hand, which stays the caller's.</summary>
    public static SshIdentity Of(SshPrivateKey key) => new(SshPresentedKey.Of(key.PublicKey), (algorithm, data) => Task.Run(() => key.Sign(algorithm, data)));

    /// <summary>The same with a certificate that is shown for it.</summary>
    /// <exception cref="ArgumentException">The certificate is of another key.</exception>
    public SshIdentity With(SshCertificate certificate) => certificate.Key.Equals(Key.Key) ? this with { Key = SshPresentedKey.Read(certificate.Blob.Span) }
        : throw new ArgumentException("The certificate is of another key.", nameof(certificate));

    /// <summary>In short, safe to show: <c>ssh-ed25519 SHA256:…</c>, and of a certificate what it is called.</summary>
    public override string ToString() => Key.Certificate is { } certificate ? $"{certificate.Type} {certificate}" : $"{Key.Key.Type} {Key.Key.Fingerprint}";
}

/// <summary>That a connection leads to a certain server (session-bind@openssh.com): what an agent is told before it is asked for anything, so that keys may be held to destinations.</summary>
/// <param name="HostKey">What the server has shown.</param>
/// <param name="SessionId">By which the connection is told from every other.</param>
/// <param name="Signature">The server's, over that.</param>
public sealed record SshBinding(SshPresentedKey HostKey, ReadOnlyMemory<byte> SessionId, ReadOnlyMemory<byte> Signature);
