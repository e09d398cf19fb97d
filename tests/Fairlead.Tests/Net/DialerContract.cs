using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>What every <see cref="IDialer"/> of an <see cref="INetwork"/> does.</summary>
public abstract class DialerContract(NetworkRig rig) : IDisposable
{
    protected static readonly TimeSpan Generous = TimeSpan.FromSeconds(20);

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

    [Fact(Timeout = 30000)]
    public Task Sources_are_left_from_in_turn() => FromSourcesAsync(async (target, acceptor) =>
    {
        var dialer = DialerFrom(Source("127.0.0.2"), new DialSource(IPAddress.IPv6Loopback), Source("127.0.0.3"), new DialSource(IPAddress.Parse("::ffff:127.0.0.4")));
        foreach (var expected in new[] { "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.2", "127.0.0.3" })
        {
            using var dialled = (await dialer.DialAsync(target, Generous, TestEnds)).Connection!;
            using var accepted = await NetworkRig.AcceptAsync(acceptor);
            Assert.Equal(IPAddress.Parse(expected), ((IPEndPoint)accepted.RemoteEndPoint!).Address);
            Assert.Equal(accepted.RemoteEndPoint, dialled.LocalEndPoint);
        }
    });

    [Fact(Timeout = 30000)]
    public Task No_sources_leave_the_choice_to_the_system() => FromSourcesAsync(async (target, _) =>
    {
        using var dialled = (await Rig.Network.DialerWith(SocketTuning.Default, []).DialAsync(target, Generous, TestEnds)).Connection!;
        Assert.Equal(IPAddress.Loopback, ((IPEndPoint)dialled.LocalEndPoint!).Address);
    });

    [Fact(Timeout = 30000)]
    public Task Ports_of_a_source_are_tried_until_none_is_left() => FromSourcesAsync(async (target, _) =>
    {
        using var other = Rig.Listen();
        var source = FreeRange("127.0.0.5", 3);
        var dialer = DialerFrom(source);
        var dialled = new List<Connection>();
        for (var i = 0; i < 3; i++)
            dialled.Add((await dialer.DialAsync(target, Generous, TestEnds)).Connection!);
        Assert.Equal(
            Enumerable.Range(source.FirstPort, 3).Select(port => new IPEndPoint(source.Address, port)),
            dialled.Select(connection => (IPEndPoint)connection.LocalEndPoint!).OrderBy(local => local.Port));

        var none = await dialer.DialAsync(target, Generous, TestEnds);
        Assert.Equal((DialOutcome.NoLocalAddress, null), (none.Outcome, none.Connection));
        Assert.StartsWith($"cannot leave from {source}: ", none.Detail, StringComparison.Ordinal);

        // To somebody else, the same ports are free; and here again, once a connection is gone.
        dialled.Add((await dialer.DialAsync(other.LocalEndPoint, Generous, TestEnds)).Connection!);
        Assert.Equal(source.Address, ((IPEndPoint)dialled[^1].LocalEndPoint!).Address);
        dialled[1].Abort();
        dialled.Add((await UntilConnectedAsync(dialer, target)).Connection!);
        dialled.ForEach(connection => connection.Dispose());
    });

    [Fact(Timeout = 30000)]
    public Task A_source_without_a_port_left_gives_way_to_the_next() => FromSourcesAsync(async (target, _) =>
    {
        var full = FreeRange("127.0.0.6", 1);
        using var kept = (await DialerFrom(full).DialAsync(target, Generous, TestEnds)).Connection!;
        var dialer = DialerFrom(full, Source("192.0.2.1"), Source("127.0.0.7"));
        for (var i = 0; i < 3; i++)
        {
            using var dialled = (await dialer.DialAsync(target, Generous, TestEnds)).Connection!;
            Assert.Equal(IPAddress.Parse("127.0.0.7"), ((IPEndPoint)dialled.LocalEndPoint!).Address);
        }
    });

