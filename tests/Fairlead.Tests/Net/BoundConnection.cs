using System.Collections.Concurrent;
using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>A connection that belongs to a context, like a channel of a tunnel: a call from elsewhere throws, and is remembered.</summary>
internal sealed class BoundConnection(Connection inner, SynchronizationContext context) : Connection
{
    private readonly ConcurrentQueue<string> trespasses = new();

    /// <summary>The calls that were made elsewhere.</summary>
    public IReadOnlyCollection<string> Trespasses => trespasses;

    public override EndPoint? LocalEndPoint => inner.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => inner.RemoteEndPoint;

    public override SynchronizationContext? Context => context;

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        Verify("read");
        return await inner.ReadAsync(buffer);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        Verify("write");
        await inner.WriteAsync(bytes);
    }

    public override async ValueTask CompleteWritesAsync()
    {
        Verify("completion");
        await inner.CompleteWritesAsync();
    }

    public override void Abort()
    {
        Verify("abort");
        inner.Abort();
    }

    public override void Dispose()
    {
        Verify("close");
        inner.Dispose();
    }

    private void Verify(string call)
    {
        if (SynchronizationContext.Current == context)
            return;
        trespasses.Enqueue($"a {call} in {SynchronizationContext.Current?.ToString() ?? "no context"}: {Environment.StackTrace}");
        throw new InvalidOperationException($"A {call} was made elsewhere than where the connection belongs.");
    }
}
