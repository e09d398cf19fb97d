using System.Security.Cryptography;

namespace Fairlead.SystemTests;

/// <summary><c>fairlead proxy</c> as programs use it that know proxies, and as others do that are led to one.</summary>
public sealed class ProxyPeerTests
{
    // The password of alice, which stands in a variable.
    private static readonly (string, string) password = ("FAIRLEAD_TEST_PASSWORD", "open sesame");

    [Theory(Timeout = 180000), InlineData("native"), InlineData("portable")]
    public async Task Curl_downloads_a_hundred_megabytes_by_every_protocol(string engine)
    {
        var curl = Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        var bytes = new byte[100_000_000];
        Random.Shared.NextBytes(bytes);
        File.WriteAllBytes(Path.Combine(nginx.Root, "file"), bytes);
        var meant = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var got = Path.Combine(nginx.Root, "got");
        using var folder = new Folder();
        await using var proxy = await Running.RunAsync(folder, $"forwards: [ {{ name: proxy, listen: 127.0.0.1:0, to: dynamic, engine: {engine} }} ]");
        var address = await proxy.AddressAsync();
        foreach (var protocol in new[] { "--socks4", "--socks4a", "--socks5", "--socks5-hostname", "-x http://", "-p -x http://" })
        {
            var (status, output) = await Peers.RunAsync(curl, ["-sS", "--noproxy", "", "--fail", "-o", got, .. $"{protocol}{(protocol.EndsWith('/') ? "" : " ")}{address}".Split(' '), $"http://127.0.0.1:{nginx.Port}/file"]);
            Assert.True(status == 0, $"{protocol}: {output}");
            Assert.True(meant == await HashAsync(got), protocol);
        }
    }

    [Theory(Timeout = 60000)]
    [InlineData("--socks4a")]
    [InlineData("--socks5-hostname")]
    [InlineData("-x")]
    [InlineData("-p -x")]
    public async Task Names_are_looked_up_by_the_proxy(string protocol)
    {
        var (status, output) = await CurlAsync(protocol, (_, nginx) => $"http://localhost:{nginx}/who");
        Assert.Equal((0, "127.0.0.1 200"), (status, output));
    }

    [Theory(Timeout = 60000)]
    [InlineData("--socks5", "", 97, "No authentication method was acceptable")]
    [InlineData("--socks5", "alice:open sesame", 0, "127.0.0.1 200")]
    [InlineData("--socks5", "alice:wrong", 97, "rejected by the SOCKS5 server")]
    [InlineData("--socks5", "bob:open sesame", 97, "rejected by the SOCKS5 server")]
    [InlineData("--socks4", "", 97, "connect")]
    [InlineData("--socks4", "alice:open sesame", 97, "connect")]
    [InlineData("-x", "", 0, " 407")]
    [InlineData("-x", "alice:open sesame", 0, "127.0.0.1 200")]
    [InlineData("-x", "alice:wrong", 0, " 407")]
    [InlineData("--proxy-anyauth -x", "alice:open sesame", 0, "127.0.0.1 200")]
    [InlineData("-p -x", "", 56, "response 407")]
    [InlineData("-p -x", "alice:open sesame", 0, "127.0.0.1 200")]
    [InlineData("-p -x", "alice:wrong", 56, "response 407")]
    public async Task Users_are_asked_for_their_password(string protocol, string login, int meant, string said)
    {
        var (status, output) = await CurlAsync(protocol, (_, nginx) => $"http://127.0.0.1:{nginx}/who", login, "--user", $"alice:env:{password.Item1}");
        Assert.True(status == meant, $"{status}: {output}");
        Assert.Contains(said, output, StringComparison.Ordinal);
    }

