using System.Reflection;

namespace Fairlead.Cli;

/// <summary>A running configuration: what it says, what runs of it, and how it takes over another.</summary>
internal sealed class Instance : IInstance, IAsyncDisposable
{
    private static readonly TimeSpan mostWaitForReopening = TimeSpan.FromSeconds(1);

    private readonly string path;
    private readonly Engine engine;
    private readonly StopSignals signals;
    private readonly ServiceNotifier service;
    private readonly Action<LogEntry> log;
    private readonly Action<LogConfig> changeLog;
    private readonly FileWatch watch;
    private readonly TimeProvider time;
    private readonly DateTimeOffset started = DateTimeOffset.UtcNow;
    private readonly SemaphoreSlim oneAtATime = new(1);
    private DateTime readSince;
    private volatile AccessLogWriter? accessLog;
    private volatile LoadedConfiguration loaded;
    private volatile ReloadOutcome? lastReload;

    /// <param name="loaded">What is to run.</param>
    /// <param name="path">The file that it was read from.</param>
    /// <param name="readSince">When reading it began.</param>
    /// <param name="options">What the engine runs with; its log is replaced.</param>
    /// <param name="signals">Told by whoever asks for a stop.</param>
    /// <param name="service">Told of reloads.</param>
    /// <param name="log">The log.</param>
    /// <param name="changeLog">Changes what is logged, and how.</param>
    /// <param name="time">What measures how long is waited; null: the system's.</param>
    /// <exception cref="StartException">The access log cannot be opened.</exception>
    public Instance(LoadedConfiguration loaded, string path, DateTime readSince, EngineOptions options, StopSignals signals, ServiceNotifier service, Action<LogEntry> log, Action<LogConfig> changeLog, TimeProvider? time = null)
    {
        this.time = time ?? TimeProvider.System;
        (this.loaded, this.path, this.readSince, this.signals, this.service, this.log, this.changeLog) = (loaded, path, readSince, signals, service, log, changeLog);
        accessLog = Configuration.AccessLog is { } access ? AccessLogWriter.Open(access, log) : null;
        engine = new Engine(options with { Log = Log });
        watch = new FileWatch(() => _ = ReloadAsync(isQuiet: true), this.time);
    }

    public Configuration Configuration => loaded.Configuration;

