namespace Fairlead;

/// <summary>What comes of a keyword of ssh_config(5) that is not honoured.</summary>
internal enum SshUnhonoured
{
    /// <summary>It is about what is not here, shells, terminals, connections that are shared, or changes nothing: nothing is said.</summary>
    Silent,

    /// <summary>Somebody may miss it: a warning where it stands in a file, an error on the command line.</summary>
    Warning,

    /// <summary>It limits who is believed or chooses the way there: an error.</summary>
    Error,
}

/// <summary>The keywords of ssh_config(5) that ssh(1) knows and that are not honoured here, those of OpenSSH 10 and of what distributions add to it.</summary>
internal static class SshOtherKeywords
{
    private static readonly (string Name, SshUnhonoured Kind, string[] Off, string Reason)[] all =
    [
        ("CanonicalizeHostname", SshUnhonoured.Error, ["no", "false", "none"], "completes names of hosts, which is not in this version"),
        ("CanonicalizePermittedCNAMEs", SshUnhonoured.Error, ["none"], "follows names of hosts, which is not in this version"),
        ("KnownHostsCommand", SshUnhonoured.Error, ["none"], "asks a command for host keys, which is not in this version"),
        ("NoHostAuthenticationForLocalhost", SshUnhonoured.Error, ["no", "false"], "would believe whoever listens on the loopback; give each server there a name of its own by HostKeyAlias"),
        ("ProxyUseFdpass", SshUnhonoured.Error, ["no", "false"], "takes the connection over from the command, which is not in this version"),
        ("RefuseConnection", SshUnhonoured.Error, [], "says that this server is not to be connected to"),
        ("RevokedHostKeys", SshUnhonoured.Error, ["none"], "is not in this version; write @revoked before each such key in a file of known hosts"),

        ("ChannelTimeout", SshUnhonoured.Warning, [], "is not in this version; the timeouts of forwards end those that are idle"),
        ("Compression", SshUnhonoured.Warning, ["no", "false"], "is not in this version"),
        ("ForkAfterAuthentication", SshUnhonoured.Warning, ["no", "false"], "goes to the background, and this stays where a supervisor sees it"),
        ("HostbasedAuthentication", SshUnhonoured.Warning, ["no", "false"], "is not in this version"),
        ("PermitLocalCommand", SshUnhonoured.Warning, ["no", "false"], "runs a command here, which is not in this version"),
        ("PKCS11Provider", SshUnhonoured.Warning, ["none"], "is not in this version"),
        ("Tunnel", SshUnhonoured.Warning, ["no", "false"], "makes a network device, and this forwards ports"),
        ("VerifyHostKeyDNS", SshUnhonoured.Warning, ["no", "false"], "asks the DNS for host keys, which is not in this version; known_hosts decide"),

        ("AddKeysToAgent", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("CanonicalDomains", SshUnhonoured.Silent, [], "is not in this version"),
        ("CanonicalizeFallbackLocal", SshUnhonoured.Silent, [], "is not in this version"),
        ("CanonicalizeMaxDots", SshUnhonoured.Silent, [], "is not in this version"),
        ("ConnectionAttempts", SshUnhonoured.Silent, [], "is not in this version: it is tried until it succeeds"),
        ("ControlMaster", SshUnhonoured.Silent, ["no", "false"], "shares connections as ssh(1) does it, which is not in this version; -M takes orders of -O"),
        ("ControlPath", SshUnhonoured.Silent, ["none"], "is where ssh(1) shares connections, which is not in this version; -S names the socket of -O"),
        ("ControlPersist", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("EnableEscapeCommandline", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("EnableSSHKeysign", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("EscapeChar", SshUnhonoured.Silent, ["none"], "is not in this version"),
        ("FingerprintHash", SshUnhonoured.Silent, ["sha256"], "is not in this version"),
        ("ForwardAgent", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("ForwardX11", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("ForwardX11Timeout", SshUnhonoured.Silent, [], "is not in this version"),
        ("ForwardX11Trusted", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("GSSAPIAuthentication", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("GSSAPIClientIdentity", SshUnhonoured.Silent, [], "is not in this version"),
        ("GSSAPIDelegateCredentials", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("GSSAPIKexAlgorithms", SshUnhonoured.Silent, [], "is not in this version"),
        ("GSSAPIKeyExchange", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("GSSAPIRenewalForcesRekey", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("GSSAPIServerIdentity", SshUnhonoured.Silent, [], "is not in this version"),
        ("GSSAPITrustDns", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("HostbasedAcceptedAlgorithms", SshUnhonoured.Silent, [], "is not in this version"),
        ("IPQoS", SshUnhonoured.Silent, [], "is not in this version"),
        ("KbdInteractiveDevices", SshUnhonoured.Silent, [], "is not in this version"),
        ("LocalCommand", SshUnhonoured.Silent, [], "is not in this version"),
        ("LogVerbose", SshUnhonoured.Silent, [], "is not in this version"),
        ("NumberOfPasswordPrompts", SshUnhonoured.Silent, ["0"], "is not in this version"),
        ("ObscureKeystrokeTiming", SshUnhonoured.Silent, [], "is not in this version"),
        ("Protocol", SshUnhonoured.Silent, ["2"], "is not in this version"),
        ("RemoteCommand", SshUnhonoured.Silent, ["none"], "is not in this version"),
        ("RequestTTY", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("SecurityKeyProvider", SshUnhonoured.Silent, [], "is not in this version"),
        ("SendEnv", SshUnhonoured.Silent, [], "is not in this version"),
        ("SessionType", SshUnhonoured.Silent, ["none"], "is not in this version"),
        ("SetEnv", SshUnhonoured.Silent, [], "is not in this version"),
        ("StdinNull", SshUnhonoured.Silent, ["yes", "true"], "is not in this version"),
        ("StreamLocalBindMask", SshUnhonoured.Silent, [], "is not in this version: sockets are for their owner alone"),
        ("StreamLocalBindUnlink", SshUnhonoured.Silent, ["no", "false"], "is not in this version: a socket of ours that nobody listens on is replaced in any case"),
        ("SyslogFacility", SshUnhonoured.Silent, [], "is not in this version"),
        ("TunnelDevice", SshUnhonoured.Silent, [], "is not in this version"),
        ("UseKeychain", SshUnhonoured.Silent, ["no"], "is not in this version"),
        ("VersionAddendum", SshUnhonoured.Silent, ["none"], "is not in this version"),
        ("VisualHostKey", SshUnhonoured.Silent, ["no", "false"], "is not in this version"),
        ("WarnWeakCrypto", SshUnhonoured.Silent, [], "is not in this version"),
        ("XAuthLocation", SshUnhonoured.Silent, [], "is not in this version"),
    ];

    /// <summary>What ssh(1) calls deprecated or unsupported and passes over, and other names of the same keyword.</summary>
    public static readonly IReadOnlyDictionary<string, string> Aliases = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["AFSTokenPassing"] = "Protocol",
        ["Cipher"] = "Protocol",
        ["CompressionLevel"] = "Protocol",
        ["FallBackToRsh"] = "Protocol",
        ["GlobalKnownHostsFile2"] = "Protocol",
        ["KerberosAuthentication"] = "Protocol",
        ["KerberosTGTPassing"] = "Protocol",
        ["RhostsAuthentication"] = "Protocol",
        ["RhostsRSAAuthentication"] = "Protocol",
        ["RSAAuthentication"] = "Protocol",
        ["UsePrivilegedPort"] = "Protocol",
        ["UseRoaming"] = "Protocol",
        ["UserKnownHostsFile2"] = "Protocol",
        ["UseRsh"] = "Protocol",
        ["ChallengeResponseAuthentication"] = "KbdInteractiveAuthentication",
        ["SKeyAuthentication"] = "KbdInteractiveAuthentication",
        ["TISAuthentication"] = "KbdInteractiveAuthentication",
        ["DSAAuthentication"] = "PubkeyAuthentication",
        ["HostbasedKeyTypes"] = "HostbasedAcceptedAlgorithms",
        ["IdentityFile2"] = "IdentityFile",
        ["KeepAlive"] = "TCPKeepAlive",
        ["ProtocolKeepAlives"] = "ServerAliveInterval",
        ["PubkeyAcceptedKeyTypes"] = "PubkeyAcceptedAlgorithms",
        ["SetupTimeOut"] = "ServerAliveInterval",
        ["SmartcardDevice"] = "PKCS11Provider",
    };

    /// <summary>Their names, as the manual writes them.</summary>
    public static IEnumerable<string> Names => all.Select(keyword => keyword.Name);

    /// <summary>Names that have what the file asks for.</summary>
    public static IEnumerable<string> NamesOf(SshUnhonoured kind) => all.Where(keyword => keyword.Kind == kind).Select(keyword => keyword.Name);

    /// <summary>Says of a value what has to be said: nothing where it is what is so in any case.</summary>
    /// <returns>A warning, or null.</returns>
    /// <exception cref="SshConfigException">It may not be passed over.</exception>
    public static string? Warning(SshValue value, string name)
    {
        var (_, kind, off, reason) = Array.Find(all, keyword => keyword.Name == name);
        var isTyped = value.Place is null;
        if (off.Contains(value.Text, StringComparer.OrdinalIgnoreCase) || (kind == SshUnhonoured.Silent && !isTyped))
            return null;
        var remedy = off.Length > 0 ? $"leave it out, or write {name}{(isTyped ? "=" : " ")}{off[0]}" : "leave it out";
        if (kind == SshUnhonoured.Error || isTyped)
            throw value.Error($"{reason}{(reason.Contains(';', StringComparison.Ordinal) ? ", and " : "; ")}{remedy}");
        return $"{value.Place}: warning: {name} {reason}";
    }
}
