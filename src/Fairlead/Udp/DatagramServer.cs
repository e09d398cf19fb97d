using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The sessions of one socket of a listen, which belong to one event loop: sorts what arrives by its client, and lets new clients in. A client is an address
/// and port together with the address that it wrote to.
/// </summary>
internal sealed class DatagramServer(DatagramListen listen, DatagramListener listener, DatagramPlaces all) : IDatagramServer
{
    private readonly Dictionary<DatagramPeer, DatagramSession> sessions = [];
    private readonly List<DatagramSession> touched = [];
    private int[] next = new int[64];
    private DatagramPlace[] places = new DatagramPlace[64];

    public SynchronizationContext Context => listener.Context;

    public void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
    {
        try
        {
            Sort(batch, peers);
            foreach (var session in touched)
            {
                var count = 0;
                for (var i = session.First; i >= 0; i = next[i])
                    places[count++] = batch.Places[i];
                session.OnClient(new DatagramBatch(batch.Buffer, places.AsSpan(0, count)));
            }
        }
        catch (Exception fault)
        {
            listen.Binding.Forward.Log(Notice.Fault(fault, $"receiving on {listen.Text}"));
        }
        finally
        {
            foreach (var session in touched)
                session.First = session.Last = -1;
            touched.Clear();
        }
    }

    public void OnLost(DatagramLoss loss, int count) => listen.OnLost(loss, count);

    /// <summary>Answers a client.</summary>
    public DatagramsSent Send(in DatagramPeer peer, in DatagramBatch batch) => listener.Send(peer, batch);

    /// <summary>The address and port that a client wrote to.</summary>
    public IPEndPoint LocalOf(in DatagramPeer peer) => new(peer.LocalAddress ?? listener.LocalEndPoint.Address, listener.LocalEndPoint.Port);

    /// <summary>A session is over: whoever writes from there next begins another.</summary>
    public void Forget(in DatagramPeer peer, DatagramSession session)
    {
        if (sessions.TryGetValue(peer, out var present) && present == session)
            sessions.Remove(peer);
    }

    /// <summary>A session has left nothing behind.</summary>
    public void Leave(DatagramSession session, SessionOutcome outcome)
    {
        session.Binding.Forward.Leave(session, outcome);
        all.Leave(session);
        listen.Leave();
    }

    /// <summary>A session was answered: nobody pushes it out any more.</summary>
    public void Answered(DatagramSession session) => all.Answered(session);

    /// <summary>The system has nothing left for another session.</summary>
    public void EvictOldest() => all.EvictOldest();

    // Of each session the datagrams of the batch in a chain, so that they are sent together and in their order.
    private void Sort(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
    {
        if (next.Length < peers.Length)
            (next, places) = (new int[peers.Length], new DatagramPlace[peers.Length]);
        DatagramSession? session = null;
        for (var i = 0; i < peers.Length; i++)
        {
            next[i] = -1;
            if (session is null || peers[i] != peers[i - 1])
                session = Find(peers[i]) ?? Admit(peers[i], batch.Places[i].Count);
            if (session is null)
                continue;
            if (session.Last < 0)
            {
                session.First = i;
                touched.Add(session);
            }
            else
            {
                next[session.Last] = i;
            }
            session.Last = i;
        }
    }

    private DatagramSession? Find(in DatagramPeer peer) => sessions.GetValueOrDefault(peer);

    // A new client. Whoever is not let in has cost no socket.
    private DatagramSession? Admit(in DatagramPeer peer, int count)
    {
        var binding = listen.Binding;
        var (forward, plan) = (binding.Forward, binding.Plan);
        if (!plan.Allows(peer.Remote))
            return Refuse(Drop.Denied, peer, count);
        if (binding.RouteDatagrams(peer.Remote) is null)
            return Refuse(Drop.NoRoute, peer, count);
        if (!forward.MayBeginDatagrams())
            return Refuse(Drop.TooFast, peer, count);
        if (!listen.TryEnter())
            return Refuse(Drop.NotListening, peer, count);
        var session = new DatagramSession(this, listen, binding, peer, Forward.NextId());
        if (!forward.TryEnter(session, peer.Remote, all, out var reason))
        {
            listen.Leave();
            return Refuse(reason, peer, count);
        }
        sessions.Add(peer, session);
        forward.Begin(session);
        // A reload that closes did not see it among the sessions.
        if (forward.IsToBeClosed(binding.Plan))
            session.Stop();
        _ = session.RunAsync();
        return session;
    }

    private DatagramSession? Refuse(Drop reason, in DatagramPeer peer, int count)
    {
        var forward = listen.Binding.Forward;
        forward.Drops.Add(reason, count);
        if (forward.Refusals.MayTell(peer.Remote, out var leftOut))
            forward.Log(Notice.DatagramsRefused(forward.Title, peer.RemoteEndPoint, listen.Text, Drops.Word(reason), leftOut));
        return null;
    }
}
