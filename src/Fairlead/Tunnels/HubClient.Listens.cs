using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>What is listened on for the client, and how that is taken over by another connection of its key.</summary>
internal sealed partial class HubClient
{
    // How long a connection may be silent to whom else its key asks for its listens.
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(5);

    private readonly Dictionary<SshBind, HubListen> listens = [];
    private readonly HashSet<HubDatagrams> datagrams = [];

    // Whose connections may take over from one another: what was shown and signed, whatever line lets it in.
    private SshPublicKey Identity => connection.User!.Key!;

    // How another connection calls this one. From any thread.
    private string Name => session.Client;

    /// <summary>Is asked to listen: the port that is listened on; null: refused.</summary>
    public async ValueTask<int?> ListenAsync(SshBind bind)
    {
        if (bind is not SshBind.Tcp tcp || listens.ContainsKey(tcp) || PlaceOf(tcp.Host, tcp.Port, isUdp: false) is not { } place)
            return Refuse(bind, "it is not allowed, or no address of this machine");
        if (!await TakeOverAsync(place))
            return Refuse(bind, "another connection of this key listens there, and answers");
        // This one may have ended meanwhile.
        if (isOver)
            return null;
        if (!hub.Counts.TryListen(key.Key, hub.Config.MaxListens))
            return Refuse(bind, $"the key has {hub.Config.MaxListens} listens already");
        if (!session.TryTakePlace())
        {
            hub.Counts.EndListen(key.Key);
            return Refuse(bind, "no place is left");
        }
        if (HubListen.At(hub.Network, place, out var fault) is not { } listen)
        {
            GiveBack();
            return Refuse(bind, fault);
        }
        var bound = tcp with { Port = listen.Place.Port };
        listens.Add(bound, listen);
        hub.Counts.Listens.Add(Identity, listen.Place, this);
        _ = listen.AcceptAsync(client => Serve(client, forwarded => ForwardAsync(forwarded, bound, client)));
        hub.Channels.Forward.Log(Notice.HubListening(session.Client, key, listen.Place.Text));
        return listen.Place.Port;
    }

    /// <summary>Is asked to listen no more; false: nothing listens there.</summary>
    public bool Cancel(SshBind bind)
    {
        if (!listens.Remove(bind, out var listen))
            return false;
        hub.Counts.Listens.Remove(Identity, listen.Place);
        listen.Dispose();
        GiveBack();
        return true;
    }

    // Datagrams of whomever sends to a port of this machine.
    private async ValueTask<SessionOutcome> ListenAsync(StreamSession direct, SshOpen.UdpListen open)
    {
        var pending = (PendingChannel)direct.Peer;
        var text = $"{RemoteListen.TextOf(new SshBind.Tcp(open.Host, open.Port))}/udp";
        direct.Talk.Target = Printable.Escape(text);
        if (PlaceOf(open.Host, open.Port, isUdp: true) is not { } place)
            return Refuse(pending, text, SshOpenFailure.AdministrativelyProhibited, "it is not allowed, or no address of this machine");
        if (!await TakeOverAsync(place))
            return Refuse(pending, text, SshOpenFailure.AdministrativelyProhibited, "another connection of this key listens there, and answers");
        // Told to stop meanwhile, which has refused it.
        if (direct.IsStopping)
            return SessionOutcome.Stopped with { Cause = SessionCause.Stopped };
        if (!hub.Counts.TryListen(key.Key, hub.Config.MaxListens))
            return Refuse(pending, text, SshOpenFailure.ResourceShortage, $"the key has {hub.Config.MaxListens} listens already");
        try
        {
            using var port = HubDatagrams.At(hub.Network, place, direct, out var fault);
            if (port is null)
                return Refuse(pending, text, SshOpenFailure.ConnectFailed, fault!);
            port.Start(pending.AcceptDatagrams(port, port.Place.Port));
            datagrams.Add(port);
            hub.Counts.Listens.Add(Identity, port.Place, this);
            hub.Channels.Forward.Log(Notice.HubListening(session.Client, key, port.Place.Text));
            try
            {
                return await WaitAsync(direct, port.Over);
            }
            finally
            {
                datagrams.Remove(port);
                hub.Counts.Listens.Remove(Identity, port.Place);
            }
        }
        finally
        {
            hub.Counts.EndListen(key.Key);
        }
    }

    private void EndListens()
    {
        foreach (var bind in listens.Keys.ToArray())
            Cancel(bind);
        foreach (var port in datagrams.ToArray())
        {
            // The session that has it ends by that, later than whoever takes the port over needs it.
            hub.Counts.Listens.Remove(Identity, port.Place);
            port.Dispose();
        }
    }

    // Whoever has lost a connection comes back before the hub knows that it is lost. False: the other one lives.
    private async Task<bool> TakeOverAsync(HubPlace place)
    {
        while (hub.Counts.Listens.OtherAt(this, Identity, place) is { } other)
        {
            if (!await other.YieldAsync())
                return false;
            hub.Channels.Forward.Log(Notice.HubTakenOver(session.Client, key, place, other.Name));
        }
        return true;
    }

    // Gives up what it listens on, and the connection, unless its client is there. From any thread.
    private async Task<bool> YieldAsync()
    {
        var isGone = false;
        await connection.Context.RunAsync(async () =>
        {
            isGone = !await connection.ProbeAsync(patience);
            if (!isGone)
                return;
            await Task.Yield();
            Dispose();
            // An event loop closes what it does not need any more at the end of its turn.
            await Task.Yield();
        });
        return isGone;
    }

    // Null: it may not. Without a word of the key or the configuration, the loopback alone, and no port that only the administrator should have. As with OpenSSH, who asks for every address and
    // may not have them gets the loopback.
    private HubPlace? PlaceOf(string host, int port, bool isUdp)
    {
        if (!key.MayListen(host, port))
            return null;
        if (!hub.Config.GatewayPorts && key.PermitListen is null && port is > 0 and < 1024)
            return null;
        var mayAll = hub.Config.GatewayPorts || key.NamesHost(host, port);
        IPAddress[] loopbacks = [IPAddress.Loopback, IPAddress.IPv6Loopback];
        IPAddress[]? addresses;
        if (host is "localhost")
            addresses = loopbacks;
        else if (host is "" or "*")
            addresses = !mayAll ? loopbacks : [System.Net.Sockets.Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any];
        else if (!IPAddress.TryParse(host, out var address))
            addresses = null;
        else
            addresses = mayAll || IPAddress.IsLoopback(address) ? [address] : address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? loopbacks : null;
        return addresses is null ? null : new HubPlace(isUdp, addresses, port);
    }

    private int? Refuse(SshBind bind, string? reason)
    {
        TellRefused($"listen on {Printable.Escape(RemoteListen.TextOf(bind))}: {reason}");
        return null;
    }

    private SessionOutcome Refuse(PendingChannel pending, string text, SshOpenFailure failure, string reason)
    {
        TellRefused($"listen on {Printable.Escape(text)}: {reason}");
        pending.Refuse(failure, "it cannot be listened there");
        return SessionOutcome.BadRequest(reason) with { Cause = SessionCause.Denied };
    }

    private void GiveBack()
    {
        hub.Counts.EndListen(key.Key);
        session.LeavePlace();
    }
}
