using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// A running forward: its sessions, what they share over all event loops, and what is counted. A reload gives it another plan; sessions keep the one they
/// began with. One that listens no more and still has sessions is the same when it comes back.
/// </summary>
internal sealed class Forward
{
    private static long lastId;

    private readonly Lock gate = new();
    private Session? sessions;
    private TaskCompletionSource? empty;
    private int count;
    private volatile bool isCut;
    private Pacer? pacer, datagramPacer;
    private long accepted, denied, limited, failed, endedFromClients, endedFromUpstreams;

    private readonly TimeProvider time;

    /// <param name="identity">What makes it the same after a reload.</param>
    /// <param name="title">What it is called.</param>
    /// <param name="log">Told of its sessions.</param>
    /// <param name="refusals">Which of the refused are told of.</param>
    /// <param name="time">Measures rates; null: the system's.</param>
    public Forward(string identity, string title, Action<LogEntry> log, RefusalLog refusals, TimeProvider? time = null)
    {
        this.time = time ?? TimeProvider.System;
        Identity = identity;
        Title = title;
        Log = log;
        Refusals = refusals;
    }

    /// <summary>What makes it the same after a reload: <see cref="ConfigChange.ByIdentity"/>.</summary>
    public string Identity { get; }

    /// <summary>Its name, or what it is called without one; not escaped.</summary>
    public string Title { get; }

    public Action<LogEntry> Log { get; }

    /// <summary>Which of the many that are refused get a line in the log.</summary>
    public RefusalLog Refusals { get; }

    /// <summary>How new clients are dealt with.</summary>
    public ForwardPlan Plan { get; private set; } = null!;

    /// <summary>Where it listens; changed by the engine alone.</summary>
    public List<Listen> Listens { get; } = [];

    /// <summary>Where it listened, as far as somebody may still come from there; changed by the engine alone.</summary>
    public List<Listen> Closing { get; } = [];

    /// <summary>Which upstreams clients have whom another port must not bring elsewhere; null where it may.</summary>
    public Affinities? Affinities { get; private set; }

    /// <summary>Datagrams that were not passed on.</summary>
    public Drops Drops { get; } = new();

    /// <summary>Sessions of datagrams that were never answered; changed by <see cref="DatagramPlaces"/> alone.</summary>
    public SessionQueue Unanswered { get; } = new(SessionQueue.Which.OfForward);

    /// <summary>How many sessions there may be at once.</summary>
    public Admission Places { get; } = new(int.MaxValue);

    /// <summary>Sessions now by their source, where that is limited.</summary>
    public SourceCounts Sources { get; } = new();

    /// <summary>How sessions are relayed.</summary>
    public RelayOptions RelayOptions { get; private set; } = new();

    /// <summary>Whether sessions are to end at once, also those that begin from now on.</summary>
    public bool IsCut => isCut;

    public int SessionCount => Volatile.Read(ref count);

    /// <summary>Deals with new clients by another plan. Its limits hold at once, where they are the forward's and not a session's.</summary>
    public void Adopt(ForwardPlan plan)
    {
        var limitedSources = Plan?.LimitsSources == true;
        Plan = plan;
        var limits = plan.Config.Limits;
        Places.SetLimit(limits.Connections ?? int.MaxValue);
        pacer = Renew(pacer, limits.AcceptsPerSecond, burstsPerSecond: 10);
        datagramPacer = Renew(datagramPacer, limits.DatagramSessionsPerSecond, burstsPerSecond: 1);
        Affinities = plan.Config.Affinity == AffinityKind.Source ? Affinities ?? new Affinities() : null;
        RelayOptions = new RelayOptions
        {
            Idle = plan.Config.Timeouts.StreamIdle,
            HalfClosed = plan.Config.Timeouts.HalfClosed,
            Time = plan.Network.Time,
            Rates = RelayRates.Of(limits.Rate, limits.RatePerConnection, time, RelayOptions.Rates),
        };
        if (plan.LimitsSources && !limitedSources)
            CountSources();
    }

