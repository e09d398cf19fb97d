namespace Fairlead.Bench;

/// <summary>nginx as a TCP and UDP proxy (its stream module): a worker a core, each with its own listening socket.</summary>
/// <param name="bulkBuffers">Buffers of 256 KiB instead of 16: more bytes a second, and more memory a connection.</param>
/// <param name="socketBuffers">Sockets for datagrams that hold 4 MiB, as far as net.core.rmem_max lets them, instead of the system's default.</param>
sealed class NginxPeer(bool bulkBuffers = false, bool socketBuffers = false) : Peer
{
    const string Module = "/usr/lib/nginx/modules/ngx_stream_module.so";

    public override string Name => bulkBuffers ? "nginx-256k" : socketBuffers ? "nginx-4m" : Family;
    public override string Family => "nginx";
    public override string? OnlyFor => bulkBuffers ? "bulk" : socketBuffers ? IperfUdpWork.KindName : null;
    public override bool TakesUdp => true;
    public override bool Understands(Speech speech) => speech != Speech.Socks;

    public override string? Missing => Programs.Missing("nginx", "nginx") ??
        (File.Exists(Module) ? null : "nginx is left out: its stream module is not installed (Debian package libnginx-mod-stream)");

    public override string Version(Workshop workshop) => Ask(workshop, Programs.PathOf("nginx"), "-v").Replace("nginx version: ", "", StringComparison.Ordinal);

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop)
    {
        var servers = string.Concat(routes.SelectMany((route, i) => Servers(route, i, workshop)));
        var text =
            $$"""
            load_module {{Module}};
            {{Nginx.Head(workshop, workers: 2)}}
            stream {
                proxy_connect_timeout 5s;
                proxy_timeout 1h;
                {{(bulkBuffers ? "proxy_buffer_size 256k;" : "")}}
            {{servers}}}
            """;
        yield return Nginx.Command(workshop, text);
    }

    IEnumerable<string> Servers(Route route, int i, Workshop workshop)
    {
        const string listening = "reuseport backlog=4096;";
        if (route.Speech == Speech.Sni)
        {
            yield return $"    map $ssl_preread_server_name $target{i} {{ {Hello.Name} {route.Target}; }}\n";
            yield return $"    server {{ listen {route.Listen} {listening} ssl_preread on; proxy_pass $target{i}; }}\n";
        }
        else if (route.Speech == Speech.Tls)
        {
            var pem = workshop.Pem;
            yield return $"    server {{ listen {route.Listen} ssl {listening} ssl_certificate {pem.Certificate}; ssl_certificate_key {pem.Key}; ssl_protocols TLSv1.3; proxy_pass {route.Target}; }}\n";
        }
        else if (route.Over.HasFlag(Transports.Tcp))
            yield return $"    server {{ listen {route.Listen} {listening} proxy_pass {route.Target}; }}\n";
        if (route.Over.HasFlag(Transports.Udp))
            yield return $"    server {{ listen {route.Listen} udp reuseport{(socketBuffers ? " rcvbuf=4m sndbuf=4m" : "")}; proxy_pass {route.Target}; }}\n";
    }
}
