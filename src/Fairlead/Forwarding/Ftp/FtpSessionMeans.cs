using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>What an FTP conversation of a session may do.</summary>
/// <param name="session">The session.</param>
/// <param name="upstream">The server's control connection.</param>
internal sealed class FtpSessionMeans(StreamSession session, Connection upstream) : IFtpMeans
{
    private readonly ForwardPlan plan = session.Binding.Plan;

    /// <summary>Who talks.</summary>
    public FtpEnds Ends => new(AddressOf(session.Peer.RemoteEndPoint), plan.At is { } far ? far.FarAddress : AddressOf(session.Peer.LocalEndPoint), AddressOf(upstream.RemoteEndPoint), AddressOf(upstream.LocalEndPoint));

    public async ValueTask<IFtpDoor?> ListenForClientAsync(IPAddress reached, PortRange ports, IPAddress from)
    {
        if (plan.At is not { } far)
            return ListenOnce(reached, ports, from);
        return session.Peer is SshChannel { Owner: var connection } && session.Listen.EndPoint is FarEndPoint { Written: PortEndpoint written } && RemoteListen.BindOf(written) is SshBind.Tcp bind
            ? await FtpFarDoor.OpenAsync(connection, far.FarAddress ?? reached, bind.Host, ports, from, plan.Config.Timeouts.Connect, session.Time)
            : null;
    }

    public IFtpDoor? ListenOnce(IPAddress at, PortRange ports, IPAddress from)
    {
        var listen = Fairlead.ListenOnce.At(plan.Network, at, ports.First == 0 ? null : ports, plan.Config.Timeouts.Tuning, out _);
        return listen is null ? null : new Door(listen, from, session);
    }

    public ValueTask<DialResult> DialUpstreamAsync(int port)
    {
        return session.Upstream!.Dialer.DialAsync(new IPEndPoint(((IPEndPoint)upstream.RemoteEndPoint!).Address, port), plan.Config.Timeouts.Connect);
    }

    public ValueTask<DialResult> DialClientAsync(IPEndPoint target, IPAddress from)
    {
        IDialer dialer = plan.At is { } far ? new TunnelDialer(far) : plan.Network.DialerWith(plan.Config.Timeouts.Tuning, [new DialSource(from)]);
        return dialer.DialAsync(target, plan.Config.Timeouts.Connect);
    }

    public async ValueTask<Connection?> SecureAsync(Connection plain)
    {
        ClientHello hello;
        using (var words = new FirstWords(plain, plan.Config.Timeouts.FirstBytes, session.Time))
            hello = await words.PeekClientHelloAsync();
        var result = await plan.Tls!.AcceptAsync(plain, hello.Name, session.Time, plan.Config.Timeouts.FirstBytes);
        if (result.Connection is null)
            Log(LogLevel.Information, "ftp_tls_failed", result.Detail ?? "the client did not come to terms by TLS");
        return result.Connection;
    }

    public bool TryTakePlaces() => session.TryTakePlace();

    public void LeavePlaces() => session.LeavePlace();

    public void Log(LogLevel level, string @event, string message) => session.Binding.Forward.Log(Notice.Ftp(level, @event, session.Binding.Forward.Title, session.Client, message));

    private static IPAddress? AddressOf(EndPoint? endPoint) => (endPoint as IPEndPoint)?.Address;

    private sealed class Door(ListenOnce listen, IPAddress from, StreamSession session) : IFtpDoor
    {
        public IPEndPoint LocalEndPoint => listen.LocalEndPoint;

        public ValueTask<Connection?> AcceptAsync() => listen.AcceptAsync(peer => FtpEnds.AreSame(peer.Address, from), Timeout.InfiniteTimeSpan, session.Time);

        public void Dispose() => listen.Dispose();
    }
}
