using System.CommandLine;
using System.Globalization;

namespace Fairlead.Cli;

/// <summary><c>fairlead run [CONFIG]</c>: runs a configuration until a signal ends it.</summary>
internal static class RunCommand
{
    private const string Notes = """
        Without CONFIG it is fairlead.yaml here, else /etc/fairlead/fairlead.yaml.

        Examples:
          fairlead run                            the configuration of this folder, or of this machine
          fairlead run web.yaml                   another one
          fairlead check web.yaml && fairlead run web.yaml
          fairlead reload                         tells the running one to read its file again

        Signals:
          Ctrl-C, SIGTERM    stop listening and wait for the sessions (timeouts.drain); a second one stops at once
          SIGHUP             reads the file again and opens the access log again; a file with an error changes nothing

        Environment:
          FAIRLEAD_SPLICE=off    never move bytes inside the kernel by splice(2)
          FAIRLEAD_LOOPS=N       N event loops instead of one for each processor
          NO_COLOR=1             no colours on a terminal
        """;

    private static readonly Argument<string?> config = new("CONFIG") { Description = "The configuration file", Arity = ArgumentArity.ZeroOrOne };

    public static Command Create()
    {
        var command = new NotedCommand("run", "Runs a configuration until Ctrl-C.", Notes) { config };
        LogOptions.AddConfiguredTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed)
    {
        var path = Path.GetFullPath(ConfigFile.Find(parsed.GetValue(config)));
        var readSince = DateTime.UtcNow;
        LoadedConfiguration loaded;
        try
        {
            loaded = Configuration.Load(path);
        }
        catch (ConfigurationException wrong)
        {
            foreach (var error in wrong.Errors)
                await parsed.InvocationConfiguration.Error.WriteLineAsync(error.ToString()).ConfigureAwait(false);
            return CommandLine.Refused;
        }

        // Before anything opens a descriptor or starts a child.
        string? inheritedWarning = null;
        var inherited = OperatingSystem.IsLinux() ? InheritedListens.Take(out inheritedWarning) : [];
        var service = ServiceNotifier.FromEnvironment();
        await using (service.ConfigureAwait(false))
        {
            using var signals = new StopSignals();
            var logging = LogOptions.Of(parsed, loaded.Configuration.Log);
            using var log = new LogWriter(Host.OpenStandardError(), logging.CreateFormat(), logging.Level);
            log.Write(new ProgramEntry(LogLevel.Information, "running", string.Create(CultureInfo.InvariantCulture, $"running {Printable.Escape(path, 4096)} ({Host.Forwards(loaded.Configuration)})"),
                new("config", Printable.Escape(path, 4096)), new("forwards", loaded.Configuration.Forwards.Count)));
            foreach (var warning in loaded.Warnings.Append(inheritedWarning).OfType<string>())
                log.Write(new ProgramEntry(LogLevel.Warning, "configuration_warning", warning));
            // Before what is needed by itself is opened, and the runtime finds none for it.
            if (Plan.Of(loaded.Configuration, Host.Loops) is { Sessions: < 1, Warnings: [var noRoom, ..] })
            {
                log.Write(new ProgramEntry(LogLevel.Error, "start_failed", noRoom));
                return CommandLine.Refused;
            }
            try
            {
                var own = Descriptors.OfRun(Descriptors.AtStart - inherited.Count, loaded.Configuration.Admin is not null);
                var options = Host.EngineOptions(log.Write) with { OwnDescriptors = own, Inherited = [.. inherited.Select(listen => new InheritedSocket(listen.Name, listen.Descriptor))] };
                var instance = new Instance(loaded, path, readSince, options, signals, service, log.Write, changed =>
                {
                    var next = LogOptions.Of(parsed, changed);
                    log.Change(next.CreateFormat(), next.Level);
                });
                await using (instance.ConfigureAwait(false))
                    return await RunAsync(instance, signals, service, log).ConfigureAwait(false);
            }
            catch (Exception refusal) when (refusal is ForwardException or StartException)
            {
                foreach (var line in refusal.Message.Split('\n'))
                    log.Write(new ProgramEntry(LogLevel.Error, "start_failed", line));
                return CommandLine.Refused;
            }
        }
    }

    private static async Task<int> RunAsync(Instance instance, StopSignals signals, ServiceNotifier service, LogWriter log)
    {
        signals.Register(onHangUp: () => _ = instance.ReloadAsync());
        // Before the forwards: a second instance of the same name stops here, before it has let anybody in.
        var admin = instance.Configuration.Admin is { } config
            ? await AdminServer.StartAsync(config, instance.Configuration.Name, instance, log.Write).ConfigureAwait(false)
            : null;
        try
        {
            instance.Start();
            if (admin is not null)
                log.Write(new ProgramEntry(LogLevel.Information, "admin", $"taking orders at {Printable.Escape(admin.Address)}", new KeyValuePair<string, object?>("admin", Printable.Escape(admin.Address))));
            service.Ready(Host.Forwards(instance.Configuration));
            service.Watch(instance.ProbeAsync);

            await signals.Asked.ConfigureAwait(false);
            var drain = instance.LongestDrain;
            service.Stopping(drain);
            // Told when it is true: by then nobody new is let in.
            var stopped = instance.StopAsync(signals.AtOnce);
            log.Write(Host.Stopping(instance.SessionCount, drain));
            log.Write(Host.Stopped(await stopped.ConfigureAwait(false)));
            return CommandLine.Done;
        }
        finally
        {
            if (admin is not null)
                await admin.DisposeAsync().ConfigureAwait(false);
        }
    }
}
