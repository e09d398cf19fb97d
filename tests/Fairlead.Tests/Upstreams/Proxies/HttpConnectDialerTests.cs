using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class HttpConnectDialerTests
{
    private const string Question = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";

    private static readonly EndPoint target = new DnsEndPoint("example.com", 443);

    private readonly ManualTime time = new();
    private readonly InnerDialer inner = new();

    [Theory(Timeout = 30000)]
    [InlineData("example.com", 443, "example.com:443")]
    [InlineData("10.0.0.5", 80, "10.0.0.5:80")]
    [InlineData("2001:db8::5", 22, "[2001:db8::5]:22")]
    [InlineData("::ffff:10.0.0.5", 80, "10.0.0.5:80")]
    public async Task A_target_is_asked_for_and_the_connection_handed_on(string host, int port, string asked)
    {
        var dial = DialAsync(Dialer(), IPAddress.TryParse(host, out var address) ? new IPEndPoint(address, port) : new DnsEndPoint(host, port), Timeout.InfiniteTimeSpan);
        await Traffic.ExpectAsync(inner.Proxy, Encoding.ASCII.GetBytes($"CONNECT {asked} HTTP/1.1\r\nHost: {asked}\r\n\r\n"));
        await inner.SayAsync("HTTP/1.1 200 Connection established\r\n\r\n");
        var result = await dial;
        Assert.Equal(DialOutcome.Connected, result.Outcome);
        await Traffic.SayAsync(result.Connection!, inner.Proxy, "hello");
        await Traffic.SayAsync(inner.Proxy, result.Connection!, "hello");
    }

    [Fact(Timeout = 30000)]
    public async Task What_the_target_says_at_once_is_kept()
    {
        var dial = DialAsync(Dialer(), target, Timeout.InfiniteTimeSpan);
        await inner.SayAsync("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nSSH-2.0-x\r\n");
        var result = await dial;
        Assert.Equal(11, result.Connection!.UnreadCount);
        await Traffic.ExpectAsync(result.Connection, "SSH-2.0-x\r\n"u8.ToArray());
    }

    [Fact(Timeout = 30000)]
    public async Task An_answer_in_single_bytes_is_the_same_answer()
    {
        var dial = DialAsync(Dialer(), target, Timeout.InfiniteTimeSpan);
        const string Answer = "HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nVia: 1.1 x\r\n\r\n";
        foreach (var letter in Answer)
        {
            Assert.False(dial.IsCompleted);
            await inner.SayAsync(letter.ToString());
        }
        Assert.Equal((DialOutcome.Connected, 0), ((await dial).Outcome, (await dial).Connection!.UnreadCount));
    }

    [Fact(Timeout = 30000)]
    public async Task A_user_logs_in()
    {
        var dial = DialAsync(Dialer("us€r", new Secret("p:w")), target, Timeout.InfiniteTimeSpan);
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes("us€r:p:w"));
        await Traffic.ExpectAsync(inner.Proxy, Encoding.ASCII.GetBytes($"{Question[..^2]}Proxy-Authorization: Basic {login}\r\n\r\n"));
        await inner.SayAsync("HTTP/1.1 200 OK\r\n\r\n");
        Assert.Equal(DialOutcome.Connected, (await dial).Outcome);
    }

    [Theory(Timeout = 30000)]
    [InlineData("HTTP/1.1 407 Who?\r\n\r\n", DialOutcome.NotAllowed, "proxy http://p:1: it wants a user and password: it answers 407 Who?")]
    [InlineData("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nnever", DialOutcome.NotAllowed, "proxy http://p:1: it answers 403 No")]
    [InlineData("HTTP/1.1 502\r\n\r\n", DialOutcome.Unreachable, "proxy http://p:1: it answers 502")]
    [InlineData("HTTP/1.1 503 \u009b31mX\r\n\r\n", DialOutcome.Unreachable, "proxy http://p:1: it answers 503 \\u009b31mX")]
    [InlineData("HTTP/1.1 504 Slow\r\n\r\n", DialOutcome.TimedOut, "proxy http://p:1: it answers 504 Slow")]
    [InlineData("HTTP/1.1 500 Oops\r\n\r\n", DialOutcome.Failed, "proxy http://p:1: it answers 500 Oops")]
    [InlineData("HTTP/1.1 302 There\r\n\r\n", DialOutcome.Failed, "proxy http://p:1: it answers 302 There")]
    [InlineData("HTTP/1.1 101 What\r\n\r\n", DialOutcome.Failed, "proxy http://p:1: it answers 101 What")]
    [InlineData("SSH-2.0-x\r\n", DialOutcome.Failed, "proxy http://p:1: what it answers is no HTTP: it does not begin with HTTP/1.1")]
    [InlineData("HTTP/1.1 200 OK\n\n", DialOutcome.Failed, "proxy http://p:1: what it answers is no HTTP: a line ends in a line feed alone")]
    public async Task What_a_proxy_refuses_is_a_failure_in_its_words(string answer, DialOutcome outcome, string detail)
    {
        var dial = DialAsync(Dialer(), target, Timeout.InfiniteTimeSpan);
        await inner.Proxy.WriteAsync(Encoding.Latin1.GetBytes(answer));
        var result = await dial;
        Assert.Equal((outcome, detail, null), (result.Outcome, result.Detail, result.Connection));
        await AssertClosedAsync();
    }

    [Fact(Timeout = 30000)]
    public async Task An_answer_without_end_is_bounded()
    {
        var dial = DialAsync(Dialer(), target, Timeout.InfiniteTimeSpan);
        _ = new Writer(inner.Proxy, Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nA: " + new string('a', 100_000)));
        Assert.Equal(DialOutcome.Failed, (await dial).Outcome);
        await AssertClosedAsync();
    }

    [Fact(Timeout = 30000)]
    public async Task Interim_answers_without_end_are_bounded()
    {
        var dial = DialAsync(Dialer(), target, Timeout.InfiniteTimeSpan);
        await inner.SayAsync(string.Concat(Enumerable.Repeat("HTTP/1.1 100 Wait\r\n\r\n", 20)));
        Assert.Equal("proxy http://p:1: it does not come to an answer", (await dial).Detail);
    }

    [Fact(Timeout = 30000)]
    public async Task A_proxy_that_says_nothing_is_given_up_in_time()
    {
        var dial = DialAsync(Dialer(), target, TimeSpan.FromSeconds(5));
        await Traffic.ExpectAsync(inner.Proxy, Encoding.ASCII.GetBytes(Question));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(DialOutcome.TimedOut, (await dial).Outcome);
        await AssertClosedAsync();
    }

    [Fact(Timeout = 30000)]
    public async Task A_proxy_that_closes_is_a_failure()
    {
        var dial = DialAsync(Dialer(), target, Timeout.InfiniteTimeSpan);
        await inner.Proxy.CompleteWritesAsync();
        Assert.Equal(DialOutcome.Failed, (await dial).Outcome);
    }

    [Theory]
    [InlineData("a b"), InlineData("a\r\nX: y"), InlineData("x/y"), InlineData("10.1")]
    public async Task What_is_no_host_is_not_asked_for(string host)
    {
        Assert.Equal(DialOutcome.NameUnknown, (await DialAsync(Dialer(), new DnsEndPoint(host, 80), Timeout.InfiniteTimeSpan)).Outcome);
        Assert.Equal(0, inner.Dials);
    }

    [Fact]
    public async Task A_proxy_that_cannot_be_dialled_is_named()
    {
        inner.Answer = new DialResult(DialOutcome.Refused, null, "no");
        var result = await DialAsync(Dialer(), target, Timeout.InfiniteTimeSpan);
        Assert.Equal((DialOutcome.Refused, "proxy http://p:1: no"), (result.Outcome, result.Detail));
    }

    private static Task<DialResult> DialAsync(HttpConnectDialer dialer, EndPoint target, TimeSpan timeout) => dialer.DialAsync(target, timeout, TestContext.Current.CancellationToken).AsTask();

    private HttpConnectDialer Dialer(string? user = null, Secret? password = null) => new(new DnsEndPoint("p", 1), "http://p:1", user, password, inner, time);

    private async Task AssertClosedAsync()
    {
        await Traffic.DrainAsync(inner.Proxy);
        await Assert.ThrowsAsync<ConnectionException>(() => inner.Proxy.WriteAsync(new byte[1]).AsTask());
    }

    /// <summary>A proxy at the other end of a pair.</summary>
    private sealed class InnerDialer : IDialer
    {
        private readonly MemoryConnection near;

        public InnerDialer() => (near, Proxy) = MemoryConnection.CreatePair();

        public MemoryConnection Proxy { get; }

        public DialResult? Answer { get; set; }

        public int Dials { get; private set; }

        public ValueTask SayAsync(string text) => Proxy.WriteAsync(Encoding.ASCII.GetBytes(text));

        public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
        {
            Dials++;
            return new(Answer ?? DialResult.To(near));
        }
    }
}
