using System.Net;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>How a running configuration takes over another, or does not.</summary>
public sealed class InstanceTests : IAsyncDisposable
{
    private readonly ManualTime time = new();
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");
    private readonly StopSignals signals = new();
    private readonly ServiceNotifier service = new(null, null);
    private readonly List<LogEntry> log = [];
    private Action<LogEntry>? onLog;
    private Instance? instance;

    private string Config => Path.Combine(folder.FullName, "fairlead.yaml");

    [Fact(Timeout = 30000)]
    public async Task An_access_log_that_hangs_holds_no_reload_up_for_long()
    {
        var logs = folder.CreateSubdirectory("logs");
        Start($"access_log: {{ file: '{logs.FullName}/access.log' }}\n", "one");
        using var release = new ManualResetEventSlim();
        using var isHeld = new SemaphoreSlim(0);
        onLog = entry =>
        {
            if (entry.Event != "access_log_kept")
                return;
            isHeld.Release();
            release.Wait();
        };
        try
        {
            // It cannot be opened again, and the thread that would say so gets stuck.
            logs.Delete(recursive: true);
            Write($"access_log: {{ file: '{logs.FullName}/access.log' }}\n", "one", "two");
            var first = instance!.ReloadAsync();
            await isHeld.WaitAsync(TestContext.Current.CancellationToken);
            Assert.False(first.IsCompleted);
            await time.AdvanceUntilAsync(first, TimeSpan.FromMilliseconds(100));
            Assert.Equal(["two added"], (await first).Changes);

            Write($"access_log: {{ file: '{logs.FullName}/access.log' }}\n", "two");
            var second = instance.ReloadAsync();
            await time.AdvanceUntilAsync(second, TimeSpan.FromMilliseconds(100));
            Assert.Equal(["one removed"], (await second).Changes);
        }
        finally
        {
            onLog = null;
            release.Set();
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task A_reload_while_stopping_is_refused_and_says_so(bool hasStopped)
    {
        Start("", "one");
        if (hasStopped)
            await instance!.StopAsync(CancellationToken.None);
        else
            instance!.Stop(atOnce: false);
        Write("", "one", "two");
        var outcome = await instance.ReloadAsync();
        Assert.False(outcome.IsDone);
        Assert.Equal(["the instance is stopping, and reloads no more"], outcome.Errors);

        var socket = new UnixEndpoint(Path.Combine(folder.FullName, "admin.sock"));
        await using var server = await AdminServer.StartAsync(new AdminConfig { Listen = socket }, "main", instance, Note);
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        Assert.Equal(CommandLine.Refused, await CommandLine.RunAsync(["reload", "--admin", socket.ToString()], output, error));
        Assert.Equal("the instance is stopping, and reloads no more\nerror: the configuration was refused; nothing has changed\n", error.ToString());
        Assert.Equal("", output.ToString());
        Assert.DoesNotContain(log, entry => entry.Event is "reloaded" or "fault");
    }

    [Fact(Timeout = 30000)]
    public async Task What_is_logged_of_a_refused_reload_is_why_and_that_nothing_has_changed()
    {
        Start("", "one");
        using var taken = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        var before = log.Count;
        File.WriteAllText(Config, $$"""
            forwards:
              - { name: two, listen: '127.0.0.1:0', to: '127.0.0.1:9' }
              - { name: three, listen: '{{taken.LocalEndPoint}}', to: '127.0.0.1:9' }
            """);
        var outcome = await instance!.ReloadAsync();
        Assert.StartsWith($"cannot listen on {taken.LocalEndPoint}: ", Assert.Single(outcome.Errors), StringComparison.Ordinal);
        Assert.Empty(outcome.Changes);
        Assert.Equal([("reload_refused", outcome.Errors[0]), ("reload_refused", "the new configuration is refused (1 error); the running one goes on unchanged")], log.Skip(before).Select(entry => (entry.Event, entry.Message)));
        Assert.Equal("one", Assert.Single(instance.Status().Forwards).Name);
        Assert.Same(outcome, instance.Status().LastReload);
    }

    public async ValueTask DisposeAsync()
    {
        if (instance is not null)
            await instance.DisposeAsync();
        await service.DisposeAsync();
        signals.Dispose();
        folder.Delete(recursive: true);
    }

    private void Start(string head, params string[] forwards)
    {
        Write(head, forwards);
        instance = new Instance(Configuration.Load(Config), Config, DateTime.UtcNow, new EngineOptions { Loops = 1 }, signals, service, Note, static _ => { }, time);
        instance.Start();
    }

    // On ports that the system chooses.
    private void Write(string head, params string[] forwards) =>
        File.WriteAllText(Config, $"{head}forwards:\n{string.Concat(forwards.Select(name => $"  - {{ name: {name}, listen: '127.0.0.1:0', to: '127.0.0.1:9' }}\n"))}");

    private void Note(LogEntry entry)
    {
        lock (log)
            log.Add(entry);
        onLog?.Invoke(entry);
    }
}
