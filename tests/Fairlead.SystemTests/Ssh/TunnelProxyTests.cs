using System.Net;

namespace Fairlead.SystemTests;

/// <summary>Clients of SOCKS and HTTP who go on through a tunnel to a server of OpenSSH, and what they are told when it says no.</summary>
public sealed class TunnelProxyTests(SharedTunnel shared) : IClassFixture<SharedTunnel>
{
    [Theory(Timeout = 60000)]
    [InlineData("--socks5-hostname", "127.0.0.1:1", 97, "127.0.0.1. (5)")]
    [InlineData("--socks5-hostname", "localhost:1", 97, "localhost. (5)")]
    [InlineData("--socks5-hostname", "nobody.invalid:1", 97, "nobody.invalid. (4)")]
    [InlineData("--socks5-hostname", "127.0.0.1:2", 97, "127.0.0.1. (2)")]
    [InlineData("--socks4a", "127.0.0.1:2", 97, "(91)")]
    [InlineData("-x", "127.0.0.1:1", 0, " 502")]
    [InlineData("-x", "127.0.0.1:2", 0, " 403")]
    [InlineData("-p -x", "127.0.0.1:1", 56, "response 502")]
    [InlineData("-p -x", "127.0.0.1:2", 56, "response 403")]
    public async Task Refusals_of_the_server_reach_curl_with_the_right_number(string protocol, string target, int meant, string said)
    {
        var fairlead = await shared.StrictAsync();
        var (status, output) = await CurlAsync(fairlead, protocol, $"http://{target}/");
        Assert.True(status == meant, $"{status}: {output}");
        Assert.Contains(said, output, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000)]
    [InlineData("--socks4a")]
    [InlineData("--socks5-hostname")]
    [InlineData("-x")]
    [InlineData("-p -x")]
    public async Task Curl_gets_a_page_by_a_name_that_the_server_looks_up(string protocol)
    {
        using var nginx = await Nginx.WhoAmIAsync();
        var fairlead = await shared.OpenAsync();
        Assert.Equal((0, "127.0.0.1 200"), await CurlAsync(fairlead, protocol, $"http://localhost:{nginx.Port}/who"));
        // The name went to the server as it is, and the session tells of it.
        Assert.Equal("closed", (await fairlead.SessionAsync($"\"upstream\":\"localhost:{nginx.Port}\"")).GetProperty("end").GetString());
    }

    [Fact(Timeout = 60000)]
    public async Task Datagrams_are_refused_with_the_number_for_it()
    {
        using var udp = new UdpServer();
        var fairlead = await shared.OpenAsync();
        var (status, output) = await PySocks.AskAsync(await fairlead.AddressAsync(), udp.Address);
        Assert.Equal(1, status);
        Assert.Contains("0x07: Command not supported", output, StringComparison.Ordinal);
        Assert.Empty(udp.Arrived);
    }

    [Theory(Timeout = 180000), InlineData("socks5"), InlineData("http")]
    public async Task Chromium_browses_through_it(string scheme)
    {
        var chromium = Peers.Require("chromium", "chromium");
        var port = FreePorts.One();
        using var nginx = await Nginx.StartAsync(port, $$"""server { listen 127.0.0.1:{{port}}; root @ROOT@; location /text { return 200 "fetched by a script of the page"; } }""", fill: folder =>
        {
            folder.Write("page.html", "<!doctype html><title>site</title><p id=here>nothing yet</p><script src=script.js></script>");
            folder.Write("script.js", "fetch('/text').then(answer => answer.text()).then(text => document.getElementById('here').textContent = text);");
            return Task.CompletedTask;
        });
        // Its maker's places, which it asks for as well, the server leads nobody to.
        var fairlead = await shared.OpenAsync();
        var page = await Chromium.ShowAsync(chromium, $"http://127.0.0.1:{port}/page.html", $"--proxy-server={scheme}://{await fairlead.AddressAsync()}", "--proxy-bypass-list=<-loopback>");
        Assert.Contains("fetched by a script of the page", page, StringComparison.Ordinal);
        await fairlead.SessionAsync($"\"upstream\":\"127.0.0.1:{port}\"");
    }

    [Fact(Timeout = 60000)]
    public async Task A_port_there_is_a_proxy_here()
    {
        using var server = await SshServerRig.StartAsync();
        using var nginx = await Nginx.WhoAmIAsync();
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{server.Tunnel}} }
            forwards: [ { name: reverse, listen: "127.0.0.1:0", at: office, to: dynamic, allow_to: [127.0.0.1/32] } ]
            """);
        Assert.Equal((0, "127.0.0.1 200"), await CurlAsync(await fairlead.ListenAtAsync(), "--socks5", $"http://127.0.0.1:{nginx.Port}/who"));
    }

    private static async Task<(int Status, string Output)> CurlAsync(Running fairlead, string protocol, string url) => await CurlAsync(await fairlead.AddressAsync(), protocol, url);

    private static Task<(int Status, string Output)> CurlAsync(IPEndPoint proxy, string protocol, string url) =>
        Peers.RunAsync(Peers.Require("curl", "curl"), ["-sS", "--noproxy", "", "--max-time", "30", "-w", " %{http_code}", .. protocol.Split(' '), $"{proxy}", url]);
}

/// <summary>Proxies that go on through tunnels, to a server that leads to a few places, and to one that leads anywhere on its loopback. They are started by the first test that needs them.</summary>
public sealed class SharedTunnel : IAsyncDisposable
{
    private readonly Lazy<Task<(SshServerRig Server, Folder Folder, Running Fairlead)>> strict = new(() => StartAsync("PermitOpen 127.0.0.1:1 localhost:1 nobody.invalid:1"));
    private readonly Lazy<Task<(SshServerRig Server, Folder Folder, Running Fairlead)>> open = new(() => StartAsync("PermitOpen 127.0.0.1:* localhost:*"));

    public async ValueTask DisposeAsync()
    {
        foreach (var one in new[] { strict, open })
        {
            if (one is not { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
                continue;
            var (server, folder, fairlead) = await one.Value;
            await fairlead.DisposeAsync();
            server.Dispose();
            folder.Dispose();
        }
    }

    internal async Task<Running> StrictAsync() => (await strict.Value).Fairlead;

    internal async Task<Running> OpenAsync() => (await open.Value).Fairlead;

    private static async Task<(SshServerRig, Folder, Running)> StartAsync(string options)
    {
        var (server, folder) = (await SshServerRig.StartAsync(options), new Folder());
        return (server, folder, await Running.RunAsync(folder, $$"""
            tunnels: { office: {{server.Tunnel}} }
            forwards: [ { name: dynamic, listen: "127.0.0.1:0", to: dynamic, via: office } ]
            """));
    }
}
