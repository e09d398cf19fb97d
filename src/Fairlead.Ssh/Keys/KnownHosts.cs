using System.Globalization;
using System.Net;

namespace Fairlead.Ssh;

/// <summary>The hosts whose keys are known, from files like <c>~/.ssh/known_hosts</c>. Immutable: a file that has changed is read anew.</summary>
internal sealed class KnownHosts
{
    private const int StandardPort = 22;

    private readonly List<KnownHost> hosts = [];
    private readonly List<KeyFinding> findings = [];

    private KnownHosts(IEnumerable<(string Path, string Text)> files)
    {
        foreach (var (path, text) in files)
        {
            var found = new KeyFindings(path);
            var file = KeyFiles.Shown(path);
            foreach (var (number, line) in KeyLines.Of(text))
            {
                try
                {
                    hosts.Add(KnownHost.Parse(file, number, line));
                }
                catch (FormatException error)
                {
                    found.Add(number, error.Message, isRefused: true);
                }
            }
            findings.AddRange(found.All);
        }
    }

    /// <summary>The lines that count for nothing, and why.</summary>
    public IReadOnlyList<KeyFinding> Findings => findings;

    /// <summary>Reads files. One that is not there, or is <c>/dev/null</c>, knows nothing. Blocks.</summary>
    /// <exception cref="SshKeyException">One cannot be read; the message names it.</exception>
    public static KnownHosts Read(params IEnumerable<string> paths) => new(paths.Where(static path => path != "/dev/null").Select(static path => (path, KeyFiles.ReadList(path) ?? "")));

    /// <summary>Reads the texts of files.</summary>
    public static KnownHosts Parse(params IEnumerable<(string Path, string Text)> files) => new(files);

    /// <summary>What a host is called in such files: in lower case, with a port that is not 22 as <c>[host]:port</c>.</summary>
    /// <param name="host">A name, or an address without brackets.</param>
    /// <param name="port">Its port.</param>
    public static string NameOf(string host, int port)
    {
        var name = host.ToLowerInvariant();
        return port == StandardPort ? name : string.Create(CultureInfo.InvariantCulture, $"[{name}]:{port}");
    }

    /// <summary>Whether a host may be believed that shows this key.</summary>
    /// <param name="host">The host as the user named it.</param>
    /// <param name="port">Its port. As with OpenSSH, a key that is known of the host at port 22 holds if nothing else is known of this one.</param>
    /// <param name="address">Where it was found; null if that is not known, or not to be looked at. A key that is known of an address alone is not believed.</param>
    /// <param name="key">The key.</param>
    public HostKeyCheck Check(string host, int port, IPAddress? address, SshPublicKey key)
    {
        var name = NameOf(host, port);
        var plain = NameOf(host, StandardPort);
        var (ofName, ofPlain) = (Of(name), Of(plain));
        var ofAddress = AddressNames(address, port).Except([name, plain]).SelectMany(Of).ToList();

        List<KnownHost> known = [.. ofName.Where(static entry => entry.IsOfHost)];
        var isOtherPort = known.Count == 0 && ofPlain.Any(entry => entry.IsOfHost && entry.Key.Equals(key));
        if (isOtherPort)
            known = [.. ofPlain.Where(static entry => entry.IsOfHost)];
        var types = known.Select(static entry => entry.Key.Type).Distinct().ToList();

        if (ofName.Concat(ofPlain).Concat(ofAddress).FirstOrDefault(entry => entry.IsRevoked && entry.Key.Equals(key)) is { } revoked)
            return new HostKeyCheck(HostKeyStatus.Revoked, name, key, revoked, types, null);
        var others = ofAddress.FindAll(static entry => entry.IsOfHost);
        var odd = others.Exists(entry => entry.Key.Equals(key)) ? null : others.FirstOrDefault();
        if (known.Find(entry => entry.Key.Equals(key)) is { } same)
            return new HostKeyCheck(HostKeyStatus.Known, name, key, same, types, odd);
        return known.Count == 0
            ? new HostKeyCheck(HostKeyStatus.Unknown, name, key, null, types, odd)
            : new HostKeyCheck(HostKeyStatus.Changed, name, key, known.Find(entry => entry.Key.Type == key.Type) ?? known[0], types, odd);
    }

