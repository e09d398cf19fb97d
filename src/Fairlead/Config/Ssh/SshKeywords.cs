using System.Net.Sockets;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>The keywords of ssh_config(5) that are honoured, on a command line behind <c>-o</c> and in files. As in OpenSSH, the first value of a keyword holds, and some add up.</summary>
internal static class SshKeywords
{
    private static readonly (string Name, Action<SshDraft, SshValue> Set)[] keywords =
    [
        ("AddressFamily", static (draft, value) => draft.Family ??= value.Choice(("any", AddressFamily.Unspecified), ("inet", AddressFamily.InterNetwork), ("inet6", AddressFamily.InterNetworkV6))),
        ("BatchMode", static (draft, value) => draft.BatchMode ??= value.Truth),
        ("BindAddress", static (draft, value) => draft.BindAddress ??= value.Told(AddressText.One)),
        ("BindInterface", static (draft, value) => draft.BindInterface ??= value.One),
        ("CASignatureAlgorithms", static (draft, value) => draft.CaSignatureAlgorithms ??= Algorithms(value, SignatureAlgorithms.Names)),
        ("CertificateFile", static (draft, value) => draft.CertificateFiles.Add(value.Single)),
        ("CheckHostIP", static (draft, value) => draft.CheckHostIp ??= value.Truth),
        ("Ciphers", static (draft, value) => draft.Ciphers ??= Algorithms(value, SshAlgorithms.Default.Ciphers)),
        ("ClearAllForwardings", static (draft, value) => draft.ClearAllForwardings ??= value.Truth),
        ("ConnectTimeout", static (draft, value) => draft.ConnectTimeout ??= value.One == "none" ? Timeout.InfiniteTimeSpan : value.Time is { Ticks: > 0 } time ? time : throw value.Error("'0' is no time at all; write seconds, or none")),
        ("DynamicForward", static (draft, value) => draft.Add(value, SshForwarding.Parse(SshForwardingKind.Dynamic, value.One, value.Option))),
        ("ExitOnForwardFailure", static (draft, value) => draft.ExitOnForwardFailure ??= value.Truth),
        ("GatewayPorts", static (draft, value) => draft.GatewayPorts ??= value.Truth),
        ("GlobalKnownHostsFile", static (draft, value) => draft.GlobalKnownHosts ??= Files(value)),
        ("HashKnownHosts", static (draft, value) => draft.HashKnownHosts ??= value.Truth),
        ("HostKeyAlgorithms", static (draft, value) => draft.HostKeyAlgorithms ??= Algorithms(value, SshAlgorithms.Default.HostKeys)),
        ("HostKeyAlias", static (draft, value) => draft.HostKeyAlias ??= value.One),
        ("HostName", static (draft, value) => draft.HostName ??= value.Single),
        ("IdentitiesOnly", static (draft, value) => draft.IdentitiesOnly ??= value.Truth),
        ("IdentityAgent", static (draft, value) => draft.IdentityAgent ??= value.Single),
        ("IdentityFile", static (draft, value) => draft.IdentityFiles.Add(value.One == "none" ? throw value.Error("'none' is for offering no key; write PubkeyAuthentication no") : value.Single)),
        ("IgnoreUnknown", static (draft, value) => draft.IgnoreUnknown ??= new PatternList(value.One)),
        ("KbdInteractiveAuthentication", static (draft, value) => draft.KbdInteractiveAuthentication ??= value.Truth),
        ("KexAlgorithms", static (draft, value) => draft.KexAlgorithms ??= Algorithms(value, SshAlgorithms.Default.KeyExchanges)),
        ("LocalForward", static (draft, value) => draft.Add(value, SshForwarding.Parse(SshForwardingKind.Local, Pair(value), value.Option))),
        ("LogLevel", static (draft, value) => draft.Level ??= value.Choice(("INFO", LogLevel.Information), ("ERROR", LogLevel.Error), ("DEBUG", LogLevel.Debug), ("QUIET", LogLevel.Error), ("FATAL", LogLevel.Error),
            ("VERBOSE", LogLevel.Debug), ("DEBUG1", LogLevel.Debug), ("DEBUG2", LogLevel.Debug), ("DEBUG3", LogLevel.Debug))),
        ("MACs", static (draft, value) => draft.Macs ??= Algorithms(value, SshAlgorithms.Default.Macs)),
        ("PasswordAuthentication", static (draft, value) => draft.PasswordAuthentication ??= value.Truth),
        ("PermitRemoteOpen", static (draft, value) => draft.PermitRemoteOpen ??= RemoteOpens(value)),
        ("Port", static (draft, value) => draft.Port ??= value.Number(1, 65535)),
        ("PreferredAuthentications", static (draft, value) => draft.PreferredAuthentications ??= Authentications(value)),
        ("ProxyCommand", static (draft, value) => draft.SetProxy(command: value.Text == "-" ? throw value.Error("'-' would be standard input and output, which are not the connection here; write a command") : value)),
        ("ProxyJump", static (draft, value) => draft.SetProxy(jump: value with { Text = value.Text.Split('#')[0].TrimEnd() })),
        ("PubkeyAcceptedAlgorithms", static (draft, value) => draft.PubkeyAcceptedAlgorithms ??= Algorithms(value, SignatureAlgorithms.AllNames)),
        ("PubkeyAuthentication", static (draft, value) => draft.PubkeyAuthentication ??= value.Choice(("yes", true), ("no", false), ("true", true), ("false", false), ("unbound", true), ("host-bound", true))),
        ("RekeyLimit", static (draft, value) => draft.RekeyLimit ??= RekeyLimit(value)),
        ("RemoteForward", static (draft, value) => draft.Add(value, SshForwarding.Parse(SshForwardingKind.Remote, Pair(value), value.Option))),
        ("RequiredRSASize", static (draft, value) => draft.RequiredRsaBits ??= value.Number(1024, 16384)),
        ("ServerAliveCountMax", static (draft, value) => draft.KeepaliveCount ??= value.Number(1, 1000)),
        ("ServerAliveInterval", static (draft, value) => draft.Keepalive ??= value.Time is { Ticks: > 0 } time ? time : Timeout.InfiniteTimeSpan),
        ("StrictHostKeyChecking", static (draft, value) => draft.StrictHostKeyChecking ??= Strictness(draft, value)),
        ("Tag", static (draft, value) => draft.Tag ??= value.One),
        ("TCPKeepAlive", static (draft, value) => draft.TcpKeepAlive ??= value.Truth),
        ("UpdateHostKeys", static (draft, value) => draft.UpdateHostKeys ??= value.Choice(("yes", true), ("no", false), ("ask", false), ("true", true), ("false", false))),
        ("User", static (draft, value) => draft.User ??= SshTarget.UserFault(value.One) is { } fault ? throw value.Error(fault) : value.One),
        ("UserKnownHostsFile", static (draft, value) => draft.KnownHosts ??= Files(value)),
    ];

