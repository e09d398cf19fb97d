using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The life of one connection, from accept to close. Everything of it happens where its client belongs: on that event loop, or on the
/// thread pool.
/// </summary>
internal sealed class StreamSession(Listen listen, Binding binding, Connection client, Admission process, long id) : Session(listen, binding, id)
{
    private Relay? relay;

    public override string Client => client.RemoteEndPoint?.ToString() ?? "unix";

    public override AddressKey? Source => client.RemoteKey;

    public override SynchronizationContext? Context => client.Context;

    public override bool IsConnected => relay is not null;

    public override long BytesFromClient => relay?.BytesFromClient ?? 0;

    public override long BytesFromUpstream => relay?.BytesFromUpstream ?? 0;

    /// <summary>Lives the session: admit, route, dial, relay, close. Never throws.</summary>
    public async Task RunAsync()
    {
        var outcome = SessionOutcome.Fault;
        var source = client.RemoteKey;
        Connection? upstream = null;
        try
        {
            if (Admit(source) is { } refusal)
            {
                outcome = refusal;
                client.Abort();
                return;
            }
            if (Binding.Route(source) is not { } pool)
            {
                outcome = SessionOutcome.NoRoute;
                client.Abort();
                return;
            }
            var (dial, target, _) = await pool.DialAsync(source, Binding.Plan.Network.Time, Binding.Plan.Config.Timeouts.Connect, BeginDialling());
            EndDialling();
            Upstream = target;
            upstream = dial.Connection;
            if (upstream is null)
            {
                outcome = SessionOutcome.Of(dial);
                client.Abort();
                return;
            }
            // A whole barrier: either a stop on another thread sees the relay, or this one sees the stop.
            Interlocked.Exchange(ref relay, Relay.Between(client, upstream, Binding.Forward.RelayOptions));
            if (IsToStop)
                relay!.Stop();
            outcome = SessionOutcome.Of(await relay!.RunAsync());
        }
        catch (Exception fault)
        {
            client.Abort();
            upstream?.Abort();
            Binding.Forward.Log(Notice.Fault(fault, "in a session"));
        }
        finally
        {
            try
            {
                client.Dispose();
                upstream?.Dispose();
                var leftOut = 0L;
                if (outcome.Cause is not (SessionCause.Denied or SessionCause.Limited) || source is not { } who || Binding.Forward.Refusals.MayTell(who, out leftOut))
                    Binding.Forward.Log(new SessionEnded(this, outcome, Age, leftOut));
            }
            finally
            {
                // Whatever happens: a place that is not given back is lost for good, and a stop would wait for ever.
                if (upstream is not null)
                    Upstream!.Leave();
                Binding.Forward.Leave(this, outcome);
                Binding.Forward.Places.Leave();
                process.Leave();
            }
        }
    }

    protected override void StopCore()
    {
        if (relay is null)
            client.Abort();
        else
            relay.Stop();
    }

    // Null: let in.
    private SessionOutcome? Admit(AddressKey? source)
    {
        if (!Binding.Plan.Allows(source))
            return SessionOutcome.Denied;
        return Binding.Plan.LimitsSources && source is { } address && !Binding.Forward.TryCount(this, address) ? SessionOutcome.Limited : null;
    }
}
