using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>Listening sockets that move between networks while clients come.</summary>
[SupportedOSPlatform("linux")]
public sealed class HandoverTests : IDisposable
{
    private readonly NativeNetwork native = new(new NativeNetworkOptions { Loops = 2 });
    private readonly PortableNetwork portable = new();
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");

    private static CancellationToken TestEnds => TestContext.Current.CancellationToken;

    [Theory(Timeout = 30000)]
    [InlineData(true, false, false), InlineData(true, false, true), InlineData(true, true, false), InlineData(false, false, false), InlineData(false, true, false)]
    public async Task Whoever_waits_in_the_backlog_is_served_by_the_one_that_takes_over(bool fromNative, bool isUnix, bool isShared)
    {
        var (from, to) = fromNative ? ((INetwork)native, (INetwork)portable) : (portable, native);
        var first = from.Listen(Address(isUnix), new ListenOptions { Shared = isShared });
        var address = first[0].LocalEndPoint;
        var clients = new List<Socket>();
        for (var i = 0; i < 10; i++)
            clients.Add(await ConnectAsync(address));

        var second = Handover.To(to, first, new ListenOptions());
        Assert.All(second, acceptor => Assert.Equal(address, acceptor.LocalEndPoint));
        await DisposeAsync(first);
        var serving = Serve(second);
        await ExpectServedAsync(clients);
        await ExpectServedAsync([await ConnectAsync(address)]);
        await EndAsync(second, serving);
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task Whom_the_first_had_accepted_already_it_still_hands_out(bool isUnix)
    {
        var first = portable.Listen(Address(isUnix), new ListenOptions());
        using var client = await ConnectAsync(first[0].LocalEndPoint);
        Assert.True(await first[0].WaitAsync());
        var second = Handover.To(native, first, new ListenOptions());
        Handover.Leave(first);
        using var accepted = await NetworkRig.AcceptAsync(first[0]);
        await accepted.WriteAsync(new byte[] { 1 });
        await ExpectServedAsync([client]);
        Assert.False(await first[0].WaitAsync());
        var serving = Serve(second);
        await ExpectServedAsync([await ConnectAsync(second[0].LocalEndPoint)]);
        await EndAsync(second, serving);
    }

    [Theory(Timeout = 60000), InlineData(false), InlineData(true)]
    public async Task Nobody_is_lost_while_a_socket_moves_there_and_back_again(bool isUnix)
    {
        IReadOnlyList<IAcceptor> acceptors = native.Listen(Address(isUnix), new ListenOptions());
        var address = acceptors[0].LocalEndPoint;
        var serving = new List<Task> { Serve(acceptors) };
        var served = 0;
        var comeAndGo = Task.Run(
            async () =>
            {
                for (; served < 1000; served++)
                    await ExpectServedAsync([await ConnectAsync(address)]);
            },
            TestEnds);
        for (var i = 0; i < 6; i++)
        {
            var before = Volatile.Read(ref served);
            await Traffic.UntilAsync(() => Volatile.Read(ref served) > before + 10 || comeAndGo.IsCompleted);
            var next = Handover.To(i % 2 == 0 ? portable : native, acceptors, new ListenOptions());
            serving.Add(Serve(next));
            Handover.Leave(acceptors);
            acceptors = next;
        }
        await comeAndGo;
        Assert.Equal(1000, served);
        await EndAsync(acceptors, Task.WhenAll(serving));
    }

    [Fact(Timeout = 30000)]
    public async Task A_path_goes_with_the_last_who_listens_on_it()
    {
        var first = native.Listen(Address(isUnix: true), new ListenOptions());
        var path = first[0].LocalEndPoint.ToString()!;
        var second = Handover.To(portable, first, new ListenOptions());
        await DisposeAsync(first);
        Assert.True(File.Exists(path));
        var third = Handover.To(native, second, new ListenOptions());
        Handover.Leave(second);
        Assert.False(await second[0].WaitAsync());
        Assert.True(File.Exists(path));
        await EndAsync(third, Serve(third));
        Assert.False(File.Exists(path));
    }

    [Fact(Timeout = 30000)]
    public async Task A_handover_that_fails_leaves_the_first_as_it_was()
    {
        var first = portable.Listen(Address(isUnix: true), new ListenOptions());
        Assert.Throws<ArgumentException>(() => Handover.To(new FakeNetwork(new ManualTime()), first, new ListenOptions()));
        var serving = Serve(first);
        await ExpectServedAsync([await ConnectAsync(first[0].LocalEndPoint)]);
        var path = first[0].LocalEndPoint.ToString()!;
        await EndAsync(first, serving);
        Assert.False(File.Exists(path));
        Assert.Throws<ListenException>(() => Handover.To(native, first, new ListenOptions()));
    }

    [Fact(Timeout = 30000)]
    public async Task Options_that_the_new_ones_have_off_are_not_inherited_from_the_socket()
    {
        var on = new SocketTuning(TimeSpan.FromSeconds(7), 3, TimeSpan.FromSeconds(40));
        var first = native.Listen(Address(isUnix: false), new ListenOptions { Tuning = on, Shared = true });
        var second = Handover.To(portable, first, new ListenOptions { Tuning = on with { KeepaliveProbes = 0, Unacknowledged = TimeSpan.Zero } });
        await DisposeAsync(first);
        using var client = await ConnectAsync(second[0].LocalEndPoint);
        using var accepted = (SocketConnection)await NetworkRig.AcceptAsync(second[0]);
        Assert.Equal(0, accepted.Socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
        await DisposeAsync(second);
    }

    private EndPoint Address(bool isUnix) => isUnix
        ? new UnixDomainSocketEndPoint(Path.Combine(folder.FullName, "a.sock"))
        : new IPEndPoint(IPAddress.Loopback, 0);

    private static async Task<Socket> ConnectAsync(EndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(address, TestEnds);
        return socket;
    }

    /// <summary>Each has got a byte; they leave.</summary>
    private static async Task ExpectServedAsync(IEnumerable<Socket> clients)
    {
        foreach (var client in clients)
        {
            Assert.Equal(1, await client.ReceiveAsync(new byte[8], TestEnds));
            client.Dispose();
        }
    }

    /// <summary>Serves until the acceptors end: each client gets a byte.</summary>
    private static Task Serve(IReadOnlyList<IAcceptor> acceptors)
    {
        return Task.WhenAll(acceptors.Select(acceptor => acceptor.Context.RunAsync(async () =>
        {
            while (await acceptor.WaitAsync())
            {
                if (acceptor.TryAccept() is not { } connection)
                    continue;
                await connection.WriteAsync(new byte[] { 1 });
                connection.Dispose();
            }
        })));
    }

    private static async Task EndAsync(IReadOnlyList<IAcceptor> acceptors, Task serving)
    {
        foreach (var acceptor in acceptors)
            acceptor.Context.Run(acceptor.Unbind);
        await serving;
        await DisposeAsync(acceptors);
    }

    private static Task DisposeAsync(IReadOnlyList<IAcceptor> acceptors)
    {
        return Task.WhenAll(acceptors.Select(acceptor => acceptor.Context.RunAsync(() =>
        {
            acceptor.Dispose();
            return Task.CompletedTask;
        })));
    }

    public void Dispose()
    {
        native.Dispose();
        portable.Dispose();
        folder.Delete(recursive: true);
    }
}
