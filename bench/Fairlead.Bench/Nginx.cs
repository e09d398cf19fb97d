using System.Net;

namespace Fairlead.Bench;

/// <summary>What nginx needs as a forwarder and as a target alike.</summary>
static class Nginx
{
    public static string Head(Workshop workshop, int workers) =>
        $$"""
        daemon off;
        worker_processes {{workers}};
        worker_rlimit_nofile 19000;
        pid {{workshop.NewFile("nginx.pid")}};
        error_log stderr crit;
        events { worker_connections 18000; }
        """;

    public static Command Command(Workshop workshop, string text) =>
        new(Programs.PathOf("nginx"), "-p", Path.GetTempPath(), "-e", "stderr", "-c", workshop.NewFile("nginx.conf", text));

    /// <summary>A web server that answers everything with a few bytes, on one worker, on every address given.</summary>
    public static Child StartTarget(Workshop workshop, IReadOnlyList<IPEndPoint> endPoints)
    {
        var listens = string.Concat(endPoints.Select(endPoint => $"        listen {endPoint} backlog=4096;\n"));
        var text =
            $$"""
            {{Head(workshop, workers: 1)}}
            http {
                access_log off;
                keepalive_requests 1000000000;
                keepalive_timeout 1h;
                tcp_nodelay on;
                client_body_temp_path {{workshop.NewFile("body")}};
                proxy_temp_path {{workshop.NewFile("proxy")}};
                fastcgi_temp_path {{workshop.NewFile("fastcgi")}};
                uwsgi_temp_path {{workshop.NewFile("uwsgi")}};
                scgi_temp_path {{workshop.NewFile("scgi")}};
                server {
            {{listens}}
                    location / { return 200 "hello, world\n"; }
                }
            }
            """;
        var child = workshop.Start(Command(workshop, text));
        Loopback.WaitForListeners(endPoints, child);
        return child;
    }
}
