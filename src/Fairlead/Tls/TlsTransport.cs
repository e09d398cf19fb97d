using System.Buffers;
using System.Runtime.CompilerServices;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// What an <c>SslStream</c> takes for the network: a connection, whose calls stay where it belongs. It neither owns nor closes the connection.
/// </summary>
/// <remarks>
/// <para>
/// While the handshake lasts, <c>SslStream</c> computes on the thread pool: each of its reads and writes is posted to the connection's loop, and what follows runs on the pool
/// again.
/// </para>
/// <para>
/// Afterwards it runs on the loop itself. Its reads are the connection's, whose continuations run inline. Its writes are only gathered here, and whoever called it writes them
/// (<see cref="TakeOutput"/>): were they awaited inside, <c>ConfigureAwait(false)</c> would carry the rest of each write that has to wait to the pool, since .NET does not continue
/// inline on a thread that has a context of its own. It also makes one call of the system of several records.
/// </para>
/// <para>
/// Where there is no loop, reading and writing run on threads of the pool, and <c>SslStream</c> lets its shutdown run beside a read: libssl then has two threads in one session,
/// which it does not allow (SSL_shutdown(3), openssl-threads(7)). So each call has a turn (<see cref="EnterAsync"/>), which a read gives up while it waits for the network.
/// </para>
/// </remarks>
internal sealed class TlsTransport(Connection connection) : Stream
{
    private byte[] output = [];
    private int outputCount;
    private bool isGathering;

    // Not disposed of: it has no handle of the system as long as nobody asks for one.
    private readonly SemaphoreSlim? turn = connection.Context is null ? new SemaphoreSlim(1, 1) : null;

    /// <summary>The connection has ended, seen by <c>SslStream</c> while it wanted more: a close_notify before it is never followed by such a read.</summary>
    public bool HasEnded { get; private set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The handshake is done: from here on writes are gathered.</summary>
    public void Gather() => isGathering = true;

    /// <summary>Waits until nobody else computes in the session. At once on a loop, where nobody else can.</summary>
    public Task EnterAsync() => turn?.WaitAsync() ?? Task.CompletedTask;

    public void Leave() => turn?.Release();

    /// <summary>What was written since the last time. Whoever takes it gives the array back with <see cref="Return"/>, once nobody reads it any more.</summary>
    public ArraySegment<byte> TakeOutput()
    {
        var taken = new ArraySegment<byte>(output, 0, outputCount);
        (output, outputCount) = ([], 0);
        return taken;
    }

    public static void Return(ArraySegment<byte> taken)
    {
        if (taken.Array is { Length: > 0 } array)
            ArrayPool<byte>.Shared.Return(array);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        isGathering && turn is not null ? ReadBetweenTurnsAsync(buffer) : ReadAsync(buffer);

    private async ValueTask<int> ReadBetweenTurnsAsync(Memory<byte> buffer)
    {
        Leave();
        try
        {
            return await ReadAsync(buffer).ConfigureAwait(false);
        }
        finally
        {
            await EnterAsync().ConfigureAwait(false);
        }
    }

    // The builder's continuations run inline, whatever context the thread has.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadAsync(Memory<byte> buffer)
    {
        int count;
        if (IsHere)
        {
            count = await connection.ReadAsync(buffer);
        }
        else
        {
            count = 0;
            await connection.Context.RunAsync(async () => count = await connection.ReadAsync(buffer)).ConfigureAwait(false);
        }
        HasEnded |= count == 0 && !buffer.IsEmpty;
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!isGathering)
            return IsHere ? connection.WriteAsync(buffer) : new ValueTask(connection.Context.RunAsync(() => connection.WriteAsync(buffer).AsTask()));
        Reserve(buffer.Length);
        buffer.Span.CopyTo(output.AsSpan(outputCount));
        outputCount += buffer.Length;
        return default;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private bool IsHere => connection.Context is not { } context || SynchronizationContext.Current == context;

    private void Reserve(int count)
    {
        if (output.Length - outputCount >= count)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(outputCount + count);
        output.AsSpan(0, outputCount).CopyTo(larger);
        Return(new ArraySegment<byte>(output));
        output = larger;
    }
}
