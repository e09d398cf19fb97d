using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>The client of a session that asks for a channel and has no answer yet: there is nothing to read or write. Closing it refuses.</summary>
internal sealed class PendingChannel(SshIncoming incoming) : Connection
{
    public override EndPoint? LocalEndPoint => null;

    /// <summary>Whose SSH connection it is.</summary>
    public override EndPoint? RemoteEndPoint => incoming.Connection.RemoteEndPoint;

    public override SynchronizationContext? Context => incoming.Connection.Context;

    /// <summary>Opens it.</summary>
    public SshChannel Accept() => incoming.Accept(remote: RemoteEndPoint);

    /// <summary>Opens one of datagrams.</summary>
    public SshDatagrams AcceptDatagrams(IDatagramSink sink, int? port = null) => incoming.AcceptDatagrams(sink, port);

    /// <summary>Does not open it.</summary>
    public void Refuse(SshOpenFailure failure, string description)
    {
        if (!incoming.IsAnswered)
            incoming.Refuse(failure, description);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => throw NotOpen();

    public override ValueTask CompleteWritesAsync() => throw NotOpen();

    public override void Abort() => Refuse(SshOpenFailure.AdministrativelyProhibited, "this is not allowed");

    public override void Dispose() => Abort();

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer) => throw NotOpen();

    private static InvalidOperationException NotOpen() => new("A channel without an answer has no bytes.");
}
