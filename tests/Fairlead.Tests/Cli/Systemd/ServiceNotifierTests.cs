using System.Net.Sockets;
using System.Text;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli.Systemd;

/// <summary>A datagram socket stands in for the service manager's.</summary>
public sealed class ServiceNotifierTests : IDisposable
{
    private readonly ManualTime time = new();
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");
    private readonly Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly string path;

    public ServiceNotifierTests()
    {
        path = Path.Combine(folder.FullName, "notify");
        manager.Bind(new UnixDomainSocketEndPoint(path));
    }

    public void Dispose()
    {
        manager.Dispose();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task The_manager_is_told_of_start_reload_and_stop()
    {
        await using var notifier = new ServiceNotifier(path, watchdog: null, time);
        Assert.True(notifier.IsAsked);

        notifier.Ready("2 forwards");
        notifier.Status("3 sessions");
        notifier.Reloading();
        notifier.Ready();
        notifier.Stopping(TimeSpan.FromSeconds(30), "waiting for 3 sessions");

        Assert.Equal("READY=1\nSTATUS=2 forwards", Receive());
        Assert.Equal("STATUS=3 sessions", Receive());
        Assert.Equal("RELOADING=1\nMONOTONIC_USEC=3600000000", Receive());
        Assert.Equal("READY=1", Receive());
        Assert.Equal("STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000\nSTATUS=waiting for 3 sessions", Receive());
    }

    [Fact]
    public async Task An_abstract_socket_is_reached()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Abstract sockets are of Linux.");
        var name = $"fairlead-{Guid.NewGuid():N}";
        using var stand = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        stand.Bind(new UnixDomainSocketEndPoint($"\0{name}"));
        await using var notifier = new ServiceNotifier($"@{name}", watchdog: null, time);

        notifier.Ready();

        Assert.Equal("READY=1", Receive(stand));
    }

