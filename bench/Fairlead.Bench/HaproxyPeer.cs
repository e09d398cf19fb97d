namespace Fairlead.Bench;

/// <summary>HAProxy in TCP mode: splices by itself, logs nothing.</summary>
/// <param name="threads">One, where two connections have to meet on the same thread.</param>
/// <param name="bulkBuffers">Buffers of 256 KiB instead of 16: more bytes a second than any other setting that was tried
/// (splicing or not, pipes of 256 KiB and 1 MiB, a listening socket for each thread), and more memory a connection.</param>
sealed class HaproxyPeer(int threads = 2, bool bulkBuffers = false) : Peer
{
    public override string Name => threads == 1 ? "haproxy-1thread" : bulkBuffers ? "haproxy-256k" : Family;
    public override string Family => "haproxy";
    public override string? OnlyFor => threads == 1 ? "mixed" : bulkBuffers ? "bulk" : null;
    public override bool Understands(Speech speech) => speech != Speech.Socks;
    public override string? Missing => Programs.Missing("haproxy", "haproxy");
    public override string Version(Workshop workshop) => Ask(workshop, Programs.PathOf("haproxy"), "-v").Split('\n')[0].Replace(" - https://haproxy.org/", "", StringComparison.Ordinal);

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop)
    {
        // maxconn: HAProxy refuses to start when the connections and their pipes would not fit 20,000 descriptors.
        var text =
            $"""
            global
                nbthread {threads}
                maxconn 6000
                {(bulkBuffers ? "tune.bufsize 262144" : "")}
            defaults
                mode tcp
                maxconn 6000
                backlog 4096
                option splice-auto
                timeout connect 5s
                timeout client 1h
                timeout server 1h

            """;
        foreach (var (route, i) in routes.Select((route, i) => (route, i)))
        {
            text += $"listen f{i}\n    bind {route.Listen}{(route.Speech == Speech.Tls ? $" ssl crt {workshop.Pem.Both}" : "")}\n";
            text += route.Speech == Speech.Sni
                ? $$"""
                    tcp-request inspect-delay 5s
                    tcp-request content accept if { req.ssl_hello_type 1 }
                    use_backend b{{i}} if { req.ssl_sni -i {{Hello.Name}} }
                backend b{{i}}
                    server t {{route.Target}}

                """
                : $"    server t {route.Target}\n";
        }
        yield return new(Programs.PathOf("haproxy"), "-db", "-q", "-f", workshop.NewFile("haproxy.cfg", text));
    }
}
