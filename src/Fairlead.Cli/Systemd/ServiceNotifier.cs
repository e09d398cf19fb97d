using System.Globalization;
using System.Text;

namespace Fairlead.Cli;

/// <summary>
/// Tells the service manager how the program is, by the protocol of sd_notify(3). Where nobody asked to be told, everything here does
/// nothing. Members neither block nor throw and may be called on any thread; a message for which the manager has no room is kept and sent
/// again, in order.
/// </summary>
internal sealed class ServiceNotifier : IAsyncDisposable
{
    /// <summary>How many messages wait for a manager that takes none; then the oldest goes.</summary>
    public const int Capacity = 32;

    /// <summary>The longest status that is sent: it stands on one line of <c>systemctl status</c>.</summary>
    public const int StatusLimit = 512;

    /// <summary>How much longer than the drain a stop may take before the manager kills.</summary>
    public static readonly TimeSpan StopSlack = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan retry = TimeSpan.FromMilliseconds(50);
    private static readonly byte[] ping = "WATCHDOG=1"u8.ToArray();

    private readonly TimeProvider time;
    private readonly ServiceSocket? socket;
    private readonly TimeSpan? watchdog;
    private readonly ITimer? resend;
    private readonly CancellationTokenSource stopping = new();
    private readonly Lock gate = new();
    private readonly Queue<byte[]> waiting = new();
    private Task pinging = Task.CompletedTask;

