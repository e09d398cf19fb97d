using Fairlead.Net;

namespace Fairlead.Cli;

/// <summary>Where the admin socket is, unless the configuration says otherwise.</summary>
/// <remarks>
/// Root: <c>/run/fairlead</c>. Others: the folder that systemd made for the service (<c>$RUNTIME_DIRECTORY</c>), else <c>$XDG_RUNTIME_DIR/fairlead</c>, else
/// <c>/run/user/UID/fairlead</c> if the system has that, else <c>/tmp/fairlead-UID</c>, which is refused unless it is private.
/// </remarks>
internal static class AdminPlace
{
    public const string RootFolder = "/run/fairlead";

    /// <summary>Where a process listens that goes by a name.</summary>
    public static string Default(string name) => Default(name, PeerUser.Own, Environment.GetEnvironmentVariable, Directory.Exists);

    /// <summary>Where an instance of a name may be found, the likeliest first: one of this user's, one of root's, and for sudo that of who called it.</summary>
    public static IReadOnlyList<string> Candidates(string name) => Candidates(name, PeerUser.Own, Environment.GetEnvironmentVariable, Directory.Exists);

    internal static string Default(string name, uint user, Func<string, string?> variable, Func<string, bool> hasFolder)
    {
        // Of several, systemd puts a colon between them.
        var service = variable("RUNTIME_DIRECTORY")?.Split(':')[0];
        return user == 0 ? $"{RootFolder}/{name}.sock"
            : service is ['/', ..] ? $"{service}/{name}.sock"
            : UserFolder(user, variable, hasFolder) + $"/{name}.sock";
    }

    internal static IReadOnlyList<string> Candidates(string name, uint user, Func<string, string?> variable, Func<string, bool> hasFolder)
    {
        var places = new List<string> { $"{(user == 0 ? RootFolder : UserFolder(user, variable, hasFolder))}/{name}.sock" };
        if (user != 0)
            places.Add($"{RootFolder}/{name}.sock");
        else if (uint.TryParse(variable("SUDO_UID"), out var caller) && caller != 0)
            places.Add($"{UserFolder(caller, _ => null, hasFolder)}/{name}.sock");
        else if (variable("XDG_RUNTIME_DIR") is ['/', ..] own)
            places.Add($"{own}/fairlead/{name}.sock");
        return places;
    }

    /// <summary>
    /// Makes the folder of a socket, for its owner alone; that of root can be looked into, as <c>/run</c> can.
    /// </summary>
    /// <param name="path">The socket.</param>
    /// <param name="mustBePrivate">Whether a folder that is there already must belong to this user or root, and let nobody else write.</param>
    /// <exception cref="StartException">It cannot be had like that.</exception>
    public static void MakeFolder(string path, bool mustBePrivate)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }
        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        const UnixFileMode Seen = UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        try
        {
            Directory.CreateDirectory(folder, folder == RootFolder ? Private | Seen : Private);
            if (!mustBePrivate)
                return;
            // Not followed: a link of somebody else's in /tmp would be a folder of his choice.
            var found = UnixFile.At(folder);
            var isLink = new DirectoryInfo(folder).LinkTarget is not null;
            if (isLink || (found is { Owner: var owner } && !PeerUser.IsTrusted(owner, PeerUser.Own)) || (File.GetUnixFileMode(folder) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
            {
                throw new StartException(
                    $"the admin socket's folder {Printable.Escape(folder)} is not private: it is {(isLink ? "a link" : "writable by others, or another user's")}; "
                    + "remove it (it is made again), or set admin: { listen: unix:PATH }");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"the admin socket's folder {Printable.Escape(folder)} cannot be had: {Printable.Escape(e.Message.TrimEnd('.'))}; make it, set admin: {{ listen: unix:PATH }}, or admin: off", e);
        }
    }

    private static string UserFolder(uint user, Func<string, string?> variable, Func<string, bool> hasFolder)
    {
        if (variable("XDG_RUNTIME_DIR") is ['/', ..] own)
            return $"{own}/fairlead";
        var logind = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/run/user/{user}");
        return hasFolder(logind) ? $"{logind}/fairlead" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/tmp/fairlead-{user}");
    }
}
