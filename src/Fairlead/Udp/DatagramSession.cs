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
    private TaskCompletionSource<SessionOutcome?>? ending;
    private SessionOutcome? end;
    private Upstream? preferred, avoided;
    private IPAddress? refused;
    private byte[]? header;
    private long lastTouched, lastMoved, dropped;
    private int addressVersion;
    private bool isAnswered, isStopping;

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

    /// <summary>Whether it has a place of its forward and one of the process; changed by <see cref="Unanswered"/> alone, and so are its neighbours there.</summary>
    internal bool HasPlaces, IsUnanswered;
    internal DatagramSession? Older, Younger;

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
            preferred = Binding.Forward.Affinities?.Find(peer.Remote);
            do
            {
                ending = new TaskCompletionSource<SessionOutcome?>(TaskCreationOptions.RunContinuationsAsynchronously);
                var (dial, target) = await pool.OpenAsync(peer.Remote, preferred, avoided, this, refused, time, Binding.Plan.Config.Timeouts.Connect, BeginDialling());
                EndDialling();
                Upstream = target;
                if (dial.Flow is null)
                {
                    end ??= SessionOutcome.Of(new DialResult(dial.Outcome, null, dial.Detail));
                    break;
                }
                // Left where it was entered: a reload may turn it on or off meanwhile.
                var affinities = Binding.Forward.Affinities;
                affinities?.Enter(peer.Remote, target);
                try
                {
                    Begin(dial.Flow);
                    await ending.Task;
                }
                finally
                {
                    flow = null;
                    dial.Flow.Dispose();
                    affinities?.Leave(peer.Remote);
                    target.Leave();
                }
            }
            while (end is null);
            outcome = end;
        }
        catch (Exception fault)
        {
            Binding.Forward.Log(Notice.Fault(fault, "in a session of datagrams"));
        }
        finally
        {
            try
            {
                End(outcome);
                timer.Dispose();
                Count(Drop.NoUpstream, waiting?.Count ?? 0);
                Binding.Forward.Log(new SessionEnded(this, outcome, Age, 0));
            }
            finally
            {
                server.Leave(this, outcome);
            }
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
        lastTouched = time.GetTimestamp();
        if (end is not null)
            return;
        if (!isAnswered)
            OnFirstAnswer();
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
        Upstream!.Refused(error == DatagramError.Refused ? "port unreachable" : "unreachable", time);
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

    /// <summary>Ends soon: as soon as nothing has come for a second; to be called where it belongs.</summary>
    public void Quieten()
    {
        isStopping = true;
        timer!.Change(Patience, Timeout.InfiniteTimeSpan);
    }

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
        addressVersion = Upstream!.AddressVersion;
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
        if (batch.Count >= owed)
            End(SessionOutcome.Answered);
    }

    private void OnFirstAnswer()
    {
        isAnswered = true;
        refused = null;
        Upstream!.Answered(time);
        Binding.Forward.Unanswered.Answered(this);
        timer!.Change(Patience, Timeout.InfiniteTimeSpan);
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
        ending!.TrySetResult(null);
    }

    // A new session may take its place in the table at once.
    private void End(SessionOutcome outcome)
    {
        end ??= outcome;
        server.Forget(peer, this);
        ending?.TrySetResult(end);
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
            return isStopping && (patience == Timeout.InfiniteTimeSpan || patience > quietAtStop) ? quietAtStop : patience;
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
        if (end is not null || Patience == Timeout.InfiniteTimeSpan)
            return;
        var left = Patience - time.GetElapsedTime(lastTouched);
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