    /// <summary>Speaks to a given socket; see <see cref="FromEnvironment"/>.</summary>
    /// <param name="address">An absolute path, or <c>@</c> and the name of an abstract socket; null or anything else for nobody.</param>
    /// <param name="watchdog">After how long a silence the manager believes the program dead; null if it does not watch.</param>
    /// <param name="time">The clock of the watchdog and of reloads.</param>
    public ServiceNotifier(string? address, TimeSpan? watchdog, TimeProvider? time = null)
    {
        this.time = time ?? TimeProvider.System;
        this.watchdog = watchdog;
        socket = ServiceSocket.Open(address);
        if (socket is not null)
            resend = this.time.CreateTimer(static state => ((ServiceNotifier)state!).SendWaiting(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Reads <c>NOTIFY_SOCKET</c>, <c>WATCHDOG_USEC</c> and <c>WATCHDOG_PID</c>, and unsets them: children are not the service.</summary>
    public static ServiceNotifier FromEnvironment(TimeProvider? time = null)
    {
        var (address, microseconds, pid) = (ServiceVariables.Take("NOTIFY_SOCKET"), ServiceVariables.Take("WATCHDOG_USEC"), ServiceVariables.Take("WATCHDOG_PID"));
        return new ServiceNotifier(address, WatchdogInterval(microseconds, pid, Environment.ProcessId), time);
    }

    /// <summary>Whether somebody wants to be told.</summary>
    public bool IsAsked => socket is not null;

    /// <summary>How often <see cref="Watch"/> pings, half of what the manager waits for; null if it does not watch.</summary>
    public TimeSpan? PingInterval => IsAsked ? watchdog / 2 : null;

    /// <summary>Everything is listened on: after the start, and after a reload whether it was taken or refused.</summary>
    /// <param name="status">As of <see cref="Status"/>; null leaves it as it is.</param>
    public void Ready(string? status = null) => Send("READY=1", status);

    /// <summary>A reload has begun; <see cref="Ready"/> ends it. The time lets the manager tell this reload from an earlier one.</summary>
    public void Reloading()
    {
        var microseconds = (long)(time.GetTimestamp() * (1e6 / time.TimestampFrequency));
        Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// <summary>A stop has begun.</summary>
    /// <param name="drain">How long sessions may take to end; the manager is asked for that and <see cref="StopSlack"/>, should its own limit be shorter. Infinite asks for a year.</param>
    /// <param name="status">As of <see cref="Status"/>.</param>
    public void Stopping(TimeSpan drain, string? status = null)
    {
        var patience = drain == Timeout.InfiniteTimeSpan ? TimeSpan.FromDays(365) : drain + StopSlack;
        Send(string.Create(CultureInfo.InvariantCulture, $"STOPPING=1\nEXTEND_TIMEOUT_USEC={(long)patience.TotalMicroseconds}"), status);
    }

    /// <summary>Sets the line that <c>systemctl status</c> shows.</summary>
    /// <param name="text">Any text; escaped, and cut at <see cref="StatusLimit"/> characters.</param>
    public void Status(string text) => Send("", text);

    /// <summary>
    /// Starts to ping the watchdog, where there is one: every <see cref="PingInterval"/> the probe is asked, and the ping is sent when it has
    /// answered. While it does not answer nothing is sent and it is not asked again, so a program that hangs is restarted.
    /// </summary>
    /// <param name="probe">Completes when what the program lives by has done a turn; one that fails did not answer.</param>
    /// <param name="silent">Called once for each time the probe has not answered within the interval, or has failed.</param>
    /// <exception cref="InvalidOperationException">It was started already.</exception>
    public void Watch(Func<Task> probe, Action? silent = null)
    {
        if (!pinging.IsCompleted)
            throw new InvalidOperationException("The watchdog is pinged already.");
        if (PingInterval is { } interval)
            pinging = PingAsync(interval, probe, silent);
    }

    /// <summary>Ends the pings; what the manager had no room for is lost. Later messages go nowhere.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        await pinging.ConfigureAwait(false);
        resend?.Dispose();
        lock (gate)
            socket?.Dispose();
        stopping.Dispose();
    }

    /// <summary>What WATCHDOG_USEC and WATCHDOG_PID mean for a process, as sd_watchdog_enabled(3) reads them; null for no watchdog.</summary>
    public static TimeSpan? WatchdogInterval(string? microseconds, string? pid, int self)
    {
        if (microseconds is null || !ServiceVariables.TryNumber(microseconds, out var value) || value == 0)
            return null;
        if (pid is not null && (!ServiceVariables.TryNumber(pid, out var meant) || meant != (ulong)self))
            return null;
        // Bounded on both sides by what a timer can do; half of it is waited for.
        return TimeSpan.FromMicroseconds(Math.Clamp(value, 2000, (ulong)TimeSpan.FromDays(30).TotalMicroseconds));
    }

    private async Task PingAsync(TimeSpan interval, Func<Task> probe, Action? silent)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping.Token).ConfigureAwait(false))
            {
                if (await AnswersAsync(interval, probe, silent).ConfigureAwait(false))
                    Send(ping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Disposed.
        }
    }

    private async Task<bool> AnswersAsync(TimeSpan interval, Func<Task> probe, Action? silent)
    {
        try
        {
            var answer = probe();
            try
            {
                await answer.WaitAsync(interval, time, stopping.Token).ConfigureAwait(false);
            }
            catch (TimeoutException) when (!answer.IsCompleted)
            {
                silent?.Invoke();
                await answer.WaitAsync(stopping.Token).ConfigureAwait(false);
            }
            return true;
        }
        catch (Exception) when (!stopping.IsCancellationRequested)
        {
            // However the probe fails: it is the one thing whose failure means that the program does not work.
            silent?.Invoke();
            return false;
        }
    }

    private void Send(string state, string? status = null)
    {
        if (socket is null)
            return;
        var line = status is null ? null : $"STATUS={Printable.Escape(status, StatusLimit)}";
        Send(Encoding.UTF8.GetBytes(string.Join('\n', new[] { state, line }.Where(part => !string.IsNullOrEmpty(part)))));
    }

    private void Send(byte[] message)
    {
        lock (gate)
        {
            // One ping that waits says as much as two.
            if (ReferenceEquals(message, ping) && waiting.Contains(ping))
                return;
            if (waiting.Count == Capacity)
                waiting.Dequeue();
            waiting.Enqueue(message);
        }
        SendWaiting();
    }

    private void SendWaiting()
    {
        lock (gate)
        {
            while (waiting.TryPeek(out var message) && socket!.TrySend(message))
                waiting.Dequeue();
            if (waiting.Count > 0)
                resend!.Change(retry, Timeout.InfiniteTimeSpan);
        }
    }
}
