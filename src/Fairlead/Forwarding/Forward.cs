using Fairlead.Net;

namespace Fairlead;

/// <summary>A running forward: its listens, and the sessions that came by them.</summary>
internal sealed class Forward
{
    private static long lastId;

    private readonly CancellationTokenSource cut = new();
    private readonly Lock gate = new();
    private readonly List<Listen> listens = [];
    private readonly List<Task> accepting = [];
    private readonly TaskCompletionSource empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Session? sessions;
    private int count;
    private Admission? admission;
    private bool isBacklogServed;

    public Forward(ForwardConfig config, INetwork network, Action<LogEntry> log)
    {
        Config = config;
        Network = network;
        Dialer = network.DialerWith(config.Timeouts.Tuning);
        Log = log;
        Cut = cut.Token;
        RelayOptions = new RelayOptions { Idle = config.Timeouts.Idle, HalfClosed = config.Timeouts.HalfClosed, Time = network.Time };
    }

    public ForwardConfig Config { get; }

    public INetwork Network { get; }

    public IDialer Dialer { get; }

    public Action<LogEntry> Log { get; }

    public RelayOptions RelayOptions { get; }

    public string Title => Config.Title;

    /// <summary>Gives up what is waited for, once the sessions are to end at once.</summary>
    public CancellationToken Cut { get; }

    public IReadOnlyList<Listen> Listens => listens;

    public int SessionCount => Volatile.Read(ref count);

    /// <summary>Takes over what was bound for it; nobody is accepted yet.</summary>
    public void Add(Listen listen) => listens.Add(listen);

    /// <summary>Starts accepting, each acceptor where it belongs, as many sessions as the process has room for.</summary>
    public void Start(Admission room)
    {
        admission = room;
        foreach (var listen in listens)
        {
            foreach (var acceptor in listen.Acceptors)
                accepting.Add(acceptor.Context.RunAsync(() => AcceptAsync(acceptor, listen, room)));
        }
    }

    /// <summary>Stops listening; whom the kernel had already accepted is still served.</summary>
    public void Unbind()
    {
        foreach (var acceptor in listens.SelectMany(listen => listen.Acceptors))
            acceptor.Context.Run(acceptor.Unbind);
    }

    /// <summary>Completes when the last backlog is served and the last session has ended; after <see cref="Unbind"/>.</summary>
    public async Task WhenOverAsync()
    {
        await Task.WhenAll(accepting);

        // Not before: until then, the backlog may still bring somebody.
        lock (gate)
        {
            isBacklogServed = true;
            if (count == 0)
                empty.TrySetResult();
        }
        await empty.Task;
    }

    /// <summary>Ends everything that is left with resets: how many sessions that were.</summary>
    public int Abort()
    {
        var ended = SessionCount;
        cut.Cancel();
        foreach (var acceptor in listens.SelectMany(listen => listen.Acceptors))
            acceptor.Context.Run(acceptor.Dispose);
        var left = new List<Session>();
        lock (gate)
        {
            for (var session = sessions; session is not null; session = session.Next)
                left.Add(session);
        }
        foreach (var session in left)
            session.Client.Context.Run(session.Stop);
        return ended;
    }

    /// <summary>A session has ended.</summary>
    public void Leave(Session session)
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
            if (--count == 0 && isBacklogServed)
                empty.TrySetResult();
        }
        admission!.Leave();
    }

    // Awaits nothing but the kernel, and room for another session: until there is some, clients wait in the backlog.
    private async Task AcceptAsync(IAcceptor acceptor, Listen listen, Admission room)
    {
        try
        {
            while (await acceptor.WaitAsync())
            {
                await room.EnterAsync(Cut);
                if (acceptor.TryAccept() is { } client)
                    _ = Track(new Session(listen, client, Interlocked.Increment(ref lastId))).RunAsync();
                else
                    room.Leave();
            }
        }
        catch (OperationCanceledException) when (Cut.IsCancellationRequested)
        {
            // Told to stop while there was no room.
        }
        catch (ListenException e)
        {
            acceptor.Dispose();
            Log(Notice.ListenBroken(listen.ToString(), e));
        }
        catch (Exception fault)
        {
            Log(Notice.Fault(fault, $"accepting on {listen}"));
        }
    }

    // The list owns the session until it leaves, which is how a stop awaits it.
    private Session Track(Session session)
    {
        lock (gate)
        {
            session.Next = sessions;
            if (sessions is not null)
                sessions.Previous = session;
            sessions = session;
            count++;
        }
        return session;
    }
}
