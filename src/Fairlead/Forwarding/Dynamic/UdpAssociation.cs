using System.Buffers;
using System.Net;
using System.Runtime.InteropServices;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The datagrams of a SOCKS5 client (RFC 1928 section 7): what it sends from one port goes where it says, and comes back from there alone. It lives as long as the
/// client's connection.
/// </summary>
/// <remarks>
/// The client is who comes from the address of the connection, and of that the first port that is heard: what it said of its port when it asked is wrong so often
/// that it is not looked at. Whoever it has not written to does not reach it.
/// </remarks>
internal sealed class UdpAssociation : IDatagramServer, IDisposable
{
    /// <summary>How many destinations are remembered; whom the client has not written to for longest is forgotten first.</summary>
    public const int MostDestinations = 1024;

    /// <summary>How many bytes wait for names that are looked up, and how many names are at once.</summary>
    public const int MostWaitingBytes = 256 << 10, MostNames = 16;

    private const int MostWaitingDatagrams = 16;

    private readonly StreamSession session;
    private readonly DatagramListener near;
    private readonly Destinations destinations;
    private readonly bool isLocal;
    private readonly IOutwardPort outward;
    private readonly AddressKey owner;
    private readonly Func<EndPoint, bool> mayReach;
    private readonly Dictionary<EndPoint, Goal> goals = [];
    private readonly Dictionary<(AddressKey, int), int> known = [];
    private readonly LinkedList<Goal> byAge = [];
    private readonly CancellationTokenSource ending = new();
    private readonly Policer? fromClient, fromOutside;
    private DatagramPeer? client;
    private int waitingBytes, names;
    private bool isDisposed;

    /// <param name="session">Whose it is.</param>
    /// <param name="owner">The address of the client: datagrams of others are dropped.</param>
    /// <param name="near">Where the client sends to; disposed with this.</param>
    /// <param name="outward">What carries datagrams on, and hands in the answers; disposed with this.</param>
    /// <param name="destinations">Where the client may go.</param>
    /// <param name="isLocal">Whether the client is of this machine.</param>
    /// <param name="mayReach">Whether the client may go there, as he names it, beside what <paramref name="destinations"/> says; null: that alone decides.</param>
    public UdpAssociation(StreamSession session, AddressKey owner, DatagramListener near, IOutwardPort outward, Destinations destinations, bool isLocal, Func<EndPoint, bool>? mayReach = null)
    {
        (this.session, this.owner, this.near, this.outward, this.destinations, this.isLocal) = (session, owner, near, outward, destinations, isLocal);
        this.mayReach = mayReach ?? (static _ => true);
        fromClient = session.Binding.Forward.RelayOptions.Rates?.Police(Side.Client);
        fromOutside = session.Binding.Forward.RelayOptions.Rates?.Police(Side.Upstream);
    }

    /// <summary>When something last passed, as <see cref="StreamSession.Time"/> counts.</summary>
    public long LastTouched { get; private set; }

    private Drops Drops => session.Binding.Forward.Drops;

    /// <summary>Datagrams of the client, or of whoever else found the port.</summary>
    public void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
    {
        if (isDisposed)
            return;
        var (goal, group) = ((Goal?)null, new List<DatagramPlace>());
        for (var i = 0; i < batch.Places.Length; i++)
        {
            var place = batch.Places[i];
            if (!IsClient(peers[i]))
            {
                Drops.Add(Drop.Denied, place.Count);
                continue;
            }
            for (var at = place.Offset; at < place.Offset + Math.Max(place.Length, 1); at += Math.Max(place.SegmentSize, 1))
            {
                var length = Math.Min(place.SegmentSize, place.Offset + place.Length - at);
                var header = SocksDatagramHeader.Read(batch.Buffer.Slice(at, length));
                // Fragments are not put together, which RFC 1928 leaves to each implementation.
                if (!header.IsWhole || header.Value.Fragment != 0)
                {
                    Drops.Add(Drop.Malformed, 1);
                    continue;
                }
                client ??= peers[i];
                var next = GoalOf(header.Value.Address);
                if (next != goal)
                    Pass(goal, batch.Buffer, group);
                goal = next;
                group.Add(new DatagramPlace(at + header.Length, length - header.Length));
            }
        }
        Pass(goal, batch.Buffer, group);
    }

    public void OnLost(DatagramLoss loss, int count) => Drops.Add(loss == DatagramLoss.Truncated ? Drop.Truncated : Drop.ReceiveBufferFull, count);

