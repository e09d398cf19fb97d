using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The life of one connection, from accept to close. Everything of it happens where its client belongs: on that event loop, or on the
/// thread pool.
/// </summary>
internal sealed class Session(Listen listen, Binding binding, Connection client, Admission process, long id)
{
    private readonly long start = TimeProvider.System.GetTimestamp();
    private Relay? relay;
    private bool isStopped;

    // Gives the dial up that is under way. Whoever takes it out has it: to use it again, or to cancel it.
    private CancellationTokenSource? dialling;

    public long Id => id;

    public Listen Listen => listen;

    public Binding Binding => binding;

    public Connection Client => client;

    /// <summary>Where it was sent, or could not be; null until that is decided.</summary>
    public Upstream? Upstream { get; private set; }

    public bool IsConnected => relay is not null;

    public TimeSpan Age => TimeProvider.System.GetElapsedTime(start);

    public long BytesFromClient => relay?.BytesFromClient ?? 0;

    public long BytesFromUpstream => relay?.BytesFromUpstream ?? 0;

    /// <summary>The source by which the forward counts it, if it does; the forward's to change.</summary>
    internal AddressKey? Counted;

    // Neighbours in the forward's list of sessions, which alone touches them.
    internal Session? Previous, Next;

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
            if (binding.Route(source) is not { } pool)
            {
                outcome = SessionOutcome.NoRoute;
                client.Abort();
                return;
            }
            var (dial, target, _) = await pool.DialAsync(source, binding.Plan.Network.Time, binding.Plan.Config.Timeouts.Connect, BeginDialling());
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
            Interlocked.Exchange(ref relay, Relay.Between(client, upstream, binding.Forward.RelayOptions));
            if (IsToStop)
                relay!.Stop();
            outcome = SessionOutcome.Of(await relay!.RunAsync());
        }
        catch (Exception fault)
        {
            client.Abort();
            upstream?.Abort();
            binding.Forward.Log(Notice.Fault(fault, "in a session"));
        }
        finally
        {
            try
            {
                client.Dispose();
                upstream?.Dispose();
                var leftOut = 0L;
                if (outcome.Cause is not (SessionCause.Denied or SessionCause.Limited) || source is not { } who || binding.Forward.Refusals.MayTell(who, out leftOut))
                    binding.Forward.Log(new SessionEnded(this, outcome, Age, leftOut));
            }
            finally
            {
                // Whatever happens: a place that is not given back is lost for good, and a stop would wait for ever.
                if (upstream is not null)
                    Upstream!.Leave();
                binding.Forward.Leave(this, outcome);
                process.Leave();
            }
        }
    }

    /// <summary>Resets the session, and gives its dial up; to be called where its client belongs.</summary>
    public void Stop()
    {
        isStopped = true;
        var dial = Interlocked.Exchange(ref dialling, null);
        if (relay is null)
            client.Abort();
        else
            relay.Stop();
        dial?.Cancel();
    }

    /// <summary>What it does at this moment.</summary>
    public ConnectionStatus Status(DateTimeOffset now) => new()
    {
        Id = id,
        Forward = Printable.Escape(binding.Forward.Title),
        Client = client.RemoteEndPoint?.ToString() ?? "unix",
        Listen = listen.Text,
        Upstream = Upstream?.Text,
        Since = now - Age,
        IsConnected = IsConnected,
        BytesFromClient = BytesFromClient,
        BytesFromUpstream = BytesFromUpstream,
    };

    // One that began when all others had been told to stop was not told itself.
    private bool IsToStop => isStopped || binding.Forward.IsCut;

    private CancellationToken BeginDialling()
    {
        var source = SpareCancellations.Take();
        var token = source.Token;
        // A whole barrier, as with the relay.
        Interlocked.Exchange(ref dialling, source);
        if (IsToStop)
            Interlocked.Exchange(ref dialling, null)?.Cancel();
        return token;
    }

    private void EndDialling()
    {
        if (Interlocked.Exchange(ref dialling, null) is { } unused)
            SpareCancellations.GiveBack(unused);
    }

    // Null: let in.
    private SessionOutcome? Admit(AddressKey? source)
    {
        if (!binding.Plan.Allows(source))
            return SessionOutcome.Denied;
        return binding.Plan.LimitsSources && source is { } address && !binding.Forward.TryCount(this, address) ? SessionOutcome.Limited : null;
    }
}
