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

        List<KnownHost> known = [.. ofName.Where(static entry => !entry.IsRevoked)];
        var isOtherPort = known.Count == 0 && ofPlain.Any(entry => !entry.IsRevoked && entry.Key.Equals(key));
        if (isOtherPort)
            known = [.. ofPlain.Where(static entry => !entry.IsRevoked)];
        var types = known.Select(static entry => entry.Key.Type).Distinct().ToList();

        if (ofName.Concat(ofPlain).Concat(ofAddress).FirstOrDefault(entry => entry.IsRevoked && entry.Key.Equals(key)) is { } revoked)
            return new HostKeyCheck(HostKeyStatus.Revoked, name, key, revoked, types, null);
        var others = ofAddress.FindAll(static entry => !entry.IsRevoked);
        var odd = others.Exists(entry => entry.Key.Equals(key)) ? null : others.FirstOrDefault();
        if (known.Find(entry => entry.Key.Equals(key)) is { } same)
            return new HostKeyCheck(HostKeyStatus.Known, name, key, same, types, odd);
        return known.Count == 0
            ? new HostKeyCheck(HostKeyStatus.Unknown, name, key, null, types, odd)
            : new HostKeyCheck(HostKeyStatus.Changed, name, key, known.Find(entry => entry.Key.Type == key.Type) ?? known[0], types, odd);
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

    private static IEnumerable<string> AddressNames(IPAddress? address, int port)
    {
        if (address is null)
            return [];
        var text = (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
        return new[] { NameOf(text, port), NameOf(text, StandardPort) }.Distinct();
    }

    private List<KnownHost> Of(string name) => hosts.FindAll(entry => entry.IsOf(name));

    private List<KnownHost> Believed(string name)
    {
        var all = Of(name);
        return all.FindAll(entry => !entry.IsRevoked && !all.Exists(other => other.IsRevoked && other.Key.Equals(entry.Key)));
    }
}
