using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The life of one connection, from accept to close. Everything of it happens in one place: the plan's home, if it has one; else where its client belongs, on that event loop, or on
/// the thread pool.
/// </summary>
internal sealed class StreamSession : Session
{
    private readonly Admission process;
    private Connection client;
    private Relay? relay;

    // Null for a session that is relayed at once, which nearly all are.
    private Talk? talk;

    /// <param name="listen">Where it arrived.</param>
    /// <param name="binding">Whose it is.</param>
    /// <param name="client">Its client, whom it owns.</param>
    /// <param name="process">The places of the process, one of which it has.</param>
    /// <param name="id">Its number.</param>
    /// <param name="errand">What it does once it is let in; null: what its plan says.</param>
    public StreamSession(Listen listen, Binding binding, Connection client, Admission process, long id, Errand? errand = null)
        : base(listen, binding, id)
    {
        (this.client, this.process) = (client, process);
        // One with an errand of its own is begun where that is lived.
        if (errand is not null)
            talk = new Talk { Home = client.Context is null ? SynchronizationContext.Current : null, Errand = errand };
        // A client that may be used anywhere does not say where. Without an event loop, what a conversation does in several places at once still happens one after the other.
        else if (client.Context is null && (binding.Plan.Home ?? (binding.Plan.Errand is null ? null : new SerialContext())) is { } home)
            talk = new Talk { Home = home };
    }

    public override string Client => (talk?.ClientEndPoint ?? client.RemoteEndPoint)?.ToString() ?? "unix";

    public override AddressKey? Source => talk?.ClientEndPoint is { } told ? AddressKey.Of(told.Address) : client.RemoteKey;

    public override SynchronizationContext? Context => talk?.Home ?? client.Context;

    public override string? Target => talk?.Target ?? base.Target;

    public override bool IsConnected => relay is not null || talk is { IsConnected: true };

    public override long BytesFromClient => (relay?.BytesFromClient ?? 0) + (talk?.BytesFromClient ?? 0);

    public override long BytesFromUpstream => (relay?.BytesFromUpstream ?? 0) + (talk?.BytesFromUpstream ?? 0);

    /// <summary>What it has beside a relay, for those who talk with its client.</summary>
    public Talk Talk => talk ??= new Talk();

    /// <summary>The client's connection; encrypted, once <c>tls</c> has been spoken.</summary>
    public Connection Peer => client;

    /// <summary>Listens to the client while it has nothing to say yet.</summary>
    public WatchedConnection Watch()
    {
        var watched = new WatchedConnection(client);
        client = watched;
        return watched;
    }

    public TimeProvider Time => Binding.Plan.Network.Time;

    public Task RunAsync() => Context is { } place && place != SynchronizationContext.Current ? place.RunAsync(LiveAsync) : LiveAsync();

