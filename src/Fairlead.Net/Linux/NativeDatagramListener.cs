using System.Net;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// A bound UDP socket on an event loop. Those of one address share its port by <c>SO_REUSEPORT</c>: the kernel gives all of one peer to one of them.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class NativeDatagramListener : DatagramListener, IPollable
{
    // Of how many groups of peers it is remembered what cannot be merged for them; who shares one only loses speed.
    private const int Groups = 64;

    private readonly EventLoop loop;
    private readonly int descriptor, family;
    private IDatagramServer? server;
    private LoopTimer? pause;
    private ushort[]? mergesBelow;
    private int slot = -1;
    private uint dropped;
    private StreamSense stream;
    private bool isClosed;

    /// <summary>Takes over a bound socket; nothing is read before <see cref="Start"/>.</summary>
    internal NativeDatagramListener(EventLoop loop, int descriptor, int family, IPEndPoint localEndPoint)
    {
        (this.loop, this.descriptor, this.family) = (loop, descriptor, family);
        LocalEndPoint = localEndPoint;
        ReceiveBuffer = DatagramSockets.ReceiveBuffer(descriptor);
    }

    /// <summary>For tests, which break it.</summary>
    internal int Descriptor => descriptor;

    /// <summary>Whether it reads.</summary>
    internal bool IsWatched => slot >= 0;

    public override IPEndPoint LocalEndPoint { get; }

    public override SynchronizationContext Context => loop;

    public override int ReceiveBuffer { get; }

    /// <summary>Binds one socket for each of the loops.</summary>
    /// <exception cref="ListenException">The address cannot be had. Nothing is left bound.</exception>
    public static NativeDatagramListener[] Listen(IPEndPoint endPoint, DatagramListenOptions options, ReadOnlySpan<EventLoop> loops)
    {
        var listeners = new NativeDatagramListener[loops.Length];
        try
        {
            // As for TCP: the first bind without SO_REUSEPORT, so that it fails where another program holds the port.
            for (var i = 0; i < loops.Length; i++)
                listeners[i] = Bind(i == 0 ? endPoint : listeners[0].LocalEndPoint, options, loops[i], isFirst: i == 0, isAlone: loops.Length == 1);
            return listeners;
        }
        catch
        {
            foreach (var listener in listeners)
            {
                if (listener is not null)
                    Libc.close(listener.descriptor);
            }
            throw;
        }
    }

    /// <summary>Takes over a socket that is bound already.</summary>
    /// <exception cref="ArgumentException">It is no bound UDP socket; it stays the caller's.</exception>
    public static NativeDatagramListener Adopt(int descriptor, DatagramListenOptions options, EventLoop loop)
    {
        var (family, localEndPoint) = DatagramSockets.Adopt(descriptor, options.ReceiveBuffer);
        if (IsWildcard(localEndPoint))
            DatagramSockets.TellDestinations(descriptor, family);
        return new NativeDatagramListener(loop, descriptor, family, localEndPoint);
    }

    public override void Start(IDatagramServer server)
    {
        loop.Verify();
        if (this.server is not null)
            throw new InvalidOperationException("The listener was started already.");
        this.server = server;
        if (!isClosed)
            Watch();
    }

    public override DatagramsSent Send(in DatagramPeer peer, in DatagramBatch batch)
    {
        loop.Verify();
        if (isClosed)
            return default;
        var group = (peer.Remote.GetHashCode() & int.MaxValue) % Groups;
        var known = mergesBelow?[group] ?? DatagramSender.MergesAll;
        var below = known;
        var sent = loop.Buffers.DatagramSender.SendTo(descriptor, family, peer, batch, ref below);
        if (below != known)
            Remember(group, below);
        return sent;
    }

    public void OnEvents(uint events)
    {
        var bytes = 0;
        for (var batches = 0; batches < DatagramReceiver.MostBatches && bytes < DatagramReceiver.TurnBytes && !isClosed; batches++)
        {
            var arrival = loop.Buffers.DatagramReceiver.Read(descriptor, ref dropped);
            if (arrival.Errno != 0)
            {
                OnFault(arrival.Errno, events);
                return;
            }
            bytes += arrival.Bytes;
            if (arrival.Dropped > 0)
                server!.OnLost(DatagramLoss.BufferFull, arrival.Dropped);
            if (arrival.Truncated > 0 && !isClosed)
                server!.OnLost(DatagramLoss.Truncated, arrival.Truncated);
            if (arrival.Batch.Places.Length > 0 && !isClosed)
                server!.OnDatagrams(arrival.Batch, arrival.Peers);
            if (stream.IsOn(arrival, batches == 0, ofOnePeer: false))
                loop.Gather();
            if (arrival.IsLast)
                return;
        }
    }

    public override void Dispose()
    {
        if (isClosed)
            return;
        loop.Verify();
        isClosed = true;
        pause?.Dispose();
        loop.Close(descriptor, slot);
    }

    // Nothing that is read ends a listener. What would be told again and again is not asked for any more, or not for a while.
    private void OnFault(int errno, uint events)
    {
        switch (errno)
        {
            // Shut down by another program that has it as well: nothing will arrive, and epoll would go on telling it.
            case Libc.EAGAIN when (events & Libc.EPOLLHUP) != 0:
            case Libc.EBADF or Libc.ENOTSOCK:
                Unwatch();
                break;
            case Libc.EAGAIN or Libc.EINTR:
            case var _ when NativeErrors.IsOfTheWay(errno):
                break;
            default:
                Unwatch();
                Pause();
                break;
        }
    }

    private void Watch()
    {
        slot = loop.Watch(descriptor, this, Libc.EPOLLIN);
        // epoll is out of memory or of watches.
        if (slot < 0)
            Pause();
    }

    private void Unwatch()
    {
        if (slot >= 0)
            loop.Unwatch(descriptor, slot);
        slot = -1;
    }

    private void Pause()
    {
        pause ??= new LoopTimer(loop.Timers, static listener => ((NativeDatagramListener)listener!).Watch(), this);
        pause.Change(AcceptFault.NextPause(), Timeout.InfiniteTimeSpan);
    }

    private void Remember(int group, ushort below)
    {
        if (mergesBelow is null)
        {
            mergesBelow = new ushort[Groups];
            Array.Fill(mergesBelow, DatagramSender.MergesAll);
        }
        mergesBelow[group] = below;
    }

    private static NativeDatagramListener Bind(IPEndPoint endPoint, DatagramListenOptions options, EventLoop loop, bool isFirst, bool isAlone)
    {
        var family = SocketName.Family(endPoint);
        var descriptor = NativeListener.Require(DatagramSockets.Open(family, options.ReceiveBuffer), endPoint);
        try
        {
            if (family == Libc.AF_INET6)
                NativeListener.Require(Libc.setsockopt(descriptor, Libc.IPPROTO_IPV6, Libc.IPV6_V6ONLY, endPoint.Address.Equals(IPAddress.IPv6Any) ? 0 : 1), endPoint);
            if (!isFirst)
                NativeListener.Require(Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_REUSEPORT, 1), endPoint);
            // Before the bind, so that no datagram comes without its destination.
            if (IsWildcard(endPoint))
                DatagramSockets.TellDestinations(descriptor, family);
            NativeListener.Bind(descriptor, endPoint, endPoint);
            if (isFirst && !isAlone)
                NativeListener.Require(Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_REUSEPORT, 1), endPoint);
            var port = ((IPEndPoint)SocketName.OfSocket(descriptor).ToEndPoint()!).Port;
            return new NativeDatagramListener(loop, descriptor, family, new IPEndPoint(endPoint.Address, port));
        }
        catch
        {
            Libc.close(descriptor);
            throw;
        }
    }

    private static bool IsWildcard(IPEndPoint endPoint) => endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any);
}
