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
