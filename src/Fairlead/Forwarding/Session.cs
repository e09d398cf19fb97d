using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The life of one connection, from accept to close. Everything of it happens where its client belongs: on that event loop, or on the
/// thread pool.
/// </summary>
internal sealed class Session(Forward forward, Listen listen, Connection client, long id)
{
    private Relay? relay;

    public long Id => id;

    public Forward Forward => forward;

    public Listen Listen => listen;

    public Connection Client => client;

    public long BytesFromClient => relay?.BytesFromClient ?? 0;

    public long BytesFromUpstream => relay?.BytesFromUpstream ?? 0;

    /// <summary>The system's words, where a dial failed.</summary>
    public string? Detail { get; private set; }

    // Neighbours in the forward's list of sessions, which alone touches them.
    internal Session? Previous, Next;

    /// <summary>Lives the session: dial, relay, close. Never throws.</summary>
    public async Task RunAsync()
    {
        var start = TimeProvider.System.GetTimestamp();
        var (how, by) = ("fault", Side.Fairlead);
        Connection? upstream = null;
        try
        {
            var dialled = await listen.Upstream.DialAsync(forward.Network, forward.Config.Timeouts.Connect, forward.Cut);
            upstream = dialled.Connection;
            if (upstream is null)
            {
                Detail = dialled.Detail;
                (how, by) = (Words.Of(dialled.Outcome), Words.ByOf(dialled.Outcome));
                client.Abort();
                return;
            }
            relay = Relay.Between(client, upstream, forward.RelayOptions);
            if (forward.Cut.IsCancellationRequested)
                relay.Stop();
            var result = await relay.RunAsync();
            (how, by) = (Words.Of(result.End), result.By);
        }
        catch (Exception fault)
        {
            client.Abort();
            upstream?.Abort();
            forward.Log(Notice.Fault(fault, "in a session"));
        }
        finally
        {
            client.Dispose();
            upstream?.Dispose();
            forward.Leave(this);
            forward.Log(new SessionEnded(this, how, by, TimeProvider.System.GetElapsedTime(start)));
        }
    }

    /// <summary>Resets the session; to be called where its client belongs. One that is still dialling is ended by <see cref="Forward.Cut"/>.</summary>
    public void Stop() => relay?.Stop();
}

/// <summary>The words for how a session ended, one a cause, the same in logs and counters.</summary>
internal static class Words
{
    public static string Of(RelayEnd end) => end switch
    {
        RelayEnd.Closed => "closed",
        RelayEnd.Reset => "reset",
        RelayEnd.Lost => "lost",
        RelayEnd.Idle => "idle",
        RelayEnd.HalfClosed => "half_closed_idle",
        RelayEnd.Stopped => "stopped",
        _ => "fault",
    };

    public static string Of(DialOutcome outcome) => outcome switch
    {
        DialOutcome.Refused => "refused",
        DialOutcome.Unreachable => "unreachable",
        DialOutcome.TimedOut => "connect_timeout",
        DialOutcome.NameUnknown => "name_unknown",
        DialOutcome.NoLocalAddress => "no_local_port",
        DialOutcome.NoResources => "no_resources",
        DialOutcome.Busy => "backlog_full",
        DialOutcome.Cancelled => "stopped",
        _ => "connect_failed",
    };

    public static Side ByOf(DialOutcome outcome)
    {
        return outcome is DialOutcome.Cancelled or DialOutcome.NoLocalAddress or DialOutcome.NoResources ? Side.Fairlead : Side.Upstream;
    }
}
