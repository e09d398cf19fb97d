using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

[SupportedOSPlatform("linux")]
public sealed class NativeAcceptorTests : IDisposable
{
    private readonly NativeNetwork network = new(new NativeNetworkOptions { Loops = 1 });

    private EventLoop Loop => network.Loops[0];

    [Fact(Timeout = 30000)]
    public Task A_listener_that_epoll_refuses_to_watch_is_paused_and_asked_for_again() => Loop.RunAsync(async () =>
    {
        var pauses = new List<SocketError>();
        var listener = NativeListener.Listen(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions(), 1)[0];
        using var acceptor = new NativeAcceptor(Loop, listener, new ListenOptions { OnPause = pauses.Add });

        // epoll_ctl(2) refuses a descriptor that is watched already, with EEXIST; what it is short of does not matter here.
        var inTheWay = Loop.Watch(listener.Descriptor, new Nobody(), Libc.EPOLLET);
        var wait = acceptor.WaitAsync();
        Assert.Single(pauses);
        Assert.False(wait.IsCompleted);
        Assert.True(await wait);
        Assert.Null(acceptor.TryAccept());

        // Refused again is paused again; between the two, it does not ask.
        wait = acceptor.WaitAsync();
        Assert.Equal(2, pauses.Count);
        Loop.Unwatch(listener.Descriptor, inTheWay);
        var dial = await network.Dialer.DialAsync(acceptor.LocalEndPoint, TimeSpan.FromSeconds(20));
        Assert.True(await wait);
        using var accepted = await NetworkRig.AcceptAsync(acceptor);
        dial.Connection!.Dispose();

        // Watched now: nobody comes, and nothing pauses.
        Assert.Null(acceptor.TryAccept());
        wait = acceptor.WaitAsync();
        Assert.False(wait.IsCompleted);
        Assert.Equal(2, pauses.Count);
        acceptor.Unbind();
        Assert.False(await wait);
    });

    public void Dispose() => network.Dispose();

    private sealed class Nobody : IPollable
    {
        public void OnEvents(uint events)
        {
        }
    }
}
