using System.Diagnostics;

namespace Fairlead.Tests.Cli;

/// <summary>A terminal of its own in which a shell runs: tmux, whose server and socket go with the test.</summary>
internal sealed class Terminal : IAsyncDisposable
{
    private const string Tmux = "/usr/bin/tmux";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");

    public static async Task<Terminal> StartAsync(int width, int height)
    {
        Assert.SkipUnless(File.Exists(Tmux), "tmux is not installed (Debian package tmux).");
        var terminal = new Terminal();
        await terminal.RunAsync("new-session", "-d", "-x", $"{width}", "-y", $"{height}", "env PS1='$ ' HOME=/nowhere /bin/sh");
        await terminal.WaitForAsync(screen => screen.StartsWith('$'));
        return terminal;
    }

    /// <summary>The program that was built beside the tests.</summary>
    public static string Program => Path.Combine(AppContext.BaseDirectory, "Fairlead.Cli");

    public Task TypeAsync(string line) => RunAsync("send-keys", line, "Enter");

    public Task PressAsync(string key) => RunAsync("send-keys", key);

    public Task ResizeAsync(int width, int height) => RunAsync("resize-window", "-x", $"{width}", "-y", $"{height}");

    /// <summary>What is on the screen, without blanks at the ends of its lines.</summary>
    public Task<string> ReadAsync() => RunAsync("capture-pane", "-p");

    /// <summary>What is on the screen, with the escape sequences of colours.</summary>
    public Task<string> ReadColouredAsync() => RunAsync("capture-pane", "-p", "-e");

    public async Task<bool> IsAlternateAsync() => (await RunAsync("display-message", "-p", "#{alternate_on}")).Trim() == "1";

    public async Task<bool> HasCursorAsync() => (await RunAsync("display-message", "-p", "#{cursor_flag}")).Trim() == "1";

    public Task<string> WaitForAsync(string text) => WaitForAsync(screen => screen.Contains(text, StringComparison.Ordinal));

    public async Task<string> WaitForAsync(Func<string, bool> isThere)
    {
        var since = Stopwatch.StartNew();
        string screen;
        while (!isThere(screen = await ReadAsync()))
            Assert.True(since.Elapsed < TimeSpan.FromSeconds(60), $"It never came. The screen:\n{screen}");
        return screen;
    }

    public async ValueTask DisposeAsync()
    {
        await RunAsync("kill-server");
        folder.Delete(recursive: true);
    }

    private async Task<string> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Tmux, ["-u", "-S", Path.Combine(folder.FullName, "tmux"), "-f", "/dev/null", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return output;
    }
}
