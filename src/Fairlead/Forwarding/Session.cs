using Fairlead.Net;

namespace Fairlead;

/// <summary>What a forward knows of a session, of a connection or of datagrams. All that happens to it happens where it belongs, <see cref="Context"/>.</summary>
internal abstract class Session(Listen listen, Binding binding, long id)
{
    private readonly long start = TimeProvider.System.GetTimestamp();
    private bool isStopped;

    // Gives the dial up that is under way. Whoever takes it out has it: to use it again, or to cancel it.
    private CancellationTokenSource? dialling;

    public long Id => id;

    public Listen Listen => listen;

    public Binding Binding => binding;

    /// <summary>The client's address and port; <c>unix</c> for one of a Unix socket.</summary>
    public abstract string Client { get; }

    /// <summary>The client's address; null for one of a Unix socket.</summary>
    public abstract AddressKey? Source { get; }

    /// <summary>Where it is lived; null where any thread will do.</summary>
    public abstract SynchronizationContext? Context { get; }

    /// <summary>Where it was sent, or could not be; null until that is decided.</summary>
    public Upstream? Upstream { get; protected set; }

    /// <summary>The same as it is shown: escaped.</summary>
    public virtual string? Target => Upstream?.Text;

    public abstract bool IsConnected { get; }

    public TimeSpan Age => TimeProvider.System.GetElapsedTime(start);

    public abstract long BytesFromClient { get; }

    public abstract long BytesFromUpstream { get; }

    /// <summary>What its log line says beyond what all say.</summary>
    public virtual IEnumerable<KeyValuePair<string, object?>> Extra => [];

    /// <summary>The source by which the forward counts it, if it does; the forward's to change.</summary>
    internal AddressKey? Counted;

    // Neighbours in the forward's list of sessions, which alone touches them.
    internal Session? Previous, Next;

    /// <summary>Ends it at once, and gives its dial up; to be called where it belongs.</summary>
    public void Stop()
    {
        isStopped = true;
        var dial = Interlocked.Exchange(ref dialling, null);
        StopCore();
        dial?.Cancel();
    }

    /// <summary>Gives the dial up that is under way; its end is waited for all the same.</summary>
    protected void GiveDialUp() => Interlocked.Exchange(ref dialling, null)?.Cancel();

    /// <summary>Ends what is there beside a dial.</summary>
    protected abstract void StopCore();

    /// <summary>Whether it is to end at once. One that began when all others had been told to stop was not told itself.</summary>
    protected bool IsToStop => isStopped || binding.Forward.IsCut;

    /// <summary>What gives a dial up that begins now, once <see cref="Stop"/> is called; <see cref="EndDialling"/> is owed.</summary>
    protected CancellationToken BeginDialling()
    {
        var source = SpareCancellations.Take();
        var token = source.Token;
        // A whole barrier: either a stop on another thread sees the source, or this one sees the stop.
        Interlocked.Exchange(ref dialling, source);
        if (IsToStop)
            Interlocked.Exchange(ref dialling, null)?.Cancel();
        return token;
    }

    /// <summary>That dial has ended.</summary>
    protected void EndDialling()
    {
        if (Interlocked.Exchange(ref dialling, null) is { } unused)
            SpareCancellations.GiveBack(unused);
    }

    /// <summary>What it does at this moment.</summary>
    public virtual ConnectionStatus Status(DateTimeOffset now) => new()
    {
        Id = id,
        Forward = Printable.Escape(binding.Forward.Title),
        Client = Client,
        Listen = listen.Text,
        Upstream = Target,
        Since = now - Age,
        IsConnected = IsConnected,
        BytesFromClient = BytesFromClient,
        BytesFromUpstream = BytesFromUpstream,
    };
}
