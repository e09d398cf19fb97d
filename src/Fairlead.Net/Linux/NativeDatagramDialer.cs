using System.Net;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>Opens connected UDP sockets, each for the loop on which it is called. There is nothing to be waited for.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class NativeDatagramDialer(DialSources? sources = null) : IDatagramDialer
{
    public ValueTask<DatagramDialResult> OpenAsync(EndPoint target, IDatagramSink sink, TimeSpan timeout, CancellationToken cancel = default)
    {
        var loop = EventLoop.Current ?? throw new InvalidOperationException("A native flow must be opened on an event loop.");
        var ip = target as IPEndPoint ?? throw new ArgumentException($"{target} is no address that datagrams are sent to.", nameof(target));
        if (cancel.IsCancellationRequested)
            return new ValueTask<DatagramDialResult>(new DatagramDialResult(DialOutcome.Cancelled));
        if (ip.Address.IsIPv4MappedToIPv6)
            ip = new IPEndPoint(ip.Address.MapToIPv4(), ip.Port);
        return new ValueTask<DatagramDialResult>(sources is null ? Open(loop, ip, sink) : OpenFrom(sources, loop, ip, sink));
    }

    private static DatagramDialResult Open(EventLoop loop, IPEndPoint target, IDatagramSink sink)
    {
        var descriptor = DatagramSockets.Open(SocketName.Family(target));
        var result = descriptor < 0 ? descriptor : Connect(descriptor, target);
        return result < 0 ? Failure(Close(descriptor, result), target) : Watched(loop, descriptor, target, sink);
    }

    // The same from the first of the sources that can be left from.
    private static DatagramDialResult OpenFrom(DialSources sources, EventLoop loop, IPEndPoint target, IDatagramSink sink)
    {
        var failure = sources.NoneFor(target.AddressFamily);
        for (var tries = sources.For(target.AddressFamily); tries.MoveNext();)
        {
            var descriptor = DatagramSockets.Open(SocketName.Family(target));
            if (descriptor < 0)
                return Failure(descriptor, target);
            var bound = Bind(descriptor, tries.EndPoint);
            var result = bound < 0 ? bound : Connect(descriptor, target);
            if (result >= 0)
                return Watched(loop, descriptor, target, sink);
            Close(descriptor, result);

            // EAGAIN is a connect that found no port; see udp(7).
            if (bound >= 0 && result is not (-Libc.EADDRINUSE or -Libc.EADDRNOTAVAIL or -Libc.EAGAIN))
                return Failure(result, target);
            failure = DialSources.Unusable(tries.Source, Libc.strerror(-result));
            if (bound < 0 && bound != -Libc.EADDRINUSE)
                tries.LeaveSource();
        }
        return new DatagramDialResult(failure.Outcome, null, failure.Detail);
    }

    // Without a port, it is chosen at connect(2), so that the socket takes nothing from strangers before. With one, it belongs to this flow alone:
    // the kernel lets UDP sockets share a port (SO_REUSEADDR) without asking whether their peers differ.
    private static int Bind(int descriptor, IPEndPoint source)
    {
        if (source.Port == 0)
            Libc.setsockopt(descriptor, Libc.IPPROTO_IP, Libc.IP_BIND_ADDRESS_NO_PORT, 1);
        var sockaddr = stackalloc byte[SocketName.MaxSockAddr];
        var length = SocketName.Write(source, new Span<byte>(sockaddr, SocketName.MaxSockAddr));
        return Libc.bind(descriptor, sockaddr, (uint)length);
    }

    // 0, or below zero the negated errno. What strangers sent between the port's choice and the connection is thrown away: from then on, the kernel
    // takes the peer's alone, who knows of nothing yet.
    private static int Connect(int descriptor, IPEndPoint target)
    {
        const int most = 4096;
        var sockaddr = stackalloc byte[SocketName.MaxSockAddr];
        var length = SocketName.Write(target, new Span<byte>(sockaddr, SocketName.MaxSockAddr));
        var result = Libc.connect(descriptor, sockaddr, (uint)length);
        for (var i = 0; i < most && result >= 0 && Libc.recv(descriptor, sockaddr, 1, Libc.MSG_DONTWAIT) >= 0; i++)
        {
        }
        return result;
    }

    // Never watched, so that it can be closed at once.
    private static int Close(int descriptor, int result)
    {
        if (descriptor >= 0)
            Libc.close(descriptor);
        return result;
    }

    private static DatagramDialResult Watched(EventLoop loop, int descriptor, IPEndPoint target, IDatagramSink sink)
    {
        var flow = NativeDatagramFlow.Open(loop, descriptor, target, sink, out var error);
        return flow is null ? Failure(-error, target) : new DatagramDialResult(DialOutcome.Connected, flow);
    }

    private static DatagramDialResult Failure(int result, IPEndPoint target)
    {
        return new DatagramDialResult(DialOutcomes.From(NativeErrors.ToSocketError(-result), target.AddressFamily), null, Libc.strerror(-result));
    }
}
