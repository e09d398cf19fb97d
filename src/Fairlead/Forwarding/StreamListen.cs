using Fairlead.Net;

namespace Fairlead;

/// <summary>An address where connections are accepted.</summary>
/// <param name="key">What makes it the same.</param>
/// <param name="text">As it is shown.</param>
/// <param name="network">Whose socket it is; null: nobody's here, since a far end listens.</param>
/// <param name="acceptors">They accept.</param>
/// <param name="room">The places of the process.</param>
/// <param name="log">Told of faults.</param>
internal sealed class StreamListen(string key, string text, INetwork? network, IReadOnlyList<IAcceptor> acceptors, Admission room, Action<LogEntry> log)
    : Listen(key, text, acceptors[0].LocalEndPoint)
{
    private readonly List<Task> accepting = [];
    private INetwork? network = network;
    private IReadOnlyList<IAcceptor> acceptors = acceptors;

    public override void Start()
    {
        var (own, first) = (network, Binding);
        foreach (var acceptor in acceptors)
            accepting.Add(acceptor.Context.RunAsync(() => AcceptAsync(acceptor, own, first)));
    }

    public override IReadOnlyList<IAcceptor>? PrepareMove(INetwork other, ListenOptions options)
    {
        return network is null || other == network || !OperatingSystem.IsLinux() ? null : Handover.To(other, acceptors, options);
    }

    public override void MoveTo(INetwork other, IReadOnlyList<IAcceptor> prepared)
    {
        var before = acceptors;
        (acceptors, network) = (prepared, other);
        Start();
        if (OperatingSystem.IsLinux())
            Handover.Leave(before);
    }

    public override void Unbind()
    {
        foreach (var acceptor in acceptors)
            acceptor.Context.Run(acceptor.Unbind);
        // Who waits for room looks again whether somebody is left to be accepted: an empty backlog ends it at once.
        Bind(Binding.Again());
    }

    public override Task WhenOverAsync() => Task.WhenAll(accepting);

    public override Task AbortAsync()
    {
        Binding?.Replace();
        return DisposeAsync(acceptors);
    }

    protected override void OnBound(Binding? before, Binding next)
    {
        var tuning = next.Plan.Config.Timeouts.Tuning;
        if (before is null || before.Plan.Config.Timeouts.Tuning == tuning)
            return;
        foreach (var acceptor in acceptors)
            acceptor.Context.Run(() => acceptor.Tune(tuning));
    }

    // Awaits nothing but the kernel, and room for another session: until there is some, clients wait in the backlog.
    private async Task AcceptAsync(IAcceptor acceptor, INetwork? own, Binding mine)
    {
        try
        {
            while (await acceptor.WaitAsync())
            {
                // Whom this network had accepted before the listen moved to another is dealt with as before.
                var present = Binding;
                if (own is null || present.Plan.Network == own)
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
                if ((present.Plan.Home is { } home ? acceptor.TryAccept(home) : acceptor.TryAccept()) is { } client)
                    present.Forward.Serve(this, present, client, room);
                else
                    present.Forward.GiveBack(room);
            }
        }
        catch (ListenException e)
        {
            log(Notice.ListenBroken(Text, e));
        }
        catch (Exception fault)
        {
            log(Notice.Fault(fault, $"accepting on {Text}"));
        }
        finally
        {
            acceptor.Dispose();
        }
    }
}
