using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>A listen that a forward is to have.</summary>
/// <param name="Planned">What was planned.</param>
/// <param name="Listen">What is bound for it.</param>
/// <param name="Network">The network that it is to belong to.</param>
/// <param name="Moved">Acceptors of that network, where the listen belongs to another as yet.</param>
/// <param name="IsFresh">Whether it was bound for this change, and accepts nobody yet.</param>
internal sealed record Claim(PlannedListen Planned, Listen Listen, INetwork Network, IReadOnlyList<IAcceptor>? Moved, bool IsFresh);

/// <summary>
/// The listens of all forwards. A change is prepared first, which binds what is new and touches nothing that runs; then it is kept or undone.
/// </summary>
internal sealed class ListenSet(Networks networks, InheritedSockets inherited, Admission room, TunnelSet tunnels, int datagramBuffer, Action<LogEntry> log)
{
    /// <summary>What a forward is to listen on.</summary>
    /// <param name="Identity">What makes the forward the same after a reload.</param>
    /// <param name="Forward">What it is to be.</param>
    /// <param name="Plan">The sockets that it would bind.</param>
    /// <param name="Present">Where it listens now, if it runs.</param>
    internal sealed record Wish(string Identity, ForwardConfig Forward, List<PlannedListen> Plan, IReadOnlyList<Listen> Present);

    private readonly Dictionary<string, Listen> listens = [];
    private readonly List<Listen> closing = [];
    private readonly OwnListens own = new();
    private readonly DatagramPlaces datagramPlaces = new(room, DatagramPlaces.Ports);
    // How often a port that the system chose may turn out to be taken elsewhere.
    private const int MostOtherChoices = 16;

    private bool isCapTold;
    private readonly PauseLog pauses = new(log, TimeProvider.System);

    // What was found out when a change was prepared, and is true only if it is kept.
    private readonly List<LogEntry> untold = [];

    public int Count => listens.Count;

    /// <summary>Binds what forwards need beside what is bound already.</summary>
    /// <param name="forwards">Forwards that are new or changed.</param>
    /// <param name="isStaying">Whether a running forward is to stay as it is: its listens are not to be had.</param>
    /// <param name="shared">Whether event loops share a listening socket.</param>
    /// <returns>Their listens by the forward's identity, in the order in which they are written.</returns>
    /// <exception cref="ForwardException">One cannot be had; what was bound is undone.</exception>
    public Dictionary<string, List<Claim>> Prepare(IEnumerable<Wish> forwards, Func<Forward, bool> isStaying, bool shared)
    {
        // Once a change, not once a listen.
        closing.RemoveAll(gone => gone.WhenOverAsync().IsCompleted);
        untold.Clear();
        var claims = new Dictionary<string, List<Claim>>();
        try
        {
            foreach (var wish in forwards)
                Prepare(wish, isStaying, shared, claims[wish.Identity] = []);
            return claims;
        }
        catch
        {
            Undo(claims.Values.SelectMany(of => of));
            throw;
        }
    }

    /// <summary>Whether an address of this machine is listened on. From any thread.</summary>
    public bool IsOwn(IPEndPoint address) => own.Holds(address);

    /// <summary>Gives up what was prepared. When this returns, none of it is bound any more.</summary>
    public void Undo(IEnumerable<Claim> claims)
    {
        var undone = claims.ToList();
        foreach (var claim in undone.Where(claim => closing.Contains(claim.Listen)))
            claim.Listen.Unbind();
        Task.WaitAll([.. undone.Select(claim => claim.IsFresh ? claim.Listen.AbortAsync() : Listen.DisposeAsync(claim.Moved ?? []))]);
    }

    /// <summary>Tells what was left out of the change that was prepared, once it is to be kept.</summary>
    public void TellWhatIsLeftOut()
    {
        untold.ForEach(log);
        untold.Clear();
    }

    /// <summary>Makes a claim true: from now on its clients are those of the binding.</summary>
    public void Keep(Claim claim, Binding binding)
    {
        claim.Listen.Bind(binding);
        if (claim.Moved is not null)
            claim.Listen.MoveTo(claim.Network, claim.Moved);
        if (claim.IsFresh || closing.Remove(claim.Listen))
        {
            listens.Add(claim.Listen.Key, claim.Listen);
            own.Add(claim.Listen);
        }
        if (claim.IsFresh)
            claim.Listen.Start();
    }

