using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>TCP on 127.0.0.1 over an event loop, on which the tests run.</summary>
[SupportedOSPlatform("linux")]
public sealed class NativeTcpRig(NativeNetwork network) : TcpRig(network)
{
    public NativeTcpRig()
        : this(new NativeNetwork(new NativeNetworkOptions { Loops = 1 }))
    {
    }

    public override Task RunAsync(Func<Task> test) => network.Loops[0].RunAsync(test);
}

/// <summary>Unix sockets over an event loop, on which the tests run.</summary>
[SupportedOSPlatform("linux")]
public sealed class NativeUnixRig(NativeNetwork network) : UnixRig(network)
{
    public NativeUnixRig()
        : this(new NativeNetwork(new NativeNetworkOptions { Loops = 1 }))
    {
    }

    public override Task RunAsync(Func<Task> test) => network.Loops[0].RunAsync(test);
}

[SupportedOSPlatform("linux")]
public sealed class NativeTcpConnectionTests() : TcpConnectionContract(new NativeTcpRig())
{
    [Fact(Timeout = 30000)]
    public Task Use_off_the_loop_is_refused() => Rig.RunAsync(async () =>
    {
        var (dialled, accepted) = await Rig.ConnectAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => Task.Run(() => dialled.ReadAsync(new byte[1]).AsTask()));
        dialled.Dispose();
        accepted.Dispose();
    });
}

[SupportedOSPlatform("linux")]
public sealed class NativeUnixConnectionTests() : NetworkConnectionContract(new NativeUnixRig());

[SupportedOSPlatform("linux")]
public sealed class NativeTcpAcceptorTests() : TcpAcceptorContract(new NativeTcpRig());

[SupportedOSPlatform("linux")]
public sealed class NativeUnixAcceptorTests() : AcceptorContract(new NativeUnixRig());

[SupportedOSPlatform("linux")]
public sealed class NativeTcpDialerTests() : TcpDialerContract(new NativeTcpRig());

[SupportedOSPlatform("linux")]
public sealed class NativeUnixDialerTests() : UnixDialerContract(new NativeUnixRig());

[SupportedOSPlatform("linux")]
public sealed class NativeContextTests
{
    [Fact]
    public void Who_needs_a_place_gets_the_loops_in_turn()
    {
        using var network = new NativeNetwork(new NativeNetworkOptions { Loops = 3 });
        var contexts = Enumerable.Range(0, 6).Select(_ => network.NextContext()).ToList();
        Assert.Equal([.. network.Loops, .. network.Loops], contexts);
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeTuningTests
{
    [Fact(Timeout = 30000)]
    public async Task Both_ends_get_the_options_that_were_asked_for_the_accepted_one_from_its_listener()
    {
        var tuning = new SocketTuning(TimeSpan.FromSeconds(7), 3, TimeSpan.FromSeconds(40));
        using var rig = new NativeTcpRig();
        await rig.RunAsync(async () =>
        {
            using var acceptor = rig.Network.Listen(rig.FreeAddress(), new ListenOptions { Tuning = tuning })[0];
            var dial = await rig.Network.DialerWith(tuning).DialAsync(acceptor.LocalEndPoint, TimeSpan.FromSeconds(20));
            using var accepted = await NetworkRig.AcceptAsync(acceptor);
            foreach (var connection in new[] { dial.Connection!, accepted })
            {
                var native = (NativeConnection)connection;
                Assert.NotEqual(0, native.Option(Libc.IPPROTO_TCP, Libc.TCP_NODELAY));
                Assert.NotEqual(0, native.Option(Libc.SOL_SOCKET, Libc.SO_KEEPALIVE));
                Assert.Equal(7, native.Option(Libc.IPPROTO_TCP, Libc.TCP_KEEPIDLE));
                Assert.Equal(7, native.Option(Libc.IPPROTO_TCP, Libc.TCP_KEEPINTVL));
                Assert.Equal(3, native.Option(Libc.IPPROTO_TCP, Libc.TCP_KEEPCNT));
                Assert.Equal(40_000, native.Option(Libc.IPPROTO_TCP, Libc.TCP_USER_TIMEOUT));
            }
            dial.Connection!.Dispose();
        });
    }
}
