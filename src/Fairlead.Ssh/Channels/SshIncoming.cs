using System.Net;
using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>A channel that the peer asks for. It is answered once; its place is kept until then. Used where the connection lives.</summary>
public sealed class SshIncoming
{
    private readonly SshConnection connection;
    private readonly uint ownId, peerId, peerWindow, peerPacket;

    internal SshIncoming(SshConnection connection, SshOpen open, uint ownId, uint peerId, uint peerWindow, uint peerPacket)
    {
        (this.connection, Open) = (connection, open);
        (this.ownId, this.peerId, this.peerWindow, this.peerPacket) = (ownId, peerId, peerWindow, peerPacket);
    }

    /// <summary>What it is for.</summary>
    public SshOpen Open { get; }

    /// <summary>Whose it is.</summary>
    public SshConnection Connection => connection;

    /// <summary>Whether it has an answer.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Opens it.</summary>
    /// <param name="local">What is to be told as its own address.</param>
    /// <param name="remote">What is to be told as its peer's.</param>
    /// <returns>The channel, which is the caller's. Where the connection has ended meanwhile, one that is broken.</returns>
    public SshChannel Accept(EndPoint? local = null, EndPoint? remote = null)
    {
        if (Open.IsOfDatagrams)
            throw new InvalidOperationException($"{Open.Type} is a channel of datagrams.");
        IsAnswered = true;
        var channel = new SshChannel(connection, ownId, peerId, peerWindow, peerPacket, local, remote);
        connection.Confirm(channel, peerId);
        return channel;
    }

    /// <summary>Opens one of datagrams.</summary>
    /// <param name="sink">Who gets what the peer sends.</param>
    /// <param name="port">The port that is listened on, where it was asked for that.</param>
    /// <returns>The datagrams, which are the caller's. Where the connection has ended meanwhile, they are over.</returns>
    public SshDatagrams AcceptDatagrams(IDatagramSink sink, int? port = null)
    {
        if (!Open.IsOfDatagrams)
            throw new InvalidOperationException($"{Open.Type} is a channel of a stream.");
        IsAnswered = true;
        var channel = new SshChannel(connection, ownId, peerId, peerWindow, peerPacket, null, null, sink);
        connection.Confirm(channel, peerId, port);
        return channel.Datagrams!;
    }

    /// <summary>Does not open it.</summary>
    public void Refuse(SshOpenFailure failure, string description)
    {
        IsAnswered = true;
        connection.Refuse(ownId, peerId, failure, description);
    }
}
