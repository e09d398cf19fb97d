namespace Fairlead.Bench;

/// <summary>As many bytes as pass through a tunnel of SSH.</summary>
sealed class SshBulkWork(Options options, int streams) : BulkWork(options, streams)
{
    readonly int streams = streams;

    public override string Name => streams == 1 ? "ssh-bulk" : $"ssh-bulk-{streams}";
    public override string What => $"{Load}, through a local forward of SSH, aes128-gcm; CPU of both ends of the tunnel";
    public override string Kind => SshPeer.Kind;
    public override string Reference => SshPeer.Stock;
    public override bool Takes(Peer peer) => peer.OnlyFor == Kind;
}