    [Fact(Timeout = 30000)]
    public Task A_port_that_a_listener_holds_is_not_left_from() => FromSourcesAsync(async (target, _) =>
    {
        var source = FreeRange("127.0.0.8", 1);
        using var holder = Rig.Listen(new IPEndPoint(source.Address, source.FirstPort));
        var dial = await DialerFrom(source).DialAsync(target, Generous, TestEnds);
        Assert.Equal(DialOutcome.NoLocalAddress, dial.Outcome);
        Assert.Contains(source.ToString(), dial.Detail, StringComparison.Ordinal);
    });

    [Fact(Timeout = 30000)]
    public Task An_address_of_another_machine_is_no_source() => FromSourcesAsync(async (target, _) =>
    {
        // A thousand ports, which need not be tried.
        foreach (var source in new[] { Source("192.0.2.1"), new DialSource(IPAddress.Parse("192.0.2.1"), 20000, 20999) })
        {
            var dial = await DialerFrom(source).DialAsync(target, Generous, TestEnds);
            Assert.Equal((DialOutcome.NoLocalAddress, null), (dial.Outcome, dial.Connection));
            Assert.StartsWith($"cannot leave from {source}: ", dial.Detail, StringComparison.Ordinal);
        }
    });

    [Fact(Timeout = 30000)]
    public Task A_target_of_a_family_that_no_source_has_cannot_be_dialled() => FromSourcesAsync(async (target, _) =>
    {
        var dial = await DialerFrom(new DialSource(IPAddress.IPv6Loopback)).DialAsync(target, Generous, TestEnds);
        Assert.Equal(new DialResult(DialOutcome.NoLocalAddress, null, "the target has an IPv4 address, and none of the sources has: ::1"), dial);
    });

    [Fact(Timeout = 30000)]
    public Task A_refusal_is_the_same_from_a_source() => Rig.RunAsync(async () =>
    {
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(Rig.FreeAddress());
        foreach (var source in new[] { Source("127.0.0.9"), FreeRange("127.0.0.9", 2) })
            Assert.Equal(DialOutcome.Refused, (await DialerFrom(source).DialAsync(bound.LocalEndPoint!, Generous, TestEnds)).Outcome);
    });

    private static DialSource Source(string address) => new(IPAddress.Parse(address));

    private IDialer DialerFrom(params DialSource[] sources) => Rig.Network.DialerWith(SocketTuning.Default, sources);

    private Task FromSourcesAsync(Func<EndPoint, IAcceptor, Task> test) => Rig.RunAsync(async () =>
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has all of 127.0.0.0/8.");
        using var acceptor = Rig.Listen();
        await test(acceptor.LocalEndPoint, acceptor);
    });

    /// <summary>Neighbouring ports that nobody else is bound to at that address.</summary>
    private static DialSource FreeRange(string address, int count)
    {
        while (true)
        {
            var held = new List<Socket>();
            try
            {
                for (var i = 0; i < count; i++)
                {
                    held.Add(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
                    held[i].Bind(new IPEndPoint(IPAddress.Parse(address), i == 0 ? 0 : ((IPEndPoint)held[0].LocalEndPoint!).Port + i));
                }
                var first = ((IPEndPoint)held[0].LocalEndPoint!).Port;
                return new DialSource(IPAddress.Parse(address), first, first + count - 1);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // The next ones are taken: elsewhere, then.
            }
            finally
            {
                held.ForEach(socket => socket.Dispose());
            }
        }
    }

    private static async Task<DialResult> UntilConnectedAsync(IDialer dialer, EndPoint target)
    {
        while (true)
        {
            var dial = await dialer.DialAsync(target, Generous, TestEnds);
            if (dial.Connection is not null)
                return dial;
            await Task.Yield();
        }
    }

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
    public Task Sources_do_not_concern_a_path() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var dialer = Rig.Network.DialerWith(SocketTuning.Default, [new DialSource(IPAddress.Parse("192.0.2.1"))]);
        using var dialled = (await dialer.DialAsync(acceptor.LocalEndPoint, Generous, TestEnds)).Connection;
        Assert.NotNull(dialled);
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
