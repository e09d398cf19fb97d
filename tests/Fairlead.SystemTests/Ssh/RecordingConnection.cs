using System.Net;
using Fairlead.Net;
using Fairlead.Tests.Ssh;

namespace Fairlead.SystemTests;

/// <summary>A connection of which everything is taken down that goes over it, where it is used.</summary>
internal sealed class RecordingConnection(Connection inner, Transcript transcript) : Connection
{
    public override EndPoint? LocalEndPoint => inner.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => inner.RemoteEndPoint;

    public override SynchronizationContext? Context => inner.Context;

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        transcript.Add(isSent: true, bytes.Span);
        return inner.WriteAsync(bytes);
    }

    public override ValueTask CompleteWritesAsync() => inner.CompleteWritesAsync();

    public override void Abort() => inner.Abort();

    public override void Dispose() => inner.Dispose();

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        var count = await inner.ReadAsync(buffer);
        transcript.Add(isSent: false, buffer.Span[..count]);
        return count;
    }
}
