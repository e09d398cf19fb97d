namespace Fairlead.Ssh;

/// <summary>How an SSH connection behaves, in either role. Each bound is one of this end's.</summary>
public abstract record SshOptions
{
    /// <summary>Measures it; timers fire where the connection lives, or are posted there.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>What is offered.</summary>
    public SshAlgorithms Algorithms { get; init; } = SshAlgorithms.Default;

    /// <summary>How long the beginning may take, from the first byte to the end of authentication.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Silence after which the peer is asked whether it is there (<c>keepalive@openssh.com</c>); <see cref="Timeout.InfiniteTimeSpan"/>: never.</summary>
    public TimeSpan Keepalive { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How many such questions may go without any answer before the connection is given up.</summary>
    public int KeepaliveProbes { get; init; } = 3;

    /// <summary>Keys are exchanged anew after so many bytes in one direction.</summary>
    public long RekeyBytes { get; init; } = 1L << 30;

    /// <summary>And after so long.</summary>
    public TimeSpan RekeyAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How many bytes of one channel may be here that nobody has read yet: its window, as it is at first. At least <see cref="ChannelPacket"/>.</summary>
    public int ChannelWindow { get; init; } = 512 << 10;

    /// <summary>
    /// How far the window of a channel may grow where bandwidth times delay of the way asks for more and whoever reads keeps up. All channels of a connection together may have twice that
    /// beyond what they begin with.
    /// </summary>
    public int MaxChannelWindow { get; init; } = 32 << 20;

    /// <summary>The most bytes of a channel in one packet, at most 32 KiB.</summary>
    public int ChannelPacket { get; init; } = 32 << 10;

    /// <summary>How many channels there may be at once, of both ends together.</summary>
    public int MaxChannels { get; init; } = 1000;

    /// <summary>Told, where the connection lives, that the peer opens a channel which nothing else has been agreed on for. Null: it is refused. It must not throw.</summary>
    public Action<SshIncoming>? OnOpen { get; init; }
}

/// <summary>A client's.</summary>
public sealed record SshClientOptions : SshOptions
{
    /// <summary>As whom.</summary>
    public required string User { get; init; }

    /// <summary>What there is to show, in this order, where there are no <see cref="Identities"/>. They stay the caller's.</summary>
    public IReadOnlyList<SshPrivateKey> Keys { get; init; } = [];

    /// <summary>Asked what there is to show, in this order, once the server is believed and takes keys at all; null: <see cref="Keys"/>. It must not throw.</summary>
    public Func<SshBinding, ValueTask<IReadOnlyList<SshIdentity>>>? Identities { get; init; }

    /// <summary>By which algorithms the user's keys may sign, those of certificates too; each key takes its own preferred one of them.</summary>
    public IReadOnlyList<string> UserAlgorithms { get; init; } = SignatureAlgorithms.AllNames;

    /// <summary>What may be shown, in this order.</summary>
    public IReadOnlyList<string> Methods { get; init; } = ["publickey", "keyboard-interactive", "password"];

    /// <summary>Asked for a password where no key was enough, three times at most; null, or what it returns is null: there is none any more.</summary>
    public Func<ValueTask<string?>>? Password { get; init; }

    /// <summary>Asked what the server wants to know (keyboard-interactive), as many answers as there are questions; null: nobody is there. What it returns is null: no answer, and it is not asked again.</summary>
    public Func<SshQuestions, ValueTask<IReadOnlyList<string>?>>? Answer { get; init; }

    /// <summary>What is said to the server's key, or to its certificate, whose signature by <see cref="SshCertificate.Authority"/> nobody has looked at yet: null, or why it is not believed.</summary>
    public required Func<SshPresentedKey, ValueTask<string?>> CheckHostKey { get; init; }

    /// <summary>The types of keys that are known of the host (<see cref="SshPublicKey.Type"/>), which are asked for first, so that a host with several shows one that is known.</summary>
    public IReadOnlyList<string> KnownHostKeys { get; init; } = [];

    /// <summary>Whether an authority is known that signs for the host: then certificates are asked for first, and else not at all.</summary>
    public bool HasHostAuthority { get; init; }

    /// <summary>
    /// Told, where the connection lives, which keys the server says that it has (hostkeys-00@openssh.com), once a connection; <see cref="SshConnection.ProveHostKeysAsync"/> has them
    /// proved. Null: nobody wants to know. It must not throw.
    /// </summary>
    public Action<SshConnection, IReadOnlyList<SshPublicKey>>? OnHostKeys { get; init; }

    /// <summary>Told what the server says to everybody who comes; a stranger's text.</summary>
    public Action<string>? OnBanner { get; init; }
}

/// <summary>A server's.</summary>
public sealed record SshServerOptions : SshOptions
{
    /// <summary>Its keys, of different types, the preferred first. They stay the caller's.</summary>
    public required IReadOnlyList<SshPrivateKey> HostKeys { get; init; }

    /// <summary>
    /// Whether somebody may come in. Asked for a key twice: whether it would do, and again when it is signed; the signature is verified after that, and decides.
    /// </summary>
    public required Func<SshAuthenticationRequest, ValueTask<bool>> Authenticate { get; init; }

    /// <summary>What may be tried.</summary>
    public IReadOnlyList<string> Methods { get; init; } = ["publickey"];

    /// <summary>After so many failures the connection ends.</summary>
    public int MaxAuthenticationTries { get; init; } = 6;

    /// <summary>Told, where the connection lives, that somebody was let in, before anything else of theirs is heard. It must not throw.</summary>
    public Action<SshConnection>? OnReady { get; init; }

    /// <summary>Asked to listen for the peer: the port that is listened on (0 for a path), or null: refused. One after the other, in the order of the requests.</summary>
    public Func<SshBind, ValueTask<int?>>? OnListen { get; init; }

    /// <summary>Asked to stop that; false: nothing listens there.</summary>
    public Func<SshBind, ValueTask<bool>>? OnCancel { get; init; }
}
