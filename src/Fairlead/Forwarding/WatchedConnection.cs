using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// A client that is listened to while it has nothing to say yet, so that its going is noticed. What it says meanwhile is read first afterwards; the read that is under way
/// when somebody reads is the first one's.
/// </summary>
/// <remarks>It owns the connection beneath.</remarks>
internal sealed class WatchedConnection : Connection
{
    private readonly Connection inner;
    private readonly byte[] early = new byte[4 << 10];
    private readonly Task<int> first;
    private int start;
    private bool isTaken;

    public WatchedConnection(Connection inner)
    {
        this.inner = inner;
        first = inner.ReadAsync(early).AsTask();
    }

    /// <summary>Whether the client has ended or broken before it said anything.</summary>
    public bool HasGone => first.IsFaulted || (first.IsCompletedSuccessfully && first.Result == 0);

    /// <summary>Completes when the client says something (true), or when it has ended or broken (false). Never faults.</summary>
    public async Task<bool> SpeaksAsync()
    {
        try
        {
            return await first > 0;
        }
        catch (ConnectionException)
        {
            return false;
        }
    }

    public override EndPoint? LocalEndPoint => inner.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => inner.RemoteEndPoint;

    public override SynchronizationContext? Context => inner.Context;

    internal override AddressKey? RemoteKey => inner.RemoteKey;

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        if (isTaken)
            return await inner.ReadAsync(buffer);
        var count = await first;
        var taken = Math.Min(buffer.Length, count - start);
        early.AsMemory(start, taken).CopyTo(buffer);
        start += taken;
        // An end is told again by the connection itself.
        isTaken = start == count && count > 0;
        return taken;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => inner.WriteAsync(bytes);

    public override ValueTask CompleteWritesAsync() => inner.CompleteWritesAsync();

    public override void Abort() => inner.Abort();

    public override void Dispose() => inner.Dispose();
}
