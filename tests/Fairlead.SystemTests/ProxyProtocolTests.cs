using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>The PROXY protocol with nginx on either side.</summary>
public sealed class ProxyProtocolTests
{
    [Theory(Timeout = 60000)]
    [InlineData("native", "v1", "127.0.0.5")]
    [InlineData("native", "v2", "127.0.0.5")]
    [InlineData("portable", "v1", "127.0.0.5")]
    [InlineData("portable", "v2", "127.0.0.5")]
    [InlineData("native", "v1", "::1")]
    [InlineData("native", "v2", "::1")]
    public async Task Nginx_hears_from_a_forward_who_the_client_is(string engine, string version, string client)
    {
        var curl = Peers.Require("curl", "curl");
        Assert.SkipWhen(client == "::1" && !Socket.OSSupportsIPv6, "This system has no IPv6.");
        var port = FreePorts.One();
        using var nginx = await Nginx.StartAsync(port, Accepting(port));
        using var folder = new Folder();
        var listen = client == "::1" ? "[::1]:0" : "127.0.0.1:0";
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards: [ { listen: "{{listen}}", to: "127.0.0.1:{{port}}", engine: {{engine}}, proxy_protocol: { send: {{version}} } } ]
            """);
        var address = await fairlead.AddressAsync();
        var local = FreePorts.One();
        var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--interface", client, "--local-port", $"{local}", $"http://{address}/");
        Assert.Equal((0, $"{client} {local} {address.Address} {address.Port}"), (status, output));
    }

    [Fact(Timeout = 60000)]
    public async Task One_upstream_gets_a_header_and_another_none()
    {
        var curl = Peers.Require("curl", "curl");
        var (with, without) = (FreePorts.One(), FreePorts.One());
        using var nginx = await Nginx.StartAsync(with, $$"""{{Accepting(with)}} server { listen 127.0.0.1:{{without}}; return 200 "none"; }""");
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - name: some
                listen: 127.0.0.1:0
                to: [ { address: "127.0.0.1:{{with}}", proxy_protocol: v2 }, "127.0.0.1:{{without}}" ]
            """);
        var heard = new HashSet<string>();
        for (var i = 0; i < 2; i++)
        {
            var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--interface", "127.0.0.5", $"http://{await fairlead.AddressAsync()}/");
            Assert.Equal(0, status);
            heard.Add(output.Split(' ')[0]);
        }
        Assert.Equal(["127.0.0.5", "none"], heard.Order());
    }

    [Theory(Timeout = 60000), InlineData("native", "v1"), InlineData("native", "v2"), InlineData("portable", "v2")]
    public async Task Whom_nginx_names_is_the_client_for_rules_logs_and_upstreams(string engine, string version)
    {
        var curl = Peers.Require("curl", "curl");
        var (front, back) = (FreePorts.One(), FreePorts.One());
        using var last = await Nginx.StartAsync(back, Accepting(back));
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - name: named
                engine: {{engine}}
                listen: 127.0.0.1:0
                to: 127.0.0.1:{{back}}
                allow: 127.0.0.5
                proxy_protocol: { accept_from: 127.0.0.0/8, send: {{version}} }
            """);
        var address = await fairlead.AddressAsync();
        using var first = await Nginx.StartAsync(front, stream: $$"""server { listen 127.0.0.1:{{front}}; proxy_pass {{address}}; proxy_protocol on; }""");

        var local = FreePorts.One();
        var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--interface", "127.0.0.5", "--local-port", $"{local}", $"http://127.0.0.1:{front}/");
        Assert.Equal((0, $"127.0.0.5 {local} 127.0.0.1 {front}"), (status, output));
        var session = await fairlead.SessionAsync($"\"client\":\"127.0.0.5:{local}\"");
        Assert.Equal("closed", session.GetProperty("end").GetString());

        // Another one, whom nginx lets in and the forward does not.
        (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--interface", "127.0.0.6", $"http://127.0.0.1:{front}/");
        Assert.True(status is 52 or 56, $"{status}: {output}");
        Assert.Equal("denied", (await fairlead.SessionAsync("\"client\":\"127.0.0.6:")).GetProperty("end").GetString());
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task Who_has_to_send_a_header_and_does_not_is_reset(string engine)
    {
        var curl = Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards: [ { listen: "127.0.0.1:0", to: "127.0.0.1:{{nginx.Port}}", engine: {{engine}}, proxy_protocol: { accept_from: 127.0.0.5 } } ]
            """);
        var url = $"http://{await fairlead.AddressAsync()}/who";
        var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--interface", "127.0.0.5", url);
        Assert.True(status == 56, $"{status}: {output}");
        Assert.Contains("reset", output, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("bad_request", (await fairlead.SessionAsync("127.0.0.5:")).GetProperty("end").GetString());

        // From elsewhere none is asked for, and one that comes is the upstream's business, to whom it is no HTTP.
        Assert.Equal((0, "127.0.0.1"), await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--interface", "127.0.0.6", url));
        (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--interface", "127.0.0.6", "--haproxy-protocol", "-w", " %{http_code}", url);
        Assert.True(status == 0, output);
        Assert.EndsWith(" 400", output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task Curl_tells_who_it_is_by_a_header_of_its_own()
    {
        var curl = Peers.Require("curl", "curl");
        var port = FreePorts.One();
        using var nginx = await Nginx.StartAsync(port, Accepting(port));
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards: [ { listen: "127.0.0.1:0", to: "127.0.0.1:{{port}}", proxy_protocol: { accept_from: 127.0.0.0/8, send: v1 } } ]
            """);
        var local = FreePorts.One();
        var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--haproxy-protocol", "--interface", "127.0.0.7", "--local-port", $"{local}", $"http://{await fairlead.AddressAsync()}/");
        Assert.True(status == 0, output);
        Assert.StartsWith($"127.0.0.7 {local} 127.0.0.1 ", output, StringComparison.Ordinal);
    }

    private static string Accepting(int port) => $$"""
        server { listen 127.0.0.1:{{port}} proxy_protocol; return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port"; }
        """;
}
