namespace Fairlead.Bench;

/// <summary>One thing that is measured, for every peer in every round.</summary>
abstract class Work : IDisposable
{
    public abstract string Name { get; }

    /// <summary>What is done, and with what; a line above the table.</summary>
    public abstract string What { get; }

    public abstract IReadOnlyList<Metric> Metrics { get; }

    /// <summary>Why it cannot be done here, null when it can.</summary>
    public virtual string? Missing => null;

    /// <summary>A round that is not counted: caches fill, code is compiled, files grow to their size.</summary>
    public virtual bool WarmsUp => true;

    public virtual int RoundsFor(Options options) => options.Rounds;

    /// <summary>What variants of peers are made for.</summary>
    public virtual string Kind => Name;

    /// <summary>What the forwarders have to understand. Peers that need not, the variants for this kind of work and no forwarder at all, get the same
    /// load without it.</summary>
    public virtual Speech Speech => Speech.Any;

    public virtual bool Takes(Peer peer) => peer.OnlyFor == Kind || (peer.OnlyFor is null && (peer.Understands(Speech) || !peer.HasProcesses));

    /// <summary>What the forwarder of a peer understands in this work.</summary>
    protected Speech SpeechOf(Peer peer) => peer.Understands(Speech) ? Speech : Speech.Any;

    /// <summary>The peer that all are set against, in a column of its own.</summary>
    public virtual string Reference => "haproxy";

    /// <summary>Traffic without a forwarder, where it is to be a column as well: the name of that peer.</summary>
    public virtual string? Ceiling => null;

    /// <summary>Starts the targets, and the forwarders where they live through all rounds.</summary>
    public abstract void Open(IReadOnlyList<Peer> peers, Workshop workshop);

    /// <summary>One value for each metric, NaN for one that this peer has not got. Throws MeasureException.</summary>
    /// <param name="peer">One of those that <see cref="Open"/> was given.</param>
    /// <param name="round">Counts from 0; the warm-up is -1.</param>
    public abstract double[] Measure(Peer peer, int round);

    public abstract void Dispose();
}
