namespace Fairlead;

/// <summary>Where what has to outlive the process is kept: what systemd names, else the system's folder, else the user's.</summary>
internal static class StateFolder
{
    /// <summary>The first of <c>$STATE_DIRECTORY</c>, <c>/var/lib/fairlead</c> and <c>~/.local/state/fairlead</c> that can be had; it is made, for its owner alone.</summary>
    /// <param name="what">What is to be kept there, for the message.</param>
    /// <exception cref="ForwardException">None can be had.</exception>
    public static string Get(string what)
    {
        // Several folders of a unit are written with colons between them (systemd.exec(5)).
        var named = Environment.GetEnvironmentVariable("STATE_DIRECTORY")?.Split(':')[0];
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string[] folders = [.. named is { Length: > 0 } ? [named] : (string[])["/var/lib/fairlead"], .. home.Length > 0 ? [Path.Combine(home, ".local/state/fairlead")] : (string[])[]];
        foreach (var folder in folders)
        {
            if (IsHad(folder))
                return folder;
        }
        throw new ForwardException($"{what} has to be kept, and no folder for it can be written to: {Printable.Escape(string.Join(", ", folders))}; set STATE_DIRECTORY to one that can, or name files of your own");
    }

    private static bool IsHad(string folder)
    {
        try
        {
            if (!OperatingSystem.IsWindows())
                Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            else
                Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".{Environment.ProcessId}.probe");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
