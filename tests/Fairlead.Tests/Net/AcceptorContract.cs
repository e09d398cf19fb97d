using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>What every <see cref="IAcceptor"/> of an <see cref="INetwork"/> does.</summary>
public abstract class AcceptorContract(NetworkRig rig) : IDisposable
{
    protected NetworkRig Rig { get; } = rig;

    [Fact(Timeout = 30000)]
    public Task Every_client_is_handed_out_once() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        Assert.Null(acceptor.TryAccept());
        for (var i = 0; i < 3; i++)
        {
            using var client = await Rig.DialAsync(acceptor.LocalEndPoint);
            using var accepted = await NetworkRig.AcceptAsync(acceptor);
            await accepted.WriteAsync(new byte[] { 1 });
            Assert.Equal(1, await client.ReadAsync(new byte[8]));
            Assert.Null(acceptor.TryAccept());
        }
    });

    [Fact(Timeout = 30000)]
    public Task A_wait_ends_when_a_client_comes() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var wait = acceptor.WaitAsync();
        Assert.False(wait.IsCompleted);
        using var client = await Rig.DialAsync(acceptor.LocalEndPoint);
        Assert.True(await wait);
        using var accepted = acceptor.TryAccept();
        Assert.NotNull(accepted);
    });

    [Fact(Timeout = 30000)]
    public Task Unbind_hands_out_whom_the_kernel_had_accepted_and_then_ends() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var clients = new List<Connection>();
        for (var i = 0; i < 5; i++)
            clients.Add(await Rig.DialAsync(acceptor.LocalEndPoint));
        acceptor.Unbind();

        var served = 0;
        while (await acceptor.WaitAsync())
        {
            while (acceptor.TryAccept() is { } accepted)
            {
                await accepted.WriteAsync(new byte[] { 1 });
                accepted.Dispose();
                served++;
            }
        }
        Assert.Equal(clients.Count, served);
        foreach (var client in clients)
        {
            Assert.Equal(1, await client.ReadAsync(new byte[8]));
            client.Dispose();
        }
        Assert.False(await acceptor.WaitAsync());
        Assert.Null(acceptor.TryAccept());
    });

    [Fact(Timeout = 30000)]
    public Task Unbind_hands_out_whom_a_wait_had_already_found() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        using var first = await Rig.DialAsync(acceptor.LocalEndPoint);
        using var second = await Rig.DialAsync(acceptor.LocalEndPoint);
        Assert.True(await acceptor.WaitAsync());
        acceptor.Unbind();
        using var one = await NetworkRig.AcceptAsync(acceptor);
        using var other = await NetworkRig.AcceptAsync(acceptor);
        Assert.False(await acceptor.WaitAsync());
    });

    [Fact(Timeout = 30000)]
    public Task After_unbind_nobody_gets_in() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        acceptor.Unbind();
        Assert.False(await acceptor.WaitAsync());
        var dial = await Rig.Network.Dialer.DialAsync(acceptor.LocalEndPoint, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(DialOutcome.Refused, dial.Outcome);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_wait_is_ended_by_unbind_and_by_dispose(bool dispose) => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var wait = acceptor.WaitAsync();
        Assert.False(wait.IsCompleted);
        if (dispose)
            acceptor.Dispose();
        else
            acceptor.Unbind();
        Assert.False(await wait);
    });

    [Fact(Timeout = 30000)]
    public Task After_dispose_waits_and_accepts_end_at_once() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        using var client = await Rig.DialAsync(acceptor.LocalEndPoint);
        Assert.True(await acceptor.WaitAsync());
        acceptor.Dispose();
        acceptor.Dispose();
        acceptor.Unbind();
        Assert.False(await acceptor.WaitAsync());
        Assert.Null(acceptor.TryAccept());
    });

    [Fact(Timeout = 30000)]
    public Task Dispose_drops_clients_that_were_not_accepted() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        using var first = await Rig.DialAsync(acceptor.LocalEndPoint);
        using var second = await Rig.DialAsync(acceptor.LocalEndPoint);
        Assert.True(await acceptor.WaitAsync());
        acceptor.Dispose();
        foreach (var client in new[] { first, second })
        {
            // A Unix socket says it in two ways: an end, or a reset where the kernel drops its queue.
            var read = client.ReadAsync(new byte[8]).AsTask();
            if (Rig.HasReset)
                Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(() => read)).Error);
            else
                await Record.ExceptionAsync(() => read);
        }
    });

    [Fact(Timeout = 30000)]
    public Task A_second_listen_on_the_same_address_is_refused() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var refused = Assert.Throws<ListenException>(() => Rig.Listen(acceptor.LocalEndPoint));
        Assert.Equal(SocketError.AddressAlreadyInUse, refused.Error);
        Assert.Equal(acceptor.LocalEndPoint, refused.EndPoint);
        Assert.Contains(acceptor.LocalEndPoint.ToString()!, refused.Message, StringComparison.Ordinal);

        using var client = await Rig.DialAsync(acceptor.LocalEndPoint);
        using var accepted = await NetworkRig.AcceptAsync(acceptor);
    });

    [Fact(Timeout = 30000)]
    public Task An_address_is_free_again_although_a_connection_lingers() => Rig.RunAsync(async () =>
    {
        var acceptor = Rig.Listen();
        var client = await Rig.DialAsync(acceptor.LocalEndPoint);

        // TIME_WAIT is on the side that closes first.
        (await NetworkRig.AcceptAsync(acceptor)).Dispose();
        Assert.Equal(0, await client.ReadAsync(new byte[8]));
        client.Dispose();
        acceptor.Dispose();
        using var again = Rig.Listen(acceptor.LocalEndPoint);
        Assert.Equal(acceptor.LocalEndPoint, again.LocalEndPoint);
    });

    [Fact(Timeout = 30000)]
    public Task A_name_is_no_address_to_listen_on() => RunAsync(() =>
    {
        Assert.Throws<ArgumentException>(() => Rig.Listen(new DnsEndPoint("localhost", 0)));
    });

    /// <summary>For tests that wait for nothing.</summary>
    protected Task RunAsync(Action test) => Rig.RunAsync(() =>
    {
        test();
        return Task.CompletedTask;
    });

    public void Dispose() => Rig.Dispose();
}

