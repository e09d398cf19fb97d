using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>What every <see cref="IDialer"/> of an <see cref="INetwork"/> does.</summary>
public abstract class DialerContract(NetworkRig rig) : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(20);

    protected NetworkRig Rig { get; } = rig;

    protected static CancellationToken TestEnds => TestContext.Current.CancellationToken;

    protected async Task<DialResult> DialAsync(EndPoint target, TimeSpan? timeout = null, CancellationToken? cancel = null) =>
        await Rig.Network.Dialer.DialAsync(target, timeout ?? Generous, cancel ?? TestEnds);

    [Fact(Timeout = 30000)]
    public Task A_dial_gives_a_connection() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var dial = await DialAsync(acceptor.LocalEndPoint, Timeout.InfiniteTimeSpan);
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        Assert.Null(dial.Detail);
        using var dialled = dial.Connection;
        Assert.NotNull(dialled);
    });

    [Fact(Timeout = 30000)]
    public Task A_dial_that_is_given_up_before_it_starts_is_cancelled() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var dial = await DialAsync(acceptor.LocalEndPoint, cancel: new CancellationToken(canceled: true));
        Assert.Equal(new DialResult(DialOutcome.Cancelled), dial with { Detail = null });
    });

    public void Dispose() => Rig.Dispose();
}

/// <summary>What is so for TCP only.</summary>
public abstract class TcpDialerContract(TcpRig rig) : DialerContract(rig)
{
    [Fact(Timeout = 30000)]
    public Task A_port_that_nobody_listens_on_refuses() => Rig.RunAsync(async () =>
    {
        // Bound but not listening, so that nobody else comes to listen there.
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(Rig.FreeAddress());
        var dial = await DialAsync(bound.LocalEndPoint!);
        Assert.Equal(DialOutcome.Refused, dial.Outcome);
        Assert.Null(dial.Connection);
        Assert.NotEmpty(dial.Detail!);
    });

    [Fact(Timeout = 30000)]
    public Task A_listener_that_does_not_answer_times_the_dial_out() => Rig.RunAsync(async () =>
    {
        using var deaf = Rig.ListenDeaf(out var address);
        var kept = await FillAsync(address);
        kept.ForEach(connection => connection.Dispose());
    });

    [Fact(Timeout = 30000)]
    public Task A_dial_under_way_can_be_given_up() => Rig.RunAsync(async () =>
    {
        using var deaf = Rig.ListenDeaf(out var address);
        var kept = await FillAsync(address);
        using var cancel = new CancellationTokenSource();
        var dialling = DialAsync(address, Timeout.InfiniteTimeSpan, cancel.Token);
        Assert.False(dialling.IsCompleted);
        cancel.Cancel();
        Assert.Equal(new DialResult(DialOutcome.Cancelled), await dialling with { Detail = null });
        kept.ForEach(connection => connection.Dispose());
    });

    /// <summary>Dials until the kernel drops the attempts, since the backlog is full.</summary>
    /// <returns>The connections that fill it.</returns>
    private async Task<List<Connection>> FillAsync(EndPoint address)
    {
        var kept = new List<Connection>();
        for (var attempt = 0; attempt < 8; attempt++)
        {
            var dial = await DialAsync(address, TimeSpan.FromMilliseconds(200));
            if (dial.Outcome == DialOutcome.TimedOut)
            {
                Assert.Null(dial.Connection);
                Assert.NotEmpty(dial.Detail!);
                return kept;
            }
            Assert.Equal(DialOutcome.Connected, dial.Outcome);
            kept.Add(dial.Connection!);
        }
        throw new InvalidOperationException("The backlog never filled.");
    }
}

/// <summary>What is so for Unix sockets only.</summary>
public abstract class UnixDialerContract(UnixRig rig) : DialerContract(rig)
{
    [Fact(Timeout = 30000)]
    public Task A_path_where_nothing_is_refuses() => Rig.RunAsync(async () =>
    {
        var dial = await DialAsync(Rig.FreeAddress());
        Assert.Equal(new DialResult(DialOutcome.Refused, Detail: "No such file or directory"), dial);
    });

    [Fact(Timeout = 30000)]
    public Task A_socket_that_nobody_listens_on_refuses() => Rig.RunAsync(async () =>
    {
        var address = Rig.FreeAddress();
        using var bound = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        bound.Bind(address);
        Assert.Equal(DialOutcome.Refused, (await DialAsync(address)).Outcome);
    });

    [Fact(Timeout = 30000)]
    public Task A_full_backlog_is_busy() => Rig.RunAsync(async () =>
    {
        using var deaf = Rig.ListenDeaf(out var address);
        var kept = new List<Connection>();
        var dial = await DialAsync(address);
        for (var attempt = 0; attempt < 8 && dial.Outcome == DialOutcome.Connected; attempt++)
        {
            kept.Add(dial.Connection!);
            dial = await DialAsync(address);
        }
        Assert.Equal(DialOutcome.Busy, dial.Outcome);
        Assert.NotEmpty(dial.Detail!);
        kept.ForEach(connection => connection.Dispose());
    });
}
