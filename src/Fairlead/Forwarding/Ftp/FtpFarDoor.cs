using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>A listen for one connection at the far end of a tunnel: a remote forward of its own, which is given up after use.</summary>
internal sealed class FtpFarDoor : IFtpDoor
{
    // Each is a question to the far end: a range that is taken so far is taken.
    private const int MostTries = 16;

    private readonly SshConnection connection;
    private readonly IPAddress from;
    private readonly TaskCompletionSource<Connection?> arrived = new();
    private SshBind.Tcp? bound;
    private bool isDisposed;

    private FtpFarDoor(SshConnection connection, IPAddress from) => (this.connection, this.from) = (connection, from);

    public IPEndPoint LocalEndPoint { get; private set; } = new(IPAddress.Any, 0);

    /// <summary>Has the far end listen.</summary>
    /// <param name="connection">By the connection through which the client has come.</param>
    /// <param name="reached">What clients reach it by.</param>
    /// <param name="host">Where it listens, as for the forward itself.</param>
    /// <param name="ports">Which ports may be taken; port 0: the far end chooses.</param>
    /// <param name="from">Who may come, as the far end tells it.</param>
    /// <param name="limit">How long the far end may take to answer.</param>
    /// <param name="time">Measures it.</param>
    public static async ValueTask<IFtpDoor?> OpenAsync(SshConnection connection, IPAddress reached, string host, PortRange ports, IPAddress from, TimeSpan limit, TimeProvider time)
    {
        var door = new FtpFarDoor(connection, from);
        var first = Random.Shared.Next(ports.Count);
        for (var i = 0; i < Math.Min(ports.Count, MostTries); i++)
        {
            var bind = new SshBind.Tcp(host, ports.First == 0 ? 0 : ports.First + ((first + i) % ports.Count));
            var asking = connection.ListenAsync(bind, door.Arrive);
            if (await Task.WhenAny(asking, Task.Delay(limit, time)) != asking)
            {
                door.isDisposed = true;
                _ = CancelLateAsync(connection, bind, asking);
                return null;
            }
            var result = await asking;
            if (result.IsOver)
                return null;
            if (result.Port is not { } port)
                continue;
            door.bound = bind with { Port = port };
            door.LocalEndPoint = new IPEndPoint(reached, port);
            return door;
        }
        return null;
    }

    public ValueTask<Connection?> AcceptAsync() => new(arrived.Task);

    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        if (bound is not null)
            _ = connection.CancelAsync(bound);
        arrived.TrySetResult(null);
    }

    private static async Task CancelLateAsync(SshConnection connection, SshBind.Tcp bind, Task<SshListenResult> asking)
    {
        if ((await asking).Port is { } port)
            await connection.CancelAsync(bind with { Port = port });
    }

    private void Arrive(SshIncoming incoming)
    {
        var isWelcome = !isDisposed && !arrived.Task.IsCompleted && incoming.Open is SshOpen.ForwardedTcp tcp
            && RemoteListen.AddressOf(tcp.OriginatorAddress, tcp.OriginatorPort) is { } origin && FtpEnds.AreSame(origin.Address, from);
        if (isWelcome)
            arrived.TrySetResult(incoming.Accept());
        else
            incoming.Refuse(SshOpenFailure.AdministrativelyProhibited, "somebody else is waited for");
    }
}
