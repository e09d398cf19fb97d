using System.Buffers;

namespace Fairlead.Tests;

public sealed class HttpHopTests
{
    [Theory]
    [InlineData("GET http://example.com/a?b HTTP/1.1\nHost: example.com\n\n", "GET /a?b HTTP/1.1\nHost: example.com\nVia: 1.1 fairlead\n\n")]
    [InlineData("GET http://Example.com:8080/ HTTP/1.1\nHost: example.com:8080\n\n", "GET / HTTP/1.1\nHost: Example.com:8080\nVia: 1.1 fairlead\n\n")]
    [InlineData("GET http://[::1]:80/ HTTP/1.0\n\n", "GET / HTTP/1.1\nHost: [::1]\nVia: 1.0 fairlead\n\n")]
    [InlineData("OPTIONS http://h HTTP/1.1\nHost: h\nMax-Forwards: 5\n\n", "OPTIONS * HTTP/1.1\nHost: h\nMax-Forwards: 4\nVia: 1.1 fairlead\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\nVia: 1.0 other\n\n", "GET / HTTP/1.1\nHost: h\nVia: 1.0 other\nVia: 1.1 fairlead\n\n")]
    [InlineData("POST http://h/ HTTP/1.1\nHost: h\nContent-Length: 05\nExpect: 100-continue\n\n", "POST / HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 5\nVia: 1.1 fairlead\n\n")]
    [InlineData("POST http://h/ HTTP/1.0\nContent-Length: 5\nExpect: 100-continue\n\n", "POST / HTTP/1.1\nHost: h\nContent-Length: 5\nVia: 1.0 fairlead\n\n")]
    [InlineData("POST http://h/ HTTP/1.1\nHost: h\nContent-Length: 0\n\n", "POST / HTTP/1.1\nHost: h\nContent-Length: 0\nVia: 1.1 fairlead\n\n")]
    [InlineData("POST http://h/ HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nTrailer: X\n\n", "POST / HTTP/1.1\nHost: h\nTrailer: X\nTransfer-Encoding: chunked\nVia: 1.1 fairlead\n\n")]
    public void A_request_is_written_for_its_target(string text, string written) => Assert.Equal(written, Request(text));

    [Fact]
    public void What_is_of_one_hop_and_everything_of_the_proxy_is_taken_off()
    {
        const string Text = """
            GET http://h/ HTTP/1.1
            Host: h
            Connection: keep-alive, X-Secret , ,x-other
            X-Secret: 1
            Keep-Alive: timeout=5
            X-OTHER: 2
            Proxy-Connection: keep-alive
            Proxy-Authorization: Basic eA==
            proxy-anything: x
            TE: trailers
            Upgrade: websocket
            Stays: yes


            """;
        Assert.Equal("GET / HTTP/1.1\nHost: h\nStays: yes\nVia: 1.1 fairlead\n\n", Request(Text));
    }

    [Theory]
    [InlineData("Connection: Content-Length, Host, close\nContent-Length: 5\n", "Content-Length: 5\n")]
    [InlineData("Connection: Transfer-Encoding\nTransfer-Encoding: chunked\n", "Transfer-Encoding: chunked\n")]
    public void What_frames_the_body_cannot_be_taken_off(string fields, string left) =>
        Assert.Equal($"POST / HTTP/1.1\nHost: h\n{left}Via: 1.1 fairlead\n\n", Request($"POST http://h/ HTTP/1.1\nHost: h\n{fields}\n"));

    [Fact]
    public void The_client_is_not_announced() => Assert.DoesNotContain("orwarded", Request("GET http://h/ HTTP/1.1\nHost: h\n\n"), StringComparison.Ordinal);

    [Theory]
    [InlineData("GET", "HTTP/1.1 200 OK\nContent-Length: 5\nA: b\n\n", false, "HTTP/1.1 200 OK\nA: b\nContent-Length: 5\nVia: 1.1 fairlead\n\n")]
    [InlineData("GET", "HTTP/1.0 200 OK\nConnection: x\nX: y\n\n", true, "HTTP/1.1 200 OK\nVia: 1.0 fairlead\nConnection: close\n\n")]
    [InlineData("GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nProxy-Authenticate: Basic\n\n", false, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nVia: 1.1 fairlead\n\n")]
    [InlineData("GET", "HTTP/1.1 200\nContent-Length: 0\n\n", false, "HTTP/1.1 200 \nContent-Length: 0\nVia: 1.1 fairlead\n\n")]
    [InlineData("HEAD", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", false, "HTTP/1.1 200 OK\nContent-Length: 5\nVia: 1.1 fairlead\n\n")]
    [InlineData("HEAD", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", false, "HTTP/1.1 200 OK\nVia: 1.1 fairlead\n\n")]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n", false, "HTTP/1.1 304 Not Modified\nContent-Length: 5\nVia: 1.1 fairlead\n\n")]
    [InlineData("GET", "HTTP/1.1 204 No Content\nContent-Length: 5\n\n", false, "HTTP/1.1 204 No Content\nVia: 1.1 fairlead\n\n")]
    [InlineData("GET", "HTTP/1.1 103 Early Hints\nLink: x\nContent-Length: 5\n\n", false, "HTTP/1.1 103 Early Hints\nLink: x\nVia: 1.1 fairlead\n\n")]
    public void A_response_is_written_for_the_client(string method, string text, bool closes, string written)
    {
        Assert.Equal(written, Response(HttpText.RequestHead($"{method} http://h/ HTTP/1.1\nHost: h\n\n"), text, closes));
    }

    [Fact]
    public void A_client_of_HTTP_1_0_is_told_of_no_chunks() => Assert.Equal(
        "HTTP/1.1 200 OK\nVia: 1.1 fairlead\nConnection: close\n\n",
        Response(HttpText.RequestHead("GET http://h/ HTTP/1.0\n\n"), "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", closes: true));

    [Fact]
    public void Bytes_beyond_ASCII_pass_as_they_are()
    {
        Assert.Contains("X: \u00e4\u00ff\n", Request("GET http://h/\u00e4 HTTP/1.1\nHost: h\nX: \u00e4\u00ff\n\n"), StringComparison.Ordinal);
        Assert.StartsWith("GET /\u00e4 ", Request("GET http://h/\u00e4 HTTP/1.1\nHost: h\n\n"), StringComparison.Ordinal);
    }

    private static string Request(string text)
    {
        var writer = new ArrayBufferWriter<byte>();
        HttpHop.WriteRequest(HttpText.RequestHead(text), closes: false, writer);
        return HttpText.Text(writer.WrittenSpan);
    }

    private static string Response(HttpRequestHead request, string text, bool closes)
    {
        var head = HttpText.ResponseHead(text);
        var framing = HttpFraming.OfResponse(request.Method, head.Status, head.Fields, head.IsHttp10, out var fault);
        Assert.Null(fault);
        var writer = new ArrayBufferWriter<byte>();
        HttpHop.WriteResponse(head, request, framing, closes, writer);
        return HttpText.Text(writer.WrittenSpan);
    }
}
