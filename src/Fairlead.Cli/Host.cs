using System.Globalization;
using System.Net;
using Fairlead.Ssh;

namespace Fairlead.Cli;

/// <summary>Puts the program together and runs forwards until a signal ends them.</summary>
internal static class Host
{
    /// <summary>How long sessions may go on after a stop was asked for, unless told: nobody likes to wait long at a terminal.</summary>
    public static TimeSpan DefaultDrain => Console.IsErrorRedirected ? TimeSpan.FromSeconds(30) : TimeSpan.FromSeconds(5);

    /// <summary>Starts forwards, and returns when they have stopped.</summary>
    /// <param name="forwards">Forwards that hold to <see cref="ForwardRules"/>.</param>
    /// <param name="logging">How to log.</param>
    /// <param name="firstWords">What to log before anything else.</param>
    /// <param name="started">Called with the addresses that are listened on, in the order of the forwards.</param>
    /// <returns>The exit status.</returns>
    public static Task<int> RunAsync(IReadOnlyList<ForwardConfig> forwards, LogOptions logging, IEnumerable<LogEntry> firstWords, Action<IReadOnlyList<EndPoint>>? started = null) =>
        RunAsync(ConfigurationOf(forwards), logging, firstWords, started);

    /// <summary>The configuration of forwards that are in no file.</summary>
    public static Configuration ConfigurationOf(params IReadOnlyList<ForwardConfig> forwards) => new() { Admin = null, AccessLog = null, Forwards = [.. forwards], Tunnels = TunnelConfig.All([], forwards) };

    /// <summary>Starts a configuration, of which <see cref="Configuration.Admin"/>, the logs and the limits are not looked at, and returns when all has stopped.</summary>
    /// <param name="configuration">What is to run; it holds to <see cref="ConfigurationRules"/>.</param>
    /// <param name="logging">How to log.</param>
    /// <param name="firstWords">What to log before anything else.</param>
    /// <param name="started">Called with the addresses that are listened on, in the order of the forwards.</param>
    /// <param name="isHopeless">Whether what has become of a tunnel ends everything; null: it goes on trying.</param>
    /// <param name="accompany">Makes what lives as long as the forwards do, by what runs them, what ends them and the log; null: nothing does. It may throw a <see cref="StartException"/>.</param>
    /// <param name="ask">Who is asked for what tunnels need; null: nobody.</param>
    /// <returns>The exit status.</returns>
    public static async Task<int> RunAsync(
        Configuration configuration, LogOptions logging, IEnumerable<LogEntry> firstWords, Action<IReadOnlyList<EndPoint>>? started = null, Func<SshEnd, bool>? isHopeless = null,
        Func<Engine, StopSignals, Action<LogEntry>, IAsyncDisposable?>? accompany = null, AskUser? ask = null)
    {
        var hopeless = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var signals = new StopSignals();
        signals.Register();
        using var log = new LogWriter(OpenStandardError(), logging.CreateFormat(), logging.Level);
        foreach (var entry in firstWords)
            log.Write(entry);

        var engine = new Engine(EngineOptions(log.Write) with
        {
            Ask = ask,
            OnHopeless = (_, end) =>
            {
                var isOver = isHopeless?.Invoke(end) == true;
                if (isOver)
                    hopeless.TrySetResult();
                return isOver;
            },
        });
        await using (engine.ConfigureAwait(false))
        {
            IAsyncDisposable? companion = null;
            try
            {
                var listens = engine.StartConfiguration(configuration);
                companion = accompany?.Invoke(engine, signals, log.Write);
                started?.Invoke(listens);
            }
            catch (Exception refusal) when (refusal is ForwardException or StartException)
            {
                foreach (var line in refusal.Message.Split('\n'))
                    log.Write(new ProgramEntry(LogLevel.Error, "start_failed", line));
                return CommandLine.Refused;
            }

            await Task.WhenAny(signals.Asked, hopeless.Task).ConfigureAwait(false);
            if (companion is not null)
                await companion.DisposeAsync().ConfigureAwait(false);
            if (!signals.Asked.IsCompleted)
            {
                await engine.StopAsync(TimeSpan.Zero).ConfigureAwait(false);
                return CommandLine.Failed;
            }
            // Told when it is true: by then nobody new is let in.
            var stopped = engine.StopAsync(atOnce: signals.AtOnce);
            log.Write(Stopping(engine.SessionCount, engine.LongestDrain));
            log.Write(Stopped(await stopped.ConfigureAwait(false)));
        }
        return CommandLine.Done;
    }

    /// <summary>What the engine runs with: the environment may say how.</summary>
    public static EngineOptions EngineOptions(Action<LogEntry> log) => new()
    {
        Log = log,
        Splice = Environment.GetEnvironmentVariable("FAIRLEAD_SPLICE")?.ToLowerInvariant() is not ("off" or "no" or "0" or "false"),
        Loops = Loops,
    };

    /// <summary>How many event loops there are: the environment may say so.</summary>
    public static int Loops { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("FAIRLEAD_LOOPS"), CultureInfo.InvariantCulture, out var loops) ? Math.Clamp(loops, 1, 256) : Environment.ProcessorCount;

    /// <summary>Standard error, or nothing where the program was started without one.</summary>
    public static Stream OpenStandardError()
    {
        try
        {
            return Console.OpenStandardError();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Stream.Null;
        }
    }

    /// <summary>What is logged when a stop begins.</summary>
    public static ProgramEntry Stopping(int sessions, TimeSpan drain)
    {
        var (patience, hint) = (Duration.ToText(drain), "Ctrl-C again stops at once");
        var message = sessions == 0 ? "stopping"
            : drain == TimeSpan.Zero ? $"stopping: {Sessions(sessions)} under way will be reset"
            : drain == Timeout.InfiniteTimeSpan ? $"stopping: waiting for {Sessions(sessions)}; {hint}"
            : $"stopping: waiting up to {patience} for {Sessions(sessions)}; {hint}";
        return new ProgramEntry(LogLevel.Information, "stopping", message, new("sessions", sessions), new("drain", patience));
    }

    /// <summary>What is logged when a stop is over.</summary>
    public static ProgramEntry Stopped(int reset) =>
        new(LogLevel.Information, "stopped", reset == 0 ? "stopped" : $"stopped; {Sessions(reset)} had to be reset", new KeyValuePair<string, object?>("reset", reset));

    /// <summary><c>1 forward</c>, <c>12 forwards</c>.</summary>
    public static string Forwards(Configuration configuration) =>
        string.Create(CultureInfo.InvariantCulture, $"{configuration.Forwards.Count} {(configuration.Forwards.Count == 1 ? "forward" : "forwards")}");

    private static string Sessions(int count) => string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? "session" : "sessions")}");
}
