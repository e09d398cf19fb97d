namespace Fairlead.Ssh;

/// <summary>Whether the key that a host shows is known to be its own.</summary>
internal enum HostKeyStatus
{
    /// <summary>It is.</summary>
    Known,

    /// <summary>Nothing is known of the host.</summary>
    Unknown,

    /// <summary>Other keys are known, and this one is not: it must not be believed.</summary>
    Changed,

    /// <summary>It is known as one that is never to be believed, whatever else is known.</summary>
    Revoked,
}

/// <summary>What is known of a key that a host shows.</summary>
/// <param name="Status">Whether it may be believed.</param>
/// <param name="Host">The host, as files of known hosts name it.</param>
/// <param name="Key">The key that it shows.</param>
/// <param name="Entry">The line that decides: the one with the key; of a changed one, a line with another, of the same type if there is one. Null if none does.</param>
/// <param name="KnownTypes">The types of the keys that are known for the host.</param>
/// <param name="OfAddress">A line that has another key for the host's address, and none has this one: a sign, and no more, that something is wrong. Null if there is none, or no address was given.</param>
internal sealed record HostKeyCheck(HostKeyStatus Status, string Host, SshPublicKey Key, KnownHost? Entry, IReadOnlyList<string> KnownTypes, KnownHost? OfAddress)
{
    /// <summary>What to tell whoever wanted to connect: several lines, without a break at the end. Empty if the key is known.</summary>
    public string Explain()
    {
        var host = KeyLines.Shown(Host, 255);
        return Status switch
        {
            HostKeyStatus.Known => "",
            HostKeyStatus.Unknown => $"""
                The key of {host} is not known: {Key.Type} {Key.Fingerprint}.
                Compare it with what the host itself says (ssh-keygen -lf FILE, for the files in /etc/ssh that end in .pub), and add it if it is the same.
                """,
            HostKeyStatus.Revoked => $"""
                WARNING: {host} shows a key that must not be believed any more: {Key.Type} {Key.Fingerprint}.
                It is marked as revoked at {Entry!.File}:{Entry.Line}. Who has stolen it may be posing as the host. Nothing was sent.
                """,
            _ => $"""
                WARNING: {host} does not show the key that is known of it. Somebody may stand between you and the host, and read or change all that is sent.
                Or the host was set up anew, and has another key since.
                It shows  {Key.Type} {Key.Fingerprint}
                Known is  {Entry!.Key.Type} {Entry.Key.Fingerprint}, at {Entry.File}:{Entry.Line} (in all: {string.Join(", ", KnownTypes)})
                Nothing was sent. Ask who runs the host for its fingerprint, in another way than through this connection. If it is the one that it shows, forget what was known with
                  ssh-keygen -f {KeyFiles.Shell(Entry.File)} -R {KeyFiles.Shell(Host)}
                """,
        };
    }
}
