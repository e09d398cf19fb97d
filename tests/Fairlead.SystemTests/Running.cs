using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Fairlead.SystemTests;

/// <summary>The shipped program as a process, with its log as JSON lines; killed at the end if it is still there.</summary>
internal sealed class Running : IAsyncDisposable
{
    public const int SIGINT = 2, SIGTERM = 15;

    private readonly Process process;
    private readonly StringBuilder errors = new();
    private readonly StringBuilder output = new();
    private readonly ConcurrentQueue<JsonElement> entries = new();
    private readonly SemaphoreSlim news = new(0);

    private Running(ProcessStartInfo start, bool readErrors)
    {
        start.RedirectStandardError = start.RedirectStandardOutput = start.RedirectStandardInput = true;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Note(output, line.Data);
        process.ErrorDataReceived += (_, line) => Note(errors, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        if (readErrors)
            process.BeginErrorReadLine();
    }

    /// <summary>The program under test: what ./test published, else what was built beside the tests.</summary>
    public static string Binary { get; } = Environment.GetEnvironmentVariable("FAIRLEAD_BINARY") is { Length: > 0 } published
        ? published
        : Path.Combine(AppContext.BaseDirectory, "Fairlead.Cli");

    public int Id => process.Id;

    public string Errors { get { lock (errors) return errors.ToString(); } }

    public string Output { get { lock (output) return output.ToString(); } }

    public IEnumerable<JsonElement> Entries => entries;

    public static Running Start(params string[] arguments) => Start(arguments, readErrors: true);

    public static Running Start(IEnumerable<string> arguments, bool readErrors, (string, string)? variable = null)
    {
        var start = new ProcessStartInfo(Binary, arguments);
        start.Environment["NO_COLOR"] = "1";
        if (variable is var (name, value))
            start.Environment[name] = value;
        return new Running(start, readErrors);
    }

    /// <summary>Starts it by a shell that sets something up first and ends in <c>exec "$0" "$@"</c>.</summary>
    public static Running StartBy(string shell, params string[] arguments)
    {
        return new Running(new ProcessStartInfo("/bin/sh", ["-c", shell, Binary, .. arguments]), readErrors: true);
    }

    /// <summary>Starts <c>forward</c> with a JSON log, and waits until it listens.</summary>
    public static async Task<Running> ForwardAsync(params string[] arguments)
    {
        var running = Start(["forward", "--log-format", "json", .. arguments]);
        await running.WaitForAsync("listening");
        return running;
    }

    /// <summary>The address of the first listen, with the port that the system chose.</summary>
    public async Task<IPEndPoint> AddressAsync() => IPEndPoint.Parse((await WaitForAsync("listening")).GetProperty("listen").GetString()!);

    /// <summary>Waits for an entry of the log.</summary>
    public Task<JsonElement> WaitForAsync(string @event) => WaitForAsync(entry => entry.GetProperty("event").GetString() == @event);

    public async Task<JsonElement> WaitForAsync(Func<JsonElement, bool> matches)
    {
        while (true)
        {
            foreach (var entry in entries)
            {
                if (matches(entry))
                    return entry;
            }
            if (!await news.WaitAsync(TimeSpan.FromSeconds(20)))
                throw new TimeoutException($"It never said so. It said:\n{Errors}{Output}");
        }
    }

    /// <summary>Waits for a text on standard output or error.</summary>
    public async Task WaitForTextAsync(string text)
    {
        while (!(Errors + Output).Contains(text, StringComparison.Ordinal))
        {
            if (!await news.WaitAsync(TimeSpan.FromSeconds(20)))
                throw new TimeoutException($"'{text}' never came. It said:\n{Errors}{Output}");
        }
    }

    public void Signal(int signal) => Assert.Equal(0, kill(process.Id, signal));

    /// <summary>Waits for the end: the exit status.</summary>
    public async Task<int> WhenOverAsync()
    {
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(40)).Token);
        return process.ExitCode;
    }

    /// <summary>Processor time used so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private void Note(StringBuilder text, string? line)
    {
        if (line is null)
            return;
        lock (text)
            text.AppendLine(line);
        // The last line of one that is killed may be cut.
        if (text == errors && line.StartsWith('{') && line.EndsWith('}'))
        {
            using var document = JsonDocument.Parse(line);
            entries.Enqueue(document.RootElement.Clone());
        }
        news.Release();
    }

#pragma warning disable SYSLIB1054 // A test's one call is not worth a generator.
    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int process, int signal);
#pragma warning restore SYSLIB1054
}