    /// <summary>Starts the forwards.</summary>
    /// <exception cref="ForwardException">One cannot be had.</exception>
    public void Start()
    {
        // Orders may come already.
        oneAtATime.Wait();
        try
        {
            engine.ApplyConfiguration(Configuration);
            Watch(loaded.Sources);
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    /// <summary>Completes when everything that connections live by has done a turn.</summary>
    public Task ProbeAsync() => engine.ProbeAsync();

    /// <summary>Drains and stops: how many sessions had to be reset.</summary>
    public Task<int> StopAsync(CancellationToken atOnce)
    {
        watch.Rest();
        return engine.StopAsync(atOnce: atOnce);
    }

    public int SessionCount => engine.SessionCount;

    /// <summary>How long a stop may take.</summary>
    public TimeSpan LongestDrain => engine.LongestDrain;

    public async ValueTask DisposeAsync()
    {
        watch.Dispose();
        await engine.DisposeAsync().ConfigureAwait(false);
        accessLog?.Dispose();
    }

    public InstanceStatus Status() => new()
    {
        Name = Configuration.Name,
        Version = typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0",
        Started = started,
        ConfigFile = path,
        IsStopping = signals.Asked.IsCompleted,
        LastReload = lastReload,
        Connections = engine.SessionCount,
        MostConnections = engine.MostSessions,
        Forwards = engine.Status(),
        Tunnels = engine.Tunnels(),
    };

    public IReadOnlyList<ConnectionStatus> Connections(string? forward)
    {
        var all = engine.Connections();
        return forward is null ? all : [.. all.Where(connection => connection.Forward == forward)];
    }

    public bool Close(long id) => engine.Close(id);

    public int CloseAll(string forward) => engine.CloseAll(forward) ?? 0;

    public int? Drain(string? forward) => engine.Drain(forward);

    public void Stop(bool atOnce) => signals.Ask(atOnce);

    public Task<ReloadOutcome> ReloadAsync() => ReloadAsync(isQuiet: false);

    private async Task<ReloadOutcome> ReloadAsync(bool isQuiet)
    {
        await oneAtATime.WaitAsync().ConfigureAwait(false);
        try
        {
            if (signals.Asked.IsCompleted)
                return new ReloadOutcome(DateTimeOffset.UtcNow, ["the instance is stopping, and reloads no more"], []);
            service.Reloading();
            var outcome = await Task.Run(Reload).ConfigureAwait(false);
            lastReload = outcome;
            Tell(outcome, isQuiet);
            service.Ready(Host.Forwards(Configuration));
            // Files that are renamed to be rotated are opened again by the same signal. One that hangs holds up nobody for long.
            if (Configuration.AccessLog?.File != "-" && accessLog is { } present)
                await Task.WhenAny(present.ReopenAsync(), Task.Delay(mostWaitForReopening, time)).ConfigureAwait(false);
            return outcome;
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    private ReloadOutcome Reload()
    {
        var now = DateTimeOffset.UtcNow;
        try
        {
            readSince = DateTime.UtcNow;
            var next = Configuration.Load(path);
            var (changes, change) = Apply(next);
            return new ReloadOutcome(now, [], changes) { Forwards = ReloadedForwards.Of(change) };
        }
        catch (ConfigurationException wrong)
        {
            // A correction is seen too.
            Watch(wrong.Sources);
            return new ReloadOutcome(now, [.. wrong.Errors.Select(error => error.ToString())], [])
            {
                Details = [.. wrong.Errors.Select(error => new ReloadError(error.Message, error.File, error.Line, error.Column))],
            };
        }
        catch (Exception refused) when (refused is ForwardException or StartException or ObjectDisposedException)
        {
            Watch(loaded.Sources);
            return new ReloadOutcome(now, refused is ObjectDisposedException ? ["the instance is stopping, and reloads no more"] : refused.Message.Split('\n'), []);
        }
#pragma warning disable CA1031 // Whatever it is, the running configuration goes on, and whoever asked is told.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return new ReloadOutcome(now, [$"a bug of Fairlead: {Printable.Escape(fault.ToString(), 4000)}"], []);
        }
    }

    // All that can fail comes before anything is changed.
    private (List<string> Changes, ConfigChange Forwards) Apply(LoadedConfiguration next)
    {
        var (old, wanted) = (Configuration, next.Configuration);
        var newAccessLog = wanted.AccessLog != old.AccessLog && wanted.AccessLog is { } config ? AccessLogWriter.Open(config, log) : null;
        ConfigChange change;
        try
        {
            change = engine.ApplyConfiguration(wanted);
        }
        catch
        {
            newAccessLog?.Dispose();
            throw;
        }
        if (wanted.AccessLog != old.AccessLog)
        {
            var before = accessLog;
            accessLog = newAccessLog;
            before?.Dispose();
        }
        if (wanted.Log != old.Log)
            changeLog(wanted.Log);
        loaded = next;
        Watch(next.Sources);
        foreach (var warning in next.Warnings)
            log(new ProgramEntry(LogLevel.Warning, "configuration_warning", warning));
        return (Changes(old, wanted, change), change);
    }

    // The hub's are told of as the hub.
    private static bool IsOfFile(ForwardConfig forward) => forward.OfHub is null;

    private static List<string> Changes(Configuration old, Configuration wanted, ConfigChange change)
    {
        var changes = new List<string>();
        changes.AddRange(change.Added.Where(IsOfFile).Select(forward => $"{Printable.Escape(forward.Title)} added"));
        changes.AddRange(change.Removed.Where(IsOfFile).Select(forward => $"{Printable.Escape(forward.Title)} removed"));
        changes.AddRange(change.Changed.Where(pair => IsOfFile(pair.New)).Select(pair => $"{Printable.Escape(pair.New.Title)} changed"));
        changes.AddRange(wanted.Tunnels.ExceptBy(old.Tunnels.Select(tunnel => tunnel.Name), tunnel => tunnel.Name).Select(tunnel => $"tunnel {Printable.Escape(tunnel.Name)} added"));
        changes.AddRange(old.Tunnels.ExceptBy(wanted.Tunnels.Select(tunnel => tunnel.Name), tunnel => tunnel.Name).Select(tunnel => $"tunnel {Printable.Escape(tunnel.Name)} removed"));
        changes.AddRange(wanted.Tunnels.Where(tunnel => old.Tunnels.Any(before => before.Name == tunnel.Name && before != tunnel)).Select(tunnel => $"tunnel {Printable.Escape(tunnel.Name)} changed"));
        if (wanted.Hub != old.Hub)
            changes.Add("hub changed");
        if (wanted.AccessLog != old.AccessLog)
            changes.Add("access_log changed");
        if (wanted.Log != old.Log)
            changes.Add("log changed");
        if (wanted.Limits != old.Limits)
            changes.Add("limits changed");
        if (wanted.Admin != old.Admin || wanted.Name != old.Name)
            changes.Add("name or admin changed, which holds from the next start");
        return changes;
    }

    private void Watch(ConfigurationSources sources)
    {
        if (Configuration.Watch)
            watch.Watch(sources.Files, sources.Folders, readSince);
        else
            watch.Rest();
    }

    private void Tell(ReloadOutcome outcome, bool isQuiet)
    {
        // A file that was written again, and says the same.
        if (isQuiet && outcome is { IsDone: true, Changes.Count: 0 })
            return;
        if (!outcome.IsDone)
        {
            foreach (var error in outcome.Errors)
                log(new ProgramEntry(LogLevel.Error, "reload_refused", error));
            log(new ProgramEntry(LogLevel.Warning, "reload_refused", $"the new configuration is refused ({outcome.Errors.Count} {(outcome.Errors.Count == 1 ? "error" : "errors")}); the running one goes on unchanged"));
            return;
        }
        const int Shown = 10;
        var more = outcome.Changes.Count > Shown ? $" and {outcome.Changes.Count - Shown} more" : "";
        log(new ProgramEntry(LogLevel.Information, "reloaded", outcome.Changes.Count == 0 ? "reloaded: nothing has changed" : $"reloaded: {string.Join(", ", outcome.Changes.Take(Shown))}{more}",
            new KeyValuePair<string, object?>("changes", outcome.Changes.Count)));
    }

    private void Log(LogEntry entry)
    {
        if (entry.Event == "session")
            accessLog?.Write(entry);
        else
            log(entry);
    }
}
