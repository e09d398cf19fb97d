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
    public const int SIGHUP = 1, SIGINT = 2, SIGTERM = 15;

    private readonly Process process;
    private readonly StringBuilder errors = new();
    private readonly StringBuilder output = new();
    private readonly ConcurrentQueue<JsonElement> entries = new();
    private readonly ConcurrentQueue<JsonElement> sessions = new();
    private readonly SemaphoreSlim news = new(0);

    private bool writesAccessLog;

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

    /// <summary>Starts <c>proxy</c> on a free port of the loopback with a JSON log, and waits until it listens.</summary>
    public static async Task<Running> ProxyAsync(params string[] arguments)
    {
        var running = Start(["proxy", "127.0.0.1:0", "--log-format", "json", .. arguments]);
        await running.WaitForAsync("listening");
        return running;
    }

    /// <summary>Starts <c>run</c> with a configuration, a JSON log and access log, and waits until it listens, here or at the far end of a tunnel, or hears that it may not there.</summary>
    /// <param name="folder">Where the file is written.</param>
    /// <param name="configuration">The file, without <c>admin</c> and <c>access_log</c>.</param>
    /// <param name="variable">A variable of its environment.</param>
    public static async Task<Running> RunAsync(Folder folder, string configuration, (string, string)? variable = null)
    {
        var running = Start(["run", "--log-format", "json", WriteConfiguration(folder, configuration)], readErrors: true, variable);
        running.writesAccessLog = true;
        await running.WaitForAsync(entry => entry.GetProperty("event").GetString() is "listening" or "tunnel_listening" or "tunnel_listen_refused");
        return running;
    }

    /// <summary>Writes another configuration, as <see cref="RunAsync"/> does, and has it loaded.</summary>
    public void Reload(Folder folder, string configuration)
    {
        WriteConfiguration(folder, configuration);
        Signal(SIGHUP);
    }

    /// <summary>The address of the first listen, with the port that the system chose.</summary>
    public async Task<IPEndPoint> AddressAsync() => IPEndPoint.Parse((await WaitForAsync("listening")).GetProperty("listen").GetString()!);

    /// <summary>The address of the first listen of a forward.</summary>
    public async Task<IPEndPoint> AddressAsync(string forward) =>
        IPEndPoint.Parse((await WaitForAsync(entry => entry.GetProperty("event").GetString() == "listening" && entry.GetProperty("forward").GetString() == forward)).GetProperty("listen").GetString()!);

    /// <summary>The address of the first listen at the far end of a tunnel, which is this machine too.</summary>
    public async Task<IPEndPoint> ListenAtAsync() => IPEndPoint.Parse((await WaitForAsync("tunnel_listening")).GetProperty("listen").GetString()!);

    /// <summary>Waits for the end of a session that some text of its line tells from others.</summary>
    public Task<JsonElement> SessionAsync(string text) => WaitForAsync(sessions, session => session.GetRawText().Contains(text, StringComparison.Ordinal));

    /// <summary>Waits for an entry of the log.</summary>
    public Task<JsonElement> WaitForAsync(string @event) => WaitForAsync(entry => entry.GetProperty("event").GetString() == @event);

    public Task<JsonElement> WaitForAsync(Func<JsonElement, bool> matches) => WaitForAsync(entries, matches);

    private async Task<JsonElement> WaitForAsync(ConcurrentQueue<JsonElement> lines, Func<JsonElement, bool> matches)
    {
        while (true)
        {
            foreach (var entry in lines)
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

    private static string WriteConfiguration(Folder folder, string configuration) => folder.Write("fairlead.yaml", $"admin: off\naccess_log: {{ format: json }}\n{configuration}\n");

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
        if ((text == errors || writesAccessLog) && line.StartsWith('{') && line.EndsWith('}'))
        {
            using var document = JsonDocument.Parse(line);
            var entry = document.RootElement.Clone();
            if (text == errors)
                entries.Enqueue(entry);
            if (text == output || entry.GetProperty("event").GetString() == "session")
                sessions.Enqueue(entry);
        }
        news.Release();
    }

#pragma warning disable SYSLIB1054 // A test's one call is not worth a generator.
    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int process, int signal);
#pragma warning restore SYSLIB1054
}
