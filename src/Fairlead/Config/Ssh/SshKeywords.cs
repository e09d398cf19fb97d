using System.Net.Sockets;

namespace Fairlead;

/// <summary>The keywords of ssh_config(5) that a command line may have behind <c>-o</c>. What cannot be honoured is an error; as in OpenSSH, the first value of a keyword holds.</summary>
internal static class SshKeywords
{
    private static readonly (string Name, Action<SshDraft, SshValue> Set)[] keywords =
    [
        ("AddressFamily", static (draft, value) => draft.Family ??= value.Choice(("any", AddressFamily.Unspecified), ("inet", AddressFamily.InterNetwork), ("inet6", AddressFamily.InterNetworkV6))),
        ("BatchMode", static (draft, value) => draft.BatchMode ??= value.Truth),
        ("BindAddress", static (draft, value) => draft.BindAddress ??= value.Told(AddressText.One)),
        ("Ciphers", static (draft, value) => draft.Ciphers ??= new AlgorithmList(value.One)),
        ("ClearAllForwardings", static (draft, value) => draft.ClearAllForwardings ??= value.Truth),
        ("ConnectTimeout", static (draft, value) => draft.ConnectTimeout ??= value.One == "none" ? Timeout.InfiniteTimeSpan : value.Time is { Ticks: > 0 } time ? time : throw value.Error("'0' is no time at all; write seconds, or none")),
        ("DynamicForward", static (draft, value) => draft.Forwardings.Add(SshForwarding.Parse(SshForwardingKind.Dynamic, value.One, value.Option))),
        ("ExitOnForwardFailure", static (draft, value) => draft.ExitOnForwardFailure ??= value.Truth),
        ("GatewayPorts", static (draft, value) => draft.GatewayPorts ??= value.Truth),
        ("HashKnownHosts", static (draft, value) => draft.HashKnownHosts ??= value.Truth),
        ("HostKeyAlgorithms", static (draft, value) => draft.HostKeyAlgorithms ??= new AlgorithmList(value.One)),
        ("HostKeyAlias", static (draft, value) => draft.HostKeyAlias ??= value.One),
        ("HostName", static (draft, value) => draft.HostName ??= value.One),
        ("IdentitiesOnly", static (draft, value) => draft.IdentitiesOnly ??= value.Truth),
        ("IdentityFile", static (draft, value) => draft.IdentityFiles.Add(value.One == "none" ? throw value.Error("'none' is for offering no key; write -o PubkeyAuthentication=no") : value.One)),
        ("KexAlgorithms", static (draft, value) => draft.KexAlgorithms ??= new AlgorithmList(value.One)),
        ("LocalForward", static (draft, value) => draft.Forwardings.Add(SshForwarding.Parse(SshForwardingKind.Local, Pair(value), value.Option))),
        ("LogLevel", static (draft, value) => draft.Level ??= value.Choice(("INFO", LogLevel.Information), ("ERROR", LogLevel.Error), ("DEBUG", LogLevel.Debug), ("QUIET", LogLevel.Error), ("FATAL", LogLevel.Error),
            ("VERBOSE", LogLevel.Debug), ("DEBUG1", LogLevel.Debug), ("DEBUG2", LogLevel.Debug), ("DEBUG3", LogLevel.Debug))),
        ("MACs", static (draft, value) => draft.Macs ??= new AlgorithmList(value.One)),
        ("PasswordAuthentication", static (draft, value) => draft.PasswordAuthentication ??= value.Truth),
        ("Port", static (draft, value) => draft.Port ??= value.Number(1, 65535)),
        ("PreferredAuthentications", static (draft, value) => draft.PreferredAuthentications ??= Authentications(value)),
        ("ProxyJump", static (draft, value) => draft.Jump ??= Jump(value.One, value.Option)),
        ("PubkeyAuthentication", static (draft, value) => draft.PubkeyAuthentication ??= value.Choice(("yes", true), ("no", false), ("true", true), ("false", false), ("unbound", true), ("host-bound", true))),
        ("RekeyLimit", static (draft, value) => draft.RekeyLimit ??= RekeyLimit(value)),
        ("RemoteForward", static (draft, value) => draft.Forwardings.Add(SshForwarding.Parse(SshForwardingKind.Remote, Pair(value), value.Option))),
        ("ServerAliveCountMax", static (draft, value) => draft.KeepaliveCount ??= value.Number(1, 1000)),
        ("ServerAliveInterval", static (draft, value) => draft.Keepalive ??= value.Time is { Ticks: > 0 } time ? time : Timeout.InfiniteTimeSpan),
        ("StrictHostKeyChecking", static (draft, value) => draft.StrictHostKeyChecking ??= Strictness(draft, value)),
        ("TCPKeepAlive", static (draft, value) => draft.TcpKeepAlive ??= value.Truth),
        ("User", static (draft, value) => draft.User ??= SshTarget.UserFault(value.One) is { } fault ? throw value.Error(fault) : value.One),
        ("UserKnownHostsFile", static (draft, value) => draft.KnownHosts ??= value.Words is ["none"] ? ["/dev/null"] : [.. value.Words]),
    ];

