using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Threading.Tasks.Sources;

namespace Fairlead.Net;

/// <summary>
/// A listening socket on an event loop. Level-triggered, and watched only while somebody waits: a pause costs no turn of the loop,
/// and whoever waits next asks the kernel himself.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class NativeAcceptor : IListenAcceptor, IPollable, IValueTaskSource<bool>
{
    // A burst of arrivals shares the loop with the connections that are there already.
    private const int MostAcceptsInARow = 64;

    private readonly EventLoop loop;
    private readonly NativeListener listener;
    private readonly ListenOptions options;
    private ManualResetValueTaskSourceCore<bool> core;
    private Arrival? found;
    private ListenException? broken;
    private LoopTimer? pause;
    private int slot = -1;
    private int acceptedInARow, faultsInARow;

    // How many of the backlog are still served once it unbinds and newcomers are not kept out of it.
    private int owed = int.MaxValue;
    private bool isWaiting, isPaused, isUnbinding, isDisposed;

    // Whether asking the kernel may yield a connection without waiting first.
    private bool mayHaveMore;

    public NativeAcceptor(EventLoop loop, NativeListener listener, ListenOptions options)
    {
        this.loop = loop;
        this.listener = listener;
        this.options = options;
        LocalEndPoint = listener.LocalEndPoint;
    }

    public EndPoint LocalEndPoint { get; }

    public SynchronizationContext? Context => loop;

    public object Listener => listener;

    public ValueTask<bool> WaitAsync()
    {
        loop.Verify();
        if (isDisposed)
            return new ValueTask<bool>(false);
        if (isUnbinding && !isPaused && broken is null && HasAnother())
            return new ValueTask<bool>(true);
        if (broken is not null)
            return ValueTask.FromException<bool>(broken);
        if (isUnbinding && !isPaused)
            return new ValueTask<bool>(false);
        if (mayHaveMore && !isPaused && acceptedInARow < MostAcceptsInARow)
            return new ValueTask<bool>(true);
        acceptedInARow = 0;
        if (!isPaused)
            Watch();
        core.Reset();
        isWaiting = true;
        return new ValueTask<bool>(this, core.Version);
    }

    public Connection? TryAccept()
    {
        if (Take() is not { } arrival)
            return null;
        var connection = NativeConnection.Accepted(loop, arrival.Descriptor, arrival.Peer, LocalEndPoint, out var error);
        if (connection is null)
            OnFault(error);
        return connection;
    }

    // Handed over before it is watched here: one call of the system, as for any other. What is posted there afterwards finds it watched.
    public Connection? TryAccept(SynchronizationContext home)
    {
        if (home is not EventLoop there || there == loop)
            return TryAccept() is { } accepted ? ForeignConnection.For(home, accepted) : null;
        if (Take() is not { } arrival)
            return null;
        var connection = NativeConnection.Unwatched(there, arrival.Descriptor, arrival.Peer, LocalEndPoint);
        if (there.TryPost(static handed => ((Handed)handed!).Arrive(), new Handed(this, connection)))
            return connection;
        NativeConnection.Reset(arrival.Descriptor);
        return null;
    }

    private Arrival? Take()
    {
        loop.Verify();
        if (isDisposed || isPaused || broken is not null)
            return null;
        var next = found ?? Accept();
        found = null;
        return next;
    }

    private Arrival? Accept()
    {
        if (owed == 0)
        {
            mayHaveMore = false;
            return null;
        }
        var sockaddr = stackalloc byte[SocketName.MaxSockAddr];
        uint length = SocketName.MaxSockAddr;
        var descriptor = Libc.accept4(listener.Descriptor, sockaddr, &length, Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC);
        if (descriptor < 0)
        {
            OnFault(-descriptor);
            return null;
        }
        acceptedInARow++;
        if (owed != int.MaxValue)
            owed--;
        faultsInARow = 0;
        mayHaveMore = true;
        return new Arrival(descriptor, SocketName.Read(new ReadOnlySpan<byte>(sockaddr, (int)Math.Min(length, SocketName.MaxSockAddr))));
    }

    public void Unbind() => Unbind(keepOut: !listener.IsInherited);

    // Who waits next on the socket may have been told to this acceptor alone (EPOLLEXCLUSIVE): the backlog is served once more.
    public void Leave() => Unbind(keepOut: false);

    public ListenSocket Duplicate() => listener.Duplicate();

    public void Tune(SocketTuning tuning)
    {
        loop.Verify();
        if (!isDisposed && LocalEndPoint is IPEndPoint)
            NativeTuning.Change(listener.Descriptor, tuning);
    }

    private void Unbind(bool keepOut)
    {
        loop.Verify();
        if (isUnbinding || isDisposed)
            return;
        if (keepOut)
            listener.RefuseNewcomers();
        else
            owed = options.Backlog;
        isUnbinding = true;
        mayHaveMore = true;
        Unwatch();
        if (isWaiting && !isPaused)
            EndWait();
    }

    public void Dispose()
    {
        loop.Verify();
        if (isDisposed)
            return;
        isDisposed = true;
        pause?.Dispose();
        if (found is { } arrival)
            NativeConnection.Reset(arrival.Descriptor);
        found = null;
        Unwatch();
        listener.Release();
        Complete(false);
    }

    public void OnEvents(uint events)
    {
        mayHaveMore = true;
        if (isWaiting)
            Complete(true);
        else
            Unwatch();
    }

    private void OnFault(int errno)
    {
        if (errno == Libc.EAGAIN)
        {
            mayHaveMore = false;
            return;
        }
        var error = NativeErrors.ToSocketError(errno);
        switch (++faultsInARow > AcceptFault.MaxInARow ? AcceptRemedy.Pause : AcceptFault.Decide(error))
        {
            case AcceptRemedy.Stop:
                Unwatch();
                broken = AcceptFault.Broken(LocalEndPoint, error);
                break;
            case AcceptRemedy.Pause:
                Pause(error);
                break;
        }
    }

    /// <summary>A connection could not be watched on the loop that it was moved to.</summary>
    public void OnLost(int errno)
    {
        if (!isDisposed && !isPaused && broken is null)
            Pause(NativeErrors.ToSocketError(errno));
    }

    private void Pause(SocketError error)
    {
        Unwatch();
        isPaused = true;
        pause ??= new LoopTimer(loop.Timers, static acceptor => ((NativeAcceptor)acceptor!).EndPause(), this);
        pause.Change(AcceptFault.NextPause(), Timeout.InfiniteTimeSpan);
        options.OnPause?.Invoke(error);
    }

    private void EndPause()
    {
        isPaused = false;
        mayHaveMore = true;
        EndWait();
    }

    private void EndWait()
    {
        if (!isUnbinding || HasAnother())
            Complete(true);
        else if (broken is not null && isWaiting)
        {
            isWaiting = false;
            core.SetException(broken);
        }
    }

    // While unbinding: whether the backlog holds another one, who is taken out of it to know. When it is empty, that was the last.
    private bool HasAnother()
    {
        // Not the first failure is the end, which may be one client's; an empty backlog is.
        while (found is null && mayHaveMore && !isPaused && !isDisposed && broken is null)
            found = Accept();
        if (found is null && !isPaused && broken is null)
            Dispose();
        return found is not null;
    }

    private void Watch()
    {
        if (slot < 0)
            slot = loop.Watch(listener.Descriptor, this, listener.Events);
        // epoll is out of memory or of watches: asked again after a pause, like an accept that failed for such a reason.
        if (slot < 0)
            Pause(NativeErrors.ToSocketError(Libc.ENOMEM));
    }

    private void Unwatch()
    {
        if (slot >= 0)
            loop.Unwatch(listener.Descriptor, slot);
        slot = -1;
    }

    private void Complete(bool result)
    {
        if (!isWaiting)
            return;
        isWaiting = false;
        core.SetResult(result);
    }

    public bool GetResult(short token) => core.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        core.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
    }

    /// <summary>A socket that was accepted, and is no connection yet.</summary>
    private readonly record struct Arrival(int Descriptor, SocketName Peer);

    /// <summary>A connection on its way to another loop.</summary>
    private sealed class Handed(NativeAcceptor acceptor, NativeConnection connection)
    {
        // A loop that cannot watch it is out of memory or of watches, for which accepting pauses as it does when this loop is.
        public void Arrive()
        {
            if (connection.Arrive() is > 0 and var errno)
                acceptor.loop.Run(() => acceptor.OnLost(errno));
        }
    }
}
