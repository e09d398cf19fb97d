using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>The client of a session that asks for a channel and has no answer yet: there is nothing to read or write. Closing it refuses.</summary>
/// <param name="incoming">What is asked for.</param>
/// <param name="local">What it tells as its own address.</param>
/// <param name="remote">What it tells as its peer's: whose SSH connection it is, or who has connected at the far end.</param>
internal sealed class PendingChannel(SshIncoming incoming, EndPoint? local, EndPoint? remote) : Connection
{
    public override EndPoint? LocalEndPoint => local;

    public override EndPoint? RemoteEndPoint => remote;

    public override SynchronizationContext? Context => incoming.Connection.Context;

    /// <summary>Opens it.</summary>
    /// <exception cref="ConnectionException">It was refused.</exception>
    public SshChannel Accept() => incoming.IsAnswered ? throw new ConnectionException(ConnectionError.Aborted, "The channel was refused.") : incoming.Accept(local, remote);

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
