using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

public sealed class PortableTcpConnectionTests() : TcpConnectionContract(new TcpRig(new PortableNetwork()))
{
    private const int IPPROTO_TCP = 6, TCP_USER_TIMEOUT = 18;

    [Fact(Timeout = 30000)]
    public async Task Both_ends_get_the_options_that_were_asked_for()
    {
        var tuning = new SocketTuning(TimeSpan.FromSeconds(7), 3, TimeSpan.FromSeconds(40));
        using var network = new PortableNetwork();
        using var acceptor = network.Listen(Rig.FreeAddress(), new ListenOptions { Tuning = tuning })[0];
        var dial = await network.DialerWith(tuning).DialAsync(acceptor.LocalEndPoint, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        using var dialled = (SocketConnection)dial.Connection!;
        using var accepted = (SocketConnection)await NetworkRig.AcceptAsync(acceptor);
        foreach (var socket in new[] { dialled.Socket, accepted.Socket })
        {
            Assert.True(socket.NoDelay);
            Assert.NotEqual(0, socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
            Assert.Equal(7, socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime));
            Assert.Equal(7, socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval));
            Assert.Equal(3, socket.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount));
            if (!OperatingSystem.IsLinux())
                continue;
            var milliseconds = new byte[4];
            Assert.Equal(4, socket.GetRawSocketOption(IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds));
            Assert.Equal(40_000, BitConverter.ToInt32(milliseconds));
        }
    }

    [Fact(Timeout = 30000)]
    public async Task No_probes_means_no_keepalive()
    {
        using var network = new PortableNetwork();
        using var acceptor = Rig.Listen();
        var dial = await network.DialerWith(new SocketTuning(TimeSpan.FromSeconds(7), 0, TimeSpan.Zero)).DialAsync(acceptor.LocalEndPoint, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        using var dialled = (SocketConnection)dial.Connection!;
        Assert.Equal(0, dialled.Socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive));
    }
}

public sealed class PortableUnixConnectionTests() : NetworkConnectionContract(new UnixRig(new PortableNetwork()));

public sealed class PortableContextTests
{
    [Fact(Timeout = 30000)]
    public async Task Who_needs_a_place_gets_one_of_his_own_that_runs_one_call_after_the_other()
    {
        using var network = new PortableNetwork();
        var (one, other) = (network.NextContext(), network.NextContext());
        Assert.NotSame(one, other);
        await one.RunAsync(async () =>
        {
            await Task.Yield();
            Assert.Same(one, SynchronizationContext.Current);
            Assert.True(Contexts.IsSerialHere);
        });
        await Task.Run(() => Assert.False(Contexts.IsSerialHere), TestContext.Current.CancellationToken);
    }
}

public sealed class PortableTcpAcceptorTests() : TcpAcceptorContract(new TcpRig(new PortableNetwork()));

public sealed class PortableUnixAcceptorTests() : AcceptorContract(new UnixRig(new PortableNetwork()));

public sealed class PortableTcpDialerTests() : TcpDialerContract(new TcpRig(new PortableNetwork()));

public sealed class PortableUnixDialerTests() : UnixDialerContract(new UnixRig(new PortableNetwork()));