    /// <summary>
    /// What is said against a certificate that a host shows: null, nothing, as an authority of the host has signed it, for this host and this time. Takes longer than an event loop may.
    /// </summary>
    /// <param name="host">The host as the user named it, which the certificate has to name too.</param>
    /// <param name="port">Its port. As with OpenSSH, an authority of the host at port 22 holds if none is known of this one.</param>
    /// <param name="certificate">The certificate.</param>
    /// <param name="now">The time.</param>
    /// <param name="isDecided">False: no authority of the host has signed it, so that the key in it may still be known by itself.</param>
    public string? CheckCertificate(string host, int port, SshCertificate certificate, DateTimeOffset now, out bool isDecided)
    {
        isDecided = true;
        var shown = KeyLines.Shown(NameOf(host, port), 255);
        if (hosts.Find(entry => entry.IsRevoked && (entry.Key.Equals(certificate.Authority) || entry.Key.Equals(certificate.Key)) && (entry.IsOf(NameOf(host, port)) || entry.IsOf(NameOf(host, StandardPort)))) is { } revoked)
            return $"WARNING: {shown} shows a certificate that must not be believed any more: {certificate}.\nA key of it is marked as revoked at {revoked.File}:{revoked.Line}. Nothing was sent.";
        isDecided = AuthoritiesOf(host, port).Exists(entry => entry.Key.Equals(certificate.Authority));
        if (!isDecided)
            return $"{shown} shows a certificate of an authority that is not known: {certificate}";
        var fault = !certificate.IsSigned() ? "its signature is not that of the authority"
            : certificate.Kind != SshCertificateKind.Host ? "it is a user's"
            : !certificate.IsValidAt(now) ? "it is not valid at this time"
            : certificate.CriticalOptions.Count > 0 ? $"it has the option {KeyLines.Shown(certificate.CriticalOptions[0].Name)}, which is not known and has to be heeded"
            : !certificate.Principals.Any(pattern => PatternList.IsMatch(pattern.ToLowerInvariant(), host.ToLowerInvariant())) ? $"it is for {(certificate.Principals.Count == 0 ? "no host by name" : KeyLines.Shown(string.Join(", ", certificate.Principals), 255))}"
            : null;
        return fault is null ? null : $"the certificate that {shown} shows is not believed, as {fault}: {certificate}; ask who runs the host for a new one (ssh-keygen -s CA -h -n {KeyFiles.Shell(host)} …)";
    }

    /// <summary>Whether an authority is known that signs certificates for a host.</summary>
    /// <param name="host">The host as the user named it.</param>
    /// <param name="port">Its port.</param>
    public bool HasAuthority(string host, int port) => AuthoritiesOf(host, port).Count > 0;

    /// <summary>The lines with keys of this host alone, which may be taken out of the files again; none, where another line names the host by a pattern or beside others: somebody keeps the files by hand.</summary>
    /// <param name="host">The host as the user named it.</param>
    /// <param name="port">Its port.</param>
    public IReadOnlyList<KnownHost> OwnLinesOf(string host, int port)
    {
        var lines = Of(NameOf(host, port)).FindAll(static entry => entry.IsOfHost);
        return lines.TrueForAll(entry => entry.IsOnlyOf(NameOf(host, port))) ? lines : [];
    }

    /// <summary>
    /// The algorithms that a host's known keys sign with, in the order of the files: if they are offered before others, the host shows one of those keys, and not
    /// one that it has besides and that nobody knows. Empty if nothing is known, when the order of preference stays as it is.
    /// </summary>
    /// <param name="host">The host as the user named it.</param>
    /// <param name="port">Its port; what is known at port 22 counts if nothing is of this one.</param>
    public IReadOnlyList<string> AlgorithmsOf(string host, int port)
    {
        var known = Believed(NameOf(host, port));
        if (known.Count == 0)
            known = Believed(NameOf(host, StandardPort));
        return [.. known.SelectMany(static entry => entry.Key.Algorithms).Distinct()];
    }

