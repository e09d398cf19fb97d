using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>Routes by the name that clients of TLS ask for, which is passed on untouched.</summary>
public sealed partial class NameRouteTests
{
    [Theory(Timeout = 120000), InlineData("native"), InlineData("portable")]
    public async Task OpenSSL_reaches_the_server_of_the_name_that_it_asks_for(string engine)
    {
        await using var sites = await Sites.StartAsync(engine);
        foreach (var (asked, reached) in new[]
        {
            ("first.test", "first.test"), ("FIRST.test", "first.test"), ("www.second.test", "second.test"), ("a.b.second.test", "second.test"),
            ("second.test", "other.test"), ("unknown.test", "other.test"), ("first.test.example", "other.test"), ("", "other.test"),
        })
        {
            foreach (var version in new[] { "-tls1_2", "-tls1_3" })
                Assert.Equal((asked, version, reached), (asked, version, await sites.AskAsync(asked, version)));
        }
    }

    [Theory(Timeout = 120000), InlineData("native"), InlineData("portable")]
    public async Task A_name_is_found_in_a_greeting_of_several_records(string engine)
    {
        await using var sites = await Sites.StartAsync(engine);
        var protocols = string.Join(',', Enumerable.Range(0, 300).Select(i => $"protocol-{i}").Append("http/1.1"));
        Assert.Equal("first.test", await sites.AskAsync("first.test", "-tls1_3", "-alpn", protocols, "-max_send_frag", "512"));
        Assert.Equal("other.test", await sites.AskAsync("", "-tls1_3", "-alpn", protocols, "-max_send_frag", "512"));
    }

    [Fact(Timeout = 60000)]
    public async Task Curl_verifies_each_server_by_its_name()
    {
        var curl = Peers.Require("curl", "curl");
        await using var sites = await Sites.StartAsync("native");
        foreach (var name in new[] { "first.test", "other.test" })
        {
            var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--cacert", sites.Certificate(name), "--resolve", $"{name}:{sites.Port}:127.0.0.1", $"https://{name}:{sites.Port}/");
            Assert.Equal((0, $"this is {name}"), (status, output));
        }
    }

    [Fact(Timeout = 60000)]
    public async Task Who_speaks_no_TLS_goes_where_no_name_leads()
    {
        var curl = Peers.Require("curl", "curl");
        await using var sites = await Sites.StartAsync("native");
        var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", $"http://127.0.0.1:{sites.Port}/");
        Assert.Equal(0, status);
        Assert.Contains("The plain HTTP request was sent to HTTPS port", output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"subject=CN ?= ?(\S+)")]
    private static partial Regex Subject();

    /// <summary>Two sites that have a route and one that has none, behind one forward.</summary>
    private sealed class Sites : IAsyncDisposable
    {
        private readonly string openssl = Peers.Require("openssl", "openssl");
        private readonly Folder folder = new();
        private readonly List<IDisposable> servers = [];
        private Running? fairlead;

        public int Port { get; private set; }

        public static async Task<Sites> StartAsync(string engine)
        {
            var sites = new Sites();
            try
            {
                await sites.StartCoreAsync(engine);
                return sites;
            }
            catch
            {
                await sites.DisposeAsync();
                throw;
            }
        }

        public string Certificate(string name) => Path.Combine(folder.Path, $"{name}.pem");

        /// <summary>Has openssl connect and ask for a name; empty: for none. The name of the one that is there.</summary>
        public async Task<string> AskAsync(string name, params string[] options)
        {
            var (status, output) = await Peers.RunAsync(openssl, ["s_client", "-connect", $"127.0.0.1:{Port}", .. name.Length > 0 ? new[] { "-servername", name } : ["-noservername"], .. options]);
            Assert.True(status == 0 && Subject().IsMatch(output), $"{status}: {output}");
            return Subject().Match(output).Groups[1].Value;
        }

        public async ValueTask DisposeAsync()
        {
            if (fairlead is not null)
                await fairlead.DisposeAsync();
            foreach (var server in servers)
                server.Dispose();
            folder.Dispose();
        }

        private async Task StartCoreAsync(string engine)
        {
            var (first, second, other) = (FreePorts.One(), FreePorts.One(), FreePorts.One());
            foreach (var name in new[] { "first.test", "second.test", "other.test" })
                await Certificates.WriteAsync(folder, name);
            servers.Add(await Nginx.StartAsync(first, Server(first, "first.test") + Server(other, "other.test")));
            servers.Add(await Peers.StartAsync(second, openssl, "s_server", "-accept", $"127.0.0.1:{second}", "-cert", Certificate("second.test"), "-www", "-quiet"));
            fairlead = await Running.RunAsync(folder, $$"""
                forwards:
                  - name: sites
                    engine: {{engine}}
                    listen: 127.0.0.1:0
                    routes:
                      - { sni: first.test, to: "127.0.0.1:{{first}}" }
                      - { sni: "*.second.test", to: "127.0.0.1:{{second}}" }
                    to: 127.0.0.1:{{other}}
                """);
            Port = (await fairlead.AddressAsync()).Port;
        }

        private string Server(int port, string name) => $$"""
            server { listen 127.0.0.1:{{port}} ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {{Certificate(name)}}; ssl_certificate_key {{Certificate(name)}}; return 200 "this is {{name}}"; }
            """;
    }
}
