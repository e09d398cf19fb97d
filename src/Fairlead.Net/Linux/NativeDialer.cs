using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Threading.Tasks.Sources;

namespace Fairlead.Net;

/// <summary>Dials native connections, each for the loop on which it is called.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class NativeDialer(SocketTuning tuning, DialSources? sources = null) : IDialer
{
    public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        var loop = EventLoop.Current ?? throw new InvalidOperationException("A native dial must be made on an event loop.");
        if (cancel.IsCancellationRequested)
            return new ValueTask<DialResult>(new DialResult(DialOutcome.Cancelled));
        if (target is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped)
            target = new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port);
        var descriptor = sources is null || target is UnixDomainSocketEndPoint ? Begin(target, out var failure) : BeginFrom(sources, target, out failure);
        if (descriptor < 0)
            return new ValueTask<DialResult>(failure);
        // Watched only from here on: an unconnected socket would report that it hung up.
        var connection = NativeConnection.Dialled(loop, descriptor, target, out var error);
        if (connection is null)
            return new ValueTask<DialResult>(Failure(error, target));
        return target is UnixDomainSocketEndPoint
            ? new ValueTask<DialResult>(DialResult.To(connection))
            : PendingDial.Start(connection, timeout, cancel);
    }

    // A socket on which a connect(2) is under way, or done; below zero: there is none, but a failure.
    private int Begin(EndPoint target, out DialResult failure)
    {
        failure = default;
        var descriptor = Open(target);
        var result = descriptor < 0 ? descriptor : Connect(descriptor, target);
        if (result >= 0)
            return descriptor;
        failure = Failure(-result, target);
        return Close(descriptor);
    }

    // The same from the first of the sources that can be left from.
    private int BeginFrom(DialSources sources, EndPoint target, out DialResult failure)
    {
        failure = sources.NoneFor(target.AddressFamily);
        for (var tries = sources.For(target.AddressFamily); tries.MoveNext();)
        {
            var descriptor = Open(target);
            if (descriptor < 0)
            {
                failure = Failure(-descriptor, target);
                return descriptor;
            }
            var bound = Bind(descriptor, tries.EndPoint);
            var result = bound < 0 ? bound : Connect(descriptor, target);
            if (result >= 0)
                return descriptor;
            Close(descriptor);
            if (bound >= 0 && result is not (-Libc.EADDRINUSE or -Libc.EADDRNOTAVAIL))
            {
                failure = Failure(-result, target);
                return -1;
            }
            failure = DialSources.Unusable(tries.Source, Libc.strerror(-result));
            if (bound < 0 && bound != -Libc.EADDRINUSE)
                tries.LeaveSource();
        }
        return -1;
    }

    private int Open(EndPoint target)
    {
        var family = SocketName.Family(target);
        var descriptor = Libc.socket(family, Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC, 0);
        if (descriptor >= 0 && family != Libc.AF_UNIX)
            NativeTuning.Apply(descriptor, tuning);
        return descriptor;
    }

    // Without a port, it is chosen at connect(2), when the pair with the target must be free and not the port altogether. With one, several
    // connections share it likewise.
    private static int Bind(int descriptor, IPEndPoint source)
    {
        if (source.Port == 0)
            Libc.setsockopt(descriptor, Libc.IPPROTO_IP, Libc.IP_BIND_ADDRESS_NO_PORT, 1);
        else
            Libc.setsockopt(descriptor, Libc.SOL_SOCKET, Libc.SO_REUSEADDR, 1);
        var sockaddr = stackalloc byte[SocketName.MaxSockAddr];
        var length = SocketName.Write(source, new Span<byte>(sockaddr, SocketName.MaxSockAddr));
        return Libc.bind(descriptor, sockaddr, (uint)length);
    }

    // 0 if it is done or under way; below zero the negated errno.
    private static int Connect(int descriptor, EndPoint target)
    {
        var sockaddr = stackalloc byte[SocketName.MaxSockAddr];
        var length = SocketName.Write(target, new Span<byte>(sockaddr, SocketName.MaxSockAddr));
        var result = Libc.connect(descriptor, sockaddr, (uint)length);
        return result == -Libc.EINPROGRESS ? 0 : result;
    }

    // Never watched, so that it can be closed at once.
    private static int Close(int descriptor)
    {
        if (descriptor >= 0)
            Libc.close(descriptor);
        return -1;
    }

    private static DialResult Failure(int errno, EndPoint target)
    {
        return new DialResult(DialOutcomes.From(NativeErrors.ToSocketError(errno), target.AddressFamily), null, Libc.strerror(errno));
    }

    /// <summary>
    /// A connect(2) under way: it ends by the socket's word, by its deadline, or given up; whichever is first. Used again once its result
    /// was fetched, so that dialling leaves no garbage.
    /// </summary>
    private sealed class PendingDial : IConnectionWatcher, IValueTaskSource<DialResult>
    {
        // A burst of dials beyond these leaves its objects to the collector.
        private const int MostSpare = 64;
        [ThreadStatic] private static Stack<PendingDial>? spare;

        private readonly EventLoop loop;
        private readonly LoopTimer deadline;
        private NativeConnection? connection;
        private CancellationTokenRegistration cancellation;
        private ManualResetValueTaskSourceCore<DialResult> core;

        private PendingDial(EventLoop loop)
        {
            this.loop = loop;
            deadline = new LoopTimer(loop.Timers, static dial => ((PendingDial)dial!).GiveUp(DialOutcome.TimedOut, Libc.strerror(Libc.ETIMEDOUT)), this);
        }

        public static ValueTask<DialResult> Start(NativeConnection connection, TimeSpan timeout, CancellationToken cancel)
        {
            if (spare is null || !spare.TryPop(out var dial))
                dial = new PendingDial(connection.Loop);
            dial.connection = connection;
            connection.Watcher = dial;
            dial.deadline.Change(timeout, Timeout.InfiniteTimeSpan);
            if (cancel.CanBeCanceled)
                dial.cancellation = cancel.UnsafeRegister(OnCancelled, connection);
            return new ValueTask<DialResult>(dial, dial.core.Version);
        }

        public void OnReadiness(NativeConnection ready)
        {
            if (!ready.IsWritable)
                return;
            var error = ready.HasError ? ready.TakeError() : 0;
            if (error == 0)
            {
                ready.Watcher = null;
                Complete(DialResult.To(ready));
                return;
            }
            ready.Dispose();
            Complete(Failure(error, ready.RemoteEndPoint!));
        }

        // Posted, never inline: the canceller is in the middle of something of its own. By then the dial may be over, and its object another's.
        private static void OnCancelled(object? dialled)
        {
            ((NativeConnection)dialled!).Loop.Post(
                static dialled => (((NativeConnection)dialled!).Watcher as PendingDial)?.GiveUp(DialOutcome.Cancelled, "given up"), dialled);
        }

        private void GiveUp(DialOutcome outcome, string detail)
        {
            if (connection is null)
                return;
            connection.Dispose();
            Complete(new DialResult(outcome, null, detail));
        }

        private void Complete(DialResult result)
        {
            connection = null;
            deadline.Dispose();
            cancellation.Unregister();
            core.SetResult(result);
        }

        public DialResult GetResult(short token)
        {
            var result = core.GetResult(token);
            core.Reset();
            spare ??= new Stack<PendingDial>();
            if (spare.Count < MostSpare && EventLoop.Current == loop)
                spare.Push(this);
            return result;
        }

        public ValueTaskSourceStatus GetStatus(short token) => core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        {
            core.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
        }
    }
}
