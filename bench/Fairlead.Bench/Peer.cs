namespace Fairlead.Bench;

/// <summary>A forwarder that can be measured: where it is found, and how it is started at its best.</summary>
abstract class Peer
{
    public abstract string Name { get; }

    /// <summary>The peer that this one is a variant of; its own name where it is none.</summary>
    public virtual string Family => Name;

    /// <summary>The kind of work that a variant is for, null for a peer that takes part in all.</summary>
    public virtual string? OnlyFor => null;

    /// <summary>False for the connection without a forwarder: no processor time, no memory, no start.</summary>
    public virtual bool HasProcesses => true;

    /// <summary>A process for each connection: thousands of idle ones are not what it is for.</summary>
    public virtual bool ForksForEach => false;

    /// <summary>It carries datagrams, and is measured with them.</summary>
    public virtual bool TakesUdp => false;

    /// <summary>Whether it serves routes like that.</summary>
    public virtual bool Understands(Speech speech) => speech == Speech.Any;

    /// <summary>Why it cannot be measured here, null when it can.</summary>
    public abstract string? Missing { get; }

    /// <summary>One line.</summary>
    public abstract string Version(Workshop workshop);

    /// <summary>The command lines that serve these routes; most need one process for all.</summary>
    protected abstract IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop);

    /// <summary>Starts it and comes back at once: whether it listens already is for the caller to find out.</summary>
    public virtual Forwarder Launch(IReadOnlyList<Route> routes, Workshop workshop) =>
        new([.. Commands(routes, workshop).ToList().Select(workshop.Start)], [.. routes.Select(route => route.Listen)]);

    /// <summary>Starts it and comes back when it listens everywhere.</summary>
    public virtual Forwarder Start(IReadOnlyList<Route> routes, Workshop workshop)
    {
        var forwarder = Launch(routes, workshop);
        try
        {
            forwarder.WaitForListeners(routes);
            return forwarder;
        }
        catch
        {
            forwarder.Dispose();
            throw;
        }
    }

    /// <summary>The first line that a program prints about itself.</summary>
    protected static string Ask(Workshop workshop, string program, params string[] arguments) =>
        workshop.Run(new(program, arguments), TimeSpan.FromSeconds(10)).Trim();
}
