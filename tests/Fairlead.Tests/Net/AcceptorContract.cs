using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
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

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    [SupportedOSPlatform("linux")]
    public Task A_socket_that_was_inherited_is_served_and_left_as_it_was(bool dispose) => Rig.RunAsync(async () =>
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors are inherited like this on Linux.");
        using var owner = Rig.ListenDeaf(out var address);
        owner.Listen(16);
        var descriptor = Inherit(owner);
        using var acceptor = Rig.Network.Adopt(descriptor, new ListenOptions())[0];
        Assert.Equal(address, acceptor.LocalEndPoint);
        Assert.Equal(Libc.FD_CLOEXEC, Libc.fcntl(descriptor, F_GETFD, 0));
        Assert.Equal(Libc.O_NONBLOCK, Libc.fcntl(descriptor, Libc.F_GETFL, 0) & Libc.O_NONBLOCK);
        for (var i = 0; i < 3; i++)
        {
            using var client = await Rig.DialAsync(address);
            using var accepted = await NetworkRig.AcceptAsync(acceptor);
            Assert.Equal(address, accepted.LocalEndPoint);
            await accepted.WriteAsync(new byte[] { 1 });
            Assert.Equal(1, await client.ReadAsync(new byte[8]));
        }

        // A wait is under way as it ends: that must not reach the socket either.
        Assert.Null(acceptor.TryAccept());
        var wait = acceptor.WaitAsync();
        if (dispose)
            acceptor.Dispose();
        else
            acceptor.Unbind();
        Assert.False(await wait);
        using var late = await Rig.DialAsync(address);
        using var served = await owner.AcceptAsync(TestContext.Current.CancellationToken);
        served.Send([1]);
        Assert.Equal(1, await late.ReadAsync(new byte[8]));
        Assert.True(address is not UnixDomainSocketEndPoint || File.Exists(address.ToString()));
    });

    [Fact(Timeout = 30000)]
    [SupportedOSPlatform("linux")]
    public Task Unbind_serves_the_backlog_of_an_inherited_socket_too() => Rig.RunAsync(async () =>
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors are inherited like this on Linux.");
        using var owner = Rig.ListenDeaf(out var address);
        owner.Listen(16);
        using var acceptor = Rig.Network.Adopt(Inherit(owner), new ListenOptions())[0];
        using var first = await Rig.DialAsync(address);
        using var second = await Rig.DialAsync(address);
        acceptor.Unbind();
        using var one = await NetworkRig.AcceptAsync(acceptor);
        using var other = await NetworkRig.AcceptAsync(acceptor);
        Assert.False(await acceptor.WaitAsync());
    });

    [Fact(Timeout = 30000)]
    [SupportedOSPlatform("linux")]
    public Task What_is_no_listening_stream_socket_is_not_adopted() => RunAsync(() =>
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors are inherited like this on Linux.");
        using var file = File.OpenRead("/dev/null");
        using var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        AssertRefused(-1, "cannot be used: Bad file descriptor");
        AssertRefused((int)file.SafeFileHandle.DangerousGetHandle(), "is no socket");
        AssertRefused((int)datagrams.Handle, "is a socket of datagrams or packets, not of a stream");
        AssertRefused((int)silent.Handle, "is a socket that does not listen");

        // What was refused stays its owner's.
        silent.Listen();

        void AssertRefused(int descriptor, string reason)
        {
            var refused = Assert.Throws<ArgumentException>(() => Rig.Network.Adopt(descriptor, new ListenOptions()));
            Assert.StartsWith($"Descriptor {descriptor} {reason}.", refused.Message, StringComparison.Ordinal);
        }
    });

    // linux/fcntl.h
    private const int F_DUPFD = 0, F_GETFD = 1;

    /// <summary>What a child would find: a descriptor of the same socket, without FD_CLOEXEC, and blocking.</summary>
    [SupportedOSPlatform("linux")]
    private static int Inherit(Socket owner)
    {
        var descriptor = Libc.fcntl((int)owner.Handle, F_DUPFD, 0);
        Assert.InRange(descriptor, 0, int.MaxValue);
        return descriptor;
    }

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

    public Task Other_options_hold_for_those_who_are_accepted_from_then_on() => Rig.RunAsync(async () =>
    {
        var tunings = new[]
        {
            new SocketTuning(TimeSpan.FromSeconds(7), 3, TimeSpan.FromSeconds(40)),
            new SocketTuning(TimeSpan.FromSeconds(20), 5, TimeSpan.FromSeconds(90)),
            new SocketTuning(TimeSpan.FromSeconds(7), 0, TimeSpan.Zero),
            new SocketTuning(TimeSpan.FromSeconds(9), 2, TimeSpan.Zero),
        };
        using var acceptor = Rig.Network.Listen(Rig.FreeAddress(), new ListenOptions { Tuning = tunings[0] })[0];
        var accepted = new List<Connection>();
        foreach (var tuning in tunings)
        {
            acceptor.Tune(tuning);
            using var client = await Rig.DialAsync(acceptor.LocalEndPoint);
            accepted.Add(await NetworkRig.AcceptAsync(acceptor));
        }
        foreach (var (connection, tuning) in accepted.Zip(tunings))
        {
            Assert.Equal(tuning.KeepaliveProbes > 0, OptionOf(connection, SOL_SOCKET, SO_KEEPALIVE) != 0);
            if (tuning.KeepaliveProbes > 0)
            {
                Assert.Equal((int)tuning.KeepaliveIdle.TotalSeconds, OptionOf(connection, IPPROTO_TCP, TCP_KEEPIDLE));
                Assert.Equal(tuning.KeepaliveProbes, OptionOf(connection, IPPROTO_TCP, TCP_KEEPCNT));
            }
            Assert.Equal((int)tuning.Unacknowledged.TotalMilliseconds, OptionOf(connection, IPPROTO_TCP, TCP_USER_TIMEOUT));
            connection.Dispose();
        }
        acceptor.Dispose();
        acceptor.Tune(tunings[0]);
    });

    // socket(7) and tcp(7).
    private const int SOL_SOCKET = 1, SO_KEEPALIVE = 9, IPPROTO_TCP = 6, TCP_KEEPIDLE = 4, TCP_KEEPCNT = 6, TCP_USER_TIMEOUT = 18;

    private static int OptionOf(Connection connection, int level, int name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The options are asked for by their Linux names.");
        if (OperatingSystem.IsLinux() && connection is NativeConnection native)
            return native.Option(level, name);
        var value = new byte[sizeof(int)];
        ((SocketConnection)connection).Socket.GetRawSocketOption(level, name, value);
        return BitConverter.ToInt32(value);
    }

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