    // What makes up files, and not what a server is like.
    private static readonly string[] structure = ["Host", "Match", "Include"];

    private static readonly string[] authentications = ["publickey", "password", "keyboard-interactive", "gssapi-with-mic", "hostbased", "none"];

    private static readonly Dictionary<string, string> names = Names.Concat(SshOtherKeywords.Names).Concat(structure).Select(name => KeyValuePair.Create(name, name)).Concat(SshOtherKeywords.Aliases)
        .ToDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>The keywords that mean something here, as the manual writes them.</summary>
    public static IEnumerable<string> Names => keywords.Select(keyword => keyword.Name);

    /// <summary>Whether a keyword is one that ssh(1) has.</summary>
    public static bool IsKnown(string written) => names.ContainsKey(written);

    /// <summary>A keyword in its usual spelling.</summary>
    /// <param name="written">As it is written.</param>
    /// <param name="place">Where it stands in a file; null: on a command line.</param>
    /// <exception cref="SshConfigException">There is none like it.</exception>
    public static string NameOf(string written, Place? place)
    {
        if (names.TryGetValue(written, out var name))
            return name;
        var nearest = Nearest.Of(written, names.Keys.Select(candidate => candidate.ToLowerInvariant()));
        var meant = names.Values.FirstOrDefault(candidate => candidate.Equals(nearest, StringComparison.OrdinalIgnoreCase));
        var hint = meant is null ? "; ssh_config(5) has those that there are" : $"; did you mean '{meant}'?";
        throw new SshConfigException(place, $"{(place is null ? "-o " : "")}keyword '{Printable.Escape(written)}' is unknown{hint}{(place is null ? "" : " (IgnoreUnknown, before it, has one of another ssh passed over)")}");
    }

    /// <summary>Takes <c>Keyword=Value</c> or <c>Keyword Value</c> of a command line over.</summary>
    /// <exception cref="SshConfigException">It is unknown, or cannot be honoured; the message says what was meant or what can be written.</exception>
    public static void SetTyped(SshDraft draft, string text)
    {
        var line = text.Trim();
        var end = line.AsSpan().IndexOfAny(" \t=") is var at and >= 0 ? at : line.Length;
        var (written, rest) = (line[..end], line[end..].TrimStart());
        if (written.Length == 0)
            throw new SshConfigException(null, $"-o '{Printable.Escape(text)}' has no keyword; write Keyword=Value, like ServerAliveInterval=30");
        var name = NameOf(written, null);
        if (structure.Contains(name))
            throw new SshConfigException(null, $"-o {name} stands in files only; leave it out");
        Set(draft, new SshValue($"-o {name}", (rest.StartsWith('=') ? rest[1..] : rest).Trim()), name);
    }

    /// <summary>Takes a value of a file over.</summary>
    /// <param name="draft">What it is added to.</param>
    /// <param name="value">The value; its option is a keyword in its usual spelling.</param>
    /// <exception cref="SshConfigException">It cannot be honoured; the message says what can be written.</exception>
    public static void Set(SshDraft draft, SshValue value) => Set(draft, value, value.Option);