    // Nobody listens on port 1; a connection to a multicast address never leaves the machine; a name below .invalid is none (RFC 6761).
    [Theory(Timeout = 60000)]
    [InlineData("--socks4", "127.0.0.1:1", 97, "(91)")]
    [InlineData("--socks4a", "nobody.invalid:80", 97, "(91)")]
    [InlineData("--socks5-hostname", "127.0.0.1:1", 97, "127.0.0.1. (5)")]
    [InlineData("--socks5-hostname", "[::1]:1", 97, "::1. (5)")]
    [InlineData("--socks5-hostname", "224.0.0.1:9", 97, "224.0.0.1. (")]
    [InlineData("--socks5-hostname", "nobody.invalid:80", 97, "nobody.invalid. (4)")]
    [InlineData("--socks5-hostname", "127.0.0.9:80", 97, "127.0.0.9. (2)")]
    [InlineData("-x", "127.0.0.1:1", 0, " 502")]
    [InlineData("-x", "nobody.invalid:80", 0, " 502")]
    [InlineData("-x", "127.0.0.9:80", 0, " 403")]
    [InlineData("-p -x", "127.0.0.1:1", 56, "response 502")]
    [InlineData("-p -x", "127.0.0.9:80", 56, "response 403")]
    public async Task Curl_is_told_why_it_cannot_get_there(string protocol, string target, int meant, string said)
    {
        var (status, output) = await CurlAsync(protocol, (_, _) => $"http://{target}/", "", "--deny-to", "127.0.0.9/32");
        Assert.True(status == meant, $"{status}: {output}");
        Assert.Contains(said, output, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000), InlineData("5"), InlineData("4"), InlineData("connect")]
    public async Task An_OpenSSH_session_goes_through_netcat(string protocol)
    {
        var netcat = Peers.Require("nc.openbsd", "netcat-openbsd");
        using var server = await SshServerRig.StartAsync();
        await using var proxy = await Running.ProxyAsync();
        var (status, output) = await server.RunAsync(server.Port, "head -c 3000000 /dev/zero | sha256sum; exit 7", "-o", $"ProxyCommand={netcat} -X {protocol} -x {await proxy.AddressAsync()} %h %p");
        Assert.True(status == 7, output);
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(new byte[3_000_000])), output, StringComparison.Ordinal);
        Assert.Equal("closed", (await proxy.SessionAsync($"127.0.0.1:{server.Port}")).GetProperty("end").GetString());
    }

    [Theory(Timeout = 60000), InlineData("socks4", "socks5"), InlineData("socks5", "http"), InlineData("http", "socks4")]
    public async Task Proxychains_goes_through_two_in_a_row(string near, string far)
    {
        var curl = Peers.Require("curl", "curl");
        var proxychains = Peers.Require("proxychains4", "proxychains4");
        using var nginx = await Nginx.WhoAmIAsync();
        using var folder = new Folder();
        await using var first = await Running.ProxyAsync();
        await using var second = await Running.ProxyAsync();
        var (firstAt, secondAt) = (await first.AddressAsync(), await second.AddressAsync());
        var configuration = folder.Write("chain.conf", $"""
            strict_chain
            tcp_read_time_out 20000
            tcp_connect_time_out 20000
            [ProxyList]
            {near} 127.0.0.1 {firstAt.Port}
            {far} 127.0.0.1 {secondAt.Port}
            """);
        var (status, output) = await Peers.RunAsync(proxychains, "-q", "-f", configuration, curl, "-sS", "--noproxy", "*", $"http://127.0.0.1:{nginx.Port}/who");
        Assert.Equal((0, "127.0.0.1"), (status, output));
        await first.SessionAsync($"\"upstream\":\"{secondAt}\"");
        await second.SessionAsync($"\"upstream\":\"127.0.0.1:{nginx.Port}\"");
    }

    [Theory(Timeout = 60000)]
    [InlineData("unset http_proxy HTTP_PROXY")]
    [InlineData("true")]
    public async Task A_command_is_led_to_its_proxy_by_variables_and_its_exit_status_is_the_result(string before)
    {
        Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        await using var proxy = Running.Start("proxy", "--log-level", "info", "--log-format", "json", "--run",
            "sh", "-c", $"unset no_proxy NO_PROXY; {before}; curl -sS http://127.0.0.1:{nginx.Port}/who; echo \" $all_proxy\"; exit 7");
        Assert.Equal(7, await proxy.WhenOverAsync());
        Assert.Equal($"127.0.0.1 socks5h://{await proxy.AddressAsync()}\n", proxy.Output);
        Assert.Equal("closed", (await proxy.SessionAsync($"\"upstream\":\"127.0.0.1:{nginx.Port}\"")).GetProperty("end").GetString());
    }

    [Fact(Timeout = 60000)]
    public async Task A_command_gets_a_password_where_its_proxy_asks_for_one()
    {
        Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        await using var proxy = Running.Start(["proxy", "--user", $"alice:env:{password.Item1}", "--run", "curl", "-sS", "--noproxy", "", $"http://127.0.0.1:{nginx.Port}/who"], readErrors: true, password);
        Assert.Equal((0, "127.0.0.1\n", ""), (await proxy.WhenOverAsync(), proxy.Output, proxy.Errors));
    }

    [Fact(Timeout = 60000)]
    public async Task A_command_that_is_not_there_ends_as_in_a_shell()
    {
        await using var proxy = Running.Start("proxy", "--run", "fairlead-test-no-such-command", "--version");
        Assert.Equal(127, await proxy.WhenOverAsync());
        Assert.Contains("fairlead-test-no-such-command cannot be started", proxy.Errors, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_signal_is_passed_on_to_the_command()
    {
        await using var proxy = Running.Start("proxy", "--run", "sh", "-c", "trap 'echo told; exit 5' TERM; echo ready; while :; do read -r line; done");
        await proxy.WaitForTextAsync("ready");
        proxy.Signal(Running.SIGTERM);
        Assert.Equal(5, await proxy.WhenOverAsync());
        Assert.Contains("told", proxy.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task Curl_reads_the_file_by_which_browsers_configure_themselves()
    {
        var curl = Peers.Require("curl", "curl");
        await using var proxy = await Running.ProxyAsync();
        var address = await proxy.AddressAsync();
        var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "-w", " %{http_code} %{content_type}", $"http://{address}/proxy.pac");
        Assert.Equal(0, status);
        Assert.Contains("function FindProxyForURL(url, host)", output, StringComparison.Ordinal);
        Assert.Contains($"PROXY {address}", output, StringComparison.Ordinal);
        Assert.EndsWith(" 200 application/x-ns-proxy-autoconfig", output, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000), InlineData(false), InlineData(true)]
    public async Task Datagrams_of_PySocks_come_and_go_by_SOCKS5(bool withPassword)
    {
        using var server = new UdpServer();
        await using var proxy = Running.Start(["proxy", "127.0.0.1:0", "--log-format", "json", .. withPassword ? new[] { "--user", $"alice:env:{password.Item1}" } : []], readErrors: true, password);
        var (status, output) = await PySocks.AskAsync(await proxy.AddressAsync(), server.Address, withPassword ? ("alice", password.Item2) : null);
        Assert.True(status == 0, output);
        Assert.Equal([.. Enumerable.Range(0, 3).Select(i => $"{server.Arrived.First().From} question {i}")], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("closed", (await proxy.SessionAsync("\"upstream\":\"udp\"")).GetProperty("end").GetString());
    }

    private static async Task<string> HashAsync(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream));
    }

    // Has curl ask nginx who it is, and say the status: through a proxy that is started with some options.
    private static async Task<(int Status, string Output)> CurlAsync(string protocol, Func<System.Net.IPEndPoint, int, string> url, string login = "", params string[] options)
    {
        var curl = Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        await using var proxy = Running.Start(["proxy", "127.0.0.1:0", "--log-format", "json", .. options], readErrors: true, password);
        var address = await proxy.AddressAsync();
        return await Peers.RunAsync(curl, [
            "-sS", "--noproxy", "", "--max-time", "30", "-w", " %{http_code}", .. login.Length > 0 ? new[] { "--proxy-user", login } : [],
            .. protocol.Split(' '), $"{address}", url(address, nginx.Port)]);
    }
}
