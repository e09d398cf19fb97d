using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class HttpConversationTests
{
    private const string GetA = "GET http://a/ HTTP/1.1\nHost: a\n\n", GetB = "GET http://b/ HTTP/1.1\nHost: b\n\n";

    private const string AsksA = "GET / HTTP/1.1\nHost: a\nVia: 1.1 fairlead\n\n", AsksB = "GET / HTTP/1.1\nHost: b\nVia: 1.1 fairlead\n\n";

    private const string Answer = "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", Heard = "HTTP/1.1 200 OK\nContent-Length: 5\nVia: 1.1 fairlead\n\nhello";

    private const string Closing = "HTTP/1.1 200 OK\nVia: 1.1 fairlead\nConnection: close\n\n";

    [Fact(Timeout = 30000)]
    public async Task A_request_goes_to_its_target_and_the_answer_comes_back()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("GET http://example.com:8080/a?b HTTP/1.1\nHost: example.com:8080\nProxy-Connection: keep-alive\nAccept: x\n\n");
        var target = await rig.TargetAsync(0, "example.com:8080");
        await HttpRig.HearAsync(target, "GET /a?b HTTP/1.1\nHost: example.com:8080\nAccept: x\nVia: 1.1 fairlead\n\n");
        await HttpRig.SayAsync(target, Answer);
        await rig.HearAsync(Heard);
        await rig.Client.CompleteWritesAsync();
        var result = await running;
        Assert.Equal((RelayEnd.Closed, Side.Client, 1L, null, null), (result.End, result.By, result.Requests, result.Connect, result.Answer));
        Assert.Equal("", await HttpRig.RestAsync(rig.Client));
        Assert.Equal("", await HttpRig.RestAsync(target));
    }

    [Fact(Timeout = 30000)]
    public async Task Bytes_are_counted_each_way()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello");
        var target = await rig.TargetAsync(0);
        const string Asked = "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nVia: 1.1 fairlead\n\nhello";
        await HttpRig.HearAsync(target, Asked);
        await HttpRig.SayAsync(target, Answer);
        await rig.HearAsync(Heard);
        await rig.Client.CompleteWritesAsync();
        await running;
        Assert.Equal((HttpText.Bytes(Asked).Length, HttpText.Bytes(Heard).Length), rig.Counted);
    }

    [Fact(Timeout = 30000)]
    public async Task A_connection_is_used_again_for_exactly_the_same_target()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        foreach (var (host, index) in new[] { ("a", 0), ("A", 0), ("a:80", 0), ("a:81", 1), ("a:81", 1), ("a", 2), ("a.", 3) })
        {
            await rig.SayAsync($"GET http://{host}/ HTTP/1.1\nHost: {host}\n\n");
            var target = await rig.TargetAsync(index);
            await HttpRig.HeadAsync(target);
            await HttpRig.SayAsync(target, Answer);
            await rig.HearAsync(Heard);
        }
        Assert.Equal(["a:80", "a:81", "a:80", "a.:80"], rig.Dialled);
        Assert.Equal("", await HttpRig.RestAsync(rig.Targets[0]));
        rig.Client.Dispose();
        Assert.Equal(7, (await running).Requests);
    }

    [Fact(Timeout = 30000)]
    public async Task A_second_request_for_another_host_goes_there_and_neither_sees_the_others_bytes()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 5\nCookie: of-a\n\nfor-a" + "POST http://b/ HTTP/1.1\nHost: b\nContent-Length: 5\nCookie: of-b\n\nfor-b");
        var a = await rig.TargetAsync(0, "a:80");
        await HttpRig.HearAsync(a, "POST / HTTP/1.1\nHost: a\nCookie: of-a\nContent-Length: 5\nVia: 1.1 fairlead\n\nfor-a");
        Assert.Single(rig.Dialled);
        await HttpRig.SayAsync(a, "HTTP/1.1 200 OK\nContent-Length: 6\n\nfrom-a" + "HTTP/1.1 200 OK\nContent-Length: 6\n\nfrom-A");
        var b = await rig.TargetAsync(1, "b:80");
        await HttpRig.HearAsync(b, "POST / HTTP/1.1\nHost: b\nCookie: of-b\nContent-Length: 5\nVia: 1.1 fairlead\n\nfor-b");
        await HttpRig.SayAsync(b, "HTTP/1.1 200 OK\nContent-Length: 6\n\nfrom-b");
        await rig.HearAsync("HTTP/1.1 200 OK\nContent-Length: 6\nVia: 1.1 fairlead\n\nfrom-a");
        await rig.HearAsync("HTTP/1.1 200 OK\nContent-Length: 6\nVia: 1.1 fairlead\n\nfrom-b");
        await rig.Client.CompleteWritesAsync();
        await running;
        Assert.Equal("", await HttpRig.RestAsync(rig.Client));
        Assert.Equal("", await HttpRig.RestAsync(a));
        Assert.Equal("", await HttpRig.RestAsync(b));
    }

    [Theory(Timeout = 30000)]
    [InlineData("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 6\nTransfer-Encoding: chunked\n\n0\n\nG")]
    [InlineData("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 0\nContent-Length: 44\n\nGET http://b/ HTTP/1.1\nHost: b\n\n")]
    [InlineData("GET http://a/ HTTP/1.1\nHost: b\n\n")]
    [InlineData("GET http://a/ HTTP/1.1\nHost: a\nX: y\r\r\n\n")]
    [InlineData("GET http://a/ HTTP/1.1\nHost: a\n Transfer-Encoding: chunked\n\n")]
    [InlineData("GET http://a/ HTTP/1.1\nHost: a\nTransfer-Encoding : chunked\n\n")]
    public async Task What_could_be_read_in_two_ways_is_answered_with_400_and_reaches_nobody(string text)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(text);
        await rig.Client.CompleteWritesAsync();
        Assert.StartsWith("HTTP/1.1 400 Bad Request\n", await HttpRig.RestAsync(rig.Client), StringComparison.Ordinal);
        var result = await running;
        Assert.Equal((RelayEnd.Closed, Side.Fairlead, 400), (result.End, result.By, result.Answer!.Status));
        Assert.Empty(rig.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task A_line_feed_alone_is_answered_with_400()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.Client.WriteAsync("GET http://a/ HTTP/1.1\r\nHost: a\n\nGET http://b/ HTTP/1.1\r\nHost: b\r\n\r\n"u8.ToArray());
        Assert.StartsWith("HTTP/1.1 400 ", await HttpRig.HeadAsync(rig.Client), StringComparison.Ordinal);
        rig.Client.Dispose();
        await running;
        Assert.Empty(rig.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task What_follows_the_last_chunk_is_the_next_request()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        const string Body = "5;x=y\nhello\n21\n0\n\nGET http://b/evil HTTP/1.1\n\n0\nX-Sum: 1\n\n";
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n" + Body + GetB);
        var a = await rig.TargetAsync(0, "a:80");
        await HttpRig.HearAsync(a, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nVia: 1.1 fairlead\n\n" + Body);
        await HttpRig.SayAsync(a, Answer);
        await rig.HearAsync(Heard);
        var b = await rig.TargetAsync(1, "b:80");
        await HttpRig.HearAsync(b, AsksB);
        Assert.Equal("", await HttpRig.RestAsync(a));
        rig.Client.Abort();
        await HttpRig.AssertResetAsync(b);
        await running;
    }

    [Theory(Timeout = 30000)]
    [InlineData("5 \nhello\n0\n\n")]
    [InlineData("0x5\nhello\n0\n\n")]
    [InlineData("fffffffffffffffff\nhello")]
    [InlineData("5\nhello0\n\n")]
    [InlineData("5\nhello\n0\nContent-Length: 5\n\n")]
    public async Task Chunks_that_could_be_read_in_two_ways_are_not_passed_on_and_reset_the_upstream(string body)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n");
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        await rig.SayAsync(body);
        Assert.StartsWith("HTTP/1.1 400 ", await HttpRig.HeadAsync(rig.Client), StringComparison.Ordinal);
        await HttpRig.AssertResetAsync(target);
        rig.Client.Dispose();
        Assert.Equal(400, (await running).Answer!.Status);
    }

    [Fact(Timeout = 30000)]
    public async Task Bytes_behind_a_response_are_dropped_and_its_connection_is_used_no_more()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var first = await rig.TargetAsync(0);
        await HttpRig.HearAsync(first, AsksA);
        await HttpRig.SayAsync(first, Answer + "HTTP/1.1 200 OK\nContent-Length: 4\n\nevil");
        await rig.HearAsync(Heard);
        Assert.Equal("", await HttpRig.RestAsync(first));
        await rig.SayAsync(GetA);
        var second = await rig.TargetAsync(1);
        await HttpRig.HearAsync(second, AsksA);
        await HttpRig.SayAsync(second, Answer);
        await rig.HearAsync(Heard);
        rig.Client.Dispose();
        await running;
    }

    [Fact(Timeout = 30000)]
    public async Task Bytes_that_nobody_asked_for_are_no_answer_to_the_next_request()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var first = await rig.TargetAsync(0);
        await HttpRig.HearAsync(first, AsksA);
        await HttpRig.SayAsync(first, Answer);
        await rig.HearAsync(Heard);
        await HttpRig.SayAsync(first, "HTTP/1.1 200 OK\nContent-Length: 4\n\nevil");
        Assert.Equal("", await HttpRig.RestAsync(first));
        await rig.SayAsync(GetA);
        var second = await rig.TargetAsync(1);
        await HttpRig.HearAsync(second, AsksA);
        await HttpRig.SayAsync(second, Answer);
        await rig.HearAsync(Heard);
        rig.Client.Dispose();
        await running;
    }

    [Theory(Timeout = 30000)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 5\n\nhello")]
    [InlineData("HTTP/1.1 200 OK\nA : b\n\n")]
    [InlineData("HTTP/1.1 101 Switching Protocols\nUpgrade: x\n\n")]
    [InlineData("HTTP/1.1 407 Give me your password\nProxy-Authenticate: Basic\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nx\n")]
    [InlineData("SSH-2.0-OpenSSH\n")]
    [InlineData("\n")]
    [InlineData("")]
    [InlineData("HTTP/1.1 200")]
    public async Task A_response_that_is_none_is_a_bad_gateway(string text)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, AsksA);
        await HttpRig.SayAsync(target, text);
        await target.CompleteWritesAsync();
        Assert.StartsWith("HTTP/1.1 502 Bad Gateway\n", await HttpRig.HeadAsync(rig.Client), StringComparison.Ordinal);
        rig.Client.Dispose();
        Assert.Equal((RelayEnd.Closed, Side.Fairlead, 502), await running is var result ? (result.End, result.By, result.Answer!.Status) : default);
    }

    [Theory(Timeout = 30000)]
    [InlineData(DialOutcome.NotAllowed, 403), InlineData(DialOutcome.Refused, 502), InlineData(DialOutcome.NameUnknown, 502), InlineData(DialOutcome.TimedOut, 504)]
    public async Task A_target_that_cannot_be_dialled_is_answered_with_the_reason(DialOutcome outcome, int status)
    {
        var rig = new HttpRig { Refuse = _ => outcome };
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a:81/ HTTP/1.1\nHost: a:81\nContent-Length: 100\n\nnever read");
        await rig.Client.CompleteWritesAsync();
        var answer = await HttpRig.RestAsync(rig.Client);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("a:81", answer, StringComparison.Ordinal);
        Assert.Contains("\nConnection: close\n", answer, StringComparison.Ordinal);
        Assert.Equal(status, (await running).Answer!.Status);
    }

    [Theory(Timeout = 30000)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\n\nhel", "HTTP/1.1 200 OK\nContent-Length: 5\nVia: 1.1 fairlead\n\nhel")]
    [InlineData("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nVia: 1.1 fairlead\n\n5\nhello\n")]
    public async Task A_response_that_is_cut_short_does_not_look_complete(string text, string heard)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, AsksA);
        await HttpRig.SayAsync(target, text);
        await rig.HearAsync(heard);
        await target.CompleteWritesAsync();
        await HttpRig.AssertResetAsync(rig.Client);
        Assert.Equal((RelayEnd.Reset, Side.Upstream), await running is var result ? (result.End, result.By) : default);
    }

    [Fact(Timeout = 30000)]
    public async Task A_chunk_that_is_wrong_resets_the_client()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.SayAsync(target, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n");
        await rig.HearAsync("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nVia: 1.1 fairlead\n\n5\nhello\n");
        await HttpRig.SayAsync(target, "5 \nhello\n0\n\n");
        await HttpRig.AssertResetAsync(rig.Client);
        await running;
    }

    [Theory(Timeout = 30000)]
    [InlineData("Content-Length: 5", "hel")]
    [InlineData("Transfer-Encoding: chunked", "5\nhello\n")]
    public async Task A_request_that_is_cut_short_does_not_look_complete(string framing, string body)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync($"POST http://a/ HTTP/1.1\nHost: a\n{framing}\n\n");
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        await rig.SayAsync(body);
        await HttpRig.HearAsync(target, body);
        await rig.Client.CompleteWritesAsync();
        await HttpRig.AssertResetAsync(target);
        await HttpRig.AssertResetAsync(rig.Client);
        Assert.Equal((RelayEnd.Reset, Side.Client), await running is var result ? (result.End, result.By) : default);
    }

    [Fact(Timeout = 30000)]
    public async Task A_response_without_a_length_ends_with_its_connection()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.SayAsync(target, "HTTP/1.0 200 OK\n\nhel");
        await rig.HearAsync("HTTP/1.1 200 OK\nVia: 1.0 fairlead\nConnection: close\n\nhel");
        await HttpRig.SayAsync(target, "lo");
        target.Dispose();
        Assert.Equal("lo", await HttpRig.RestAsync(rig.Client));
        rig.Client.Dispose();
        Assert.Equal((RelayEnd.Closed, Side.Upstream), await running is var result ? (result.End, result.By) : default);
    }

    [Theory(Timeout = 30000)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\nConnection: close\n\nhello", Heard)]
    [InlineData("HTTP/1.0 200 OK\nContent-Length: 5\nConnection: keep-alive\n\nhello", "HTTP/1.1 200 OK\nContent-Length: 5\nVia: 1.0 fairlead\n\nhello")]
    public async Task A_server_that_closes_does_not_close_the_clients_connection(string answer, string heard)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        for (var round = 0; round < 2; round++)
        {
            await rig.SayAsync(GetA);
            var target = await rig.TargetAsync(round);
            await HttpRig.HearAsync(target, AsksA);
            await HttpRig.SayAsync(target, answer);
            await rig.HearAsync(heard);
            Assert.Equal("", await HttpRig.RestAsync(target));
        }
        rig.Client.Dispose();
        await running;
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_closes_is_answered_and_closed()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("GET http://a/ HTTP/1.1\nHost: a\nConnection: close\n\n" + GetB);
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, "GET / HTTP/1.1\nHost: a\nVia: 1.1 fairlead\nConnection: close\n\n");
        await HttpRig.SayAsync(target, Answer);
        await rig.HearAsync("HTTP/1.1 200 OK\nContent-Length: 5\nVia: 1.1 fairlead\nConnection: close\n\nhello");
        Assert.Equal("", await HttpRig.RestAsync(rig.Client));
        rig.Client.Dispose();
        Assert.Equal((RelayEnd.Closed, Side.Client, 1L), await running is var result ? (result.End, result.By, result.Requests) : default);
        Assert.Single(rig.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_never_closes_is_not_waited_for_without_end()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("BAD\n\n");
        Assert.StartsWith("HTTP/1.1 400 ", await HttpRig.RestAsync(rig.Client), StringComparison.Ordinal);
        Assert.False(running.IsCompleted);
        await rig.Time.AdvanceUntilAsync(running, TimeSpan.FromSeconds(1));
        Assert.Equal(400, (await running).Answer!.Status);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_of_HTTP_1_0_gets_the_payload_of_chunks_and_then_the_end()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("GET http://a/ HTTP/1.0\nConnection: keep-alive\n\n");
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, "GET / HTTP/1.1\nHost: a\nVia: 1.0 fairlead\nConnection: close\n\n");
        await HttpRig.SayAsync(target, "HTTP/1.1 103 Early Hints\nLink: x\n\nHTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5;x\nhello\n6\n");
        await rig.HearAsync(Closing + "hello");
        await HttpRig.SayAsync(target, " world\n0\nX: y\n\n");
        Assert.Equal(" world", await HttpRig.RestAsync(rig.Client));
        rig.Client.Dispose();
        await running;
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_waits_for_100_continue_and_goes_on()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 5\nExpect: 100-continue\n\n");
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, "POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 5\nVia: 1.1 fairlead\n\n");
        await HttpRig.SayAsync(target, "HTTP/1.1 100 Continue\n\n");
        await rig.HearAsync("HTTP/1.1 100 Continue\nVia: 1.1 fairlead\n\n");
        await rig.SayAsync("hello");
        await HttpRig.HearAsync(target, "hello");
        await HttpRig.SayAsync(target, Answer);
        await rig.HearAsync(Heard);
        rig.Client.Dispose();
        await running;
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_that_answers_before_it_has_read_everything_is_heard_and_both_ends_close()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 1000000\n\n");
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        var sending = new Writer(rig.Client, new byte[1_000_000]);
        await HttpRig.SayAsync(target, "HTTP/1.1 413 Too much\nContent-Length: 2\n\nno");
        Assert.Equal("HTTP/1.1 413 Too much\nContent-Length: 2\nVia: 1.1 fairlead\nConnection: close\n\nno", await HttpRig.RestAsync(rig.Client));
        // All of it is taken, so that the answer is not lost; and passed on no more.
        Assert.Null(await sending.Ending);
        Assert.Equal((RelayEnd.Closed, Side.Upstream), await running is var result ? (result.End, result.By) : default);
        Assert.True(rig.Counted.FromClient < 500_000);
        await HttpRig.AssertResetAsync(target);
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_may_answer_while_it_reads()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n");
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        await HttpRig.SayAsync(target, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n");
        await rig.HearAsync("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nVia: 1.1 fairlead\nConnection: close\n\n");
        for (var i = 0; i < 10; i++)
        {
            await rig.SayAsync("4\nping\n");
            await HttpRig.HearAsync(target, "4\nping\n");
            await HttpRig.SayAsync(target, "4\npong\n");
            await rig.HearAsync("4\npong\n");
        }
        await rig.SayAsync("0\n\n");
        await HttpRig.HearAsync(target, "0\n\n");
        await HttpRig.SayAsync(target, "0\n\n");
        Assert.Equal("0\n\n", await HttpRig.RestAsync(rig.Client));
        rig.Client.Dispose();
        await running;
    }

    [Theory(Timeout = 30000)]
    [InlineData(64 << 10, 3_000_000), InlineData(1000, 300_000), InlineData(1, 3000)]
    public async Task Bodies_of_any_size_pass_both_ways_at_once(int capacity, int size)
    {
        var rig = new HttpRig(capacity: capacity);
        var running = rig.RunAsync();
        var (up, down) = (Traffic.RandomBytes(size, 1), Traffic.RandomBytes(size, 2));
        for (var round = 0; round < 2; round++)
        {
            var asking = AskAsync();
            var answering = AnswerAsync();
            await rig.HearAsync($"HTTP/1.1 200 OK\nContent-Length: {size}\nVia: 1.1 fairlead\n\n");
            await Traffic.ExpectAsync(rig.Client, down);
            await asking;
            await answering;
        }
        Assert.Single(rig.Dialled);
        rig.Client.Dispose();
        await running;

        async Task AskAsync()
        {
            await rig.SayAsync($"PUT http://a/ HTTP/1.1\nHost: a\nContent-Length: {size}\n\n");
            await rig.Client.WriteAsync(up);
        }

        async Task AnswerAsync()
        {
            var target = await rig.TargetAsync(0);
            await HttpRig.HearAsync(target, $"PUT / HTTP/1.1\nHost: a\nContent-Length: {size}\nVia: 1.1 fairlead\n\n");
            await Traffic.ExpectAsync(target, up);
            await HttpRig.SayAsync(target, $"HTTP/1.1 200 OK\nContent-Length: {size}\n\n");
            await target.WriteAsync(down);
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_request_in_single_bytes_is_the_same_request()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        foreach (var letter in "POST http://a/ HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n")
            await rig.SayAsync(letter.ToString());
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nVia: 1.1 fairlead\n\n5\nhello\n0\n\n");
        foreach (var letter in Answer)
            await HttpRig.SayAsync(target, letter.ToString());
        await rig.HearAsync(Heard);
        rig.Client.Dispose();
        await running;
    }

    [Fact(Timeout = 30000)]
    public async Task An_answer_to_HEAD_has_no_body_whatever_its_length()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync("HEAD http://a/ HTTP/1.1\nHost: a\n\n");
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        await HttpRig.SayAsync(target, "HTTP/1.1 200 OK\nContent-Length: 5\n\n");
        await rig.HearAsync("HTTP/1.1 200 OK\nContent-Length: 5\nVia: 1.1 fairlead\n\n");
        await rig.SayAsync(GetA);
        await HttpRig.HearAsync(target, AsksA);
        await HttpRig.SayAsync(target, Answer);
        await rig.HearAsync(Heard);
        rig.Client.Dispose();
        await running;
    }

    [Fact(Timeout = 30000)]
    public async Task A_kept_connection_that_ends_is_closed_and_not_used()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        for (var round = 0; round < 3; round++)
        {
            await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 0\n\n");
            var target = await rig.TargetAsync(round);
            await HttpRig.HeadAsync(target);
            await HttpRig.SayAsync(target, Answer);
            await rig.HearAsync(Heard);
            await target.CompleteWritesAsync();
            Assert.Equal("", await HttpRig.RestAsync(target));
        }
        rig.Client.Dispose();
        await running;
    }

    [Theory(Timeout = 30000)]
    [InlineData("GET", "", true), InlineData("DELETE", "", true), InlineData("PUT", "Content-Length: 0\n", true), InlineData("PUT", "Content-Length: 2\n", false), InlineData("POST", "", false)]
    public async Task A_kept_connection_that_ends_when_it_is_used_again_is_dialled_again_if_that_does_no_harm(string method, string fields, bool isRepeated)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var first = await rig.TargetAsync(0);
        await HttpRig.HearAsync(first, AsksA);
        await HttpRig.SayAsync(first, Answer);
        await rig.HearAsync(Heard);
        await rig.SayAsync($"{method} http://a/x HTTP/1.1\nHost: a\n{fields}\n{(fields.Contains('2', StringComparison.Ordinal) ? "ab" : "")}");
        Assert.StartsWith($"{method} /x ", await HttpRig.HeadAsync(first), StringComparison.Ordinal);
        first.Dispose();
        if (isRepeated)
        {
            var second = await rig.TargetAsync(1, "a:80");
            Assert.StartsWith($"{method} /x ", await HttpRig.HeadAsync(second), StringComparison.Ordinal);
            // Once more, and not again.
            second.Dispose();
        }
        Assert.StartsWith("HTTP/1.1 502 ", await HttpRig.HeadAsync(rig.Client), StringComparison.Ordinal);
        rig.Client.Dispose();
        await running;
        Assert.Equal(isRepeated ? 2 : 1, rig.Dialled.Count);
    }

    [Fact(Timeout = 30000)]
    public async Task A_CONNECT_is_handed_back_with_what_follows_it()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, AsksA);
        await HttpRig.SayAsync(target, Answer);
        await rig.HearAsync(Heard);
        await rig.SayAsync("CONNECT b:443 HTTP/1.1\nHost: b:443\n\nhello");
        var result = await running;
        Assert.Equal(("b:443", 2L), (result.Connect!.Target!.ToString(), result.Requests));
        Assert.Equal("", await HttpRig.RestAsync(target));
        await Traffic.ExpectAsync(rig.Near, "hello"u8.ToArray());
        await Traffic.SayAsync(rig.Client, rig.Near, "more");
        await Traffic.SayAsync(rig.Near, rig.Client, "more");
    }

    [Fact(Timeout = 30000)]
    public async Task A_first_head_may_have_been_read_already()
    {
        var rig = new HttpRig();
        var connect = HttpText.RequestHead("CONNECT b:443 HTTP/1.1\nHost: b:443\n\n");
        Assert.Same(connect, (await rig.RunAsync(connect)).Connect);

        rig = new HttpRig();
        rig.Near.Unread("he"u8);
        var running = rig.RunAsync(HttpText.RequestHead("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 5\n\n"));
        await rig.SayAsync("llo");
        await HttpRig.HearAsync(await rig.TargetAsync(0), "POST / HTTP/1.1\nHost: a\nContent-Length: 5\nVia: 1.1 fairlead\n\nhello");
        rig.Client.Dispose();
        rig.Targets[0].Dispose();
        await running;
    }

    [Theory(Timeout = 30000)]
    [InlineData("GET / HTTP/1.1\nHost: p\n\n", 404)]
    [InlineData("TRACE http://a/ HTTP/1.1\nHost: a\n\n", 501)]
    [InlineData("OPTIONS http://a/ HTTP/1.1\nHost: a\nMax-Forwards: 0\n\n", 200)]
    [InlineData("GET https://a/ HTTP/1.1\nHost: a\n\n", 501)]
    [InlineData("PRI * HTTP/2.0\n\nSM\n\n", 505)]
    public async Task What_is_not_passed_on_is_answered(string text, int status)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(text);
        Assert.StartsWith($"HTTP/1.1 {status} ", await HttpRig.RestAsync(rig.Client), StringComparison.Ordinal);
        rig.Client.Dispose();
        Assert.Equal(status, (await running).Answer!.Status);
        Assert.Empty(rig.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task A_password_is_asked_for_on_the_same_connection()
    {
        var rig = new HttpRig(options => options with { Answer = request => new(BasicCredentials.Read(request.Fields) is null ? HttpAnswer.CredentialsWanted : null) });
        var running = rig.RunAsync();
        for (var round = 0; round < 5; round++)
        {
            await rig.SayAsync(GetA);
            Assert.DoesNotContain("Connection: close", await HttpRig.HeadAsync(rig.Client), StringComparison.Ordinal);
            await Traffic.ExpectAsync(rig.Client, "this proxy asks for a user and a password\n"u8.ToArray());
            await rig.SayAsync("GET http://a/ HTTP/1.1\nHost: a\nProxy-Authorization: Basic Og==\n\n");
            var target = await rig.TargetAsync(0);
            await HttpRig.HearAsync(target, AsksA);
            await HttpRig.SayAsync(target, Answer);
            await rig.HearAsync(Heard);
        }
        rig.Client.Dispose();
        await running;
    }

    [Fact(Timeout = 30000)]
    public async Task Who_guesses_passwords_needs_a_new_connection_for_every_few()
    {
        var rig = new HttpRig(options => options with { Answer = _ => new(HttpAnswer.CredentialsWanted) });
        var running = rig.RunAsync();
        for (var round = 0; round < 5; round++)
            await rig.SayAsync(GetA);
        var text = await HttpRig.RestAsync(rig.Client);
        Assert.Equal(3, text.Split("407 Proxy").Length - 1);
        rig.Client.Dispose();
        await running;
    }

    [Fact(Timeout = 30000)]
    public async Task A_password_is_asked_for_with_a_close_where_a_body_follows()
    {
        var rig = new HttpRig(options => options with { Answer = _ => new(HttpAnswer.CredentialsWanted) });
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 61\n\n" + GetB + GetB[..20]);
        Assert.Contains("\nConnection: close\n", await HttpRig.RestAsync(rig.Client), StringComparison.Ordinal);
        rig.Client.Dispose();
        Assert.Equal(1, (await running).Requests);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_says_nothing_is_closed_without_a_word()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.Time.AdvanceUntilAsync(running, TimeSpan.FromSeconds(1));
        Assert.Equal((RelayEnd.Idle, Side.Fairlead, null), await running is var result ? (result.End, result.By, result.Answer) : default);
        Assert.Equal("", await HttpRig.RestAsync(rig.Client));
    }

    [Fact(Timeout = 30000)]
    public async Task A_head_that_comes_drop_by_drop_has_the_same_time_as_any_other()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        var answer = HttpRig.RestAsync(rig.Client);
        for (var i = 0; i < GetA.Length - 2 && !answer.IsCompleted; i++)
        {
            try
            {
                await rig.Client.WriteAsync(HttpText.Bytes(GetA).AsMemory(i, 1));
            }
            catch (ConnectionException)
            {
                // It has answered and closed in the meantime.
                break;
            }
            await Traffic.UntilStillAsync(() => rig.Time.ArmedTimers);
            rig.Time.Advance(TimeSpan.FromSeconds(3));
            await Traffic.UntilStillAsync(() => rig.Time.ArmedTimers);
        }
        Assert.StartsWith("HTTP/1.1 408 ", await answer, StringComparison.Ordinal);
        Assert.Equal((RelayEnd.Idle, Side.Fairlead, 408), await running is var result ? (result.End, result.By, result.Answer!.Status) : default);
        Assert.Empty(rig.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task Another_request_is_not_waited_for_without_end()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.SayAsync(target, Answer);
        await rig.HearAsync(Heard);
        await rig.Time.AdvanceUntilAsync(running, TimeSpan.FromSeconds(1));
        Assert.Equal(RelayEnd.Idle, (await running).End);
        Assert.Equal("", await HttpRig.RestAsync(rig.Client));
        await HttpRig.HearAsync(target, AsksA);
        Assert.Equal("", await HttpRig.RestAsync(target));
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_that_does_not_answer_in_time_is_a_gateway_timeout()
    {
        var rig = new HttpRig(options => options with { Idle = TimeSpan.FromSeconds(30) });
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, AsksA);
        var answer = HttpRig.RestAsync(rig.Client);
        await rig.Time.AdvanceUntilAsync(answer, TimeSpan.FromSeconds(1));
        Assert.StartsWith("HTTP/1.1 504 ", await answer, StringComparison.Ordinal);
        rig.Client.Dispose();
        Assert.Equal(504, (await running).Answer!.Status);
        await HttpRig.AssertResetAsync(target);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_stops_in_the_middle_of_a_body_is_told_so()
    {
        var rig = new HttpRig(options => options with { Idle = TimeSpan.FromSeconds(30) });
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 5\n\nhel");
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        await HttpRig.HearAsync(target, "hel");
        var answer = HttpRig.RestAsync(rig.Client);
        await rig.Time.AdvanceUntilAsync(answer, TimeSpan.FromSeconds(1));
        Assert.StartsWith("HTTP/1.1 408 ", await answer, StringComparison.Ordinal);
        rig.Client.Dispose();
        await running;
        await HttpRig.AssertResetAsync(target);
    }

    [Fact(Timeout = 30000)]
    public async Task Silence_in_the_middle_of_a_response_resets_both()
    {
        var rig = new HttpRig(options => options with { Idle = TimeSpan.FromSeconds(30) });
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.SayAsync(target, "HTTP/1.1 200 OK\nContent-Length: 5\n\nhel");
        await rig.HearAsync("HTTP/1.1 200 OK\nContent-Length: 5\nVia: 1.1 fairlead\n\nhel");
        await rig.Time.AdvanceUntilAsync(running, TimeSpan.FromSeconds(1));
        await HttpRig.AssertResetAsync(rig.Client);
        await HttpRig.AssertResetAsync(target);
        Assert.Equal((RelayEnd.Idle, Side.Fairlead), await running is var result ? (result.End, result.By) : default);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_takes_nothing_does_not_hold_the_session_for_ever()
    {
        var rig = new HttpRig(options => options with { Idle = TimeSpan.FromSeconds(30) });
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.SayAsync(target, "HTTP/1.1 200 OK\nContent-Length: 1000000\n\n");
        var sending = new Writer(target, new byte[1_000_000]);
        await HttpRig.HeadAsync(rig.Client);
        await Traffic.UntilStillAsync(() => sending.Written);
        await rig.Time.AdvanceUntilAsync(running, TimeSpan.FromSeconds(1));
        Assert.Equal(RelayEnd.Idle, (await running).End);
        Assert.NotNull(await sending.Ending);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_is_reset_while_it_waits_resets_the_upstream()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, AsksA);
        rig.Client.Abort();
        await HttpRig.AssertResetAsync(target);
        Assert.Equal((RelayEnd.Reset, Side.Client, null), await running is var result ? (result.End, result.By, result.Answer) : default);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_has_completed_its_writes_gets_the_answer()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        await rig.Client.CompleteWritesAsync();
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, AsksA);
        await Traffic.UntilStillAsync(() => rig.Time.ArmedTimers);
        rig.Time.Advance(TimeSpan.FromMinutes(4));
        await HttpRig.SayAsync(target, Answer);
        Assert.Equal(Heard, await HttpRig.RestAsync(rig.Client));
        Assert.Equal((RelayEnd.Closed, Side.Client), await running is var result ? (result.End, result.By) : default);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_has_completed_its_writes_does_not_wait_for_ever()
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        await rig.Client.CompleteWritesAsync();
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, AsksA);
        await rig.Time.AdvanceUntilAsync(running, TimeSpan.FromMinutes(1));
        await HttpRig.AssertResetAsync(target);
        Assert.Equal(504, (await running).Answer!.Status);
    }

    [Theory(Timeout = 30000)]
    [InlineData(""), InlineData("GET htt"), InlineData(GetA), InlineData("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 5\n\nhel")]
    public async Task One_that_is_stopped_resets_both_ends(string text)
    {
        var rig = new HttpRig();
        var running = rig.RunAsync();
        await rig.SayAsync(text);
        if (text.Length > 10)
            await HttpRig.HeadAsync(await rig.TargetAsync(0));
        rig.Stop();
        Assert.Equal((RelayEnd.Stopped, Side.Fairlead), await running is var result ? (result.End, result.By) : default);
        await HttpRig.AssertResetAsync(rig.Client);
        foreach (var target in rig.Targets)
            await HttpRig.AssertResetAsync(target);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_is_stopped_while_it_dials_closes_what_it_gets()
    {
        var (near, far) = MemoryConnection.CreatePair();
        var dial = new TaskCompletionSource<DialResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var dialling = new TaskCompletionSource();
        var rig = new HttpRig(options => options with
        {
            Dial = _ =>
            {
                dialling.SetResult();
                return new(dial.Task);
            },
        });
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        await dialling.Task;
        rig.Stop();
        dial.SetResult(DialResult.To(near));
        Assert.Equal(RelayEnd.Stopped, (await running).End);
        await HttpRig.AssertResetAsync(far);
    }

    [Fact(Timeout = 30000)]
    public async Task Rates_hold_here_too()
    {
        var rig = new HttpRig(options => options with { Rates = new RelayRates(null, null, 1000, options.Time) });
        var running = rig.RunAsync();
        var start = rig.Time.GetTimestamp();
        await rig.SayAsync(GetA);
        var hearing = HearAsync();
        await rig.Time.AdvanceUntilAsync(hearing, TimeSpan.FromMilliseconds(20));
        await hearing;
        Assert.InRange(rig.Time.GetElapsedTime(start).TotalSeconds, 3, 60);
        rig.Client.Dispose();
        await rig.Time.AdvanceUntilAsync(running, TimeSpan.FromSeconds(1));

        async Task HearAsync()
        {
            var target = await rig.TargetAsync(0);
            await HttpRig.HeadAsync(target);
            await HttpRig.SayAsync(target, $"HTTP/1.1 200 OK\nContent-Length: 5000\n\n{new string('a', 5000)}");
            await HttpRig.HeadAsync(rig.Client);
            await Traffic.ExpectAsync(rig.Client, [.. Enumerable.Repeat((byte)'a', 5000)]);
        }
    }

    [Theory(Timeout = 60000), Seeds(2)]
    public async Task Whatever_a_client_sends_each_host_sees_its_own_requests_only(int seed)
    {
        var random = new Random(seed);
        string[] pieces =
        [
            GetA, GetB, "POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 5\n\nfor-a", "POST http://b/ HTTP/1.1\nHost: b\nTransfer-Encoding: chunked\n\n5\nfor-b\n0\n\n",
            "POST http://b/ HTTP/1.1\nHost: b\nContent-Length: 32\n\nGET http://b/ HTTP/1.1\nHost: b\n\n", "HEAD http://a/ HTTP/1.1\nHost: a\n\n", "GET http://b/ HTTP/1.0\n\n",
        ];
        for (var round = 0; round < 300; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => pieces[random.Next(pieces.Length)]));
            var bytes = round % 3 == 0 ? HttpText.Bytes(text) : HttpText.Mutate(HttpText.Bytes(text), random);
            var rig = new HttpRig();
            var running = rig.RunAsync();
            var serving = ServeAsync(rig, running);
            await rig.Client.WriteAsync(bytes);
            await rig.Client.CompleteWritesAsync();
            var (_, error) = await Traffic.DrainAsync(rig.Client);
            Assert.True(error is null or ConnectionError.Reset);
            await running;
            await serving;
        }

        // Answers whatever looks like a head, and looks at every byte.
        static async Task ServeAsync(HttpRig rig, Task running)
        {
            var serving = new List<Task>();
            for (var next = 0; !running.IsCompleted || next < rig.Dialled.Count;)
            {
                if (next < rig.Dialled.Count)
                    serving.Add(AnswerAsync(rig.Dialled[next][..1], rig.Targets[next++]));
                await Task.Yield();
            }
            await Task.WhenAll(serving);
        }

        static async Task AnswerAsync(string host, Connection target)
        {
            var (seen, buffer) = ("", new byte[4096]);
            try
            {
                while (await target.ReadAsync(buffer) is var count and > 0)
                {
                    var heads = Heads(seen);
                    seen += HttpText.Text(buffer.AsSpan(0, count));
                    for (var more = Heads(seen) - heads; more > 0; more--)
                        await HttpRig.SayAsync(target, "HTTP/1.1 204 No Content\n\n");
                }
            }
            catch (ConnectionException)
            {
                // Cut short.
            }
            finally
            {
                target.Dispose();
            }
            Assert.DoesNotContain($"\nHost: {(host == "a" ? "b" : "a")}\nVia", seen, StringComparison.Ordinal);
        }

        static int Heads(string text) => text.Split("fairlead").Length - 1;
    }
}
