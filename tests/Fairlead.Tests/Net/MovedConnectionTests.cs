using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>Connections that are accepted on one event loop for another.</summary>
[SupportedOSPlatform("linux")]
public sealed class MovedConnectionTests : IDisposable
{
    private readonly NativeNetwork network = new(new NativeNetworkOptions { Loops = 2 });
    private readonly PortableNetwork clients = new();
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");

    private EventLoop Here => network.Loops[0];

    private EventLoop Home => network.Loops[1];

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task One_belongs_to_its_new_loop_and_is_told_all_that_happens_to_it(bool isUnix)
    {
        var (client, moved) = await MoveAsync(isUnix);
        Assert.Same(Home, moved.Context);
        Assert.IsAssignableFrom<NativeConnection>(moved);
        await Home.RunAsync(async () =>
        {
            var read = moved.ReadAsync(new byte[8]);
            Assert.False(read.IsCompleted);
            await client.WriteAsync(new byte[] { 1 });
            Assert.Equal(1, await read);
            byte[] up = Traffic.RandomBytes(1 << 20, seed: 1), down = Traffic.RandomBytes(1 << 20, seed: 2);
            await Task.WhenAll(Traffic.SendAsync(client, up), Traffic.ExpectToEndAsync(moved, up));
            await Task.WhenAll(Traffic.SendAsync(moved, down), Traffic.ExpectToEndAsync(client, down));
            moved.Dispose();
        });
        client.Dispose();
    }

