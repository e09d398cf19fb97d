using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>What a connection costs that has carried a byte each way and is silent since.</summary>
sealed class IdleWork : Work
{
    /// <summary>Two descriptors each in the forwarder and two in here, of some 20,000.</summary>
    const int Connections = 4000;

    /// <summary>
    /// Opened before the first look and kept, so that what all connections share is not counted: code, tables, and whatever a program
    /// gets ready when there is work to do.
    /// </summary>
    const int Before = 1000;

    static readonly TimeSpan settle = TimeSpan.FromMilliseconds(700);

    Workshop workshop = null!;

    public override string Name => "idle";
    public override string What => $"{Connections} idle connections; beside 1,000 others; growth of the memory that only the forwarder's processes have (Private_Dirty), without the kernel's sockets";
    public override bool WarmsUp => false;
    public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Less("bytes a connection", "N0")];
    public override bool Takes(Peer peer) => base.Takes(peer) && peer.HasProcesses && !peer.ForksForEach;

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop) => this.workshop = workshop;

    public override double[] Measure(Peer peer, int round)
    {
        using var target = new EchoTarget(onlyOnce: true);
        using var forwarder = peer.Start([new(Loopback.NewEndPoint(), target.EndPoint)], workshop);
        var first = Open(forwarder.Entries[0], Before);
        Thread.Sleep(settle);
        var before = forwarder.Memory("Private_Dirty");

        var connections = Open(forwarder.Entries[0], Connections);
        Thread.Sleep(settle);
        var after = forwarder.Memory("Private_Dirty");
        Close([.. first, .. connections], target);
        return [(double)(after - before) / Connections];
    }

    /// <summary>Closes connections, and those of the target.</summary>
    public static void Close(List<Socket> connections, EchoTarget target)
    {
        connections.ForEach(connection => connection.Dispose());
        target.CloseConnections();
    }

    /// <summary>Opens connections, each of which carries a byte each way.</summary>
    public static List<Socket> Open(IPEndPoint server, int count)
    {
        var connections = new List<Socket>(count);
        var one = new byte[1];
        try
        {
            while (connections.Count < count)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
                connections.Add(socket);
                socket.Connect(server);
                socket.Send(one);
                if (socket.Receive(one) == 0)
                    throw new MeasureException($"connection {connections.Count} was closed at once");
            }
            return connections;
        }
        catch (Exception e) when (e is SocketException or MeasureException)
        {
            connections.ForEach(socket => socket.Dispose());
            throw new MeasureException($"connection {connections.Count} of {count}: {e.Message}");
        }
    }

    public override void Dispose()
    {
    }
}