    /// <summary>How long to wait before a client may be accepted; not at all where clients do not come too fast.</summary>
    public TimeSpan Pace() => pacer?.Reserve() ?? TimeSpan.Zero;

    /// <summary>Nobody was accepted for it.</summary>
    public void GiveBackPace() => pacer?.GiveBack();

    /// <summary>Nobody was there to be accepted for the place that was taken.</summary>
    public void GiveBack(Admission process)
    {
        GiveBackPace();
        Places.Leave();
        process.Leave();
    }

    /// <summary>Begins the session of a client that was accepted, here or at its home: what is posted there comes after the client's arrival.</summary>
    public void Serve(Listen listen, Binding binding, Connection client, Admission process, Errand? errand = null)
    {
        var session = new StreamSession(listen, binding, client, process, NextId(), errand);
        Begin(session);
        // A reload that closes did not see it among the sessions.
        if (IsToBeClosed(binding.Plan))
            session.Context.RunThere(session.Stop);
        _ = session.RunAsync();
    }

    /// <summary>The number of a new session, in this process.</summary>
    public static long NextId() => Interlocked.Increment(ref lastId);

    /// <summary>Whether another client may send datagrams; not where they come too fast.</summary>
    public bool MayBeginDatagrams() => datagramPacer is null || datagramPacer.Reserve() == TimeSpan.Zero;

    /// <summary>Gives a session of datagrams its places, if there are any; <see cref="DatagramPlaces.Leave"/> is owed then.</summary>
    /// <param name="session">The session, which is not begun yet.</param>
    /// <param name="source">Its client.</param>
    /// <param name="places">The places of the process.</param>
    /// <param name="refusal">Why not.</param>
    public bool TryEnter(DatagramSession session, AddressKey source, DatagramPlaces places, out Drop refusal)
    {
        refusal = Drop.Limited;
        if (session.Binding.Plan.LimitsSources && !TryCount(session, source))
        {
            // It has not begun: one source alone must not use up the pace of all.
            datagramPacer?.GiveBack();
            return false;
        }
        if (places.TryEnter(session, this))
            return true;
        refusal = Drop.TableFull;
        if (session.Counted is { } counted)
            Sources.Leave(counted);
        return false;
    }

    /// <summary>A session begins, and is the forward's until <see cref="Leave"/>.</summary>
    public void Begin(Session session)
    {
        Interlocked.Increment(ref accepted);
        // The list owns the session until it leaves, which is how a stop awaits it.
        lock (gate)
        {
            session.Next = sessions;
            if (sessions is not null)
                sessions.Previous = session;
            sessions = session;
            count++;
        }
    }

    /// <summary>Whether a session may be beside those of its source that there are; if so, it is counted until it leaves.</summary>
    public bool TryCount(Session session, AddressKey source)
    {
        var limits = session.Binding.Plan.Config.Limits;
        lock (gate)
        {
            if (session.Counted is not null)
                return true;
            if (!Sources.TryEnter(source, limits.ConnectionsPerSource, limits.ConnectionsPerPrefix))
                return false;
            session.Counted = source;
            return true;
        }
    }

    /// <summary>A session has ended.</summary>
    public void Leave(Session session, SessionOutcome outcome)
    {
        lock (gate)
        {
            if (session.Previous is null)
                sessions = session.Next;
            else
                session.Previous.Next = session.Next;
            if (session.Next is not null)
                session.Next.Previous = session.Previous;
            session.Previous = session.Next = null;
            if (session.Counted is { } source)
                Sources.Leave(source);
            endedFromClients += session.BytesFromClient;
            endedFromUpstreams += session.BytesFromUpstream;
            if (outcome.Cause == SessionCause.Denied)
                denied++;
            else if (outcome.Cause == SessionCause.Limited)
                limited++;
            else if (outcome.Cause == SessionCause.NoUpstream)
                failed++;
            if (--count == 0 && empty is not null)
            {
                empty.SetResult();
                empty = null;
            }
        }
    }

