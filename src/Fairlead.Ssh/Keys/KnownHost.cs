using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>A line of a file of known hosts (SSH_KNOWN_HOSTS FILE FORMAT in sshd(8)): whose key is which, or which key is never to be believed.</summary>
internal sealed class KnownHost
{
    public const string HashMark = "|1|";

    private const string Revoked = "@revoked", Authority = "@cert-authority";

    private readonly PatternList? names;
    private readonly byte[]? salt, hash;

    private KnownHost(string file, int line, string marker, string hosts, SshPublicKey key)
    {
        (File, Line, IsRevoked, IsAuthority, Key) = (file, line, marker == Revoked, marker == Authority, key);
        if (!hosts.StartsWith('|'))
        {
            names = new PatternList(hosts);
            return;
        }
        (salt, hash) = hosts.Split('|') is ["", "1", var saltText, var hashText] ? (Decoded(saltText), Decoded(hashText)) : (null, null);
        if (salt is null || hash is null)
            throw new FormatException($"the hashed name is not one ({HashMark}SALT|HASH); remove the line");
    }

    /// <summary>The file it stands in, as a message may have it.</summary>
    public string File { get; }

    public int Line { get; }

    public SshPublicKey Key { get; }

    /// <summary>Whether the key is never to be believed, for the hosts that the line names.</summary>
    public bool IsRevoked { get; }

    /// <summary>Whether the key is none of a host, and signs the certificates of those that the line names.</summary>
    public bool IsAuthority { get; }

    /// <summary>Whether the key is one that the hosts have.</summary>
    public bool IsOfHost => !IsRevoked && !IsAuthority;

    /// <summary>Reads a line that is neither empty nor a comment.</summary>
    /// <exception cref="FormatException">It counts for nothing; the message says why and what to do.</exception>
    public static KnownHost Parse(string file, int number, string line)
    {
        if (KeyLines.Fault(line) is { } fault)
            throw new FormatException(fault);
        var rest = line.AsSpan();
        var hosts = KeyLines.Field(ref rest);
        var marker = "";
        if (hosts.StartsWith("@"))
        {
            marker = hosts.ToString();
            if (marker is not (Revoked or Authority))
                throw new FormatException($"the marker {KeyLines.Shown(hosts)} is not known; write @revoked, @cert-authority, or none");
            hosts = KeyLines.Field(ref rest);
            if (hosts.StartsWith("@"))
                throw new FormatException("a line has one marker at most; write a line for each");
        }
        if (rest.IsEmpty)
            throw new FormatException("the line has no key; write HOSTS TYPE BASE64");
        if (!SshPublicKey.TryParse(rest.ToString(), out var key, out _, out var keyFault))
            throw new FormatException(keyFault);
        return new KnownHost(file, number, marker, hosts.ToString(), key);
    }

    /// <summary>Whether the line names nothing but this host, in the clear or hashed.</summary>
    /// <param name="name">As <see cref="KnownHosts.NameOf"/> has it.</param>
    public bool IsOnlyOf(string name) => names is null ? IsOf(name) : names.IsOnly(name);

    /// <summary>Whether a host is one of those that the line names.</summary>
    /// <param name="name">As <see cref="KnownHosts.NameOf"/> has it.</param>
    public bool IsOf(string name) => names?.Matches(name) ?? HashOf(salt!, name).AsSpan().SequenceEqual(hash);

    /// <summary>A name in the form that does not show it to who reads the file.</summary>
    public static string Hashed(string name)
    {
        var salt = RandomNumberGenerator.GetBytes(HMACSHA1.HashSizeInBytes);
        return $"{HashMark}{Convert.ToBase64String(salt)}|{Convert.ToBase64String(HashOf(salt, name))}";
    }

#pragma warning disable CA5350 // SHA-1 is what the form of the file is; it hides names, and nothing is believed for it.
    private static byte[] HashOf(byte[] salt, string name) => HMACSHA1.HashData(salt, Encoding.UTF8.GetBytes(name));
#pragma warning restore CA5350

    private static byte[]? Decoded(string text)
    {
        var bytes = new byte[HMACSHA1.HashSizeInBytes];
        return text.Length == 28 && Convert.TryFromBase64String(text, bytes, out var length) && length == bytes.Length ? bytes : null;
    }
}
