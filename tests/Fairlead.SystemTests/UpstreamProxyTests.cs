using System.Net;
using System.Security.Cryptography;

namespace Fairlead.SystemTests;

/// <summary>Dialling through proxies of others.</summary>
public sealed class UpstreamProxyTests
{
    private static readonly (string, string) password = ("FAIRLEAD_TEST_PASSWORD", "open sesame");

    public enum Proxies
    {
        Dante,
        Microsocks,
        Fairlead,
    }

    [Theory(Timeout = 120000)]
    [InlineData("native", "socks5", new[] { Proxies.Dante }, Dante.From)]
    [InlineData("portable", "socks5h", new[] { Proxies.Dante }, Dante.From)]
    [InlineData("native", "socks4a", new[] { Proxies.Dante }, Dante.From)]
    [InlineData("native", "socks5h", new[] { Proxies.Microsocks }, Microsocks.From)]
    [InlineData("portable", "socks5", new[] { Proxies.Microsocks }, Microsocks.From)]
    [InlineData("native", "http", new[] { Proxies.Fairlead }, "127.0.0.1")]
    [InlineData("native", "socks5", new[] { Proxies.Dante, Proxies.Microsocks }, Microsocks.From)]
    [InlineData("native", "socks5h", new[] { Proxies.Microsocks, Proxies.Dante }, Dante.From)]
    [InlineData("portable", "socks5h", new[] { Proxies.Microsocks, Proxies.Fairlead, Proxies.Dante }, Dante.From)]
    public async Task A_forward_and_clients_who_say_where_dial_through_them(string engine, string scheme, Proxies[] proxies, string from)
    {
        var curl = Peers.Require("curl", "curl");
        await using var chain = await Chain.StartAsync(scheme, proxies);
        using var nginx = await Nginx.WhoAmIAsync();
        var bytes = RandomNumberGenerator.GetBytes(20_000_000);
        File.WriteAllBytes(Path.Combine(nginx.Root, "file"), bytes);
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - { name: fixed, engine: {{engine}}, listen: "127.0.0.1:0", to: "127.0.0.1:{{nginx.Port}}", via: [{{chain.Urls}}] }
              - { name: dynamic, engine: {{engine}}, listen: "127.0.0.1:0", to: dynamic, via: [{{chain.Urls}}] }
            """);

        var got = Path.Combine(folder.Path, "got");
        foreach (var arguments in new string[][]
        {
            ["--noproxy", "*", $"http://{await fairlead.AddressAsync("fixed")}"],
            ["--noproxy", "", "--socks5", $"{await fairlead.AddressAsync("dynamic")}", $"http://127.0.0.1:{nginx.Port}"],
        })
        {
            Assert.Equal((0, from), await Peers.RunAsync(curl, ["-sS", .. arguments[..^1], $"{arguments[^1]}/who"]));
            var (status, output) = await Peers.RunAsync(curl, ["-sS", "--fail", "-o", got, .. arguments[..^1], $"{arguments[^1]}/file"]);
            Assert.True(status == 0, output);
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(got)));
        }
    }

    [Theory(Timeout = 60000)]
    [InlineData("socks5", Proxies.Dante, Dante.From)]
    [InlineData("socks5h", Proxies.Dante, Dante.From)]
    [InlineData("socks5h", Proxies.Microsocks, Microsocks.From)]
    [InlineData("http", Proxies.Fairlead, "127.0.0.1")]
    public async Task A_name_is_looked_up_on_the_side_that_the_scheme_says(string scheme, Proxies proxy, string from)
    {
        var curl = Peers.Require("curl", "curl");
        await using var chain = await Chain.StartAsync(scheme, proxy);
        using var nginx = await Nginx.WhoAmIAsync();
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - { name: dynamic, listen: "127.0.0.1:0", to: dynamic, via: {{chain.Urls}} }
            """);
        Assert.Equal((0, from), await Peers.RunAsync(curl, "-sS", "--noproxy", "", "--socks5-hostname", $"{await fairlead.AddressAsync()}", $"http://localhost:{nginx.Port}/who"));