    /// <summary>Stops listening; whom the kernel had already accepted is still served.</summary>
    public void Unbind(Listen listen)
    {
        listens.Remove(listen.Key);
        own.Remove(listen);
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

    private void Prepare(Wish wish, Func<Forward, bool> isStaying, bool shared, List<Claim> claims)
    {
        var (identity, forward, plan, _) = wish;
        var network = networks.Of(forward);
        foreach (var listen in wish.Present)
        {
            if (listen.IsInheritedByName && PlannedAt(plan, listen.EndPoint, listen is DatagramListen ? PortProtocols.Udp : PortProtocols.Tcp) is { } planned)
                claims.Add(Take(listen, planned, forward, network, isStaying));
        }
        foreach (var (socket, address, protocol) in inherited.TakeNamed(forward.Name))
        {
            if (!forward.Protocols.HasFlag(protocol))
                throw new ForwardException($"inherited socket '{Printable.Escape(socket.Name)}' is on {PlannedListen.TextOf(address, protocol)}, and forward {Printable.Escape(forward.Title)} listens for {ProtocolRules.Name(forward.Protocols)} only; call the socket otherwise (FileDescriptorName=), or add the protocol to listen");
            claims.Add(Adopt($"{PlannedListen.TextOf(address, protocol)} inherited as {socket.Descriptor}", socket, forward, network, PlannedAt(plan, address, protocol)!, isByName: true));
        }
        // They stand for all that the forward would listen on by their protocol.
        var given = claims.Aggregate(PortProtocols.None, (all, claim) => all | claim.Planned.Protocol);
        plan.RemoveAll(planned => given.HasFlag(planned.Protocol));
        var (chosenPort, chosenFor) = (0, (Endpoint?)null);
        var otherChoices = MostOtherChoices;
        for (var i = 0; i < plan.Count; i++)
        {
            var planned = plan[i];
            // A port that the system chose is the same listen only for the same forward.
            var key = planned.Address is IPEndPoint { Port: 0 } or FarEndPoint { Written: PortEndpoint { Ports.First: 0 } } ? $"{planned.Text} {i} of {identity}" : PlannedListen.TextOf(planned.Address, planned.Protocol);
            if ((listens.GetValueOrDefault(key) ?? closing.Find(gone => gone is DatagramListen && planned.Protocol == PortProtocols.Udp && (gone.Key == key || gone.EndPoint.Equals(planned.Address)))) is { } listen
                && Take(listen, planned, forward, network, isStaying) is var claim && listen.TryKeep())
            {
                listen.Key = key;
                claims.Add(claim);
                (chosenPort, chosenFor) = ((listen.EndPoint as IPEndPoint)?.Port ?? 0, planned.Written);
                continue;
            }
            if (inherited.TakeAt(planned.Address, planned.Protocol) is { } socket)
            {
                claims.Add(Adopt(key, socket, forward, network, planned, isByName: false));
                continue;
            }
            // Port 0 on several addresses (localhost) is one port, the one that the system chose for the first.
            var isChosen = chosenPort > 0 && ReferenceEquals(chosenFor, planned.Written);
            var address = isChosen && planned.Address is IPEndPoint { Port: 0 } ip ? new IPEndPoint(ip.Address, chosenPort) : planned.Address;
            try
            {
                var bound = Bind(key, planned, address, forward, network, shared);
                (chosenPort, chosenFor) = ((bound.EndPoint as IPEndPoint)?.Port ?? 0, planned.Written);
                claims.Add(new Claim(planned, bound, network, null, true));
            }
            catch (ListenException refusal) when (IsLackOfFamily(planned, plan, refusal))
            {
                untold.Add(Notice.FamilyMissing(planned.Text, "IPv6"));
            }
            // What the system chose for one address or protocol, somebody else has for another: chosen anew.
            catch (ListenException refusal) when (refusal.Error == SocketError.AddressAlreadyInUse && isChosen && otherChoices-- > 0)
            {
                var again = claims.FindIndex(claim => claim.IsFresh && ReferenceEquals(claim.Planned.Written, planned.Written));
                Undo(claims[again..]);
                claims.RemoveRange(again, claims.Count - again);
                chosenPort = 0;
                i = plan.FindIndex(one => ReferenceEquals(one.Written, planned.Written)) - 1;
            }
            catch (ListenException refusal) when (refusal.Error == SocketError.AddressAlreadyInUse && planned.Protocol == PortProtocols.Tcp && closing.Exists(gone => gone is StreamListen && gone.EndPoint.Equals(address) && !gone.WhenOverAsync().IsCompleted))
            {
                throw new ForwardException(
                    $"cannot listen on {Printable.Escape(planned.Text)} yet: the port is still being given up, since whom the system had accepted there before waits for a place (limits.connections); "
                    + "try again when connections have ended, or close some", refusal);
            }
            catch (ListenException refusal) when (refusal.Error == SocketError.AddressAlreadyInUse && planned.Protocol == PortProtocols.Udp && closing.Find(gone => gone is DatagramListen && IsPort(gone, address)) is { } answering)
            {
                throw new ForwardException(
                    $"cannot listen on {Printable.Escape(planned.Text)} yet: sessions still answer from {answering.Text}, which was given up; try again when they have ended, or close them", refusal);
            }
            catch (ListenException refusal) when (refusal.Error == SocketError.AddressAlreadyInUse && OwnAt(planned.Address, planned.Protocol) is { } own)
            {
                throw new ForwardException(
                    $"cannot listen on {Printable.Escape(planned.Text)} while {own.Text} is listened on, which this change gives up: what is new is bound before anything is closed; make the change in two steps, or start again", refusal);
            }
            catch (ListenException refusal)
            {
                throw new ForwardException(ListenRefusal.Explain(planned.Text, refusal, planned.Protocol), refusal);
            }
        }
    }

    private Listen Bind(string key, PlannedListen planned, EndPoint address, ForwardConfig forward, INetwork network, bool shared)
    {
        if (planned.Protocol == PortProtocols.Udp && forward.At is { } there)
            return new DatagramListen(key, Printable.Escape(planned.Text), planned.Address, network, [new RemoteDatagrams(tunnels.Of(there), (PortEndpoint)planned.Written)], datagramPlaces, log);
        if (planned.Protocol == PortProtocols.Udp)
        {
            var options = new DatagramListenOptions { Shared = shared, ReceiveBuffer = datagramBuffer };
            var listeners = network.ListenDatagrams((IPEndPoint)address, options);
            if (listeners[0].ReceiveBuffer < options.ReceiveBuffer && !isCapTold)
            {
                isCapTold = true;
                log(Notice.ReceiveBufferCapped(options.ReceiveBuffer, listeners[0].ReceiveBuffer));
            }
            return new DatagramListen(key, PlannedListen.TextOf(listeners[0].LocalEndPoint, planned.Protocol), network, listeners, datagramPlaces, log);
        }
        if (forward.At is { } at)
            return new StreamListen(key, Printable.Escape(planned.Text), null, [new RemoteListen(tunnels.Of(at), planned.Written)], room, log);
        var acceptors = network.Listen(address, Options(forward, planned, shared));
        var text = planned.Address is IPEndPoint ? acceptors[0].LocalEndPoint.ToString()! : planned.Text;
        return new StreamListen(key, Printable.Escape(text), network, acceptors, room, log);
    }

    private Claim Take(Listen listen, PlannedListen planned, ForwardConfig forward, INetwork network, Func<Forward, bool> isStaying)
    {
        // A name that this machine resolves to the address of another listen.
        if (isStaying(listen.Binding.Forward))
            throw new ForwardException($"cannot listen on {Printable.Escape(planned.Text)}: forward {Printable.Escape(listen.Binding.Forward.Title)} listens there; give one of them another port or address");
        try
        {
            return new Claim(planned, listen, network, listen.PrepareMove(network, Options(forward, planned, shared: true)), false);
        }
        catch (ListenException e)
        {
            throw new ForwardException(
                $"forward {Printable.Escape(forward.Title)}: {listen.Text} cannot go over to the {networks.NameOf(network)} engine: {Printable.Escape(e.Message.TrimEnd('.'))}; leave engine as it was, or start again", e);
        }
    }

    private static bool IsPort(Listen listen, EndPoint address) => listen.EndPoint is IPEndPoint one && address is IPEndPoint other && one.Port == other.Port;

    private Listen? OwnAt(EndPoint address, PortProtocols protocol)
    {
        return address is not IPEndPoint wanted ? null
            : listens.Values.FirstOrDefault(listen => listen is DatagramListen == (protocol == PortProtocols.Udp) && listen.EndPoint is IPEndPoint own && own.Port == wanted.Port && !own.Equals(wanted));
    }

    private static PlannedListen? PlannedAt(List<PlannedListen> plan, EndPoint address, PortProtocols protocol)
    {
        return plan.Find(planned => planned.Protocol == protocol && planned.Address.Equals(address)) ?? plan.Find(planned => planned.Protocol == protocol);
    }

    private Claim Adopt(string key, InheritedSocket socket, ForwardConfig forward, INetwork network, PlannedListen planned, bool isByName)
    {
        if (planned.Protocol == PortProtocols.Udp)
        {
            var listener = InheritedSockets.AdoptDatagrams(socket, network);
            return new Claim(planned, new DatagramListen(key, PlannedListen.TextOf(listener.LocalEndPoint, planned.Protocol), network, [listener], datagramPlaces, log) { IsInheritedByName = isByName }, network, null, true);
        }
        var acceptors = InheritedSockets.Adopt(socket, network, Options(forward, planned, shared: true));
        var address = acceptors[0].LocalEndPoint;
        var text = Printable.Escape(address is IPEndPoint ? address.ToString()! : $"unix:{address}");
        return new Claim(planned, new StreamListen(key, text, network, acceptors, room, log) { IsInheritedByName = isByName }, network, null, true);
    }

    private ListenOptions Options(ForwardConfig forward, PlannedListen planned, bool shared) => new()
    {
        Shared = shared,
        Tuning = forward.Timeouts.Tuning,
        OnPause = error => pauses.Tell(planned.Text, error),
    };

    // ::1 of `localhost`, where IPv6 is there but switched off for the loopback.
    private static bool IsLackOfFamily(PlannedListen planned, List<PlannedListen> plan, ListenException refusal)
    {
        return planned.IsOptional && plan.Count > 1 && planned.Address.AddressFamily == AddressFamily.InterNetworkV6
            && refusal.Error is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported;
    }
}
