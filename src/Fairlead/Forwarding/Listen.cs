using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>One address that is listened on. It outlives reloads that keep it, whatever they change about where its clients go.</summary>
internal sealed class Listen(string key, string text, INetwork network, IReadOnlyList<IAcceptor> acceptors, Admission room, Action<LogEntry> log)
{
    private INetwork network = network;
    private IReadOnlyList<IAcceptor> acceptors = acceptors;
    private volatile Binding? binding;
    private readonly List<Task> accepting = [];

    /// <summary>What makes it the same listen after a reload.</summary>
    public string Key => key;

    /// <summary>Whether it is one that carries its forward's name, and stays with it wherever else the forward would listen.</summary>
    public bool IsInheritedByName { get; init; }

    /// <summary>The address as it is shown: escaped.</summary>
    public string Text => text;

    /// <summary>The address, with the port that the system chose where 0 was asked for.</summary>
    public EndPoint EndPoint { get; } = acceptors[0].LocalEndPoint;

    /// <summary>Whose its clients are at present.</summary>
    public Binding Binding => binding!;

    /// <summary>Says whose its clients are from now on.</summary>
    public void Bind(Binding next)
    {
        var before = binding;
        binding = next;
        if (before is not null && before.Plan.Config.Timeouts.Tuning != next.Plan.Config.Timeouts.Tuning)
        {
            foreach (var acceptor in acceptors)
                acceptor.Context.Run(() => acceptor.Tune(next.Plan.Config.Timeouts.Tuning));
        }
        before?.Replace();
    }

    /// <summary>Starts accepting, each acceptor where it belongs.</summary>
    public void Start()
    {
        var (own, first) = (network, Binding);
        foreach (var acceptor in acceptors)
            accepting.Add(acceptor.Context.RunAsync(() => AcceptAsync(acceptor, own, first)));
    }

    /// <summary>Has its socket accepted from by another network too, which <see cref="MoveTo"/> then keeps; disposing these undoes it.</summary>
    /// <exception cref="ListenException">No descriptor is left for that.</exception>
    public IReadOnlyList<IAcceptor>? PrepareMove(INetwork other, ListenOptions options)
    {
        return other == network || !OperatingSystem.IsLinux() ? null : Handover.To(other, acceptors, options);
    }

    /// <summary>Moves to another network: the socket goes on listening, and nobody in its backlog is lost.</summary>
    public void MoveTo(INetwork other, IReadOnlyList<IAcceptor> prepared)
    {
        var before = acceptors;
        (acceptors, network) = (prepared, other);
        Start();
        if (OperatingSystem.IsLinux())
            Handover.Leave(before);
    }

    /// <summary>Stops listening; whom the kernel had already accepted is still served.</summary>
    public void Unbind()
    {
        foreach (var acceptor in acceptors)
            acceptor.Context.Run(acceptor.Unbind);
        // Who waits for room looks again whether somebody is left to be accepted: an empty backlog ends it at once.
        var present = Binding;
        binding = present.Again();
        present.Replace();
    }

    /// <summary>Completes when the last client of its backlog was accepted; after <see cref="Unbind"/>.</summary>
    public Task WhenOverAsync() => Task.WhenAll(accepting);

    /// <summary>Stops listening at once; who waits in the backlog is reset.</summary>
    public Task AbortAsync()
    {
        binding?.Replace();
        return DisposeAsync(acceptors);
    }

    /// <summary>Disposes acceptors, each where it belongs.</summary>
    public static Task DisposeAsync(IReadOnlyList<IAcceptor> acceptors)
    {
        return Task.WhenAll(acceptors.Select(acceptor => acceptor.Context.RunAsync(() =>
        {
            acceptor.Dispose();
            return Task.CompletedTask;
        })));
    }

    /// <summary>The address as it is shown.</summary>
    public override string ToString() => text;

    // Awaits nothing but the kernel, and room for another session: until there is some, clients wait in the backlog.
    private async Task AcceptAsync(IAcceptor acceptor, INetwork own, Binding mine)
    {
        try
        {
            while (await acceptor.WaitAsync())
            {
                // Whom this network had accepted before the listen moved to another is dealt with as before.
                var present = Binding;
                if (present.Plan.Network == own)
                    mine = present;
                else if (mine.Replaced.IsCancellationRequested)
                    present = mine = mine.Again();
                else
                    present = mine;
                var isIn = await present.EnterAsync(room);
                if (present.Replaced.IsCancellationRequested)
                {
                    if (isIn)
                        present.Forward.GiveBack(room);
                    // Nothing has taken its place: it is over.
                    if (Binding == present)
                        break;
                    continue;
                }
                if (acceptor.TryAccept() is { } client)
                    present.Forward.Serve(this, present, client, room);
                else
                    present.Forward.GiveBack(room);
            }
        }
        catch (ListenException e)
        {
            log(Notice.ListenBroken(text, e));
        }
        catch (Exception fault)
        {
            log(Notice.Fault(fault, $"accepting on {text}"));
        }
        finally
        {
            acceptor.Dispose();
        }
    }
}
