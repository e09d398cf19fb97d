using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>A network under test and a place to listen on it: what the contracts of acceptors, dialers and connections run on.</summary>
public abstract class NetworkRig(INetwork network) : IDisposable
{
    public INetwork Network { get; } = network;

    /// <summary>An address that nobody listens on yet.</summary>
    public abstract EndPoint FreeAddress();

    /// <summary>An address with a listener of backlog 0 that accepts nobody; dispose it.</summary>
    public abstract Socket ListenDeaf(out EndPoint address);

    /// <summary>Whether an abort reaches the peer as a reset.</summary>
    public abstract bool HasReset { get; }

    /// <summary>Runs a test where the network's connections may be used. A network with event loops runs it on one.</summary>
    public virtual Task RunAsync(Func<Task> test) => test();

    public IAcceptor Listen(EndPoint? address = null) => Network.Listen(address ?? FreeAddress(), new ListenOptions())[0];

    /// <summary>Dials what answers at once.</summary>
    public async Task<Connection> DialAsync(EndPoint address)
    {
        var dial = await Network.Dialer.DialAsync(address, TimeSpan.FromSeconds(20));
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        return dial.Connection!;
    }

    /// <summary>A connection's two ends.</summary>
    public async Task<(Connection Dialled, Connection Accepted)> ConnectAsync(EndPoint? address = null)
    {
        using var acceptor = Listen(address);
        var dialled = await DialAsync(acceptor.LocalEndPoint);
        return (dialled, await AcceptAsync(acceptor));
    }

    public static async Task<Connection> AcceptAsync(IAcceptor acceptor)
    {
        while (await acceptor.WaitAsync())
        {
            if (acceptor.TryAccept() is { } connection)
                return connection;
        }
        throw new InvalidOperationException("The acceptor ended.");
    }

    public virtual void Dispose() => Network.Dispose();
}

/// <summary>TCP on 127.0.0.1.</summary>
public class TcpRig(INetwork network) : NetworkRig(network)
{
    public override EndPoint FreeAddress() => new IPEndPoint(IPAddress.Loopback, 0);

    public override bool HasReset => true;

    public override Socket ListenDeaf(out EndPoint address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(FreeAddress());
        socket.Listen(0);
        address = socket.LocalEndPoint!;
        return socket;
    }
}

/// <summary>Unix sockets in a folder of their own.</summary>
public class UnixRig(INetwork network) : NetworkRig(network)
{
    private int made;

    public DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("fairlead-");

    public override EndPoint FreeAddress() => new UnixDomainSocketEndPoint(Path.Combine(Folder.FullName, $"{made++}.sock"));

    public override bool HasReset => false;

    public override Socket ListenDeaf(out EndPoint address)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        address = FreeAddress();
        socket.Bind(address);
        socket.Listen(0);
        return socket;
    }

    public override void Dispose()
    {
        base.Dispose();
        Folder.Delete(recursive: true);
    }
}