    /// <summary>Adds a key to a file, which is made if it is not there (mode 0600), and so is its folder (mode 0700). Whoever has read the file has to read it anew. Blocks.</summary>
    /// <param name="path">The file.</param>
    /// <param name="host">The host as the user named it.</param>
    /// <param name="port">Its port.</param>
    /// <param name="key">Its key.</param>
    /// <param name="hash">Whether who reads the file may not see the host's name (<c>HashKnownHosts</c> of ssh_config(5)).</param>
    /// <exception cref="SshKeyException">The host's name cannot stand in such a file, or the file cannot be written.</exception>
    public static void Add(string path, string host, int port, SshPublicKey key, bool hash)
    {
        // As OpenSSH has it: each of these would mean something else than itself.
        if (host.Length == 0 || host.Any(static character => char.IsWhiteSpace(character) || char.IsControl(character) || "@?*#[]|'\"\\,!".Contains(character, StringComparison.Ordinal)))
            throw new SshKeyException($"the host '{KeyLines.Shown(host, 255)}' has a character that a file of known hosts cannot have in a name; add its key by another name");
        var name = NameOf(host, port);
        if (path != "/dev/null")
            KeyFiles.Append(path, $"{(hash ? KnownHost.Hashed(name) : name)} {key}");
    }

    /// <summary>Writes down which keys a host has from now on, and takes out those that it had. Whoever has read the file has to read it anew. Blocks.</summary>
    /// <param name="path">The file, in which the host is known.</param>
    /// <param name="host">The host as the user named it.</param>
    /// <param name="port">Its port.</param>
    /// <param name="added">Keys that are added.</param>
    /// <param name="removed">Keys whose lines are taken out, as far as they name nothing but this host.</param>
    /// <param name="hash">As in <see cref="Add"/>.</param>
    /// <exception cref="SshKeyException">The file cannot be written.</exception>
    public static void Update(string path, string host, int port, IReadOnlyList<SshPublicKey> added, IReadOnlyList<SshPublicKey> removed, bool hash)
    {
        var name = NameOf(host, port);
        KeyFiles.Rewrite(path, text =>
        {
            var kept = text.Split('\n').Where(line => !IsRemoved(line.Trim(KeyLines.WhiteSpace.ToCharArray()), name, removed)).ToList();
            // Behind the last line, which most files end with a break.
            var end = kept is [.., ""] ? kept.Count - 1 : kept.Count;
            kept.InsertRange(end, added.Select(key => $"{(hash ? KnownHost.Hashed(name) : name)} {key}"));
            return string.Join('\n', kept) + (kept is [.., ""] ? "" : "\n");
        });
    }

    private static bool IsRemoved(string line, string name, IReadOnlyList<SshPublicKey> removed)
    {
        if (line.Length == 0 || line[0] == '#')
            return false;
        try
        {
            var entry = KnownHost.Parse("", 0, line);
            return entry.IsOfHost && entry.IsOnlyOf(name) && removed.Contains(entry.Key);
        }
        catch (FormatException)
        {
            // Not understood, and so not touched.
            return false;
        }
    }

    private static IEnumerable<string> AddressNames(IPAddress? address, int port)
    {
        if (address is null)
            return [];
        var text = (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
        return new[] { NameOf(text, port), NameOf(text, StandardPort) }.Distinct();
    }

    private List<KnownHost> Of(string name) => hosts.FindAll(entry => entry.IsOf(name));

    private List<KnownHost> AuthoritiesOf(string host, int port)
    {
        var own = Of(NameOf(host, port)).FindAll(static entry => entry.IsAuthority);
        return own.Count > 0 ? own : Of(NameOf(host, StandardPort)).FindAll(static entry => entry.IsAuthority);
    }

    private List<KnownHost> Believed(string name)
    {
        var all = Of(name);
        return all.FindAll(entry => entry.IsOfHost && !all.Exists(other => other.IsRevoked && other.Key.Equals(entry.Key)));
    }
}
