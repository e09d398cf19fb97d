namespace Fairlead.Bench;

/// <summary>A new connection for each request, which is a new channel of a tunnel of SSH that stands.</summary>
sealed class SshConnectionsWork(Options options) : ConnectionsWork(options)
{
    public override string Name => "ssh-connections";
    public override string What => $"{Load}, through a local forward of SSH that stands, aes128-gcm; CPU of both ends of the tunnel";
    public override string Kind => SshPeer.Kind;
    public override string Reference => SshPeer.Stock;
    public override bool Takes(Peer peer) => peer.OnlyFor == Kind;
}
