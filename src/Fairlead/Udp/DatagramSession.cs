using System.Buffers;
using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The life of one session of datagrams: what a client sends from one port to one address of a listen, and the answers. It has no end of its own, so it
/// ends after silence in both directions, a short one where nobody ever answered.
/// </summary>
internal sealed class DatagramSession : Session, IDatagramSink
{
    // A stop waits for answers that are under way, not for a silence that ends after minutes.
    private static readonly TimeSpan quietAtStop = TimeSpan.FromSeconds(1);

    // Where nobody listens anywhere each datagram is refused: another place is looked for no more often than this.
    private static readonly TimeSpan leastGapOfMoves = TimeSpan.FromSeconds(1);

    private readonly DatagramServer server;
    private readonly DatagramPeer peer;
    private readonly TimeProvider time;
    private readonly Policer? fromClient, fromUpstream;
    private Direction up, down;
    private ITimer? timer;
    private DatagramFlow? flow;
    private DatagramQueue? waiting;
    private TaskCompletionSource? ending;
    private SessionOutcome? end;
    private Upstream? preferred, avoided;
    private IPAddress? refused;
    private byte[]? header;
    private long lastTouched, lastMoved, dropped;
    private int addressVersion;

    // Whether its upstream is yet to be told that it answers: once a flow, and after each refusal.
    private bool isAnswered, mustTell;

    // The upstream that is down and that it tries out, until something shows whether it is well.
    private Upstream? trial;

    public DatagramSession(DatagramServer server, Listen listen, Binding binding, in DatagramPeer peer, long id)
        : base(listen, binding, id)
    {
        (this.server, this.peer) = (server, peer);
        time = binding.Plan.Network.Time;
        lastTouched = time.GetTimestamp();
        fromClient = binding.Forward.RelayOptions.Rates?.Police(Side.Client);
        fromUpstream = binding.Forward.RelayOptions.Rates?.Police(Side.Upstream);
    }

    public override string Client => peer.RemoteEndPoint.ToString();

    public override AddressKey? Source => peer.Remote;

    public override SynchronizationContext Context => server.Context;

    public override bool IsConnected => flow is not null;

    public override long BytesFromClient => Volatile.Read(ref up.Bytes);

    public override long BytesFromUpstream => Volatile.Read(ref down.Bytes);

    public override IEnumerable<KeyValuePair<string, object?>> Extra =>
    [
        KeyValuePair.Create("datagrams_from_client", (object?)up.Datagrams),
        KeyValuePair.Create("datagrams_from_upstream", (object?)down.Datagrams),
        KeyValuePair.Create("dropped", (object?)dropped),
    ];

    /// <summary>Whether it has its places; changed by <see cref="DatagramPlaces"/> alone, and so are its neighbours there.</summary>
    internal bool HasPlaces;
    private SessionQueue.Links ofForward, ofProcess;

    internal ref SessionQueue.Links LinksOf(SessionQueue.Which queue) => ref queue == SessionQueue.Which.OfForward ? ref ofForward : ref ofProcess;

    /// <summary>The last of its datagrams in a batch that is being sorted, and the first; below zero: none. The server's alone.</summary>
    internal int Last = -1, First = -1;

    /// <summary>Lives the session: open, pass datagrams both ways until something ends it or makes it go elsewhere, close. Never throws.</summary>
    public async Task RunAsync()
    {
        var outcome = SessionOutcome.Fault;
        timer = time.CreateTimer(static session => ((DatagramSession)session!).OnTimer(), this, Patience, Timeout.InfiniteTimeSpan);
        try
        {
            var pool = Binding.RouteDatagrams(peer.Remote)!;
            preferred = Binding.Forward.Affinities?.Find(peer.Remote, Binding.Offset);
            while (end is null)
            {
                ending = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                var (dial, target, isTrial) = await pool.OpenAsync(peer.Remote, preferred, avoided, this, refused, time, Binding.Plan.Config.Timeouts.Connect, BeginDialling());
                EndDialling();
                (Upstream, trial) = (target, isTrial ? target : null);
                if (dial.Flow is null)
                {
                    OnNoFlow(dial);
                    break;
                }
                // Left where it was entered: a reload may turn it on or off meanwhile.
                var affinities = Binding.Forward.Affinities;
                affinities?.Enter(peer.Remote, Binding.Offset, target);
                try
                {
                    if (end is null)
                        Begin(dial.Flow);
                    if (end is null)
                        await ending.Task;
                }
                finally
                {
                    flow = null;
                    dial.Flow.Dispose();
                    EndTrial();
                    affinities?.Leave(peer.Remote, Binding.Offset);
                    target.Leave();
                }
                // A port that it is bound to is free once the turn is over.
                if (end is null)
                    await Task.Yield();
            }
            outcome = end!;
        }
        catch (Exception fault)
        {
            OnFault(fault);
        }
        finally
        {
            Leave(outcome);
        }
    }

