using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>One SSH connection of a tunnel, kept alive: when it ends another is made, and everything that was listened for at the far end is asked for again.</summary>
/// <remarks>It lives in one context; what is to be called from elsewhere says so.</remarks>
internal sealed class TunnelLink
{
    // One that stood so long was no failure.
    private static readonly TimeSpan longEnough = TimeSpan.FromSeconds(10), pauseBeforeListeningAgain = TimeSpan.FromSeconds(5);

    // What a connection held that has just been lost may be free in a moment.
    private static readonly TimeSpan firstPauseBeforeListeningAgain = TimeSpan.FromMilliseconds(250);

    private readonly Func<TunnelConfig, Task<IDialer>> dialer;
    private readonly TunnelAnswers answers;
    private readonly TimeProvider time;
    private readonly Action<LogEntry> log;
    private readonly Dictionary<IRemoteListen, RemoteListening?> listens = [];
    private volatile TunnelConfig config;
    private volatile SshConnection? connection;
    private volatile TaskCompletionSource<string?> settled = new();
    private volatile string? fault;
    private volatile string[] listening = [];
    private long upSince;
    private readonly TaskCompletionSource stopped = new();
    private TaskCompletionSource freed = new();
    private CancellationTokenSource? attempt;
    private TaskCompletionSource? pause, release;
    private Task living = Task.CompletedTask, retiring = Task.CompletedTask;
    private bool isStopped, isRetired;

    /// <param name="config">What it is.</param>
    /// <param name="context">Where it lives.</param>
    /// <param name="dialer">Who dials the first of its servers, names too. It throws <see cref="ForwardException"/> where nobody can.</param>
    /// <param name="answers">Who is asked for what is not in the configuration.</param>
    /// <param name="time">Measures it, in the context.</param>
    /// <param name="log">Told of its states.</param>
    public TunnelLink(TunnelConfig config, SynchronizationContext context, Func<TunnelConfig, Task<IDialer>> dialer, TunnelAnswers answers, TimeProvider time, Action<LogEntry> log)
    {
        (this.config, Context, this.dialer, this.answers, this.time, this.log) = (config, context, dialer, answers, time, log);
    }

    /// <summary>Where it lives. From any thread.</summary>
    public SynchronizationContext Context { get; }

    /// <summary>Whether there is a connection. From any thread.</summary>
    public bool IsUp => connection is not null;

    /// <summary>Whether there may be one soon: it is not only waited for the next attempt. From any thread.</summary>
    public bool IsComing => !settled.Task.IsCompleted;

    /// <summary>How many channels the connection has. From any thread.</summary>
    public int ChannelCount => connection?.ChannelCount ?? 0;

    /// <summary>The address by which others reach the far end, as far as is known here: where it was dialled, or what is written; null where it was reached by name from a server on the way. From any thread.</summary>
    public IPAddress? FarAddress => config.Servers.Count == 1 && connection?.RemoteEndPoint is IPEndPoint reached ? reached.Address : IPAddress.TryParse(config.Ssh.Host, out var written) ? written : null;

    /// <summary>What it does at this moment. From any thread.</summary>
    public TunnelStatus Status()
    {
        var (present, standing) = (config, connection);
        return new TunnelStatus
        {
            Name = Printable.Escape(present.Name),
            Server = Printable.Escape(present.Ssh.ToString()),
            UpSince = standing is null ? null : new DateTimeOffset(Volatile.Read(ref upSince), TimeSpan.Zero),
            Fault = standing is null && fault is { } why ? Printable.Escape(why) : null,
            Channels = standing?.ChannelCount ?? 0,
            Listen = listening,
        };
    }

    /// <summary>Told of what a user should end for, and says whether everything ends: a server that is not believed, a user who is not let in, a listen that is refused. From any thread, before it is started.</summary>
    public Func<SshEnd, bool>? OnHopeless { get; init; }

    /// <summary>Told, here, that there is a connection now, or none any more.</summary>
    public Action? OnChange { get; init; }

    /// <summary>Begins to connect. From any thread, once.</summary>
    public void Start() => Context.Run(() => living = LiveAsync());

    /// <summary>Goes on with another configuration: a connection by that takes the place of the present one, which ends when its last channel does. From any thread.</summary>
    public void Change(TunnelConfig next) => Context.Run(() =>
    {
        if (config == next)
            return;
        config = next;
        // Why it was down is no reason any more.
        if (connection is null && settled.Task.IsCompleted)
            settled = new TaskCompletionSource<string?>();
        LetGo();
    });

    /// <summary>Makes no connection any more; the present one ends when its last channel does. From any thread; completes then.</summary>
    public Task RetireAsync() => Context.RunAsync(async () =>
    {
        isRetired = true;
        LetGo();
        await living;
        await retiring;
    });

