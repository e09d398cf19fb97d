using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>A listen that a forward is to have.</summary>
/// <param name="Planned">What was planned.</param>
/// <param name="Listen">What is bound for it.</param>
/// <param name="Network">The network that it is to belong to.</param>
/// <param name="IsFresh">Whether it was bound for this change, and accepts nobody yet.</param>
internal sealed record Claim(PlannedListen Planned, Listen Listen, INetwork Network, bool IsFresh);

/// <summary>
/// The listens of all forwards. A change is prepared first, which binds what is new and touches nothing that runs; then it is kept or undone.
/// </summary>
internal sealed class ListenSet(Networks networks, InheritedSockets inherited, Admission room, Action<LogEntry> log)
{
    /// <summary>What a forward is to listen on.</summary>
    internal sealed record Wish(string Identity, ForwardConfig Forward, List<PlannedListen> Plan);

    private readonly Dictionary<string, Listen> listens = [];
    private readonly List<Listen> closing = [];

    public int Count => listens.Count;

    /// <summary>Binds what forwards need beside what is bound already.</summary>
    /// <param name="forwards">Forwards that are new or changed.</param>
    /// <param name="shared">Whether event loops share a listening socket.</param>
    /// <returns>Their listens by the forward's identity, in the order in which they are written.</returns>
    /// <exception cref="ForwardException">One cannot be had; what was bound is undone.</exception>
    public Dictionary<string, List<Claim>> Prepare(IEnumerable<Wish> forwards, bool shared)
    {
        var claims = new Dictionary<string, List<Claim>>();
        try
        {
            foreach (var wish in forwards)
                Prepare(wish, shared, claims[wish.Identity] = []);
            return claims;
        }
        catch
        {
            Undo(claims.Values.SelectMany(of => of));
            throw;
        }
    }

    /// <summary>Gives up what was prepared. When this returns, none of it is bound any more.</summary>
    public static void Undo(IEnumerable<Claim> claims) => Task.WaitAll([.. claims.Where(claim => claim.IsFresh).Select(claim => claim.Listen.AbortAsync())]);

    /// <summary>Makes a claim true: from now on its clients are those of the binding.</summary>
    public void Keep(Claim claim, Binding binding)
    {
        claim.Listen.Bind(binding, claim.Planned.Written);
        if (!claim.IsFresh)
        {
            Move(claim, binding.Plan.Config);
            return;
        }
        listens.Add(claim.Listen.Key, claim.Listen);
        claim.Listen.Start();
    }

    /// <summary>Stops listening; whom the kernel had already accepted is still served.</summary>
    public void Unbind(Listen listen)
    {
        listens.Remove(listen.Key);
        closing.RemoveAll(gone => gone.WhenOverAsync().IsCompleted);
        closing.Add(listen);
        listen.Unbind();
    }

    /// <summary>Stops all listening; completes when the last backlog is served.</summary>
    public Task UnbindAllAsync()
    {
        foreach (var listen in listens.Values.ToList())
            Unbind(listen);
        return Task.WhenAll(closing.Select(listen => listen.WhenOverAsync()));
    }

    /// <summary>Stops all listening at once.</summary>
    public void Abort()
    {
        foreach (var listen in listens.Values.Concat(closing))
            _ = listen.AbortAsync();
        listens.Clear();
    }

    private void Prepare(Wish wish, bool shared, List<Claim> claims)
    {
        var (identity, forward, plan) = wish;
        var network = networks.Of(forward);
        if (inherited.TakeNamed(forward.Name) is { Count: > 0 } named)
        {
            claims.AddRange(named.Select(one => Adopt(one.Socket, forward, network, plan.Find(planned => planned.Address.Equals(one.Address)) ?? plan[0])));
            return;
        }
        var (chosenPort, chosenFor) = (0, (Endpoint?)null);
        for (var i = 0; i < plan.Count; i++)
        {
            var planned = plan[i];
            // A port that the system chose is the same listen only for the same forward.
            var key = planned.Address is IPEndPoint { Port: 0 } ? $"{planned.Text} {i} of {identity}" : planned.Address.ToString()!;
            if (listens.TryGetValue(key, out var listen))
            {
                claims.Add(new Claim(planned, listen, network, false));
                (chosenPort, chosenFor) = ((listen.EndPoint as IPEndPoint)?.Port ?? 0, planned.Written);
                continue;
            }
            if (inherited.TakeAt(planned.Address) is { } given)
            {
                claims.Add(Adopt(given, forward, network, planned));
                continue;
            }
            // Port 0 on several addresses (localhost) is one port, the one that the system chose for the first.
            var isChosen = chosenPort > 0 && ReferenceEquals(chosenFor, planned.Written);
            var address = isChosen && planned.Address is IPEndPoint { Port: 0 } ip ? new IPEndPoint(ip.Address, chosenPort) : planned.Address;
            try
            {
                var acceptors = network.Listen(address, Options(forward, planned, shared));
                var endPoint = acceptors[0].LocalEndPoint;
                (chosenPort, chosenFor) = ((endPoint as IPEndPoint)?.Port ?? 0, planned.Written);
                var text = planned.Address is IPEndPoint ? endPoint.ToString()! : planned.Text;
                claims.Add(new Claim(planned, new Listen(key, Printable.Escape(text), network, acceptors, room, log), network, true));
            }
            catch (ListenException refusal) when (IsLackOfFamily(planned, plan, refusal))
            {
                log(Notice.FamilyMissing(planned.Text, "IPv6"));
            }
            catch (ListenException refusal)
            {
                throw new ForwardException(ListenRefusal.Explain(planned.Text, refusal), refusal);
            }
        }
    }

    private void Move(Claim claim, ForwardConfig config)
    {
        try
        {
            claim.Listen.MoveTo(claim.Network, Options(config, claim.Planned, shared: true));
        }
        catch (ListenException e)
        {
            log(Notice.NotMoved(claim.Listen.Text, networks.NameOf(claim.Network), e));
        }
    }

    // What was inherited is the same listen under its address as long as it is listened on.
    private Claim Adopt(InheritedSocket socket, ForwardConfig forward, INetwork network, PlannedListen planned)
    {
        var acceptors = InheritedSockets.Adopt(socket, network, Options(forward, planned, shared: true));
        var address = acceptors[0].LocalEndPoint;
        var text = Printable.Escape(address is IPEndPoint ? address.ToString()! : $"unix:{address}");
        return new Claim(planned, new Listen(planned.Address.ToString()!, text, network, acceptors, room, log), network, true);
    }

    private ListenOptions Options(ForwardConfig forward, PlannedListen planned, bool shared) => new()
    {
        Shared = shared,
        Tuning = forward.Timeouts.Tuning,
        OnPause = error => log(Notice.AcceptPaused(planned.Text, new SocketException((int)error).Message)),
    };

    // ::1 of `localhost`, where IPv6 is there but switched off for the loopback.
    private static bool IsLackOfFamily(PlannedListen planned, List<PlannedListen> plan, ListenException refusal)
    {
        return planned.IsOptional && plan.Count > 1 && planned.Address.AddressFamily == AddressFamily.InterNetworkV6
            && refusal.Error is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported;
    }
}