    /// <summary>Datagrams of the client have arrived.</summary>
    public void OnClient(in DatagramBatch batch)
    {
        lastTouched = time.GetTimestamp();
        if (end is not null)
        {
            Count(Drop.NoUpstream, batch.Count);
            return;
        }
        if (fromClient is null)
            Pass(batch);
        else
            Pass(fromClient.Filter(batch, stackalloc DatagramPlace[batch.Places.Length], out var over), over);
    }

    public void OnDatagrams(in DatagramBatch batch)
    {
        try
        {
            OnUpstream(batch);
        }
        catch (Exception fault)
        {
            OnFault(fault);
        }
    }

    private void OnUpstream(in DatagramBatch batch)
    {
        lastTouched = time.GetTimestamp();
        if (end is not null)
        {
            Count(Drop.Unwanted, batch.Count);
            return;
        }
        if (mustTell)
            OnAnswer();
        if (fromUpstream is null)
            Answer(batch);
        else
            Answer(fromUpstream.Filter(batch, stackalloc DatagramPlace[batch.Places.Length], out var over), over);
    }

    public void OnLost(DatagramLoss loss, int count) => Count(loss == DatagramLoss.Truncated ? Drop.Truncated : Drop.ReceiveBufferFull, count);

    public void OnError(DatagramError error)
    {
        if (end is not null || flow is null)
            return;
        if (error == DatagramError.Closed)
        {
            End(SessionOutcome.FlowClosed);
            return;
        }
        if (error == DatagramError.Failed)
            return;
        mustTell = true;
        Upstream!.Refused(error == DatagramError.Refused ? "port unreachable" : "unreachable", time);
        EndTrial();
        if (lastMoved != 0 && time.GetElapsedTime(lastMoved) < leastGapOfMoves)
            return;
        // Where there is nowhere else to go it stays: what was sent since may be answered yet, and the port may open.
        if (Binding.RouteDatagrams(peer.Remote) is { } pool && pool.HasOtherThan(Upstream))
            Move(null, Upstream, null);
        else if (Upstream.HasOtherThan(flow.RemoteEndPoint))
            Move(Upstream, null, (flow.RemoteEndPoint as IPEndPoint)?.Address);
    }

    /// <summary>Makes room for another; from any thread.</summary>
    public void Evict() => Context.Post(static session => ((DatagramSession)session!).End(SessionOutcome.Evicted), this);

    /// <summary>Its forward is quiet from now on: see <see cref="Forward.IsQuiet"/>. To be called where it belongs.</summary>
    public void Quieten() => timer!.Change(Patience, Timeout.InfiniteTimeSpan);

    protected override void StopCore() => End(SessionOutcome.Stopped);

    public override ConnectionStatus Status(DateTimeOffset now) => base.Status(now) with
    {
        Protocol = "udp",
        DatagramsFromClient = up.Datagrams,
        DatagramsFromUpstream = down.Datagrams,
    };

    private void Begin(DatagramFlow opened)
    {
        flow = opened;
        mustTell = true;
        addressVersion = Upstream!.AddressVersion;
        // The addresses have changed while it was opened: looked at again with the next datagram.
        if (!Upstream.Has(opened.RemoteEndPoint))
            addressVersion--;
        (preferred, avoided) = (null, null);
        header = Binding.Plan.Config.ProxyProtocol.Send == ProxyHeader.V2 ? ProxyProtocolHeader.WriteV2(peer.RemoteEndPoint, server.LocalOf(peer), isDatagram: true) : null;
        var first = waiting;
        waiting = null;
        if (first is not null)
            Pass(first.Batch);
    }

    private void Pass(in DatagramBatch batch, int over = 0)
    {
        Count(Drop.Rate, over);
        if (flow is not null && Upstream!.AddressVersion != addressVersion)
            FollowName();
        if (flow is null)
        {
            waiting ??= new DatagramQueue();
            Count(Drop.Waiting, batch.Count - waiting.Add(batch));
            return;
        }
        var sent = header is null ? flow.Send(batch) : SendWithHeader(flow, header, batch);
        up.Add(sent);
        Count(sent);
    }

    private void Answer(in DatagramBatch batch, int over = 0)
    {
        Count(Drop.Rate, over);
        var responses = Binding.Plan.Config.Responses;
        // For each datagram of the client so many: one who asks twice from one port is owed both answers.
        var owed = responses == 0 ? long.MaxValue : Math.Max(responses * up.Datagrams - down.Datagrams, 0);
        var sent = batch.Count <= owed ? server.Send(peer, batch) : server.Send(peer, Firsts(batch, (int)owed));
        down.Add(sent);
        Count(sent);
        Count(Drop.Unwanted, (int)Math.Max(batch.Count - owed, 0));
        if (batch.Count >= owed)
            End(SessionOutcome.Answered);
    }

    private void OnAnswer()
    {
        mustTell = false;
        refused = null;
        Upstream!.Answered(time);
        EndTrial();
        if (isAnswered)
            return;
        isAnswered = true;
        server.Answered(this);
        timer!.Change(Patience, Timeout.InfiniteTimeSpan);
    }

