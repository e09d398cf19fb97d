using System.Diagnostics;
using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Bench;

/// <summary>What a connection costs a server of SSH that has one port listened on and is silent: memory, and the time until it stands.</summary>
/// <param name="count">How many connections.</param>
sealed class SshTunnelsWork(int count) : Work
{
    /// <summary>For a server that starts processes for each.</summary>
    const int Few = 100;

    static readonly TimeSpan settle = TimeSpan.FromMilliseconds(700), patience = TimeSpan.FromSeconds(30);

    readonly PortableNetwork network = new();
    Workshop workshop = null!;
    SshPrivateKey key = null!;

    public override string Name => "ssh-tunnels";
    public override string What => $"{count} connections of one key ({SshServerPeer.Stock}: {Few}), one after the other, with one remote listener each; growth of the memory that only the server's processes have (Private_Dirty), without the kernel's sockets, and the time for each";
    public override string Kind => SshServerPeer.Kind;
    public override bool WarmsUp => false;
    public override string Reference => SshServerPeer.Stock;
    public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Less("bytes a connection", "N0"), Metric.Less("ms a connection", "F2")];
    public override bool Takes(Peer peer) => peer.OnlyFor == Kind;

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        key = SshPrivateKey.Load(workshop.SshKeys.User, null);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var connections = new List<SshConnection>();
        using var server = peer.Start([new(Loopback.NewEndPoint(), Loopback.NewEndPoint())], workshop);
        try
        {
            // The first has code compiled.
            connections.Add(Connect(server.Entries[0]));
            Thread.Sleep(settle);
            var (before, wanted, begin) = (server.Memory("Private_Dirty"), peer.ForksForEach ? Few : count, Stopwatch.GetTimestamp());
            for (var i = 0; i < wanted; i++)
                connections.Add(Connect(server.Entries[0]));
            var taken = Stopwatch.GetElapsedTime(begin);
            Thread.Sleep(settle);
            return [(double)(server.Memory("Private_Dirty") - before) / wanted, taken.TotalMilliseconds / wanted];
        }
        finally
        {
            connections.ForEach(connection => connection.Context.Post(_ => connection.Dispose(), null));
        }
    }

    SshConnection Connect(IPEndPoint server) => ConnectAsync(server).WaitAsync(patience).GetAwaiter().GetResult();

    async Task<SshConnection> ConnectAsync(IPEndPoint server)
    {
        var dial = await network.Dialer.DialAsync(server, patience).ConfigureAwait(false);
        var options = new SshClientOptions { User = Environment.UserName, Keys = [key], CheckHostKey = static _ => default };
        var result = await SshConnection.ConnectAsync(dial.Connection ?? throw new MeasureException($"nobody could be connected to: {dial.Detail}"), options).ConfigureAwait(false);
        var connection = result.Connection ?? throw new MeasureException($"not let in: {result.End}");
        var listening = new TaskCompletionSource<bool>();
        connection.Context.Post(async _ => listening.SetResult((await connection.ListenAsync(new SshBind.Tcp("localhost", 0), static _ => { })).Port is not null), null);
        return await listening.Task.ConfigureAwait(false) ? connection : throw new MeasureException("the server does not listen");
    }

    public override void Dispose()
    {
        key?.Dispose();
        network.Dispose();
    }
}
