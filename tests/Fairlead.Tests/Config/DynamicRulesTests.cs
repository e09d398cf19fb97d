namespace Fairlead.Tests.Config;

public sealed class DynamicRulesTests
{
    [Theory]
    [InlineData(":1080", "", false)]
    [InlineData("0.0.0.0:1080", "", false)]
    [InlineData("192.0.2.1:1080", "", false)]
    [InlineData(":1080", ", users: { alice: wonder }", true)]
    [InlineData(":1080", ", allow: 192.168.0.0/16", true)]
    [InlineData("127.0.0.1:1080", "", true)]
    [InlineData("localhost:1080", "", true)]
    [InlineData("unix:/run/p.sock", "", true)]
    public void A_proxy_that_others_can_reach_needs_users_or_networks(string listen, string keys, bool isAllowed)
    {
        var errors = Yaml.Errors($"forwards: [{{ listen: \"{listen}\", to: dynamic{keys} }}]");

        Assert.Equal(isAllowed ? [] : [$"f.yaml:1:22: error: listen {listen} would be a proxy for everybody who can reach it; write users or allow beside it, or listen on 127.0.0.1:1080"], errors);
    }

    [Theory]
    [InlineData("to: dynamic, balance: first", "balance means nothing with to: dynamic")]
    [InlineData("to: dynamic, health: {}", "health means nothing with to: dynamic")]
    [InlineData("to: dynamic, protocol: ftp", "protocol means nothing with to: dynamic")]
    [InlineData("to: dynamic, proxy_protocol: { send: v2 }", "proxy_protocol.send means nothing with to: dynamic")]
    [InlineData("to: dynamic, routes: [{ from: 10.0.0.0/8, to: \"a:80\" }]", "routes means nothing with to: dynamic")]
    [InlineData("to: [dynamic, \"a:80\"]", "dynamic says that the client names where to go")]
    [InlineData("to: \"a:80\", allow_to: any", "allow_to is for to: dynamic")]
    [InlineData("to: \"a:80\", deny_to: any", "deny_to is for to: dynamic")]
    [InlineData("to: \"a:80\", users: { a: b }", "users is for to: dynamic")]
    [InlineData("to: \"a:80\", advertise: 192.0.2.1", "advertise is for to: dynamic")]
    [InlineData("to: dynamic, users: { \"a:b\": c }", "has no such name as SOCKS5 and HTTP carry")]
    [InlineData("to: \"unix:/run/a.sock\", via: \"socks5://10.0.0.9\"", "no proxy dials it")]
    [InlineData("to: \"a:80\", via: \"socks5://127.0.0.1:1080\"", "leads to itself")]
    [InlineData("to: \"a:80\", via: \"shs://gw\"", "scheme 'shs' is unknown")]
    public void What_cannot_be_honoured_is_an_error(string keys, string error)
    {
        Assert.Contains(Yaml.Errors($"forwards: [{{ listen: \"127.0.0.1:1080\", {keys} }}]"), message => message.Contains(error, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("protocol: ftp, via: \"socks5://10.0.0.9\"", "proxies do not carry")]
    [InlineData("protocol: ftp, routes: [{ sni: a.example, to: \"a:21\" }]", "a client of FTP says nothing before the server does")]
    [InlineData("protocol: ftp, proxy_protocol: { accept_from: 10.0.0.0/8 }", "leave accept_from out")]
    [InlineData("protocol: ftp, ftp: { tls: pass, ports: 40000-40010 }, proxy_protocol: { send: v1 }", "a header would stand before the data")]
    [InlineData("ftp: { ports: 40000-40010 }", "ftp is for protocol: ftp")]
    public void What_FTP_cannot_have_is_an_error(string keys, string error)
    {
        Assert.Contains(Yaml.Errors($"forwards: [{{ listen: \":21\", to: \"a:21\", {keys} }}]"), message => message.Contains(error, StringComparison.Ordinal));
    }

    [Fact]
    public void The_ports_of_encrypted_FTP_are_checked_with_the_rest()
    {
        const string Text = "forwards: [{ name: f, listen: \":21\", to: \"a:21\", protocol: ftp, ftp: { tls: pass, ports: 40000-40010 } }, { name: g, listen: \":40005\", to: \"b:80\" }]";

        Assert.Contains(Yaml.Errors(Text), message => message.Contains("40005", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "file has no user")]
    [InlineData("# nobody\n\n", "file has no user")]
    [InlineData("alice", "file is wrong in line 1")]
    [InlineData("alice:secret\n:x\n", "file is wrong in line 2")]
    [InlineData("alice:\n", "file is wrong in line 1")]
    public void A_file_of_users_that_is_wrong_says_where_and_shows_nothing(string text, string error)
    {
        var refusal = Assert.Throws<FormatException>(() => UserFile.Parse(text));

        Assert.StartsWith(error, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_users_has_a_line_for_each() => Assert.Equal([new ProxyUser("alice", new Secret("a:b")), new ProxyUser("bob", new Secret("c"))], UserFile.Parse("# users\nalice:a:b\r\n\nbob:c"));
}