    // Not within RunAsync: from there the trimmer cut the inner finally block out, so that the published program, and that alone, never gave a place back (tried).
    private void Leave(SessionOutcome outcome)
    {
        try
        {
            End(outcome);
            timer!.Dispose();
            EndTrial();
            Binding.Forward.Log(new SessionEnded(this, outcome, Age, 0));
        }
        finally
        {
            server.Leave(this, outcome);
        }
    }

    private void OnNoFlow(DatagramDialResult dial)
    {
        end ??= SessionOutcome.Of(new DialResult(dial.Outcome, null, dial.Detail));
        // Nobody has a port or a descriptor for the next client either, unless somebody leaves who is of no use.
        if (dial.Outcome is DialOutcome.NoLocalAddress or DialOutcome.NoResources)
            server.EvictOldest();
    }

    private void EndTrial()
    {
        trial?.EndTrial();
        trial = null;
    }

    private void OnFault(Exception fault)
    {
        Binding.Forward.Log(Notice.Fault(fault, "in a session of datagrams"));
        End(SessionOutcome.Fault);
    }

    // The name leads elsewhere now: so does the session, with what is sent from now on.
    private void FollowName()
    {
        addressVersion = Upstream!.AddressVersion;
        if (!Upstream.Has(flow!.RemoteEndPoint))
            Move(Upstream, null, null);
    }

    private void Move(Upstream? preferred, Upstream? avoided, IPAddress? refused)
    {
        (this.preferred, this.avoided, this.refused) = (preferred, avoided, refused);
        lastMoved = time.GetTimestamp();
        flow = null;
        ending!.TrySetResult();
    }

    // A new session may take its place in the table at once, and its descriptor when the turn is over.
    private void End(SessionOutcome outcome)
    {
        end ??= outcome;
        server.Forget(peer, this);
        flow?.Dispose();
        flow = null;
        Count(Drop.NoUpstream, waiting?.Count ?? 0);
        waiting = null;
        GiveDialUp();
        ending?.TrySetResult();
    }

    private DatagramsSent SendWithHeader(DatagramFlow flow, byte[] header, in DatagramBatch batch)
    {
        var isFirst = Binding.Plan.Config.ProxyProtocol.Udp == ProxyDatagrams.First;
        var (sent, buffer) = (default(DatagramsSent), ArrayPool<byte>.Shared.Rent(header.Length + ushort.MaxValue));
        header.CopyTo(buffer, 0);
        foreach (var datagram in batch)
        {
            var before = this.header is null ? 0 : header.Length;
            datagram.CopyTo(buffer.AsSpan(header.Length));
            var one = flow.Send(new DatagramBatch(buffer, [new DatagramPlace(header.Length - before, before + datagram.Length)]));
            sent += one with { Bytes = Math.Max(one.Bytes - before, 0) };
            if (isFirst && one.Sent > 0)
                this.header = null;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        return sent;
    }

    // Who is still owed something; there are more than that.
    private static DatagramBatch Firsts(in DatagramBatch batch, int count)
    {
        var places = new List<DatagramPlace>(count);
        foreach (var place in batch.Places)
        {
            for (var start = 0; start < Math.Max(place.Length, 1) && places.Count < count; start += Math.Max(place.SegmentSize, 1))
                places.Add(new DatagramPlace(place.Offset + start, Math.Min(place.SegmentSize, place.Length - start)));
        }
        return new DatagramBatch(batch.Buffer, places.ToArray());
    }

    private TimeSpan Patience
    {
        get
        {
            var timeouts = Binding.Plan.Config.Timeouts;
            var patience = isAnswered ? timeouts.DatagramIdle : timeouts.DatagramUnanswered;
            return Binding.Forward.IsQuiet && (patience == Timeout.InfiniteTimeSpan || patience > quietAtStop) ? quietAtStop : patience;
        }
    }

    // Datagrams only note the time: a timer that is moved with each of them would cost more than they do.
    private void OnTimer()
    {
        if (SynchronizationContext.Current != Context)
        {
            Context.Post(static session => ((DatagramSession)session!).OnTimer(), this);
            return;
        }
        var patience = Patience;
        if (end is not null || patience == Timeout.InfiniteTimeSpan)
            return;
        var left = patience - time.GetElapsedTime(lastTouched);
        if (left > TimeSpan.Zero)
            timer!.Change(left, Timeout.InfiniteTimeSpan);
        else
            End(isAnswered ? SessionOutcome.Idle : SessionOutcome.Unanswered);
    }

    private void Count(Drop reason, int count)
    {
        dropped += count;
        Binding.Forward.Drops.Add(reason, count);
    }

    private void Count(DatagramsSent sent)
    {
        dropped += sent.TooLong + sent.NoRoom + sent.Failed;
        Binding.Forward.Drops.Add(sent);
    }

    /// <summary>What has gone one way. Written where the session belongs, and read from anywhere.</summary>
    private struct Direction
    {
        public long Datagrams, Bytes;

        public void Add(DatagramsSent sent)
        {
            Volatile.Write(ref Datagrams, Datagrams + sent.Sent);
            Volatile.Write(ref Bytes, Bytes + sent.Bytes);
        }
    }
}
