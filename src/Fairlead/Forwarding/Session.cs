using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The life of one connection, from accept to close. Everything of it happens where its client belongs: on that event loop, or on the
/// thread pool.
/// </summary>
internal sealed class Session(Listen listen, Connection client, long id)
{
    private Relay? relay;

    public long Id => id;

    public Listen Listen => listen;

    public Connection Client => client;

    public long BytesFromClient => relay?.BytesFromClient ?? 0;

    public long BytesFromUpstream => relay?.BytesFromUpstream ?? 0;

    // Neighbours in the forward's list of sessions, which alone touches them.
    internal Session? Previous, Next;

    /// <summary>Lives the session: dial, relay, close. Never throws.</summary>
    public async Task RunAsync()
    {
        var forward = listen.Forward;
        var start = TimeProvider.System.GetTimestamp();
        var outcome = new SessionOutcome("fault", Side.Fairlead);
        Connection? upstream = null;
        try
        {
            var (dialled, _, _) = await listen.Upstream.DialAsync(forward.Network.Time, forward.Config.Timeouts.Connect, forward.Cut);
            upstream = dialled.Connection;
            if (upstream is null)
            {
                outcome = SessionOutcome.Of(dialled);
                client.Abort();
                return;
            }
            // A whole barrier: either a stop on another thread sees the relay, or this one sees the stop.
            Interlocked.Exchange(ref relay, Relay.Between(client, upstream, forward.RelayOptions));
            if (forward.Cut.IsCancellationRequested)
                relay!.Stop();
            var result = await relay!.RunAsync();
            outcome = SessionOutcome.Of(result);
        }
        catch (Exception fault)
        {
            client.Abort();
            upstream?.Abort();
            forward.Log(Notice.Fault(fault, "in a session"));
        }
        finally
        {
            try
            {
                client.Dispose();
                upstream?.Dispose();
                if (upstream is not null)
                    listen.Upstream.Leave();
                forward.Log(new SessionEnded(this, outcome, TimeProvider.System.GetElapsedTime(start)));
            }
            finally
            {
                // Whatever happens: a place that is not given back is lost for good, and a stop would wait for ever.
                forward.Leave(this);
            }
        }
    }

    /// <summary>Resets the session; to be called where its client belongs. One that is still dialling is ended by <see cref="Forward.Cut"/>.</summary>
    public void Stop() => relay?.Stop();
}
