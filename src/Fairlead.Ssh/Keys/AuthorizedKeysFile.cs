using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>A file of keys that may come in: asked for at each login, and read where it has changed since. From any thread.</summary>
/// <param name="path">The file, which nobody but its owner may be able to write.</param>
/// <param name="zone">The time of this place, for times that do not say theirs.</param>
/// <param name="time">The time of the system.</param>
internal sealed class AuthorizedKeysFile(string path, TimeZoneInfo zone, TimeProvider time)
{
    private sealed record Known(FileVersion? Version, AuthorizedKeys Keys);

    private volatile Known? known;

    /// <summary>What is in it now. Blocks.</summary>
    /// <exception cref="SshKeyException">It cannot be read; the message names it and the remedy.</exception>
    public AuthorizedKeys Read()
    {
        var last = known;
        if (KeyFiles.ReadOwnersList(path, last?.Version, time.GetUtcNow(), out var version) is not { } text)
            return last!.Keys;
        var read = AuthorizedKeys.Parse(path, text, zone);
        known = new Known(version, read);
        return read;
    }
}