    // What is not here, and so may only be said to be off; nothing in brackets, and it may not be said at all.
    private static readonly (string Name, string[] Off)[] others =
    [
        ("AddKeysToAgent", ["no"]), ("CanonicalDomains", []), ("CanonicalizeFallbackLocal", []), ("CanonicalizeHostname", ["no"]), ("CanonicalizeMaxDots", []), ("CanonicalizePermittedCNAMEs", ["none"]), ("CASignatureAlgorithms", []),
        ("CertificateFile", []), ("ChallengeResponseAuthentication", ["no"]), ("ChannelTimeout", []), ("CheckHostIP", ["no"]), ("Compression", ["no"]), ("ConnectionAttempts", []), ("ControlMaster", ["no"]), ("ControlPath", ["none"]),
        ("ControlPersist", ["no"]), ("EnableEscapeCommandline", ["no"]), ("EnableSSHKeysign", ["no"]), ("EscapeChar", ["none"]), ("FingerprintHash", ["sha256"]), ("ForkAfterAuthentication", ["no"]), ("ForwardAgent", ["no"]),
        ("ForwardX11", ["no"]), ("ForwardX11Timeout", []), ("ForwardX11Trusted", ["no"]), ("GlobalKnownHostsFile", ["none", "/dev/null"]), ("GSSAPIAuthentication", ["no"]), ("GSSAPIDelegateCredentials", ["no"]), ("Host", []),
        ("HostbasedAcceptedAlgorithms", []), ("HostbasedAuthentication", ["no"]), ("IdentityAgent", ["none"]), ("IgnoreUnknown", []), ("Include", []), ("IPQoS", []), ("KbdInteractiveAuthentication", ["no"]), ("KbdInteractiveDevices", []),
        ("KnownHostsCommand", ["none"]), ("LocalCommand", []), ("LogVerbose", []), ("Match", []), ("NoHostAuthenticationForLocalhost", ["no"]), ("NumberOfPasswordPrompts", ["0"]), ("ObscureKeystrokeTiming", []), ("PermitLocalCommand", ["no"]),
        ("PermitRemoteOpen", ["any"]), ("PKCS11Provider", ["none"]), ("ProxyCommand", ["none"]), ("ProxyUseFdpass", ["no"]), ("PubkeyAcceptedAlgorithms", []), ("RemoteCommand", ["none"]), ("RequestTTY", ["no"]), ("RequiredRSASize", []),
        ("RevokedHostKeys", ["none"]), ("SecurityKeyProvider", []), ("SendEnv", []), ("SessionType", ["none"]), ("SetEnv", []), ("StdinNull", ["yes"]), ("StreamLocalBindMask", []), ("StreamLocalBindUnlink", ["no"]), ("SyslogFacility", []),
        ("Tag", []), ("Tunnel", ["no"]), ("TunnelDevice", []), ("UpdateHostKeys", ["no"]), ("VerifyHostKeyDNS", ["no"]), ("VisualHostKey", ["no"]), ("XAuthLocation", []),
    ];

    private static readonly string[] authentications = ["publickey", "password", "keyboard-interactive", "gssapi-with-mic", "hostbased", "none"];

    /// <summary>The keywords that mean something here, as the manual writes them.</summary>
    public static IEnumerable<string> Names => keywords.Select(keyword => keyword.Name);

