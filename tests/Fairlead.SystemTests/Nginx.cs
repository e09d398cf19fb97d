namespace Fairlead.SystemTests;

/// <summary>An nginx whose servers a test writes, with a folder of its own whose files it may serve.</summary>
internal sealed class Nginx : IDisposable
{
    private readonly Folder folder;
    private readonly Peer server;

    private Nginx(Folder folder, Peer server, int port) => (this.folder, this.server, Port) = (folder, server, port);

    /// <summary>Where it was waited for.</summary>
    public int Port { get; }

    /// <summary>The root of its servers' files.</summary>
    public string Root => folder.Path;

    /// <summary>Starts it and waits until a port answers.</summary>
    /// <param name="port">A port at which it listens on the loopback.</param>
    /// <param name="http">The servers of HTTP, in nginx's words; <c>@ROOT@</c> is its folder.</param>
    /// <param name="stream">The servers of TCP.</param>
    /// <param name="fill">Writes what it needs into its folder first.</param>
    public static async Task<Nginx> StartAsync(int port, string http = "", string stream = "", Func<Folder, Task>? fill = null)
    {
        const string Module = "/usr/lib/nginx/modules/ngx_stream_module.so";
        var nginx = Peers.Require("nginx", "nginx");
        Assert.SkipWhen(stream.Length > 0 && !File.Exists(Module), "nginx has no streams (Debian package libnginx-mod-stream).");
        var folder = new Folder();
        try
        {
            if (fill is not null)
                await fill(folder);
            var root = folder.Path;
            var streams = stream.Length > 0 ? ($"load_module {Module};", $"stream {{ {stream} }}") : ("", "");
            var configuration = folder.Write("nginx.conf", $$"""
                {{streams.Item1}}
                daemon off; master_process off; pid {{root}}/pid; error_log {{root}}/errors;
                events { }
                {{streams.Item2}}
                http { access_log off; client_body_temp_path {{root}}/b; proxy_temp_path {{root}}/p; fastcgi_temp_path {{root}}/f;
                  uwsgi_temp_path {{root}}/u; scgi_temp_path {{root}}/s; types { text/html html; text/javascript js; } default_type text/plain;
                  {{http}} }
                """.Replace("@ROOT@", root, StringComparison.Ordinal));
            return new Nginx(folder, await Peers.StartAsync(port, nginx, "-c", configuration, "-e", $"{root}/errors"), port);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>One that has its files, and says at <c>/who</c> to each client which address it came from.</summary>
    public static Task<Nginx> WhoAmIAsync()
    {
        var port = FreePorts.One();
        return StartAsync(port, $$"""server { listen 127.0.0.1:{{port}}; root @ROOT@; location = /who { return 200 "$remote_addr"; } }""");
    }

    public void Dispose()
    {
        server.Dispose();
        folder.Dispose();
    }
}