    /// <summary>Ends it. From any thread; completes when it has ended.</summary>
    public Task StopAsync() => Context.RunAsync(async () =>
    {
        isStopped = true;
        stopped.TrySetResult();
        attempt?.Cancel();
        pause?.TrySetResult();
        if (connection is { } present)
            await present.DisconnectAsync();
        await living;
        await retiring;
    });

    /// <summary>Opens a channel, as soon as there is a connection.</summary>
    /// <param name="open">What for.</param>
    /// <param name="target">What it is to tell as its peer.</param>
    /// <param name="timeout">How long it may take.</param>
    /// <param name="cancel">Gives it up.</param>
    public async ValueTask<DialResult> OpenAsync(SshOpen open, EndPoint target, TimeSpan timeout, CancellationToken cancel)
    {
        var (opened, failure) = await OpenAsync((present, either) => present.OpenAsync(open, remote: target, cancel: either), timeout, cancel);
        return opened.Channel is { } channel ? DialResult.To(channel) : failure;
    }

    /// <summary>Opens a channel of datagrams, as soon as there is a connection.</summary>
    /// <param name="open">What for.</param>
    /// <param name="sink">Who gets what the far end sends.</param>
    /// <param name="timeout">How long it may take.</param>
    /// <param name="cancel">Gives it up.</param>
    public async ValueTask<DatagramDialResult> OpenDatagramsAsync(SshOpen open, IDatagramSink sink, TimeSpan timeout, CancellationToken cancel)
    {
        var (opened, failure) = await OpenAsync((present, either) => present.OpenDatagramsAsync(open, sink, either), timeout, cancel);
        if (opened.Datagrams is { } datagrams)
            return new DatagramDialResult(DialOutcome.Connected, datagrams);
        // Nothing is connected to: OpenSSH has this number for channels that it does not know.
        return opened.Failure == SshOpenFailure.ConnectFailed ? new DatagramDialResult(DialOutcome.NotSupported, null, "the far end carries no datagrams; a hub of Fairlead does")
            : new DatagramDialResult(failure.Outcome, null, failure.Detail);
    }