    private static void Set(SshDraft draft, SshValue value, string name)
    {
        try
        {
            if (Array.Find(keywords, keyword => keyword.Name == name) is { Set: { } set })
                set(draft, value);
            else if (SshOtherKeywords.Warning(value, name) is { } warning)
                draft.Warn(warning);
        }
        catch (FormatException error) when (error is not SshConfigException)
        {
            throw new SshConfigException(value.Place, error.Message);
        }
    }

    /// <summary>Servers to go through on the way; none for <c>none</c>.</summary>
    /// <exception cref="FormatException">One is no server; the message begins with the option.</exception>
    public static ValueList<SshTarget> Jump(string text, string option) =>
        text.Equals("none", StringComparison.OrdinalIgnoreCase) ? [] : [.. text.Split(',').Select(target => SshTarget.Parse(target.Trim(), option))];

    // A listen and a target are two words there.
    private static string Pair(SshValue value) => value.Words switch
    {
        [var listen] => listen,
        [var listen, var target] => $"{listen}:{target}",
        _ => throw value.Error($"'{Printable.Escape(value.Text)}' has too many words; write a listen and a target, like 8143 mail:143"),
    };

    private static List<SshValue> Files(SshValue value)
    {
        var words = value.Words;
        if (words.Contains("none", StringComparer.OrdinalIgnoreCase))
            return words.Count == 1 ? [] : throw value.Error("'none' stands alone; leave it out, or the others");
        return [.. words.Select(word => word.Length > 0 ? value with { Text = word } : throw value.Error("has an empty path; write the path of a file, or none"))];
    }

    // Names of others are left out where a file has them: it may be for other programs too, and fewer are no danger.
    private static AlgorithmList Algorithms(SshValue value, IReadOnlyList<string> known)
    {
        var list = new AlgorithmList(value.One);
        return value.Told(_ =>
        {
            list = value.Place is null ? list : list.Without(name => !known.Contains(name));
            list.Of(known, known);
            return list;
        });
    }

    private static HostKeyStrictness Strictness(SshDraft draft, SshValue value)
    {
        var written = value.Choice(("yes", "yes"), ("accept-new", "accept-new"), ("ask", "ask"), ("true", "yes"), ("no", "no"), ("off", "no"), ("false", "no"));
        if (written == "no")
            throw value.Error("'no' would believe whoever stands between; write accept-new, which believes a server that is not known the first time, and refuses a changed key");
        if (written == "ask")
            draft.Warn($"{(value.Place is { } place ? $"{place}: warning: " : "")}nobody is asked whether a server that is not known is to be believed: {value.Option}{(value.Place is null ? "=" : " ")}ask is taken for yes; accept-new believes it the first time");
        return written == "accept-new" ? HostKeyStrictness.AcceptNew : HostKeyStrictness.Yes;
    }

    private static ValueList<string> Authentications(SshValue value)
    {
        var names = value.One.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (Array.Find(names, name => !authentications.Contains(name)) is { } unknown)
            throw value.Error($"'{Printable.Escape(unknown)}' is unknown{Nearest.Hint(unknown, authentications)}; there are publickey, keyboard-interactive, password and none");
        ValueList<string> here = [.. names.Where(name => name is "publickey" or "password" or "keyboard-interactive" or "none")];
        return here.Count > 0 ? here : throw value.Error($"'{Printable.Escape(value.Text)}' has none that is in this version, which are publickey, keyboard-interactive, password and none");
    }

    private static ValueList<DestinationPattern> RemoteOpens(SshValue value)
    {
        switch (value.Words)
        {
            case ["any"]:
                return [DestinationPattern.Parse("any")];
            case ["none"]:
                return [];
        }
        try
        {
            return [.. value.Words.Select(static word => DestinationPattern.Parse(word.EndsWith(":*", StringComparison.Ordinal) ? word[..^2] : word.StartsWith("*:", StringComparison.Ordinal) ? word[1..] : word))];
        }
        catch (FormatException error)
        {
            throw value.Error(error.Message);
        }
    }

    private static (long? Bytes, TimeSpan? Time) RekeyLimit(SshValue value)
    {
        var words = value.Words;
        if (words.Count > 2)
            throw value.Error($"'{Printable.Escape(value.Text)}' has too many words; write a size and a time, like \"1G 1h\"");
        var bytes = words[0] == "default" ? 0 : (value with { Text = words[0] }).Told(SshWords.Size);
        // 16 is OpenSSH's own bound.
        if (bytes is > 0 and < 16)
            throw value.Error($"'{Printable.Escape(words[0])}' is too little; write at least 16, or default");
        var time = words.Count == 1 || words[1] == "none" ? TimeSpan.Zero : (value with { Text = words[1] }).Time;
        return (bytes == 0 ? null : bytes, time == TimeSpan.Zero ? null : time);
    }
}
