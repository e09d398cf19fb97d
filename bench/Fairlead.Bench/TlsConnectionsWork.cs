using System.Net;

namespace Fairlead.Bench;

/// <summary>A whole handshake for each request, ended by the forwarder.</summary>
/// <remarks>The client's half costs about what the server's does, on processors that both share: what a handshake costs the forwarder is in its own
/// processor time, and the connections a second are what this machine has left for it.</remarks>
sealed class TlsConnectionsWork(Options options) : ConnectionsWork(options)
{
    readonly Options options = options;

    public override string Name => "tls-connections";
    public override string What => $"a new connection with a whole TLS 1.3 handshake (ECDSA P-256, X25519; none resumed) for each HTTP request, ab with {ApacheBench.Connections} at a time, ended before nginx, {options.WholeSeconds} × 1 s each";
    public override string Kind => "tls";
    public override Speech Speech => Speech.Tls;
    public override string? Missing => ApacheBench.Missing ?? Programs.Missing("nginx", "nginx");
    public override bool Takes(Peer peer) => base.Takes(peer) && peer.HasProcesses;

    protected override LoadResult Burst(IPEndPoint entry, Route route, Workshop workshop) => ApacheBench.Run(workshop, entry, seconds: 1);
}
