namespace Fairlead.Bench;

/// <summary>The forwarders that are compared.</summary>
static class Peers
{
    public static IReadOnlyList<string> Names { get; } = [.. All(new Options()).Select(peer => peer.Name)];

    /// <summary>Those that were asked for and can run here, variants included; the rest is said in words.</summary>
    public static IReadOnlyList<Peer> Present(Options options, out List<string> leftOut)
    {
        var chosen = All(options).Where(peer => options.Peers.Count == 0 || options.Peers.Contains(peer.Name) || options.Peers.Contains(peer.Family)).ToList();
        leftOut = [.. chosen.Select(peer => peer.Missing).OfType<string>().Distinct()];
        return [.. chosen.Where(peer => peer.Missing is null)];
    }

    static Peer[] All(Options options) =>
    [
        new DirectPeer(),
        new FairleadPeer(options.Fairlead),
        new FairleadPeer(options.Fairlead, plain: true),
        new FairleadPeer(options.Fairlead, oneLoop: true),
        .. Configured.All.Select(variant => new FairleadRunPeer(options.Fairlead, variant)),
        new HaproxyPeer(),
        new HaproxyPeer(bulkBuffers: true),
        new HaproxyPeer(threads: 1),
        new NginxPeer(),
        new NginxPeer(bulkBuffers: true),
        new NginxPeer(socketBuffers: true),
        new SocatPeer(),
        new RinetdPeer(),
        new DantePeer(),
        new MicrosocksPeer(),
        new SshPeer(options.Fairlead, isFairleadClient: false, isFairleadServer: false),
        new SshPeer(options.Fairlead, isFairleadClient: true, isFairleadServer: false),
        new SshPeer(options.Fairlead, isFairleadClient: false, isFairleadServer: true),
        new SshPeer(options.Fairlead, isFairleadClient: true, isFairleadServer: true),
        new SshServerPeer(options.Fairlead, isHub: false),
        new SshServerPeer(options.Fairlead, isHub: true),
    ];
}
