using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Who is logged in at the hub by one connection: what it opens, and what is listened for on its behalf. Used where the connection lives.</summary>
internal sealed partial class HubClient(Hub hub, StreamSession session, SshConnection connection, AuthorizedKey key) : IDisposable
{
    private readonly RefusalLog refusals = new(session.Time);
    private readonly HashSet<StreamSession> sessions = [];
    private readonly Dictionary<StreamSession, SshChannel> relaying = [];
    private bool isOver;

    /// <summary>A channel is asked for.</summary>
    public void OnOpen(SshIncoming incoming)
    {
        switch (incoming.Open)
        {
            case SshOpen.DirectTcp tcp when !key.MayOpen(tcp.Host, tcp.Port):
                TellRefused($"connect to {Printable.Escape(tcp.Host)}:{tcp.Port}");
                incoming.Refuse(SshOpenFailure.AdministrativelyProhibited, "this key may not connect there");
                break;
            case SshOpen.DirectTcp tcp:
                Serve(new PendingChannel(incoming, null, connection.RemoteEndPoint), direct => DialAsync(direct, tcp));
                break;
            case SshOpen.UdpAssociation when !key.MayForward:
                TellRefused("send datagrams");
                incoming.Refuse(SshOpenFailure.AdministrativelyProhibited, "this key may not forward");
                break;
            case SshOpen.UdpAssociation:
                Serve(new PendingChannel(incoming, null, connection.RemoteEndPoint), AssociateAsync);
                break;
            case SshOpen.UdpListen udp:
                Serve(new PendingChannel(incoming, null, connection.RemoteEndPoint), direct => ListenAsync(direct, udp));
                break;
            case SshOpen.Session:
                new HubFarewell(incoming.Accept()).Begin();
                break;
            // What a Unix socket of this machine lets whoever connects do, no option of a key says.
            default:
                incoming.Refuse(SshOpenFailure.AdministrativelyProhibited, "this server connects to ports only");
                break;
        }
    }

    /// <summary>The connection has ended: nothing is listened for any more, and sessions end that have not got all of what the client sent. The others write it out, and end by themselves.</summary>
    public void Dispose()
    {
        isOver = true;
        EndListens();
        // Those that wait for the other side alone have not noticed that the connection has ended.
        foreach (var left in sessions.Where(left => relaying.GetValueOrDefault(left) is not { HasEnd: true }).ToArray())
            left.Stop();
    }

    // One a second of a connection, which has cost its client a login.
    private void TellRefused(string what)
    {
        if (refusals.MayTell(session.Source ?? default, out var leftOut))
            hub.Channels.Forward.Log(Notice.HubRefused(session.Client, key, what, leftOut));
    }

    // A session like any other: counted, shown, logged, stopped.
    private void Serve(Connection client, Errand errand)
    {
        if (!session.TryTakePlace())
        {
            (client as PendingChannel)?.Refuse(SshOpenFailure.ResourceShortage, "no place is left");
            client.Abort();
            return;
        }
        hub.Channels.Forward.Places.TryEnter();
        hub.Channels.Forward.Serve(session.Listen, hub.Channels, client, session.Process, async served =>
        {
            sessions.Add(served);
            try
            {
                return await errand(served);
            }
            finally
            {
                sessions.Remove(served);
            }
        });
    }

    private async ValueTask<SessionOutcome> DialAsync(StreamSession direct, SshOpen.DirectTcp open)
    {
        var pending = (PendingChannel)direct.Peer;
        var target = Destination.Read(open.Host, open.Port, out _);
        direct.Talk.Target = target is null ? Printable.Escape(open.Host) : Destination.ToText(target);
        if (target is null)
        {
            pending.Refuse(SshOpenFailure.ConnectFailed, "Name or service not known");
            return SessionOutcome.BadRequest("the host is no name and no address");
        }
        var destinations = key.NamesTarget(open.Host, open.Port) ? hub.NamedDestinations : hub.Destinations;
        var dial = await direct.DialAsync(cancel => destinations.DialAsync(target, isLocal: true, cancel));
        if (dial.Connection is not { } upstream)
        {
            var (failure, words) = OpenFailures.Of(dial.Outcome);
            pending.Refuse(failure, words);
            return SessionOutcome.Of(dial);
        }
        using (upstream)
        {
            // Told to stop in the same moment, which has refused it.
            if (direct.IsStopping)
                return SessionOutcome.Stopped with { Cause = SessionCause.Stopped };
            var channel = pending.Accept();
            direct.Become(channel);
            return await RelayAsync(direct, channel, upstream);
        }
    }

    // Datagrams of the client to and from whomever he names, by a port of this machine.
    private async ValueTask<SessionOutcome> AssociateAsync(StreamSession direct)
    {
        var pending = (PendingChannel)direct.Peer;
        direct.Talk.Target = "udp";
        var near = new ChannelListener(connection.Context);
        UdpAssociation? association = null;
        LocalPort outward;
        try
        {
            outward = LocalPort.Open(hub.Network, [], new OutwardSink((from, in batch) => association?.OnAnswer(from, batch), near.OnLost, static () => { }));
        }
        catch (ListenException refusal)
        {
            pending.Refuse(SshOpenFailure.ResourceShortage, "there is too little of something");
            return SessionOutcome.Of(new DialResult(DialOutcome.NoResources, null, refusal.Message));
        }
        var destinations = hub.Destinations;
        association = new UdpAssociation(direct, ChannelListener.Peer, near, outward, destinations, isLocal: true, MayOpen);
        near.Start(association);
        near.Channel = pending.AcceptDatagrams(near);
        using (association)
            return await WaitAsync(direct, near.Over);
    }

    private bool MayOpen(EndPoint destination) => destination is DnsEndPoint named ? key.MayOpen(named.Host, named.Port) : destination is IPEndPoint ip && key.MayOpen(ip.Address.ToString(), ip.Port);

    private static async ValueTask<SessionOutcome> WaitAsync(StreamSession direct, Task over)
    {
        direct.Talk.IsConnected = true;
        var stopped = new TaskCompletionSource();
        var node = direct.OnStop(() => stopped.TrySetResult());
        await Task.WhenAny(over, stopped.Task);
        direct.Talk.Forget(node);
        return direct.IsStopping ? SessionOutcome.Stopped with { Cause = SessionCause.Stopped } : new SessionOutcome("closed", Side.Client);
    }

    private async ValueTask<SessionOutcome> ForwardAsync(StreamSession forwarded, SshBind.Tcp bind, Connection client)
    {
        forwarded.Talk.Target = $"{session.Client} {key.Key.Fingerprint}";
        var origin = client.RemoteEndPoint as IPEndPoint;
        var open = new SshOpen.ForwardedTcp(bind.Host, bind.Port, origin?.Address.ToString() ?? "127.0.0.1", origin?.Port ?? 0);
        var opened = await forwarded.ResolveAsync(cancel => new ValueTask<SshOpenResult>(connection.OpenAsync(open, cancel: cancel)));
        if (opened.Channel is not { } channel)
            return SessionOutcome.Of(new DialResult(opened.Failure is { } failure ? OpenFailures.ToOutcome(failure, opened.Description) : DialOutcome.Unreachable, null, opened.Description));
        using (channel)
            return await RelayAsync(forwarded, channel, channel);
    }

    private async ValueTask<SessionOutcome> RelayAsync(StreamSession relayed, SshChannel channel, Connection upstream)
    {
        relaying.Add(relayed, channel);
        try
        {
            return SessionOutcome.Of(await relayed.RelayAsync(upstream));
        }
        finally
        {
            relaying.Remove(relayed);
        }
    }
}
