using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The relay of an FTP session: the control connections of client and server, and the data connections that they agree on (RFC 959, 1123, 2428, 4217). Whoever is to be
/// connected to is told where Fairlead listens instead.
/// </summary>
/// <remarks>
/// What one side ends, the other sees ended the same way, as with <see cref="Relay"/>. Data connections outlive the control connections until they have ended by themselves.
/// </remarks>
internal sealed class FtpConversation : Relay
{
    private readonly FtpControl control;
    private readonly FtpSecurity security;
    private readonly SerialContext? serial;
    private Relay? blind;
    private ITimer? timer;
    private RelayEnd end;
    private Side endedBy;
    private bool isHalfClosed, isOver, isStopped;

    /// <param name="client">The client's control connection; closing it is the caller's.</param>
    /// <param name="upstream">The server's; closing it is the caller's.</param>
    /// <param name="ends">Who they are.</param>
    /// <param name="config">What the forward says of FTP.</param>
    /// <param name="options">How data connections are relayed, and what silence of the control connections is too long.</param>
    /// <param name="means">What may be done beside.</param>
    /// <param name="isSecured">Whether the client's connection is TLS already, which ends here (port 990); with <see cref="FtpTls.Terminate"/> only.</param>
    public FtpConversation(Connection client, Connection upstream, FtpEnds ends, FtpConfig config, RelayOptions options, IFtpMeans means, bool isSecured = false)
        : base(client, upstream, options)
    {
        // Where the session does not have it already, one thing happens after the other all the same.
        serial = Context is null && !Contexts.IsSerialHere ? new SerialContext() : null;
        var channels = new FtpChannels(means, options);
        security = new FtpSecurity(config, channels, isSecured);
        control = new FtpControl(
            new FtpLeg(client, options.Time, error => Break(Side.Client, error)),
            new FtpLeg(upstream, options.Time, error => Break(Side.Upstream, error)),
            ends, config, means, channels);
    }

    /// <summary>Bytes of commands and data that the server's connections have taken so far.</summary>
    public override long BytesFromClient => control.Upstream.BytesTaken + control.Channels.BytesFromClient + (blind?.BytesFromClient ?? 0);

    /// <summary>Bytes of replies and data that the client's connections have taken so far.</summary>
    public override long BytesFromUpstream => control.Client.BytesTaken + control.Channels.BytesFromUpstream + (blind?.BytesFromUpstream ?? 0);

    /// <summary>Talks until the end, that of all data connections included. Where it was not an orderly one, both control connections have been aborted. Called once.</summary>
    public override async ValueTask<RelayResult> RunAsync()
    {
        if (serial is not null)
            await serial.NextTurn();
        control.Outstanding.Add(new FtpPending(FtpAwaited.Reply)); // the greeting
        StartTimer();
        try
        {
            await Task.WhenAll(GuardAsync(CommandsAsync), GuardAsync(RepliesAsync));
            if (control.IsBlind && !isStopped)
                await RelayAsync();
            control.Channels.Close();
            await control.Channels.WhenOverAsync();
        }
        finally
        {
            isOver = true;
            timer?.Dispose();
            control.Client.Release();
            control.Upstream.Release();
            if (control.Client.Connection != Client)
                control.Client.Connection.Dispose();
        }
        return new RelayResult(end, endedBy, BytesFromClient, BytesFromUpstream);
    }

    /// <summary>Ends it at once, with resets; to be called where the connections belong.</summary>
    public override void Stop()
    {
        if (serial is null)
            StopCore();
        else
            serial.Run(StopCore);
    }

    private void StopCore()
    {
        if (isOver)
            return;
        isStopped = true;
        blind?.Stop();
        End(RelayEnd.Stopped, Side.Fairlead);
        control.Channels.Abort();
    }

    private async Task CommandsAsync()
    {
        await new FtpCommands(control, security).RunAsync();
        if (!control.IsBlind)
            HalfClose(Side.Client);
    }

    private async Task RepliesAsync()
    {
        if (!await new FtpReplies(control).RunAsync())
            End(RelayEnd.Reset, Side.Fairlead);
        else if (!control.IsBlind)
            HalfClose(Side.Upstream);
        if (!control.IsBlind)
            control.Outstanding.Close();
    }

    private async Task GuardAsync(Func<Task> direction)
    {
        try
        {
            await direction();
        }
        catch (ConnectionException e)
        {
            Break(Side.Client, e.Error);
        }
        catch (Exception)
        {
            StopCore();
            end = RelayEnd.Fault;
            throw;
        }
    }

    private async Task RelayAsync()
    {
        timer?.Dispose();
        timer = null;
        control.Client.GiveBack();
        control.Upstream.GiveBack();
        blind = Between(Client, Upstream, Options);
        var result = serial is null ? await blind.RunAsync() : await Task.Run(() => blind.RunAsync().AsTask());
        if (end == RelayEnd.Closed)
            (end, endedBy) = (result.End, result.By);
    }

    private void HalfClose(Side side)
    {
        if (endedBy == Side.Fairlead)
            endedBy = side;
        isHalfClosed = true;
        StartTimer();
    }

    // The first cause is the result, and what follows from it is not.
    private void Break(Side side, ConnectionError error)
    {
        End(error switch
        {
            ConnectionError.Reset => RelayEnd.Reset,
            ConnectionError.TimedOut or ConnectionError.Unreachable => RelayEnd.Lost,
            ConnectionError.Aborted => RelayEnd.Stopped,
            _ => RelayEnd.Fault,
        }, side);
    }

    private void End(RelayEnd how, Side by)
    {
        if (end == RelayEnd.Closed)
            (end, endedBy) = (how, by);
        control.Client.Connection.Abort();
        Upstream.Abort();
        control.Outstanding.Close();
        control.Channels.Close();
    }

    private void StartTimer()
    {
        var (limit, _) = Options.Limit(isHalfClosed);
        if (limit == TimeSpan.MaxValue || isOver)
            return;
        var context = SynchronizationContext.Current;
        timer ??= Options.Time.CreateTimer(_ => context.Run(OnTimer), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(limit, Timeout.InfiniteTimeSpan);
    }

    // While data flows, nobody has anything to say on the control connections.
    private void OnTimer()
    {
        if (isOver || end != RelayEnd.Closed || timer is null)
            return;
        var (limit, reason) = Options.Limit(isHalfClosed);
        var left = control.Channels.IsBusy ? limit : limit - Options.Time.GetElapsedTime(Math.Max(control.Client.LastHeard, control.Upstream.LastHeard));
        if (left > TimeSpan.Zero)
            timer.Change(left, Timeout.InfiniteTimeSpan);
        else
            End(reason, Side.Fairlead);
    }
}