    /// <summary>Completes when there is no session: where nobody new is accepted any more, when the last one has ended.</summary>
    public Task WhenEmptyAsync()
    {
        lock (gate)
        {
            if (count == 0)
                return Task.CompletedTask;
            empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return empty.Task;
        }
    }

    /// <summary>Ends all sessions with resets: how many they were.</summary>
    public int Abort()
    {
        var ended = SessionCount;
        isCut = true;
        Close(static _ => true);
        return ended;
    }

    /// <summary>Whether sessions of datagrams end as soon as nothing comes any more, also those that begin from now on.</summary>
    public bool IsQuiet { get; private set; }

    /// <summary>Lets sessions of datagrams end as soon as nothing comes any more.</summary>
    public void Quieten()
    {
        IsQuiet = true;
        foreach (var session in Sessions().OfType<DatagramSession>())
            session.Context.Run(session.Quieten);
    }

    /// <summary>Resets the sessions that are meant: how many they were.</summary>
    public int Close(Func<Session, bool> isMeant)
    {
        var meant = Sessions().Where(isMeant).ToList();
        foreach (var session in meant)
            session.Context.Run(session.Stop);
        return meant.Count;
    }

    /// <summary>The sessions of this moment, the last first.</summary>
    public List<Session> Sessions()
    {
        var all = new List<Session>();
        lock (gate)
        {
            for (var session = sessions; session is not null; session = session.Next)
                all.Add(session);
        }
        return all;
    }

    /// <summary>What it does at this moment.</summary>
    public ForwardStatus Status(bool isDraining, string engine)
    {
        lock (gate)
        {
            var (up, down) = (endedFromClients, endedFromUpstreams);
            var own = new Dictionary<Upstream, int>();
            for (var session = sessions; session is not null; session = session.Next)
            {
                if (session is { IsConnected: true, Upstream: { } at })
                    own[at] = own.GetValueOrDefault(at) + 1;
                up += session.BytesFromClient;
                down += session.BytesFromUpstream;
            }
            return new ForwardStatus
            {
                Name = Printable.Escape(Title),
                Listen = [.. Listens.Select(listen => listen.Text)],
                To = Printable.Escape(Plan.Config.Destination),
                Engine = engine,
                IsDraining = isDraining,
                Connections = count,
                MostConnections = Plan.Config.Limits.Connections,
                Accepted = Interlocked.Read(ref accepted),
                Denied = denied,
                Limited = limited,
                Failed = failed,
                BytesFromClients = up,
                BytesFromUpstreams = down,
                Dropped = Drops.ToDictionary(),
                Upstreams = [.. Plan.Upstreams.Select(upstream => new UpstreamStatus(upstream.Text, upstream.Health.IsUp, own.GetValueOrDefault(upstream), upstream.Active, upstream.Dialled, upstream.Failed))],
            };
        }
    }

    /// <summary>Whether a reload closes the sessions of this plan. To be asked after <see cref="Begin"/>, whose lock shows the plan that such a reload adopts first.</summary>
    public bool IsToBeClosed(ForwardPlan plan) => plan != Plan && Plan.Config.OnChange == OnChange.Close && plan.Config != Plan.Config;

    private Pacer? Renew(Pacer? pacer, int? perSecond, int burstsPerSecond)
    {
        if (perSecond is not { } rate)
            return null;
        if (pacer is null)
            return new Pacer(rate, time, burstsPerSecond);
        pacer.SetRate(rate);
        return pacer;
    }

    // Those who are there already count, once there is a limit.
    private void CountSources()
    {
        lock (gate)
        {
            for (var session = sessions; session is not null; session = session.Next)
            {
                if (session.Counted is null && session.Source is { } source && Sources.TryEnter(source, null, null))
                    session.Counted = source;
            }
        }
    }
}