    [Fact(Timeout = 30000)]
    public async Task One_is_told_of_a_reset()
    {
        var (client, moved) = await MoveAsync();
        await Home.RunAsync(async () =>
        {
            var read = moved.ReadAsync(new byte[8]).AsTask();
            Assert.False(read.IsCompleted);
            client.Abort();
            Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(() => read)).Error);
            moved.Dispose();
        });
    }

    [Fact(Timeout = 30000)]
    public async Task What_had_happened_before_it_arrived_is_not_lost()
    {
        var (client, moved) = await MoveAsync(before: async client =>
        {
            await client.WriteAsync("early"u8.ToArray());
            await client.CompleteWritesAsync();
        });
        await Home.RunAsync(async () =>
        {
            await Traffic.ExpectToEndAsync(moved, "early"u8.ToArray());
            moved.Abort();
        });
        await ForwardingRig.AssertResetAsync(client);
    }

    [Fact(Timeout = 30000)]
    public async Task One_is_refused_on_the_loop_that_accepted_it()
    {
        var (client, moved) = await MoveAsync();
        await Here.RunAsync(() => Assert.ThrowsAsync<InvalidOperationException>(() => moved.ReadAsync(new byte[1]).AsTask()));
        await Home.RunAsync(() =>
        {
            moved.Dispose();
            return Task.CompletedTask;
        });
        client.Dispose();
    }

    [Fact(Timeout = 30000)]
    public async Task It_arrives_before_anything_that_is_posted_afterwards()
    {
        using var busy = new ManualResetEventSlim();
        using var acceptor = await ListenAsync();
        var client = await DialAsync(acceptor.LocalEndPoint);
        Home.Run(busy.Wait);
        Task<ConnectionError?>? ending = null;
        await Here.RunAsync(async () =>
        {
            var moved = await AcceptAsync(acceptor, Home);
            // As a stop does that comes while it is on its way.
            Home.Run(moved.Abort);
            ending = EndAsync(moved);
        });
        busy.Set();
        Assert.Equal(ConnectionError.Aborted, await ending!);
        await ForwardingRig.AssertResetAsync(client);

        async Task<ConnectionError?> EndAsync(Connection moved)
        {
            ConnectionError? error = null;
            await Home.RunAsync(async () => error = (await Assert.ThrowsAsync<ConnectionException>(() => moved.ReadAsync(new byte[1]).AsTask())).Error);
            return error;
        }
    }

    [Fact(Timeout = 60000)]
    public async Task Of_a_thousand_none_is_lost()
    {
        const int count = 1000, atOnce = 50;
        using var acceptor = await ListenAsync();
        var served = 0;
        var serving = Here.RunAsync(async () =>
        {
            var talks = new List<Task>();
            while (served < count && await acceptor.WaitAsync())
            {
                while (acceptor.TryAccept(Home) is { } moved)
                {
                    served++;
                    talks.Add(Home.RunAsync(() => EchoAsync(moved)));
                }
            }
            await Task.WhenAll(talks);
        });
        for (var i = 0; i < count; i += atOnce)
        {
            await Task.WhenAll(Enumerable.Range(i, atOnce).Select(async number =>
            {
                var bytes = BitConverter.GetBytes(number);
                using var client = await DialAsync(acceptor.LocalEndPoint);
                await Task.WhenAll(Traffic.SendAsync(client, bytes), Traffic.ExpectToEndAsync(client, bytes));
            }));
        }
        await serving;
        Assert.Equal(count, served);
    }

    [Fact(Timeout = 30000)]
    public async Task Whom_an_unbound_listener_still_has_moves_too()
    {
        using var acceptor = await ListenAsync();
        var waiting = new List<Connection>();
        for (var i = 0; i < 5; i++)
            waiting.Add(await DialAsync(acceptor.LocalEndPoint));
        var served = 0;
        await Here.RunAsync(async () =>
        {
            acceptor.Unbind();
            while (await acceptor.WaitAsync())
            {
                if (acceptor.TryAccept(Home) is not { } moved)
                    continue;
                Assert.Same(Home, moved.Context);
                served++;
                await Home.RunAsync(async () => await Traffic.SendAsync(moved, [7]));
                Home.Run(moved.Dispose);
            }
        });
        Assert.Equal(waiting.Count, served);
        foreach (var client in waiting)
        {
            await Traffic.ExpectToEndAsync(client, [7]);
            client.Dispose();
        }
    }

    [Fact(Timeout = 30000)]
    public async Task Whom_an_unbound_listener_had_found_is_reset_when_it_is_disposed()
    {
        using var acceptor = await ListenAsync();
        using var client = await DialAsync(acceptor.LocalEndPoint);
        await Here.RunAsync(async () =>
        {
            acceptor.Unbind();
            Assert.True(await acceptor.WaitAsync());
            acceptor.Dispose();
            Assert.Null(acceptor.TryAccept(Home));
        });
        await ForwardingRig.AssertResetAsync(client);
    }

    [Fact(Timeout = 30000)]
    public async Task At_home_already_it_does_not_move()
    {
        using var acceptor = await ListenAsync();
        using var client = await DialAsync(acceptor.LocalEndPoint);
        await Here.RunAsync(async () =>
        {
            using var accepted = await AcceptAsync(acceptor, Here);
            Assert.Same(Here, accepted.Context);
            await Traffic.SayAsync(client, accepted, "at once");
        });
    }

    [Fact(Timeout = 30000)]
    public async Task Where_it_cannot_move_its_calls_go_back_and_forth()
    {
        using var acceptor = await ListenAsync();
        using var client = await DialAsync(acceptor.LocalEndPoint);
        var home = clients.NextContext();
        Connection? accepted = null;
        await Here.RunAsync(async () => accepted = await AcceptAsync(acceptor, home));
        Assert.Same(Here, Assert.IsType<ForeignConnection>(accepted).Inner.Context);
        await home.RunAsync(async () =>
        {
            await Traffic.SayAsync(client, accepted!, "there");
            await Traffic.SayAsync(accepted!, client, "and back");
            accepted!.Dispose();
        });
    }

    [Fact(Timeout = 30000)]
    public async Task A_connection_that_belongs_nowhere_is_used_at_home_as_it_is()
    {
        using var acceptor = clients.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions())[0];
        using var client = await DialAsync(acceptor.LocalEndPoint);
        using var accepted = await AcceptAsync(acceptor, Home);
        Assert.IsType<SocketConnection>(accepted);
        await Home.RunAsync(async () =>
        {
            await Traffic.SayAsync(client, accepted, "there");
            Assert.Same(Home, EventLoop.Current);
        });
    }

    [Fact(Timeout = 30000)]
    public async Task A_loop_that_has_ended_gets_nobody_and_the_client_is_reset()
    {
        using var other = new NativeNetwork(new NativeNetworkOptions { Loops = 1 });
        using var acceptor = await ListenAsync();
        other.Dispose();
        for (var i = 0; i < 3; i++)
        {
            using var client = await DialAsync(acceptor.LocalEndPoint);
            await Here.RunAsync(async () =>
            {
                Assert.True(await acceptor.WaitAsync());
                Assert.Null(acceptor.TryAccept(other.Loops[0]));
            });
            await ForwardingRig.AssertResetAsync(client);
        }
        // Others still get theirs.
        using var last = await DialAsync(acceptor.LocalEndPoint);
        await Here.RunAsync(async () => (await AcceptAsync(acceptor, Home)).Context.Run(() => { }));
    }

    [Fact(Timeout = 30000)]
    public async Task Who_is_on_its_way_to_a_loop_that_ends_meanwhile_is_reset()
    {
        var other = new NativeNetwork(new NativeNetworkOptions { Loops = 1 });
        using var acceptor = await ListenAsync();
        using var client = await DialAsync(acceptor.LocalEndPoint);
        using var busy = new ManualResetEventSlim();
        var ended = false;
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        other.Loops[0].Run(() =>
        {
            begun.SetResult();
            busy.Wait();
            other.Dispose();
        });
        await begun.Task;
        Connection? moved = null;
        await Here.RunAsync(async () => moved = await AcceptAsync(acceptor, other.Loops[0]));
        other.Loops[0].Run(() => ended = moved!.ReadAsync(new byte[1]).AsTask().Exception?.InnerException is ConnectionException { Error: ConnectionError.Aborted });
        busy.Set();
        other.Dispose();
        await ForwardingRig.AssertResetAsync(client);
        Assert.True(ended);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_its_new_loop_cannot_watch_is_reset()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var client = await DialAsync(listener.LocalEndPoint!);
        var socket = listener.Accept();
        var descriptor = (int)socket.Handle;
        socket.SafeHandle.SetHandleAsInvalid();
        await Home.RunAsync(async () =>
        {
            // Which is watched already cannot be watched.
            const int EEXIST = 17;
            var slot = Home.Watch(descriptor, new Ignoring(), Libc.EPOLLIN);
            var moved = NativeConnection.Unwatched(Home, descriptor, default, listener.LocalEndPoint!);
            Assert.Equal(EEXIST, moved.Arrive());
            Home.Unwatch(descriptor, slot);
            Assert.Equal(ConnectionError.Aborted, (await Assert.ThrowsAsync<ConnectionException>(() => moved.ReadAsync(new byte[1]).AsTask())).Error);
            Assert.Equal(0, moved.Arrive());
        });
        await ForwardingRig.AssertResetAsync(client);
    }

    [Fact(Timeout = 30000)]
    public async Task Accepting_pauses_when_the_new_loop_is_out_of_memory_and_goes_on()
    {
        var told = new List<SocketError>();
        await Here.RunAsync(async () =>
        {
            using var acceptor = (NativeAcceptor)network.ListenHere(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions { OnPause = told.Add });
            var wait = acceptor.WaitAsync();
            acceptor.OnLost(Libc.ENOMEM);
            acceptor.OnLost(Libc.ENOMEM);
            using var client = await DialAsync(acceptor.LocalEndPoint);
            Assert.Null(acceptor.TryAccept(Home));
            Assert.True(await wait);
            Assert.Equal([SocketError.NoBufferSpaceAvailable], told);
            var moved = await AcceptAsync(acceptor, Home);
            await Home.RunAsync(async () => await Traffic.SendAsync(moved, [7]));
            await Traffic.ExpectToEndAsync(client, [7]);
            Home.Run(moved.Dispose);
            acceptor.Dispose();
            acceptor.OnLost(Libc.ENOMEM);
            Assert.Single(told);
        });
    }

    public void Dispose()
    {
        network.Dispose();
        clients.Dispose();
        folder.Delete(recursive: true);
    }

    private async Task<(Connection Client, Connection Moved)> MoveAsync(bool isUnix = false, Func<Connection, Task>? before = null)
    {
        using var acceptor = await ListenAsync(isUnix);
        var client = await DialAsync(acceptor.LocalEndPoint);
        if (before is not null)
            await before(client);
        Connection? moved = null;
        await Here.RunAsync(async () => moved = await AcceptAsync(acceptor, Home));
        return (client, moved!);
    }

    // On the first loop alone; it may be disposed from anywhere.
    private async Task<IAcceptor> ListenAsync(bool isUnix = false)
    {
        IAcceptor? acceptor = null;
        await Here.RunAsync(() =>
        {
            acceptor = isUnix
                ? network.Listen(new UnixDomainSocketEndPoint(Path.Combine(folder.FullName, "listen.sock")), new ListenOptions())[0]
                : network.ListenHere(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions());
            return Task.CompletedTask;
        });
        return new DisposedThere(acceptor!);
    }

    private async Task<Connection> DialAsync(EndPoint to)
    {
        var dial = await clients.Dialer.DialAsync(to, TimeSpan.FromSeconds(20));
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        return dial.Connection!;
    }

    private static async Task<Connection> AcceptAsync(IAcceptor acceptor, SynchronizationContext home)
    {
        while (await acceptor.WaitAsync())
        {
            if (acceptor.TryAccept(home) is { } connection)
                return connection;
        }
        throw new InvalidOperationException("The acceptor ended.");
    }

    private static async Task EchoAsync(Connection connection)
    {
        using (connection)
        {
            var buffer = new byte[64];
            while (await connection.ReadAsync(buffer) is var count and > 0)
                await connection.WriteAsync(buffer.AsMemory(0, count));
            await connection.CompleteWritesAsync();
        }
    }

    private sealed class Ignoring : IPollable
    {
        public void OnEvents(uint events)
        {
        }
    }

    private sealed class DisposedThere(IAcceptor inner) : IAcceptor
    {
        public EndPoint LocalEndPoint => inner.LocalEndPoint;

        public SynchronizationContext? Context => inner.Context;

        public ValueTask<bool> WaitAsync() => inner.WaitAsync();

        public Connection? TryAccept() => inner.TryAccept();

        public Connection? TryAccept(SynchronizationContext home) => inner.TryAccept(home);

        public void Unbind() => inner.Unbind();

        public void Tune(SocketTuning tuning) => inner.Tune(tuning);

        public void Dispose() => inner.Context.RunThere(inner.Dispose);
    }
}
