namespace Fairlead.Tests;

public sealed class HttpFramingTests
{
    [Theory]
    [InlineData("", "None", 0)]
    [InlineData("Content-Length: 0\n", "None", 0)]
    [InlineData("content-length: 17\n", "Length", 17)]
    [InlineData("Content-Length: 007\n", "Length", 7)]
    [InlineData("Content-Length: 9223372036854775807\n", "Length", long.MaxValue)]
    [InlineData("Transfer-Encoding: chunked\n", "Chunks", 0)]
    [InlineData("transfer-encoding: CHUNKED\n", "Chunks", 0)]
    public void Of_a_request(string fields, string end, long length)
    {
        var framing = HttpText.RequestHead($"POST http://h/ HTTP/1.1\nHost: h\n{fields}\n").Framing;
        Assert.Equal((end, length), (framing.End.ToString(), framing.Length));
    }

    [Theory]
    [InlineData("Content-Length: 5\nTransfer-Encoding: chunked\n", 400)]
    [InlineData("Content-Length: 5\nContent-Length: 5\n", 400)]
    [InlineData("Content-Length: 5\nContent-Length: 6\n", 400)]
    [InlineData("Content-Length: 5, 5\n", 400)]
    [InlineData("Content-Length: 5,\n", 400)]
    [InlineData("Content-Length: +5\n", 400)]
    [InlineData("Content-Length: -5\n", 400)]
    [InlineData("Content-Length: 0x5\n", 400)]
    [InlineData("Content-Length: 5 5\n", 400)]
    [InlineData("Content-Length: \u00b2\n", 400)]
    [InlineData("Content-Length: 1e3\n", 400)]
    [InlineData("Content-Length:\n", 400)]
    [InlineData("Content-Length: 9223372036854775808\n", 400)]
    [InlineData("Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", 400)]
    [InlineData("Transfer-Encoding: identity\nTransfer-Encoding: chunked\n", 400)]
    [InlineData("Transfer-Encoding: chunked, chunked\n", 501)]
    [InlineData("Transfer-Encoding: xchunked\n", 501)]
    [InlineData("Transfer-Encoding: chunked;a=b\n", 501)]
    [InlineData("Transfer-Encoding: identity\n", 501)]
    [InlineData("Transfer-Encoding: \n", 501)]
    [InlineData("Transfer-Encoding: \u000bchunked\n", 400)]
    public void What_two_readers_could_frame_differently_is_refused(string fields, int status) =>
        Assert.Equal(status, HttpText.Request($"POST http://h/ HTTP/1.1\nHost: h\n{fields}\n").Code);

    [Theory]
    [InlineData("GET", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", "Length", 5)]
    [InlineData("GET", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "None", 0)]
    [InlineData("GET", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", "Chunks", 0)]
    [InlineData("GET", "HTTP/1.1 200 OK\n\n", "Close", 0)]
    [InlineData("GET", "HTTP/1.0 200 OK\n\n", "Close", 0)]
    [InlineData("HEAD", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", "None", 0)]
    [InlineData("HEAD", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", "None", 0)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n", "None", 0)]
    [InlineData("GET", "HTTP/1.1 204 No Content\n\n", "None", 0)]
    [InlineData("GET", "HTTP/1.1 100 Continue\n\n", "None", 0)]
    [InlineData("GET", "HTTP/1.1 199 X\nContent-Length: 5\n\n", "None", 0)]
    [InlineData("CONNECT", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", "None", 0)]
    [InlineData("CONNECT", "HTTP/1.1 403 No\nContent-Length: 5\n\n", "Length", 5)]
    [InlineData("GET", "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n", null, 0)]
    [InlineData("HEAD", "HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\n", null, 0)]
    [InlineData("GET", "HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n", null, 0)]
    [InlineData("GET", "HTTP/1.0 200 OK\nTransfer-Encoding: chunked\n\n", null, 0)]
    [InlineData("GET", "HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 5\n\n", null, 0)]
    [InlineData("GET", "HTTP/1.1 200 OK\nContent-Length: x\n\n", null, 0)]
    public void Of_a_response(string method, string text, string? end, long length)
    {
        var head = HttpText.ResponseHead(text);
        var framing = HttpFraming.OfResponse(method, head.Status, head.Fields, head.IsHttp10, out var fault);
        Assert.Equal(end is null, fault is not null);
        if (end is not null)
            Assert.Equal((end, length), (framing.End.ToString(), framing.Length));
    }
}