/// <summary>What is so for TCP only.</summary>
public abstract class TcpAcceptorContract(TcpRig rig) : AcceptorContract(rig)
{
    [Fact(Timeout = 30000)]
    public Task Port_0_becomes_the_port_that_the_system_chose() => RunAsync(() =>
    {
        using var acceptor = Rig.Listen();
        Assert.NotEqual(0, ((IPEndPoint)acceptor.LocalEndPoint).Port);
    });

    [Fact(Timeout = 30000)]
    public Task An_address_of_another_machine_is_refused() => RunAsync(() =>
    {
        // RFC 5737: TEST-NET-1 is nobody's.
        var refused = Assert.Throws<ListenException>(() => Rig.Listen(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 0)));
        Assert.Equal(SocketError.AddressNotAvailable, refused.Error);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_socket_that_does_not_listen_any_more_is_an_error_and_not_an_end(bool unbound) => Rig.RunAsync(async () =>
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "How a listening socket breaks differs from system to system.");
        using var acceptor = Rig.Listen();
        BreakListen(((IPEndPoint)acceptor.LocalEndPoint).Port);
        if (unbound)
            acceptor.Unbind();
        for (var time = 0; time < 2; time++)
        {
            var broken = await Assert.ThrowsAsync<ListenException>(async () =>
            {
                while (await acceptor.WaitAsync())
                    Assert.Null(acceptor.TryAccept());
            });
            Assert.Equal(SocketError.InvalidArgument, broken.Error);
            Assert.Equal(acceptor.LocalEndPoint, broken.EndPoint);
        }
        acceptor.Dispose();
        Assert.False(await acceptor.WaitAsync());
    });

    [Fact(Timeout = 30000)]
    public Task A_failed_accept_does_not_end_the_service_of_the_backlog() => Rig.RunAsync(async () =>
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "How a listening socket is found and replaced differs from system to system.");
        Standin? standin = null;
        var acceptor = Rig.Network.Listen(Rig.FreeAddress(), new ListenOptions { OnPause = _ => standin!.Dispose() })[0];
        using var first = await Rig.DialAsync(acceptor.LocalEndPoint);
        using var second = await Rig.DialAsync(acceptor.LocalEndPoint);
        using (standin = new Standin(DescriptorOf(((IPEndPoint)acceptor.LocalEndPoint).Port)))
        {
            acceptor.Unbind();

            // Each accept fails with EOPNOTSUPP, which is carried on after; so many in a row bring the pause that takes the stand-in away.
            using var one = await NetworkRig.AcceptAsync(acceptor);
            using var other = await NetworkRig.AcceptAsync(acceptor);
            Assert.True(standin.IsOver);
            Assert.False(await acceptor.WaitAsync());
        }
        acceptor.Dispose();
    });

    [Fact(Timeout = 30000)]
    public Task The_wildcard_of_IPv6_takes_IPv4_too() => RunAsync(() =>
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "There is no IPv6 here.");
        using var acceptor = Rig.Listen(new IPEndPoint(IPAddress.IPv6Any, 0));
        var port = ((IPEndPoint)acceptor.LocalEndPoint).Port;
        var refused = Assert.Throws<ListenException>(() => Rig.Listen(new IPEndPoint(IPAddress.Any, port)));
        Assert.Equal(SocketError.AddressAlreadyInUse, refused.Error);
    });

    /// <summary>shutdown(2) of the listening socket behind its owner's back: accept then fails with EINVAL, for good.</summary>
    private static void BreakListen(int port) => Assert.Equal(0, shutdown(DescriptorOf(port), 2));

    /// <summary>The descriptor that listens on a port, by proc(5).</summary>
    private static int DescriptorOf(int port)
    {
        var inode = File.ReadLines("/proc/net/tcp").Skip(1).Concat(File.ReadLines("/proc/net/tcp6").Skip(1))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .First(columns => columns[1].EndsWith($":{port:X4}", StringComparison.Ordinal) && columns[3] == "0A")[9];
        var descriptor = Directory.EnumerateFiles("/proc/self/fd").First(path => new FileInfo(path).LinkTarget == $"socket:[{inode}]");
        return int.Parse(Path.GetFileName(descriptor), CultureInfo.InvariantCulture);
    }

    /// <summary>A socket that nothing can be accepted from, in the place of a listening one until it is disposed: dup2(2).</summary>
    private sealed class Standin : IDisposable
    {
        private readonly int place, kept;

        public Standin(int place)
        {
            this.place = place;
            kept = dup(place);
            using var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            Assert.Equal(place, dup2((int)datagrams.Handle, place));
        }

        public bool IsOver { get; private set; }

        public void Dispose()
        {
            if (IsOver)
                return;
            IsOver = true;
            Assert.Equal(place, dup2(kept, place));
            Assert.Equal(0, close(kept));
        }
    }

    [DllImport("libc")]
    private static extern int shutdown(int sockfd, int how);

    [DllImport("libc")]
    private static extern int dup(int oldfd);

    [DllImport("libc")]
    private static extern int dup2(int oldfd, int newfd);

    [DllImport("libc")]
    private static extern int close(int fd);
}
