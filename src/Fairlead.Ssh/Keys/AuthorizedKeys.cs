using System.Net;

namespace Fairlead.Ssh;

/// <summary>The keys that may come in, from a file like <c>~/.ssh/authorized_keys</c>. Immutable: a file that has changed is read anew.</summary>
internal sealed class AuthorizedKeys
{
    private readonly List<AuthorizedKey> keys = [];
    private readonly ILookup<SshPublicKey, AuthorizedKey> byKey;

    private AuthorizedKeys(string path, string text, TimeZoneInfo zone)
    {
        var findings = new KeyFindings(path);
        var file = KeyFiles.Shown(path);
        foreach (var (number, line) in KeyLines.Of(text))
        {
            try
            {
                var key = AuthorizedKey.Parse(file, number, line, zone);
                keys.Add(key);
                foreach (var note in key.Notes)
                    findings.Add(number, note, isRefused: false);
            }
            catch (FormatException error)
            {
                findings.Add(number, error.Message, isRefused: true);
            }
        }
        Findings = [.. findings.All];
        byKey = keys.Where(static key => !key.IsAuthority).ToLookup(static key => key.Key);
    }

    /// <summary>The keys, in the order of the file. One may be there more than once.</summary>
    public IReadOnlyList<AuthorizedKey> Keys => keys;

    /// <summary>The lines that are not accepted, and options that do nothing here; each with its reason.</summary>
    public IReadOnlyList<KeyFinding> Findings { get; }

    /// <summary>Reads a file. Blocks.</summary>
    /// <param name="path">The file, which nobody but its owner may be able to write.</param>
    /// <param name="zone">The time of this place, for times that do not say theirs.</param>
    /// <exception cref="SshKeyException">It cannot be read; the message names it and the remedy.</exception>
    public static AuthorizedKeys Read(string path, TimeZoneInfo zone) => new(path, KeyFiles.ReadOwnersList(path, null, default, out _)!, zone);

    /// <summary>Reads the text of a file.</summary>
    /// <param name="path">What it is called.</param>
    /// <param name="text">The text.</param>
    /// <param name="zone">The time of this place, for times that do not say theirs.</param>
    public static AuthorizedKeys Parse(string path, string text, TimeZoneInfo zone) => new(path, text, zone);

    /// <summary>The first line that lets a key in, from there and at that time; null if none does. As with sshd, one that does not leaves it to the next.</summary>
    /// <param name="key">The key.</param>
    /// <param name="client">The client's address; null if it has none.</param>
    /// <param name="now">The time.</param>
    public AuthorizedKey? Find(SshPublicKey key, IPAddress? client, DateTimeOffset now) => byKey[key].FirstOrDefault(entry => !entry.IsExpired(now) && entry.MayConnectFrom(client));

    /// <summary>The same for a certificate: what it may do by the first line with its authority that lets it in. Its key alone is not looked for. Takes longer than an event loop may.</summary>
    /// <param name="certificate">The certificate.</param>
    /// <param name="user">The name that is asked for; a stranger's text.</param>
    /// <param name="client">The client's address; null if it has none.</param>
    /// <param name="now">The time.</param>
    /// <param name="fault">Why none of the lines with its authority does, as a clause; null if there is no such line.</param>
    public AuthorizedKey? Find(SshCertificate certificate, string user, IPAddress? client, DateTimeOffset now, out string? fault)
    {
        fault = null;
        foreach (var entry in keys.Where(entry => entry.IsAuthority && entry.Key.Equals(certificate.Authority)))
        {
            if (entry.IsExpired(now) || !entry.MayConnectFrom(client))
                fault = "the authority's line is not for this time, or not for who comes from there";
            else if (entry.Admit(certificate, user, client, now, out fault) is { } admitted)
                return admitted;
        }
        return null;
    }
}