        // Names that nobody knows: here it is told by the system, there by the proxy.
        var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "", "--socks5-hostname", $"{await fairlead.AddressAsync()}", "http://nobody.invalid/");
        Assert.True(status == 97, output);
        var session = await fairlead.SessionAsync("nobody.invalid");
        Assert.Equal(scheme != "socks5", session.GetProperty("detail").GetString()!.Contains($"proxy {scheme}://", StringComparison.Ordinal));
    }

    [Fact(Timeout = 60000)]
    public async Task Dig_asks_dnsmasq_through_an_association_with_Dante()
    {
        var dig = Peers.Require("dig", "bind9-dnsutils");
        var dnsmasq = Peers.Require("dnsmasq", "dnsmasq-base");
        using var dante = await Dante.StartAsync();
        var port = FreePorts.One();
        using var names = await Peers.StartAsync(port, dnsmasq, "--no-daemon", "--conf-file=/dev/null", $"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--host-record=name.test,192.0.2.1");
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - { name: names, listen: "127.0.0.1:0/tcp+udp", to: "127.0.0.1:{{port}}", via: "socks5://127.0.0.1:{{dante.Port}}" }
            """);
        var listens = new[] { "tcp", "udp" };
        foreach (var protocol in listens)
        {
            var listen = await fairlead.WaitForAsync(entry => entry.GetProperty("event").GetString() == "listening" && (entry.GetProperty("listen").GetString()!.EndsWith("/udp", StringComparison.Ordinal) == (protocol == "udp")));
            var address = IPEndPoint.Parse(listen.GetProperty("listen").GetString()!.Split('/')[0]);
            var (status, output) = await Peers.RunAsync(dig, "@127.0.0.1", "-p", $"{address.Port}", "+short", "+tries=5", "+time=3", protocol == "tcp" ? "+tcp" : "+notcp", "name.test");
            Assert.Equal((0, "192.0.2.1\n"), (status, output));
        }
    }

    [Fact(Timeout = 60000)]
    public async Task Datagrams_of_a_client_of_SOCKS5_go_on_by_another_proxy()
    {
        using var dante = await Dante.StartAsync();
        using var server = new UdpServer();
        await using var proxy = await Running.ProxyAsync("--via", $"socks5://127.0.0.1:{dante.Port}");
        var (status, output) = await PySocks.AskAsync(await proxy.AddressAsync(), server.Address);
        Assert.True(status == 0, output);
        Assert.StartsWith($"{Dante.From}:", output, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000)]
    [InlineData("socks5", Proxies.Microsocks, "alice:wrong@")]
    [InlineData("socks5", Proxies.Microsocks, "")]
    [InlineData("socks5", Proxies.Fairlead, "alice:wrong@")]
    [InlineData("http", Proxies.Fairlead, "alice:wrong@")]
    [InlineData("http", Proxies.Fairlead, "")]
    public async Task A_wrong_password_is_told_with_the_proxy_that_refused_it(string scheme, Proxies kind, string login)
    {
        var curl = Peers.Require("curl", "curl");
        await using var chain = await Chain.StartAsync(scheme, kind);
        await using var fairlead = await Running.ForwardAsync("--via", $"{scheme}://{login}127.0.0.1:{chain.Ports[0]}", "127.0.0.1:0:127.0.0.1:1");
        var (status, _) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", $"http://{await fairlead.AddressAsync()}/");
        Assert.NotEqual(0, status);
        var detail = (await fairlead.WaitForAsync("session")).GetProperty("detail").GetString()!;
        Assert.Contains($"127.0.0.1:{chain.Ports[0]}", detail, StringComparison.Ordinal);
        Assert.Matches("password|user|log", detail);
        Assert.DoesNotContain("alice:wrong", fairlead.Errors, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_proxy_that_goes_down_is_named_and_used_again_when_it_is_back()
    {
        var curl = Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        var microsocks = FreePorts.One();
        await using var fairlead = await Running.ForwardAsync("--via", $"socks5://{Microsocks.Login}@127.0.0.1:{microsocks}", $"127.0.0.1:0:127.0.0.1:{nginx.Port}");
        var url = $"http://{await fairlead.AddressAsync()}/who";
        using (await Microsocks.StartAsync(microsocks))
            Assert.Equal((0, Microsocks.From), await Peers.RunAsync(curl, "-sS", "--noproxy", "*", url));

        var (status, _) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", url);
        Assert.NotEqual(0, status);
        var session = await fairlead.SessionAsync("\"end\":\"refused\"");
        Assert.Contains($"proxy socks5://alice:***@127.0.0.1:{microsocks}: Connection refused", session.GetProperty("detail").GetString(), StringComparison.Ordinal);

        using (await Microsocks.StartAsync(microsocks))
            Assert.Equal((0, Microsocks.From), await Peers.RunAsync(curl, "-sS", "--noproxy", "*", url));
    }

    /// <summary>Proxies in the order in which they are dialled.</summary>
    private sealed class Chain : IAsyncDisposable
    {
        private readonly List<object> running = [];
        private readonly List<string> urls = [];

        public string Urls => string.Join(", ", urls.Select(url => $"\"{url}\""));

        public List<int> Ports { get; } = [];

        /// <param name="scheme">How each is spoken to; Fairlead always by HTTP in a chain.</param>
        /// <param name="proxies">What they are.</param>
        public static async Task<Chain> StartAsync(string scheme, params Proxies[] proxies)
        {
            var chain = new Chain();
            foreach (var proxy in proxies)
            {
                var (what, port, login) = proxy switch
                {
                    Proxies.Dante => await Dante.StartAsync() is var dante ? ((object)dante, dante.Port, "") : default,
                    Proxies.Microsocks => FreePorts.One() is var free ? (await Microsocks.StartAsync(free), free, $"{Microsocks.Login}@") : default,
                    _ => await FairleadAsync() is var (fairlead, at) ? (fairlead, at, $"{Microsocks.Login}@") : default,
                };
                chain.running.Add(what);
                chain.Ports.Add(port);
                chain.urls.Add($"{(proxy == Proxies.Fairlead && proxies.Length > 1 ? "http" : scheme)}://{login}127.0.0.1:{port}");
            }
            return chain;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var one in running)
            {
                if (one is IAsyncDisposable fairlead)
                    await fairlead.DisposeAsync();
                else
                    ((IDisposable)one).Dispose();
            }
        }

        private static async Task<(Running, int)> FairleadAsync()
        {
            var fairlead = Running.Start(["proxy", "127.0.0.1:0", "--log-format", "json", "--user", $"alice:env:{password.Item1}"], readErrors: true, password);
            return (fairlead, (await fairlead.AddressAsync()).Port);
        }
    }
}
