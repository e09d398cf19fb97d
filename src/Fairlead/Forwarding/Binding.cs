using Fairlead.Net;

namespace Fairlead;

/// <summary>Whose the clients of a listen are, at present: a reload replaces it as a whole, so that nobody ever sees half of a change.</summary>
/// <param name="Forward">The forward.</param>
/// <param name="Plan">How it deals with clients.</param>
/// <param name="Offset">Which port of a range the listen is, from 0.</param>
internal sealed record Binding(Forward Forward, ForwardPlan Plan, int Offset)
{
    private readonly CancellationTokenSource replaced = new();

    /// <summary>Gives up what an acceptor waits for here, once another binding has taken its place.</summary>
    public CancellationToken Replaced => replaced.Token;

    /// <summary>Another binding has taken its place, or nobody is accepted any more.</summary>
    public void Replace() => replaced.Cancel();

    /// <summary>The same, for those who are to wait although this one was replaced.</summary>
    public Binding Again() => new(Forward, Plan, Offset);

    /// <summary>The upstreams of a client that asks for a name, or for none; null where nothing takes it.</summary>
    public Pool? Route(AddressKey? client, string? name) => Plan.Route(client, name)?.At(Offset);

    /// <summary>The upstreams of a client's datagrams; null where nothing takes them.</summary>
    public Pool? RouteDatagrams(AddressKey client) => Plan.RouteDatagrams(client)?.At(Offset);

    /// <summary>
    /// Waits until a client may be accepted: as many a second as there may be, and as many at once, of the forward and of the process. Taken are then a place of
    /// the forward and one of the process.
    /// </summary>
    /// <returns>False when it was replaced meanwhile; nothing is taken then.</returns>
    public async ValueTask<bool> EnterAsync(Admission process)
    {
        var (isPaced, hasPlace) = (false, false);
        try
        {
            while (Forward.Pace() is var wait && wait > TimeSpan.Zero)
                await Task.Delay(wait, Plan.Network.Time, Replaced);
            isPaced = true;
            await Forward.Places.EnterAsync(Replaced);
            hasPlace = true;
            await process.EnterAsync(Replaced);
            return true;
        }
        catch (OperationCanceledException)
        {
            if (isPaced)
                Forward.GiveBackPace();
            if (hasPlace)
                Forward.Places.Leave();
            return false;
        }
    }
}
