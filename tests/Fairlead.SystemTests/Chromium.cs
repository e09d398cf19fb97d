namespace Fairlead.SystemTests;

/// <summary>A browser without a window.</summary>
internal static class Chromium
{
    /// <summary>A page as it is when its scripts have run.</summary>
    /// <param name="chromium">The program.</param>
    /// <param name="url">The page.</param>
    /// <param name="options">Further options.</param>
    public static async Task<string> ShowAsync(string chromium, string url, params string[] options)
    {
        using var profile = new Folder();
        var (status, output) = await Peers.RunAsync("timeout", [
            "--kill-after=5", "120", chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--disable-dev-shm-usage", $"--user-data-dir={profile.Path}", .. options, "--virtual-time-budget=5000", "--dump-dom", url]);
        Assert.True(status == 0, $"{status}: {output}");
        return output;
    }
}