    // Lives the session: hear who it is, admit, secure, route, dial, relay or converse, close. Never throws.
    private async Task LiveAsync()
    {
        var outcome = SessionOutcome.Fault;
        Connection? upstream = null;
        try
        {
            // Whoever has come by a far end; one with an errand is let in by that.
            if (client is PendingChannel arrived && talk?.Errand is null)
                client = arrived.Accept();
            if ((await HearAsync() ?? Admit() ?? await SecureAsync() ?? await HearNameAsync()) is { } refusal)
            {
                outcome = refusal;
                client.Abort();
                return;
            }
            if ((talk?.Errand ?? Binding.Plan.Errand) is { } errand)
            {
                outcome = await errand(this);
                return;
            }
            if (Binding.Route(Source, talk?.ServerName) is not { } pool)
            {
                outcome = SessionOutcome.NoRoute;
                client.Abort();
                return;
            }
            var (dial, target, _) = await pool.DialAsync(Source, Time, Binding.Plan.Config.Timeouts.Connect, Proxied, BeginDialling());
            EndDialling();
            Upstream = target;
            upstream = dial.Connection;
            if (upstream is null)
            {
                outcome = SessionOutcome.Of(dial);
                client.Abort();
                return;
            }
            outcome = SessionOutcome.Of(await RelayAsync(upstream));
        }
        catch (ConnectionException broken)
        {
            outcome = SessionOutcome.Of(broken.Error);
            client.Abort();
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
                if (outcome.Cause is not (SessionCause.Denied or SessionCause.Limited) || Source is not { } who || Binding.Forward.Refusals.MayTell(who, out leftOut))
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

    // Null: heard who the client is, or nobody stands before this machine who would say it.
    private ValueTask<SessionOutcome?> HearAsync()
    {
        return Binding.Plan.TellsClients is { } tellers && client.RemoteKey is { } peer && tellers.TryFind(peer, out _) ? HearHeaderAsync() : default;
    }

    private async ValueTask<SessionOutcome?> HearHeaderAsync()
    {
        using var words = new FirstWords(client, Binding.Plan.Config.Timeouts.FirstBytes, Time);
        var header = default(ProxyProtocolReading);
        while (await words.MoreAsync())
        {
            header = ProxyProtocolReader.Read(words.Bytes);
            if (header.State != ProxyProtocolState.NeedMore)
                break;
        }
        if (header.State == ProxyProtocolState.NeedMore)
            return words.Outcome;
        if (header.State == ProxyProtocolState.Wrong)
            return SessionOutcome.BadRequest(header.Reason!);
        words.Consume(header.Length);
        if (header.Source is not null)
            (Talk.ClientEndPoint, Talk.ClientDestination) = (header.Source, header.Destination);
        return null;
    }

    // Null: secured, or not to be. A client of FTP asks for it later, in the conversation.
    private ValueTask<SessionOutcome?> SecureAsync() => Binding.Plan is { Tls: { } tls, Config.Protocol: not ConversationKind.Ftp } ? SecureAsync(tls) : default;

    private async ValueTask<SessionOutcome?> SecureAsync(TlsServer tls)
    {
        ClientHello hello;
        using (var words = new FirstWords(client, Binding.Plan.Config.Timeouts.FirstBytes, Time))
        {
            hello = await words.PeekClientHelloAsync();
            if (hello.State == ClientHelloState.NeedMore)
                return words.Outcome;
        }
        (Talk.ServerName, Talk.IsNameHeard) = (hello.Name, true);
        if (hello.State == ClientHelloState.NotTls)
            return SessionOutcome.BadRequest($"TLS is spoken here: {hello.Reason}");
        var result = await tls.AcceptAsync(client, hello.Name, Time, Binding.Plan.Config.Timeouts.FirstBytes);
        if (result.Connection is { } secured)
        {
            client = secured;
            if (IsToStop)
                client.Abort();
            return null;
        }
        // Not aborted: the client is told why, by an alert.
        client.Dispose();
        return result.HasTimedOut ? SessionOutcome.Late : SessionOutcome.TlsFailed with { Detail = result.Detail };
    }

    // Null: heard which name the client asks for, or no route that may take it asks.
    private ValueTask<SessionOutcome?> HearNameAsync() => talk is { IsNameHeard: true } || !Binding.Plan.AsksForName(Source) ? default : HearClientHelloAsync();

    private async ValueTask<SessionOutcome?> HearClientHelloAsync()
    {
        using var words = new FirstWords(client, Binding.Plan.Config.Timeouts.FirstBytes, Time);
        var hello = await words.PeekClientHelloAsync();
        if (hello.State == ClientHelloState.NeedMore)
            return words.Outcome;
        // Who speaks something else than TLS has no name, and may have a route all the same.
        (Talk.ServerName, Talk.IsNameHeard) = (hello.Name, true);
        return null;
    }

    // Who the client is, for an upstream that asks for it; null where that has no addresses.
    private ProxiedClient? Proxied => !Binding.Plan.TellsUpstreams ? null
        : (talk?.ClientEndPoint ?? client.RemoteEndPoint as IPEndPoint) is { } source && (talk?.ClientDestination ?? client.LocalEndPoint as IPEndPoint) is { } destination
            ? new ProxiedClient(source, destination)
            : null;

    /// <summary>Relays what is left of the session, until both directions have ended.</summary>
    public ValueTask<RelayResult> RelayAsync(Connection upstream)
    {
        // A whole barrier: either a stop on another thread sees the relay, or this one sees the stop.
        Interlocked.Exchange(ref relay, RelayTo(upstream));
        if (IsToStop)
            relay!.Stop();
        return relay!.RunAsync();
    }

    private Relay RelayTo(Connection upstream)
    {
        if (Binding.Plan.Config.Protocol != ConversationKind.Ftp)
            return Relay.Between(client, upstream, Binding.Forward.RelayOptions);
        var means = new FtpSessionMeans(this, upstream);
        return new FtpConversation(client, upstream, means.Ends, Binding.Plan.Config.Ftp, Binding.Forward.RelayOptions, means);
    }

    /// <summary>Has something ended when the session is told to stop, which may be at once; <see cref="Talk.Forget"/> ends that.</summary>
    public LinkedListNode<Action> OnStop(Action stop)
    {
        var node = Talk.Add(stop);
        if (IsToStop)
            stop();
        return node;
    }

    /// <summary>Whether it has been told to end.</summary>
    public bool IsStopping => IsToStop;

    /// <summary>Dials somebody else than an upstream, within <c>timeouts.connect</c>. One dial at a time.</summary>
    public ValueTask<DialResult> DialAsync(Func<CancellationToken, ValueTask<DialResult>> dial) => ResolveAsync(dial);

    /// <summary>Does what is part of a dial, and given up with it.</summary>
    public async ValueTask<T> ResolveAsync<T>(Func<CancellationToken, ValueTask<T>> dial)
    {
        var result = await dial(BeginDialling());
        EndDialling();
        return result;
    }

    /// <summary>The client has become another connection, which is the session's from now on.</summary>
    public void Become(Connection next)
    {
        client = next;
        if (IsToStop)
            client.Abort();
    }

    /// <summary>The places of the process, one of which it has.</summary>
    public Admission Process => process;

    /// <summary>Takes a place of the process for two more descriptors, if there is one; <see cref="LeavePlace"/> is owed then.</summary>
    public bool TryTakePlace() => process.TryEnter();

    /// <summary>Gives it back.</summary>
    public void LeavePlace() => process.Leave();

    protected override void StopCore()
    {
        talk?.Stop();
        if (relay is null)
            client.Abort();
        else
            relay.Stop();
    }

    // Null: let in.
    private SessionOutcome? Admit()
    {
        var source = Source;
        if (!Binding.Plan.Allows(source))
            return SessionOutcome.Denied;
        return Binding.Plan.LimitsSources && source is { } address && !Binding.Forward.TryCount(this, address) ? SessionOutcome.Limited : null;
    }
}