    [Fact]
    public async Task The_variables_are_read_and_unset()
    {
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", path);
        Environment.SetEnvironmentVariable("WATCHDOG_USEC", "30000000");
        Environment.SetEnvironmentVariable("WATCHDOG_PID", $"{Environment.ProcessId}");
        await using var notifier = ServiceNotifier.FromEnvironment(time);

        foreach (var name in new[] { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" })
            Assert.Null(Environment.GetEnvironmentVariable(name));
        Assert.Equal(TimeSpan.FromSeconds(15), notifier.PingInterval);
        notifier.Ready();
        Assert.Equal("READY=1", Receive());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("@")]
    [InlineData("relative")]
    [InlineData("vsock:2:1234")]
    [InlineData("/tmp/\0/x")]
    [InlineData("/nowhere/at/all")]
    public async Task An_address_that_leads_nowhere_does_no_harm(string? address)
    {
        await using var notifier = new ServiceNotifier(address, TimeSpan.FromSeconds(2), time);

        notifier.Watch(() => Task.CompletedTask);
        notifier.Ready();
        time.Advance(TimeSpan.FromSeconds(10));
        notifier.Stopping(Timeout.InfiniteTimeSpan);
    }

    [Fact]
    public async Task An_address_that_is_too_long_does_no_harm()
    {
        await using var notifier = new ServiceNotifier("/" + new string('x', 200), watchdog: null, time);

        Assert.False(notifier.IsAsked);
        notifier.Ready();
    }

    [Fact]
    public async Task A_status_cannot_add_lines_and_is_bounded()
    {
        await using var notifier = new ServiceNotifier(path, watchdog: null, time);

        notifier.Status("a\nWATCHDOG=trigger");
        notifier.Status(new string('x', 5000));

        Assert.Equal("STATUS=a\\u000aWATCHDOG=trigger", Receive());
        Assert.Equal("STATUS=".Length + ServiceNotifier.StatusLimit - 1 + "…"u8.Length, Encoding.UTF8.GetByteCount(Receive()));
    }

    [Fact]
    public async Task A_manager_that_takes_nothing_blocks_nobody_and_gets_the_latest_later_in_order()
    {
        await using var notifier = new ServiceNotifier(path, watchdog: null, time);

        // The kernel's queue takes some (net.unix.max_dgram_qlen, 10 to 512), the notifier keeps some, and the rest is lost.
        for (var i = 0; i < 2000; i++)
            notifier.Status($"{i}");
        List<int> received = [];
        while (received.LastOrDefault() != 1999)
        {
            while (manager.Available > 0)
                received.Add(int.Parse(Receive()["STATUS=".Length..], System.Globalization.CultureInfo.InvariantCulture));
            time.Advance(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal(received.Order(), received);
        Assert.Equal(Enumerable.Range(2000 - ServiceNotifier.Capacity, ServiceNotifier.Capacity), received.TakeLast(ServiceNotifier.Capacity));
        Assert.InRange(received.Count, ServiceNotifier.Capacity, 1999);
    }

    [Fact]
    public async Task The_watchdog_is_pinged_at_half_of_its_time_when_the_probe_has_answered()
    {
        await using var notifier = new ServiceNotifier(path, TimeSpan.FromSeconds(20), time);
        var asked = new SemaphoreSlim(0);
        var answer = new TaskCompletionSource();
        notifier.Watch(() => { asked.Release(); return answer.Task; });

        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Equal(0, asked.CurrentCount);
        time.Advance(TimeSpan.FromSeconds(0.1));
        await asked.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, manager.Available);

        answer.SetResult();
        Assert.Equal("WATCHDOG=1", await ReceiveAsync());
    }

    [Fact]
    public async Task A_probe_that_does_not_answer_is_asked_once_and_nothing_is_pinged()
    {
        await using var notifier = new ServiceNotifier(path, TimeSpan.FromSeconds(20), time);
        var (asked, silent) = (0, new TaskCompletionSource());
        var answer = new TaskCompletionSource();
        notifier.Watch(() => { asked++; return answer.Task; }, () => silent.SetResult());

        await time.AdvanceUntilAsync(silent.Task, TimeSpan.FromSeconds(5));
        time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(1, asked);
        notifier.Status("after it");
        Assert.Equal("STATUS=after it", Receive());

        answer.SetResult();
        Assert.Equal("WATCHDOG=1", await ReceiveAsync());
    }

    [Fact]
    public async Task A_probe_that_fails_is_not_life_and_is_asked_again()
    {
        await using var notifier = new ServiceNotifier(path, TimeSpan.FromSeconds(20), time);
        var (asked, silent) = (0, 0);
        var answered = new TaskCompletionSource();
        notifier.Watch(() =>
        {
            switch (++asked)
            {
                case 1: throw new InvalidOperationException("at once");
                case 2: return Task.FromException(new TimeoutException("later"));
                default: answered.TrySetResult(); return Task.CompletedTask;
            }
        }, () => silent++);

        await time.AdvanceUntilAsync(answered.Task, TimeSpan.FromSeconds(5));

        Assert.Equal("WATCHDOG=1", await ReceiveAsync());
        Assert.Equal(2, silent);
    }

    [Fact]
    public async Task Nothing_is_pinged_after_the_end_even_if_the_probe_hangs()
    {
        var notifier = new ServiceNotifier(path, TimeSpan.FromSeconds(20), time);
        var asked = new TaskCompletionSource();
        notifier.Watch(() => { asked.TrySetResult(); return new TaskCompletionSource().Task; });
        await time.AdvanceUntilAsync(asked.Task, TimeSpan.FromSeconds(5));

        await notifier.DisposeAsync();

        Assert.Equal(0, time.ArmedTimers);
        notifier.Ready();
        Assert.Equal(0, manager.Available);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("0", null, null)]
    [InlineData("", null, null)]
    [InlineData("-5", null, null)]
    [InlineData("10s", null, null)]
    [InlineData("99999999999999999999999", null, null)]
    [InlineData("30000000", null, 30.0)]
    [InlineData("30000000", "4711", 30.0)]
    [InlineData("30000000", "4712", null)]
    [InlineData("30000000", "", null)]
    [InlineData("30000000", "x", null)]
    [InlineData("1", null, 0.002)]
    [InlineData("18446744073709551615", null, 30 * 86400.0)]
    public void The_watchdog_is_for_whom_it_names(string? microseconds, string? pid, double? seconds)
    {
        Assert.Equal(seconds, ServiceNotifier.WatchdogInterval(microseconds, pid, 4711)?.TotalSeconds);
    }

    private string Receive() => Receive(manager);

    private static string Receive(Socket socket)
    {
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }

    private async Task<string> ReceiveAsync()
    {
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, await manager.ReceiveAsync(buffer, TestContext.Current.CancellationToken));
    }
}