    /// <summary>Datagrams from outside, all of one sender.</summary>
    public void OnAnswer(EndPoint from, in DatagramBatch batch)
    {
        if (isDisposed)
            return;
        if (client is not { } peer || !(outward.TakesNames || (from is IPEndPoint ip && known.ContainsKey((AddressKey.Of(ip.Address)!.Value, ip.Port)))))
        {
            Drops.Add(Drop.Unwanted, batch.Count);
            return;
        }
        if (fromOutside is null)
        {
            Answer(peer, from, batch);
            return;
        }
        var kept = fromOutside.Filter(batch, new DatagramPlace[batch.Places.Length], out var over);
        Drops.Add(Drop.Rate, over);
        Answer(peer, from, kept);
    }

    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        ending.Cancel();
        near.Dispose();
        outward.Dispose();
    }

    private bool IsClient(in DatagramPeer peer) => peer.Remote == owner && (client is not { } first || first.Port == peer.Port);

    // Each run stays one: every datagram of it gets the same header.
    private void Answer(in DatagramPeer peer, EndPoint from, in DatagramBatch batch)
    {
        Span<byte> header = stackalloc byte[SocksDatagramHeader.MostBytes];
        header = header[..SocksDatagramHeader.Write(from, header)];
        foreach (var place in batch.Places)
        {
            var total = place.Length + (place.Count * header.Length);
            var wrapped = ArrayPool<byte>.Shared.Rent(total);
            var to = 0;
            foreach (var datagram in new DatagramBatch(batch.Buffer, [place]))
            {
                header.CopyTo(wrapped.AsSpan(to));
                datagram.CopyTo(wrapped.AsSpan(to + header.Length));
                to += header.Length + datagram.Length;
            }
            var sent = near.Send(peer, new DatagramBatch(wrapped, [new DatagramPlace(0, total, Math.Min(total, place.SegmentSize + header.Length))]));
            ArrayPool<byte>.Shared.Return(wrapped);
            Drops.Add(sent);
            if (sent.Sent > 0)
                session.Talk.CountFromUpstream(sent.Bytes - (sent.Sent * header.Length));
        }
        LastTouched = session.Time.GetTimestamp();
    }

    private void Pass(Goal? goal, ReadOnlySpan<byte> buffer, List<DatagramPlace> group)
    {
        if (goal is null || group.Count == 0)
            return;
        LastTouched = session.Time.GetTimestamp();
        var all = new DatagramBatch(buffer, CollectionsMarshal.AsSpan(group));
        if (fromClient is null)
        {
            Pass(goal, all);
        }
        else
        {
            Pass(goal, fromClient.Filter(all, new DatagramPlace[group.Count], out var over));
            Drops.Add(Drop.Rate, over);
        }
        group.Clear();
    }

    private void Pass(Goal goal, in DatagramBatch batch)
    {
        if (goal.IsWaiting)
            Keep(goal, batch);
        else if (goal.Target is { } target)
            Send(target, batch);
        else
            Drops.Add(Drop.Denied, batch.Count);
    }

    private void Send(EndPoint target, in DatagramBatch batch)
    {
        var sent = outward.Send(target, batch);
        Drops.Add(sent);
        session.Talk.CountFromClient(sent.Bytes);
    }

    private Goal GoalOf(EndPoint destination)
    {
        if (goals.TryGetValue(destination, out var goal))
        {
            byAge.Remove(goal.Node);
            byAge.AddLast(goal.Node);
            return goal;
        }
        while (goals.Count >= MostDestinations)
            Forget(byAge.First!.Value);
        goal = new Goal(destination);
        goals.Add(destination, goal);
        byAge.AddLast(goal.Node);
        if (!mayReach(destination))
            return goal;
        if (destination is DnsEndPoint && !outward.TakesNames)
            _ = names < MostNames ? ResolveAsync(goal) : Task.CompletedTask;
        else if (destinations.AllowsUnresolved(destination, isLocal))
            Settle(goal, destination);
        return goal;
    }

    private async Task ResolveAsync(Goal goal)
    {
        goal.IsWaiting = true;
        names++;
        var (addresses, port, _) = await destinations.ResolveAsync(goal.Destination, isLocal, destinations.Connect, ending.Token);
        names--;
        goal.IsWaiting = false;
        var waiting = TakeWaiting(goal);
        // It may have been forgotten meanwhile, and be another one by now.
        if (isDisposed || goals.GetValueOrDefault(goal.Destination) != goal)
            return;
        var reachable = Array.Find(addresses, outward.Reaches);
        if (reachable is not null)
            Settle(goal, new IPEndPoint(reachable, port));
        foreach (var datagram in waiting)
        {
            if (goal.Target is { } target)
                Send(target, new DatagramBatch(datagram, [new DatagramPlace(0, datagram.Length)]));
            else
                Drops.Add(addresses.Length == 0 ? Drop.Denied : Drop.NotSent, 1);
        }
    }

    private void Keep(Goal goal, in DatagramBatch batch)
    {
        foreach (var datagram in batch)
        {
            if (waitingBytes + datagram.Length > MostWaitingBytes || goal.Waiting.Count >= MostWaitingDatagrams)
            {
                Drops.Add(Drop.Waiting, 1);
                continue;
            }
            waitingBytes += datagram.Length;
            goal.Waiting.Add(datagram.ToArray());
        }
    }

    private List<byte[]> TakeWaiting(Goal goal)
    {
        var waiting = goal.Waiting;
        goal.Waiting = [];
        waitingBytes -= waiting.Sum(datagram => datagram.Length);
        return waiting;
    }

    private void Settle(Goal goal, EndPoint target)
    {
        goal.Target = target;
        if (target is not IPEndPoint ip)
            return;
        goal.Key = (AddressKey.Of(ip.Address)!.Value, ip.Port);
        known[goal.Key.Value] = known.GetValueOrDefault(goal.Key.Value) + 1;
    }

    private void Forget(Goal goal)
    {
        Drops.Add(Drop.Waiting, TakeWaiting(goal).Count);
        byAge.Remove(goal.Node);
        goals.Remove(goal.Destination);
        if (goal.Key is { } key && --known[key] == 0)
            known.Remove(key);
    }

    /// <summary>A destination that the client has named.</summary>
    private sealed class Goal
    {
        public Goal(EndPoint destination)
        {
            Destination = destination;
            Node = new LinkedListNode<Goal>(this);
        }

        public EndPoint Destination { get; }

        public LinkedListNode<Goal> Node { get; }

        /// <summary>Where its datagrams go; null where the client may not go there.</summary>
        public EndPoint? Target { get; set; }

        /// <summary>The address of which answers are let in.</summary>
        public (AddressKey, int)? Key { get; set; }

        /// <summary>Whether its name is being looked up.</summary>
        public bool IsWaiting { get; set; }

        public List<byte[]> Waiting { get; set; } = [];
    }
}
