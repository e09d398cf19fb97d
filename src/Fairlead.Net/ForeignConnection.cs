using System.Net;
using System.Runtime.InteropServices;
using System.Threading.Tasks.Sources;

namespace Fairlead.Net;

/// <summary>
/// A connection that belongs to another context than whoever uses it, and may be used from any thread: each call runs where the connection belongs, and what follows an await runs
/// where the caller was. It owns the connection.
/// </summary>
/// <remarks>
/// <para>
/// Calls run in the order in which they are made. A call has ended only when that of the connection has, also where <see cref="Abort"/> comes in between: until then the caller's
/// buffer is lent. An event loop that has ended answers no call.
/// </para>
/// <para>
/// Each read and each write crosses over twice, so a connection that nobody has used yet is better moved (<see cref="IAcceptor.TryAccept(SynchronizationContext)"/>).
/// </para>
/// </remarks>
internal sealed class ForeignConnection : Connection
{
    private readonly Connection inner;
    private readonly SynchronizationContext place;
    private readonly Call read, write;

    /// <summary>Takes over a connection with a <see cref="Connection.Context"/> on which nothing is under way.</summary>
    public ForeignConnection(Connection inner)
    {
        this.inner = inner;
        place = inner.Context ?? throw new ArgumentException("A connection without a context is nowhere foreign.", nameof(inner));
        (read, write) = (new Call(this, isRead: true), new Call(this, isRead: false));
        // Asked for now: later the connection may be closed in any moment, and another have its descriptor.
        (LocalEndPoint, RemoteEndPoint, RemoteKey) = (inner.LocalEndPoint, inner.RemoteEndPoint, inner.RemoteKey);
    }

    /// <summary>What somebody in a context uses of a connection: itself if it belongs there or anywhere, else this around it.</summary>
    public static Connection For(SynchronizationContext? user, Connection connection)
    {
        return connection.Context is { } place && place != user ? new ForeignConnection(connection) : connection;
    }

    public override EndPoint? LocalEndPoint { get; }

    public override EndPoint? RemoteEndPoint { get; }

    internal override AddressKey? RemoteKey { get; }

    /// <summary>For tests.</summary>
    internal Connection Inner => inner;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer) => new(read, read.Post(buffer));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => new(write, write.Post(MemoryMarshal.AsMemory(bytes)));

    public override ValueTask CompleteWritesAsync() => new(place.RunAsync(() => inner.CompleteWritesAsync().AsTask()));

    public override void Abort() => place.RunThere(inner.Abort);

    public override void Dispose() => place.RunThere(inner.Dispose);

    /// <summary>A read or a write that crosses over, used again and again.</summary>
    private sealed class Call(ForeignConnection owner, bool isRead) : IValueTaskSource<int>, IValueTaskSource
    {
        private static readonly SendOrPostCallback run = static call => _ = ((Call)call!).RunAsync();

        // Never inline: what the caller does next is not to run where the connection belongs.
        private ManualResetValueTaskSourceCore<int> core = new() { RunContinuationsAsynchronously = true };
        private Memory<byte> buffer;
        private int isPending;

        /// <summary>Begins it: the token of its result. One at a time.</summary>
        public short Post(Memory<byte> memory)
        {
            if (Interlocked.Exchange(ref isPending, 1) != 0)
                throw new InvalidOperationException($"A {(isRead ? "read" : "write")} is already outstanding on this connection.");
            core.Reset();
            buffer = memory;
            owner.place.Post(run, this);
            return core.Version;
        }

        // Never faults: how it ended is in what it completes.
        private async Task RunAsync()
        {
            var count = 0;
            Exception? fault = null;
            try
            {
                if (isRead)
                    count = await owner.inner.ReadAsync(buffer);
                else
                    await owner.inner.WriteAsync(buffer);
            }
            catch (Exception e)
            {
                fault = e;
            }
            buffer = default;
            // Before the result is out, upon which the caller may begin the next.
            Volatile.Write(ref isPending, 0);
            if (fault is null)
                core.SetResult(count);
            else
                core.SetException(fault);
        }

        public int GetResult(short token) => core.GetResult(token);

        void IValueTaskSource.GetResult(short token) => core.GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
        {
            core.OnCompleted(continuation, state, token, flags);
        }
    }
}