    /// <summary>Takes <c>Keyword=Value</c> or <c>Keyword Value</c> over.</summary>
    /// <exception cref="FormatException">It is unknown, or cannot be honoured; the message says what was meant or what can be written.</exception>
    public static void Set(SshDraft draft, string text)
    {
        var line = text.Trim();
        var end = line.AsSpan().IndexOfAny(" \t=") is var at and >= 0 ? at : line.Length;
        var (written, rest) = (line[..end], line[end..].TrimStart());
        var value = (rest.StartsWith('=') ? rest[1..] : rest).Trim();
        if (written.Length == 0)
            throw new FormatException($"-o '{Printable.Escape(text)}' has no keyword; write Keyword=Value, like ServerAliveInterval=30");
        if (Array.Find(keywords, keyword => keyword.Name.Equals(written, StringComparison.OrdinalIgnoreCase)) is { Name: { } name, Set: var set })
            set(draft, new SshValue(name, value));
        else
            Refuse(written, value);
    }

    /// <summary>Servers to go through on the way; none for <c>none</c>.</summary>
    public static ValueList<SshTarget> Jump(string text, string option) => text == "none" ? [] : [.. text.Split(',').Select(target => SshTarget.Parse(target.Trim(), option))];

    private static void Refuse(string written, string value)
    {
        if (Array.Find(others, other => other.Name.Equals(written, StringComparison.OrdinalIgnoreCase)) is { Name: { } name, Off: var off })
        {
            if (!off.Contains(value, StringComparer.OrdinalIgnoreCase))
                throw new FormatException($"-o {name} is not in this version{(off.Length > 0 ? $"; leave it out, or write {name}={off[0]}" : "; leave it out")}");
            return;
        }
        var known = keywords.Select(keyword => keyword.Name).Concat(others.Select(other => other.Name)).ToList();
        var nearest = Nearest.Of(written, known.Select(candidate => candidate.ToLowerInvariant()));
        var meant = known.Find(candidate => candidate.Equals(nearest, StringComparison.OrdinalIgnoreCase));
        throw new FormatException($"-o keyword '{Printable.Escape(written)}' is unknown{(meant is null ? "; ssh_config(5) has those that there are" : $"; did you mean '{meant}'?")}");
    }

    // A listen and a target are two words there.
    private static string Pair(SshValue value) => value.Words switch
    {
        [var listen] => listen,
        [var listen, var target] => $"{listen}:{target}",
        _ => throw value.Error($"'{Printable.Escape(value.Text)}' has too many words; write a listen and a target, like {value.Keyword}=\"8143 mail:143\""),
    };

    private static HostKeyStrictness Strictness(SshDraft draft, SshValue value)
    {
        var written = value.Choice(("yes", "yes"), ("accept-new", "accept-new"), ("ask", "ask"), ("true", "yes"), ("no", "no"), ("off", "no"), ("false", "no"));
        if (written == "no")
            throw value.Error("'no' would believe whoever stands between; write accept-new, which believes a server that is not known the first time, and refuses a changed key");
        if (written == "ask")
            draft.Notes.Add("nobody is asked whether a server that is not known is to be believed: -o StrictHostKeyChecking=ask is taken for yes; accept-new believes it the first time");
        return written == "accept-new" ? HostKeyStrictness.AcceptNew : HostKeyStrictness.Yes;
    }

    private static ValueList<string> Authentications(SshValue value)
    {
        var names = value.One.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (Array.Find(names, name => !authentications.Contains(name)) is { } unknown)
            throw value.Error($"'{Printable.Escape(unknown)}' is unknown{Nearest.Hint(unknown, authentications)}; there are publickey, password and none");
        ValueList<string> here = [.. names.Where(name => name is "publickey" or "password" or "none")];
        return here.Count > 0 ? here : throw value.Error($"'{Printable.Escape(value.Text)}' has none that is in this version, which are publickey, password and none");
    }

    private static (long? Bytes, TimeSpan? Time) RekeyLimit(SshValue value)
    {
        var words = value.Words;
        if (words.Count > 2)
            throw value.Error($"'{Printable.Escape(value.Text)}' has too many words; write a size and a time, like \"1G 1h\"");
        var bytes = words[0] == "default" ? 0 : new SshValue(value.Keyword, words[0]).Told(SshWords.Size);
        // 16 is OpenSSH's own bound.
        if (bytes is > 0 and < 16)
            throw value.Error($"'{Printable.Escape(words[0])}' is too little; write at least 16, or default");
        var time = words.Count == 1 || words[1] == "none" ? TimeSpan.Zero : new SshValue(value.Keyword, words[1]).Time;
        return (bytes == 0 ? null : bytes, time == TimeSpan.Zero ? null : time);
    }
}
