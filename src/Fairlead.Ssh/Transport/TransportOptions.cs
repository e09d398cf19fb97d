namespace Fairlead.Ssh;

/// <summary>How one end of a transport behaves.</summary>
internal sealed record TransportOptions
{
    public required bool IsServer { get; init; }

    public required TimeProvider Time { get; init; }

    public SshRandom Random { get; init; } = SshRandom.Secure;

    public SshAlgorithms Algorithms { get; init; } = SshAlgorithms.Default;

    /// <summary>Keys are exchanged anew after so many bytes in one direction (RFC 4253 section 9: a gigabyte), and after so long.</summary>
    public long RekeyBytes { get; init; } = 1L << 30;

    public TimeSpan RekeyAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The signature algorithms of host keys in the order of preference: a server's, for which it has keys; a client's, for which it knows keys.</summary>
    public required IReadOnlyList<string> HostKeys { get; init; }

    /// <summary>Told before more is waited for: all that came was handed out.</summary>
    public Action? OnPause { get; init; }

    /// <summary>A server's key for one of these.</summary>
    public Func<string, SshPrivateKey>? HostKeyOf { get; init; }

    /// <summary>What a client says to the server's key: null, or why it is not believed.</summary>
    public Func<SshPresentedKey, ValueTask<string?>>? CheckHostKey { get; init; }
}
