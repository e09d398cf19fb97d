namespace Fairlead.Bench;

/// <summary>Small requests and answers over connections that stay, each a channel of one tunnel of SSH.</summary>
sealed class SshRequestsWork(Options options) : RequestsWork(options)
{
    public override string Name => "ssh-requests";
    public override string What => $"{Load}, through a local forward of SSH, aes128-gcm; CPU of both ends of the tunnel";
    public override string Kind => SshPeer.Kind;
    public override string Reference => SshPeer.Stock;
    public override bool Takes(Peer peer) => peer.OnlyFor == Kind;
}
