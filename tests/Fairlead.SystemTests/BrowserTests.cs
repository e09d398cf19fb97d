using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>A browser without a window that sees the world through <c>fairlead proxy</c>. It asks for places of its maker as well, which are refused.</summary>
public sealed class BrowserTests
{
    [Theory(Timeout = 180000), InlineData("socks5"), InlineData("socks4"), InlineData("http")]
    public async Task Chromium_shows_a_page_and_what_its_scripts_fetch(string scheme)
    {
        var chromium = Peers.Require("chromium", "chromium");
        await using var site = await Site.StartAsync(IPAddress.Loopback);
        var page = await Chromium.ShowAsync(chromium, $"http://{site.Plain}/page.html", $"--proxy-server={scheme}://{site.Proxy}", "--proxy-bypass-list=<-loopback>");
        Assert.Contains("fetched by a script of the page", page, StringComparison.Ordinal);
        await site.Running.SessionAsync($"\"upstream\":\"{site.Plain}\"");
    }

    [Theory(Timeout = 180000), InlineData("socks5"), InlineData("http")]
    public async Task Chromium_speaks_TLS_and_HTTP_2_through_it(string scheme)
    {
        var chromium = Peers.Require("chromium", "chromium");
        await using var site = await Site.StartAsync(IPAddress.Loopback);
        var page = await Chromium.ShowAsync(chromium, $"https://{site.Secure}/page.html", $"--proxy-server={scheme}://{site.Proxy}", "--proxy-bypass-list=<-loopback>", "--ignore-certificate-errors");
        Assert.Contains("fetched by a script of the page by HTTP/2.0", page, StringComparison.Ordinal);
        await site.Running.SessionAsync($"\"upstream\":\"{site.Secure}\"");
    }

    // The loopback by its usual names is never asked of a proxy that such a file names; by this machine's own name it is.
    [Fact(Timeout = 180000)]
    public async Task Chromium_configures_itself_by_proxy_pac()
    {
        var chromium = Peers.Require("chromium", "chromium");
        var name = Dns.GetHostName();
        IPAddress? own = null;
        try
        {
            own = Dns.GetHostAddresses(name, AddressFamily.InterNetwork).FirstOrDefault();
        }
        catch (SocketException)
        {
            // Its name leads nowhere.
        }
        Assert.SkipWhen(own is null || name == "localhost", "This machine's name has no address.");
        await using var site = await Site.StartAsync(own);
        var target = $"{name}:{site.Plain.Port}";
        var page = await Chromium.ShowAsync(chromium, $"http://{target}/page.html", $"--proxy-pac-url=http://{site.Proxy}/proxy.pac");
        Assert.Contains("fetched by a script of the page", page, StringComparison.Ordinal);
        await site.Running.SessionAsync($"\"upstream\":\"{target}\"");
    }

    [Fact(Timeout = 180000)]
    public async Task Chromium_shows_the_reason_of_a_refusal()
    {
        var chromium = Peers.Require("chromium", "chromium");
        await using var site = await Site.StartAsync(IPAddress.Loopback);
        var page = await Chromium.ShowAsync(chromium, $"http://127.0.0.9:{site.Plain.Port}/", $"--proxy-server=http://{site.Proxy}", "--proxy-bypass-list=<-loopback>");
        Assert.Contains($"connecting to 127.0.0.9:{site.Plain.Port} is not allowed", page, StringComparison.Ordinal);
    }

    /// <summary>A page that has a script write into it what it fetches, and a proxy that leads there and nowhere else.</summary>
    private sealed class Site : IAsyncDisposable
    {
        private readonly Nginx nginx;

        private Site(Nginx nginx, Running running) => (this.nginx, Running) = (nginx, running);

        public Running Running { get; }

        public IPEndPoint Proxy { get; private set; } = null!;

        public IPEndPoint Plain { get; private set; } = null!;

        public IPEndPoint Secure { get; private set; } = null!;

        public static async Task<Site> StartAsync(IPAddress address)
        {
            var (plain, secure, probe) = (FreePorts.One(), FreePorts.One(), FreePorts.One());
            var nginx = await Nginx.StartAsync(probe, $$"""
                server {
                  listen 127.0.0.1:{{probe}}; listen {{address}}:{{plain}}; listen {{address}}:{{secure}} ssl http2; root @ROOT@;
                  ssl_certificate @ROOT@/site.test.pem; ssl_certificate_key @ROOT@/site.test.pem;
                  location /text { return 200 "fetched by a script of the page by $server_protocol"; }
                }
                """, fill: async folder =>
                {
                    await Certificates.WriteAsync(folder, "site.test");
                    folder.Write("page.html", "<!doctype html><title>site</title><p id=here>nothing yet</p><script src=script.js></script>");
                    folder.Write("script.js", "fetch('/text').then(answer => answer.text()).then(text => document.getElementById('here').textContent = text);");
                });
            var running = await Running.ProxyAsync("--allow-to", $"{address}/32");
            return new Site(nginx, running) { Proxy = await running.AddressAsync(), Plain = new IPEndPoint(address, plain), Secure = new IPEndPoint(address, secure) };
        }

        public async ValueTask DisposeAsync()
        {
            await Running.DisposeAsync();
            nginx.Dispose();
        }
    }
}
