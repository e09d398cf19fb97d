namespace Fairlead;

/// <summary>Paths that begin at the home of the user who runs this process.</summary>
internal static class HomePath
{
    /// <summary>A path with <c>~</c> replaced, as a shell does it.</summary>
    /// <exception cref="FormatException">It begins at somebody else's home, or this user has none.</exception>
    public static string Expand(string path)
    {
        if (!path.StartsWith('~'))
            return path;
        if (path.Length > 1 && path[1] != '/')
            throw new FormatException($"'{Printable.Escape(path)}' begins at the home of another user; write the path in full");
        return Home is { } home ? home + path[1..] : throw new FormatException($"'{Printable.Escape(path)}' begins at a home, and this user has none; write the path in full");
    }

    /// <summary>A file in the user's <c>~/.ssh</c>; null where the user has no home.</summary>
    public static string? InSsh(string name) => Home is { } home ? Path.Combine(home, ".ssh", name) : null;

    private static string? Home => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? home.TrimEnd('/') : null;
}
