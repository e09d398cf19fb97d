using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class SocksDialerTests
{
    private static readonly EndPoint target = IPEndPoint.Parse("10.0.0.5:80");
    private static readonly byte[] open = [5, 0], granted = [5, 0, 0, 1, 192, 0, 2, 1, 0, 9];
    private readonly ManualTime time = new();
    private readonly CancellationTokenSource cancel = new();

    private async Task<DialResult> DialAsync(string url, IDialer proxy, EndPoint? to = null) =>
        await new SocksDialer(ProxyUrl.Parse(url), proxy, time).DialAsync(to ?? target, TimeSpan.FromSeconds(5), cancel.Token);

    // Says its part of the script turn by turn, and expects the client's.
    private static ScriptedProxy Proxy(params (byte[] Hears, byte[] Says)[] script) => new(async connection =>
    {
        foreach (var (hears, says) in script)
        {
            await Traffic.ExpectAsync(connection, hears);
            await connection.WriteAsync(says);
        }
    });

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private async Task AssertConnectsAsync(string url, ScriptedProxy proxy, EndPoint? to = null)
    {
        var dial = await DialAsync(url, proxy, to);
        await proxy.Script;
        Assert.Equal((DialOutcome.Connected, null), (dial.Outcome, dial.Detail));
        Assert.Same(proxy.Near, dial.Connection);
        Assert.Equal(0, time.ArmedTimers);
        await Traffic.SayAsync(proxy.Near!, proxy.Far!, "to");
        await Traffic.SayAsync(proxy.Far!, proxy.Near!, "fro");
    }

    private async Task AssertFailsAsync(DialResult expected, string url, IDialer proxy, EndPoint? to = null)
    {
        Assert.Equal(expected, await DialAsync(url, proxy, to));
        if (proxy is ScriptedProxy { Far: { } far })
            await Traffic.DrainAsync(far);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public Task A_proxy_without_users_is_asked_in_two_round_trips() =>
        AssertConnectsAsync("socks5://h", Proxy(([5, 1, 0], open), ([5, 1, 0, 1, 10, 0, 0, 5, 0, 80], granted)));

    [Fact(Timeout = 30000)]
    public Task A_user_and_a_password_are_said_if_the_proxy_wants_them() =>
        AssertConnectsAsync("socks5://me:pw@h", Proxy(([5, 2, 0, 2], [5, 2]), ([1, 2, .. "me"u8, 2, .. "pw"u8], [1, 0]), ([5, 1, 0, 1, 10, 0, 0, 5, 0, 80], granted)));

    [Fact(Timeout = 30000)]
    public Task A_user_and_a_password_are_not_said_if_it_does_not() =>
        AssertConnectsAsync("socks5://me:pw@h", Proxy(([5, 2, 0, 2], open), ([5, 1, 0, 1, 10, 0, 0, 5, 0, 80], granted)));

    [Fact(Timeout = 30000)]
    public Task A_user_may_have_no_password() =>
        AssertConnectsAsync("socks5://me@h", Proxy(([5, 2, 0, 2], [5, 2]), ([1, 2, .. "me"u8, 0], [1, 0]), ([5, 1, 0, 1, 10, 0, 0, 5, 0, 80], granted)));

    [Fact(Timeout = 30000)]
    public async Task Addresses_and_names_are_sent_as_they_are()
    {
        await AssertConnectsAsync("socks5h://h", Proxy(([5, 1, 0], open), ([5, 1, 0, 3, 11, .. "example.org"u8, 1, 187], granted)), new DnsEndPoint("example.org", 443));
        await AssertConnectsAsync("socks5h://h", Proxy(([5, 1, 0], open), ([5, 1, 0, 4, .. IPAddress.Parse("2001:db8::1").GetAddressBytes(), 0, 80], granted)), IPEndPoint.Parse("[2001:db8::1]:80"));
        await AssertConnectsAsync("socks5h://h", Proxy(([5, 1, 0], open), ([5, 1, 0, 1, 10, 0, 0, 5, 0, 80], granted)), IPEndPoint.Parse("[::ffff:10.0.0.5]:80"));
    }

    [Fact(Timeout = 30000)]
    public async Task SOCKS4A_asks_for_addresses_of_IPv4_and_for_names_in_one_round_trip()
    {
        byte[] yes = [0, 0x5a, 0, 0, 0, 0, 0, 0];
        await AssertConnectsAsync("socks4a://h", Proxy(([4, 1, 0, 80, 10, 0, 0, 5, 0], yes)));
        await AssertConnectsAsync("socks4a://me@h", Proxy(([4, 1, 0, 80, 10, 0, 0, 5, .. "me\0"u8], yes)), IPEndPoint.Parse("[::ffff:10.0.0.5]:80"));
        await AssertConnectsAsync("socks4a://h", Proxy(([4, 1, 1, 187, 0, 0, 0, 1, 0, .. "example.org\0"u8], yes)), new DnsEndPoint("example.org", 443));
    }

    [Theory(Timeout = 30000)]
    [InlineData(1, DialOutcome.Failed, "general failure")]
    [InlineData(2, DialOutcome.NotAllowed, "not allowed")]
    [InlineData(3, DialOutcome.Unreachable, "network unreachable")]
    [InlineData(4, DialOutcome.Unreachable, "host unreachable")]
    [InlineData(5, DialOutcome.Refused, "connection refused")]
    [InlineData(6, DialOutcome.TimedOut, "TTL expired")]
    [InlineData(7, DialOutcome.NotSupported, "command not supported")]
    [InlineData(8, DialOutcome.Failed, "address type not supported")]
    [InlineData(99, DialOutcome.Failed, "failure 0x63")]
    public Task What_the_proxy_says_becomes_of_the_dial(byte code, DialOutcome outcome, string words) => AssertFailsAsync(
        new DialResult(outcome, null, $"proxy socks5://h:1080: {words}"), "socks5://h", Proxy(([5, 1, 0], open), ([5, 1, 0, 1, 10, 0, 0, 5, 0, 80], [5, code, .. granted[2..]])));

    [Theory(Timeout = 30000)]
    [InlineData(0x5b, DialOutcome.Failed, "rejected or failed")]
    [InlineData(0x5d, DialOutcome.NotAllowed, "rejected, since identd names another user")]
    public Task What_a_proxy_of_SOCKS4_says_becomes_of_the_dial(byte code, DialOutcome outcome, string words) => AssertFailsAsync(
        new DialResult(outcome, null, $"proxy socks4a://h:1080: {words}"), "socks4a://h", Proxy(([4, 1, 0, 80, 10, 0, 0, 5, 0], [0, code, 0, 0, 0, 0, 0, 0])));

    [Fact(Timeout = 30000)]
    public async Task A_user_that_the_proxy_does_not_take_is_not_allowed()
    {
        await AssertFailsAsync(new DialResult(DialOutcome.NotAllowed, null, "proxy socks5://me:***@h:1080: it refuses the user and password"),
            "socks5://me:wrong@h", Proxy(([5, 2, 0, 2], [5, 2]), ([1, 2, .. "me"u8, 5, .. "wrong"u8], [1, 1])));
        await AssertFailsAsync(new DialResult(DialOutcome.NotAllowed, null, "proxy socks5://me:***@h:1080: it takes no user and password"), "socks5://me:pw@h", Proxy(([5, 2, 0, 2], [5, 0xFF])));
        await AssertFailsAsync(new DialResult(DialOutcome.NotAllowed, null, "proxy socks5://h:1080: it wants a user and password, or another way to log in"), "socks5://h", Proxy(([5, 1, 0], [5, 0xFF])));
    }

    [Theory(Timeout = 30000)]
    [InlineData("HTTP/1.1 400 Bad Request\r\n", "it begins with 0x48, which no SOCKS5 server does")]
    [InlineData("\x05\x02", "it has chosen the method 0x02, which was not offered")]
    [InlineData("\x05\x63", "it has chosen the method 0x63, which was not offered")]
    [InlineData("\x05", "the connection was closed during the handshake")]
    [InlineData("", "the connection was closed during the handshake")]
    [InlineData("\x05\0SSH-2.0", "its reply begins with 0x53, not 0x05")]
    [InlineData("\x05\0\x05\0\0\x02", "its reply has the address type 0x02, which is unknown")]
    [InlineData("\x05\0\x05\0\0\x01\x0a", "the connection was closed during the handshake")]
    public Task A_proxy_that_says_something_else_has_failed(string says, string words) => AssertFailsAsync(
        new DialResult(DialOutcome.Failed, null, $"proxy socks5://h:1080: {words}"), "socks5://h", new ScriptedProxy(async connection =>
        {
            await connection.WriteAsync(Bytes(says));
            await connection.CompleteWritesAsync();
        }));

    [Theory(Timeout = 30000)]
    [InlineData("HTTP/1.1 400 Bad Request\r\n", "it begins with 0x48, which no SOCKS4 reply does")]
    [InlineData("\0\x5a\0\0", "the connection was closed during the handshake")]
    public Task A_proxy_that_says_something_else_to_SOCKS4_has_failed(string says, string words) => AssertFailsAsync(
        new DialResult(DialOutcome.Failed, null, $"proxy socks4a://h:1080: {words}"), "socks4a://h", new ScriptedProxy(async connection =>
        {
            await connection.WriteAsync(Bytes(says));
            await connection.CompleteWritesAsync();
        }));

    [Theory(Timeout = 30000), InlineData(0), InlineData(1), InlineData(2), InlineData(5)]
    public Task A_proxy_that_resets_has_failed(int afterBytes) => AssertFailsAsync(
        new DialResult(DialOutcome.Failed, null, "proxy socks5://h:1080: the connection broke during the handshake: The peer has closed the connection."), "socks5://h", new ScriptedProxy(async connection =>
        {
            await Traffic.ExpectAsync(connection, [5, 1, 0]);
            await connection.WriteAsync(((byte[])[.. open, .. granted]).AsMemory(0, afterBytes));
            if (afterBytes > 1)
                await Traffic.ExpectAsync(connection, [5, 1, 0, 1, 10, 0, 0, 5, 0, 80]);
            connection.Abort();
        }));

    [Theory(Timeout = 30000)]
    [InlineData("\x05\0\0\x01\x7f\0\0\x01\0\x50")]
    [InlineData("\x05\0\0\x03\x0drelay.example\0\x50")]
    [InlineData("\x05\0\0\x03\0\0\x50")]
    [InlineData("\x05\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50")]
    public async Task What_comes_byte_by_byte_is_understood_and_what_comes_after_it_is_kept(string reply)
    {
        var proxy = new ScriptedProxy(connection => ScriptedProxy.DribbleAsync(connection, [5, 2, 1, 0, .. Bytes(reply), .. "early"u8]));
        var dial = await DialAsync("socks5://me:pw@h", proxy);
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        await Traffic.ExpectAsync(dial.Connection!, Bytes("early"));
        await proxy.Script;
    }

    [Fact(Timeout = 30000)]
    public async Task What_comes_with_the_reply_is_kept()
    {
        var proxy = Proxy(([5, 1, 0], open), ([5, 1, 0, 1, 10, 0, 0, 5, 0, 80], [.. granted, .. "220 hello\r\n"u8]));
        var dial = await DialAsync("socks5://h", proxy);
        Assert.Equal("220 hello\r\n".Length, dial.Connection!.UnreadCount);
        await proxy.Far!.WriteAsync(Bytes("more"));
        await Traffic.ExpectAsync(dial.Connection, Bytes("220 hello\r\nmore"));

        proxy = Proxy(([4, 1, 0, 80, 10, 0, 0, 5, 0], [0, 0x5a, 0, 0, 0, 0, 0, 0, .. "hello"u8]));
        await Traffic.ExpectAsync((await DialAsync("socks4a://h", proxy)).Connection!, Bytes("hello"));
    }

    [Theory(Timeout = 30000), InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(9), InlineData(13)]
    public async Task A_proxy_that_falls_silent_is_left_when_the_time_is_up_or_when_the_dial_is_given_up(int afterBytes)
    {
        byte[] all = [5, 2, 1, 0, .. granted];
        foreach (var (end, outcome) in new (Action, DialOutcome)[] { (() => time.Advance(TimeSpan.FromSeconds(5)), DialOutcome.TimedOut), (cancel.Cancel, DialOutcome.Cancelled) })
        {
            var proxy = new ScriptedProxy(connection => connection.WriteAsync(all.AsMemory(0, afterBytes)).AsTask());
            var dialling = DialAsync("socks5://me:pw@h", proxy);
            await Traffic.UntilStillAsync(() => 0);
            Assert.False(dialling.IsCompleted);
            end();
            Assert.Equal(outcome, (await dialling).Outcome);
            Assert.True(await proxy.IsResetAsync());
            Assert.Equal(0, time.ArmedTimers);
        }
    }

    [Fact(Timeout = 30000)]
    public async Task What_SOCKS_cannot_carry_is_not_asked_for()
    {
        var proxy = Proxy();
        await AssertFailsAsync(new DialResult(DialOutcome.Unreachable, null, "proxy socks4a://h:1080: SOCKS4 knows no IPv6"), "socks4a://h", proxy, IPEndPoint.Parse("[2001:db8::1]:80"));
        await AssertFailsAsync(new DialResult(DialOutcome.NameUnknown, null, "proxy socks5://h:1080: host 'a b' has a space; a name has letters, digits, '-', '_' and dots"), "socks5://h", proxy, new DnsEndPoint("a b", 80));
        await AssertFailsAsync(new DialResult(DialOutcome.Failed, null, "proxy socks5://h:1080: SOCKS reaches addresses and names only"), "socks5://h", proxy, new UnixDomainSocketEndPoint("/run/a.sock"));
        Assert.Empty(proxy.Dialled);
    }

    [Fact(Timeout = 30000)]
    public Task A_proxy_that_cannot_be_reached_is_named() => AssertFailsAsync(
        new DialResult(DialOutcome.Refused, null, "proxy socks5://h:1080: Connection refused"), "socks5://h", new FailingDialer(new DialResult(DialOutcome.Refused, null, "Connection refused")));

    [Fact(Timeout = 30000)]
    public async Task The_proxy_is_dialled_where_its_URL_says()
    {
        var proxy = Proxy(([5, 1, 0], [5, 0xFF]));
        await DialAsync("socks5://proxy.example:9050", proxy);
        await DialAsync("socks5://[::1]", proxy);
        Assert.Equal([new DnsEndPoint("proxy.example", 9050), IPEndPoint.Parse("[::1]:1080")], proxy.Dialled);
    }
}
