using System.Globalization;
using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>A listen at the far end of a tunnel (<c>tcpip-forward</c>), which outlives the tunnel's connections: each new one is asked for it again.</summary>
internal sealed class RemoteListen : IAcceptor, IRemoteListen
{
    private readonly Tunnel tunnel;
    private readonly Queue<SshIncoming> arrived = [];
    private TaskCompletionSource<bool>? waiting;
    private bool isOver, isAdded;

    public RemoteListen(Tunnel tunnel, Endpoint written)
    {
        this.tunnel = tunnel;
        Bind = BindOf(written);
        LocalEndPoint = new FarEndPoint(written, tunnel.Name);
    }

    /// <summary>What the far end is asked for.</summary>
    public SshBind Bind { get; }

    public string Text => TextOf(Bind);

    public EndPoint LocalEndPoint { get; }

    public SynchronizationContext? Context => tunnel.Context;

    public ValueTask<bool> WaitAsync()
    {
        if (arrived.Count > 0)
            return new ValueTask<bool>(true);
        if (isOver)
            return new ValueTask<bool>(false);
        // Not before: a change that is refused has asked for nothing.
        if (!isAdded)
            tunnel.Add(this);
        isAdded = true;
        waiting = new TaskCompletionSource<bool>();
        return new ValueTask<bool>(waiting.Task);
    }

    /// <summary>Whoever has come is let in where his SSH connection lives.</summary>
    public Connection? TryAccept() => !arrived.TryDequeue(out var incoming) ? null
        : incoming.Open is SshOpen.ForwardedTcp tcp ? new PendingChannel(incoming, AddressOf(tcp.Host, tcp.Port), AddressOf(tcp.OriginatorAddress, tcp.OriginatorPort)) : new PendingChannel(incoming, null, null);

    public void Unbind()
    {
        if (isOver)
            return;
        isOver = true;
        tunnel.Leave(this);
        if (arrived.Count == 0)
            Wake(false);
    }

    public void Dispose()
    {
        Unbind();
        while (arrived.TryDequeue(out var incoming))
            SendAway(incoming);
        Wake(false);
    }

    // What the tunnel's own socket has is the tunnel's matter.
    public void Tune(SocketTuning tuning)
    {
    }

    public async Task<RemoteListening> AskAsync(SshConnection connection)
    {
        var result = await connection.ListenAsync(Bind, Arrive);
        if (result.Port is not { } port)
            return new RemoteListening(result.IsOver);
        var bound = Bind is SshBind.Tcp tcp ? tcp with { Port = port } : Bind;
        return new RemoteListening(false, TextOf(bound), () => connection.CancelAsync(bound));
    }

    /// <summary>Somebody has connected there. Where his SSH connection lives.</summary>
    public void Arrive(SshIncoming incoming)
    {
        // Rules for sources would let in whom they cannot tell.
        if (incoming.Open is SshOpen.ForwardedTcp tcp && AddressOf(tcp.OriginatorAddress, tcp.OriginatorPort) is null)
            incoming.Refuse(SshOpenFailure.AdministrativelyProhibited, "the address of the originator is none");
        else
            Context.RunThere(() => Enqueue(incoming));
    }

    private void Enqueue(SshIncoming incoming)
    {
        if (isOver)
        {
            SendAway(incoming);
            return;
        }
        arrived.Enqueue(incoming);
        Wake(true);
    }

    private static void SendAway(SshIncoming incoming) =>
        incoming.Connection.Context.RunThere(() => incoming.Refuse(SshOpenFailure.AdministrativelyProhibited, "nobody listens here any more"));

    /// <summary>What the far end is asked for, for a listen as it is written (RFC 4254 section 7.1). Without a host it is every address.</summary>
    public static SshBind BindOf(Endpoint written) => written switch
    {
        PortEndpoint port => new SshBind.Tcp(port.Host == "*" ? "" : port.Host, port.Ports.First),
        UnixEndpoint unix => new SshBind.Streamlocal(unix.Path),
        _ => throw new ArgumentException("such a listen cannot be had at a far end", nameof(written)),
    };

    /// <summary>As it is shown.</summary>
    public static string TextOf(SshBind bind) => bind switch
    {
        SshBind.Tcp { Host: var host, Port: var port } => string.Create(CultureInfo.InvariantCulture, $"{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}"),
        SshBind.Streamlocal { Path: var path } => $"unix:{path}",
        _ => "",
    };

    /// <summary>An address that the far end tells, an IPv4 address never as one of IPv6; null where it is none.</summary>
    public static IPEndPoint? AddressOf(string host, int port)
    {
        if (!IPAddress.TryParse(host, out var address))
            return null;
        return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }

    private void Wake(bool hasSome)
    {
        var waiter = waiting;
        waiting = null;
        waiter?.TrySetResult(hasSome);
    }
}
