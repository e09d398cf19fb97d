using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace Fairlead.Cli;

/// <summary>A command that runs behind a proxy of its own, by the variables that programs look for one in.</summary>
internal static partial class ProxiedCommand
{
    // What most programs read (curl(1), wget(1), Python's urllib, Go's net/http); some read only the one, some only the other case.
    private static readonly string[] httpVariables = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"], allVariables = ["all_proxy", "ALL_PROXY"];

    // As shells say it.
    private const int NotFound = 127;

    /// <summary>Starts the proxy, then the command; ends with it, and with its exit status.</summary>
    /// <param name="forward">The proxy.</param>
    /// <param name="command">The command and its arguments.</param>
    /// <param name="logging">How the proxy logs.</param>
    /// <param name="firstWords">What is logged first.</param>
    public static async Task<int> RunAsync(ForwardConfig forward, string[] command, LogOptions logging, IEnumerable<LogEntry> firstWords)
    {
        using var log = new LogWriter(Host.OpenStandardError(), logging.CreateFormat(), logging.Level);
        foreach (var entry in firstWords)
            log.Write(entry);
        var engine = new Engine(Host.EngineOptions(log.Write));
        await using (engine.ConfigureAwait(false))
        {
            EndPoint listen;
            try
            {
                listen = engine.StartConfiguration(Host.ConfigurationOf(forward))[0];
            }
            catch (ForwardException refusal)
            {
                foreach (var line in refusal.Message.Split('\n'))
                    log.Write(new ProgramEntry(LogLevel.Error, "start_failed", line));
                return CommandLine.Refused;
            }
            using var process = Start(command, UrlOf(listen, forward), out var failure);
            if (process is null)
            {
                log.Write(new ProgramEntry(LogLevel.Error, "command_failed", $"{Printable.Escape(command[0])} cannot be started: {Printable.Escape(failure!)}"));
                return NotFound;
            }
            // A terminal sends Ctrl-C to both, and the command decides what it means; a SIGTERM is for this process alone, so it is passed on.
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, static context => context.Cancel = true);
            using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => PassOn(context, process, 15));
            using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => PassOn(context, process, 1));
            await process.WaitForExitAsync().ConfigureAwait(false);
            return process.ExitCode;
        }
    }

    /// <summary>The variables that lead a program to the proxy.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Variables(string authority)
    {
        return httpVariables.Select(name => KeyValuePair.Create(name, $"http://{authority}")).Concat(allVariables.Select(name => KeyValuePair.Create(name, $"socks5h://{authority}")));
    }

    // Whom the proxy asks for a password gets one of those who have one.
    private static string UrlOf(EndPoint listen, ForwardConfig forward)
    {
        var at = listen is IPEndPoint { Address: var address } ip && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) ? new IPEndPoint(IPAddress.Loopback, ip.Port) : listen;
        return forward.Users is [var user, ..]
            ? string.Create(CultureInfo.InvariantCulture, $"{Uri.EscapeDataString(user.Name)}:{Uri.EscapeDataString(System.Text.Encoding.UTF8.GetString(user.Password.Reveal()))}@{at}")
            : at.ToString()!;
    }

    private static Process? Start(string[] command, string authority, out string? failure)
    {
        failure = null;
        var start = new ProcessStartInfo(command[0], command[1..]) { UseShellExecute = false };
        foreach (var (name, value) in Variables(authority))
            start.Environment[name] = value;
        try
        {
            return Process.Start(start);
        }
        catch (Win32Exception error)
        {
            failure = new Win32Exception(error.NativeErrorCode).Message;
            return null;
        }
    }

    private static void PassOn(PosixSignalContext context, Process process, int signal)
    {
        context.Cancel = true;
        if (OperatingSystem.IsWindows())
            process.Kill();
        else
            _ = kill(process.Id, signal);
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int sig);
}