    private async ValueTask<(SshOpenResult Opened, DialResult Failure)> OpenAsync(Func<SshConnection, CancellationToken, Task<SshOpenResult>> open, TimeSpan timeout, CancellationToken cancel)
    {
        using var late = new CancellationTokenSource();
        using var limit = time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), late, timeout, Timeout.InfiniteTimeSpan);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancel);
        while (connection is null)
        {
            try
            {
                if (await settled.Task.WaitAsync(either.Token) is { } reason)
                    return (default, new DialResult(DialOutcome.Unreachable, null, $"tunnel {config.Name} is down: {reason}"));
            }
            catch (OperationCanceledException)
            {
                return (default, cancel.IsCancellationRequested ? new DialResult(DialOutcome.Cancelled) : new DialResult(DialOutcome.TimedOut, null, $"tunnel {config.Name} is not connected yet"));
            }
        }
        var opened = await open(connection!, either.Token);
        if (opened.Failure is { } failure)
            return (opened, new DialResult(OpenFailures.ToOutcome(failure, opened.Description), null, opened.Description));
        return (opened, cancel.IsCancellationRequested ? new DialResult(DialOutcome.Cancelled)
            : late.IsCancellationRequested ? new DialResult(DialOutcome.TimedOut)
            : new DialResult(DialOutcome.Unreachable, null, opened.Description));
    }

    /// <summary>Has the far end listen, now and whenever there is a connection. From any thread.</summary>
    public void Add(IRemoteListen listen) => Context.RunThere(() =>
    {
        listens.Add(listen, null);
        if (connection is { } present)
            _ = ListenAsync(present, listen);
    });

    /// <summary>Has it listen no more. From any thread.</summary>
    public void Leave(IRemoteListen listen) => Context.RunThere(() =>
    {
        if (listens.Remove(listen, out var held) && held is not null && connection is not null)
            _ = CancelAsync(held.Value.GiveUpAsync!);
        ShowListens();
    });

    private async Task CancelAsync(Func<Task> giveUpAsync)
    {
        await giveUpAsync();
        // What was refused may be free now.
        freed.TrySetResult();
        freed = new TaskCompletionSource();
    }

    // Lives the tunnel: connect, serve until it ends, wait, again. Never throws.
    private async Task LiveAsync()
    {
        for (var failures = 0; !isStopped && !isRetired;)
        {
            var (present, since) = (config, time.GetTimestamp());
            log(Notice.TunnelConnecting(present));
            var result = await ConnectAsync();
            var end = result.Connection is { } made ? await ServeAsync(made) : result.End!;
            // A change is no failure.
            if (isStopped || isRetired || config != present)
                continue;
            failures = time.GetElapsedTime(since) >= longEnough ? 1 : failures + 1;
            var isHopeless = end.Cause is SshEndCause.HostKey or SshEndCause.Authentication or SshEndCause.Protocol && OnHopeless?.Invoke(end) == true;
            var wait = Backoff.After(failures, Random.Shared.NextDouble());
            foreach (var notice in Notice.TunnelDown(config.Name, end, isHopeless ? null : wait))
                log(notice);
            fault = end.Text;
            settled.TrySetResult(end.Text);
            await PauseAsync(wait);
            settled = new TaskCompletionSource<string?>();
        }
        // Whoever waits, or comes yet, need not wait any longer.
        settled.TrySetResult("it was ended");
    }

    private async Task<SshConnectResult> ConnectAsync()
    {
        using var source = new CancellationTokenSource();
        attempt = source;
        try
        {
            var wanted = config;
            return await new TunnelAttempt(wanted, await dialer(wanted), answers, time, log).RunAsync(source.Token);
        }
        catch (ForwardException reason)
        {
            return new SshConnectResult(null, new SshEnd(SshEndCause.Lost, null, reason.Message));
        }
        catch (Exception fault)
        {
            log(Notice.Fault(fault, $"connecting tunnel {Printable.Escape(config.Name)}"));
            return new SshConnectResult(null, new SshEnd(SshEndCause.Lost, null, "it could not be connected"));
        }
        finally
        {
            attempt = null;
        }
    }

    private async Task<SshEnd> ServeAsync(SshConnection made)
    {
        Volatile.Write(ref upSince, DateTime.UtcNow.Ticks);
        (connection, fault) = (made, null);
        log(Notice.TunnelUp(config, made));
        settled.TrySetResult(null);
        OnChange?.Invoke();
        foreach (var listen in listens.Keys.ToArray())
            _ = ListenAsync(made, listen);
        var letGo = new TaskCompletionSource();
        release = letGo;
        if (isStopped)
            made.Dispose();
        await Task.WhenAny(made.Ended, letGo.Task);
        if (settled.Task.IsCompleted)
            settled = new TaskCompletionSource<string?>();
        connection = null;
        foreach (var listen in listens.Keys.ToArray())
            listens[listen] = null;
        ShowListens();
        OnChange?.Invoke();
        return made.Ended.IsCompleted ? await made.Ended : new SshEnd(SshEndCause.Closed, null, "");
    }

    // The present connection goes on without the tunnel until nobody uses it.
    private void LetGo()
    {
        attempt?.Cancel();
        pause?.TrySetResult();
        if (connection is not { } present)
            return;
        foreach (var held in listens.Values.OfType<RemoteListening>())
            _ = held.GiveUpAsync!();
        retiring = RetireAsync(present);
        release?.TrySetResult();
    }

    private async Task RetireAsync(SshConnection retired)
    {
        while (retired.ChannelCount > 0 && !retired.Ended.IsCompleted && !isStopped)
            await Task.WhenAny(stopped.Task, Task.Delay(TimeSpan.FromSeconds(1), time));
        await retired.DisconnectAsync();
    }

    // Asks until the far end listens, or the connection is over: what another connection of the same user still holds is free some time later.
    private async Task ListenAsync(SshConnection asked, IRemoteListen listen)
    {
        for (var isFirst = true; asked == connection && listens.ContainsKey(listen); isFirst = false)
        {
            var result = await listen.AskAsync(asked);
            if (result.IsOver)
                return;
            if (result.Text is { } text)
            {
                // Nobody wants it any more, or not there.
                if (asked != connection || !listens.ContainsKey(listen))
                {
                    await result.GiveUpAsync!();
                    return;
                }
                listens[listen] = result;
                ShowListens();
                log(Notice.TunnelListening(config.Name, text));
                if (result.Over is not { } over)
                    return;
                await over;
                if (asked != connection || !listens.ContainsKey(listen))
                    return;
                listens[listen] = null;
                ShowListens();
            }
            if (isFirst)
            {
                log(Notice.TunnelListenRefused(config.Name, listen.Text));
                OnHopeless?.Invoke(new SshEnd(SshEndCause.Closed, null, $"the far end does not listen on {listen.Text}"));
            }
            await Task.WhenAny(freed.Task, Task.Delay(isFirst ? firstPauseBeforeListeningAgain : pauseBeforeListeningAgain, time));
        }
    }

    private void ShowListens() => listening = [.. listens.Values.OfType<RemoteListening>().Select(held => Printable.Escape(held.Text!))];

    private async Task PauseAsync(TimeSpan length)
    {
        var over = new TaskCompletionSource();
        pause = over;
        using var timer = time.CreateTimer(_ => Context.Run(() => over.TrySetResult()), null, length, Timeout.InfiniteTimeSpan);
        await over.Task;
        pause = null;
    }
}
