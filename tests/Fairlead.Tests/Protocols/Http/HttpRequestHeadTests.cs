using System.Net;
using System.Text;

namespace Fairlead.Tests;

public sealed class HttpRequestHeadTests
{
    private static readonly string[] good =
    [
        "CONNECT example.com:443 HTTP/1.1\nHost: example.com:443\n\n",
        "CONNECT [2001:db8::1]:443 HTTP/1.0\n\n",
        "GET http://example.com/a?b=c HTTP/1.1\nHost: example.com\nAccept: */*\nCookie: a=b; c=\"d\"\n\n",
        "GET /proxy.pac HTTP/1.1\nhost: 10.0.0.1:1080\n\n",
        "POST http://example.com:8080 HTTP/1.1\nHost: example.com:8080\nContent-Length: 5\n\n",
        "\nPUT http://h/ HTTP/1.1\nHost: h\nTransfer-Encoding: Chunked\nX:\n\n",
        "OPTIONS http://h HTTP/1.1\nHost:\th \n\n",
        "M-SEARCH http://h/\u00e4 HTTP/1.1\nHost: h\nX: \u00e4\n\n",
    ];

    [Theory]
    [InlineData("CONNECT example.com:443 HTTP/1.1\nHost: example.com:443\n\n", "CONNECT", "Authority", "example.com:443", "")]
    [InlineData("CONNECT Example.COM:443 HTTP/1.1\nHost: example.com\n\n", "CONNECT", "Authority", "Example.COM:443", "")]
    [InlineData("CONNECT [::1]:1 HTTP/1.0\n\n", "CONNECT", "Authority", "[::1]:1", "")]
    [InlineData("CONNECT 10.0.0.1:65535 HTTP/1.0\n\n", "CONNECT", "Authority", "10.0.0.1:65535", "")]
    [InlineData("CONNECT h:22 HTTP/1.1\nHost: h:22\nContent-Length: 0\n\n", "CONNECT", "Authority", "h:22", "")]
    [InlineData("GET http://h HTTP/1.1\nHost: h\n\n", "GET", "Absolute", "h:80", "/")]
    [InlineData("GET HTTP://h:80/ HTTP/1.1\nHost: H\n\n", "GET", "Absolute", "h:80", "/")]
    [InlineData("GET http://h?q=http://x HTTP/1.0\n\n", "GET", "Absolute", "h:80", "/?q=http://x")]
    [InlineData("GET http://[2001:db8::1]:81/a?b HTTP/1.1\nHost: [2001:DB8:0::1]:81\n\n", "GET", "Absolute", "[2001:db8::1]:81", "/a?b")]
    [InlineData("get http://h//a//b HTTP/1.1\nHost: h\n\n", "get", "Absolute", "h:80", "//a//b")]
    [InlineData("GET http://h/?a@b HTTP/1.1\nHost: h\n\n", "GET", "Absolute", "h:80", "/?a@b")]
    [InlineData("OPTIONS http://h HTTP/1.1\nHost: h\n\n", "OPTIONS", "Absolute", "h:80", "*")]
    [InlineData("OPTIONS http://h/ HTTP/1.1\nHost: h\n\n", "OPTIONS", "Absolute", "h:80", "/")]
    [InlineData("GET /proxy.pac?x HTTP/1.1\nHost: p:1080\n\n", "GET", "Origin", null, "/proxy.pac?x")]
    [InlineData("GET /proxy.pac HTTP/1.0\n\n", "GET", "Origin", null, "/proxy.pac")]
    [InlineData("GET /proxy.pac HTTP/1.1\nHost:\n\n", "GET", "Origin", null, "/proxy.pac")]
    public void What_a_request_is_for_is_read(string text, string method, string form, string? target, string path)
    {
        var head = HttpText.RequestHead(text);
        Assert.Equal((method, form, target, path), (head.Method, head.Form.ToString(), head.Target?.ToString(), head.Path));
    }

    [Theory]
    [InlineData("CONNECT 127.0.0.1:80 HTTP/1.0\n\n", "127.0.0.1:80")]
    [InlineData("CONNECT 127.0.0.1.:80 HTTP/1.0\n\n", "127.0.0.1:80")]
    [InlineData("CONNECT [::ffff:127.0.0.1]:80 HTTP/1.0\n\n", "127.0.0.1:80")]
    [InlineData("CONNECT [::1]:80 HTTP/1.0\n\n", "[::1]:80")]
    public void A_target_that_is_an_address_is_one(string text, string expected)
    {
        Assert.Equal(IPEndPoint.Parse(expected), HttpText.RequestHead(text).Target!.EndPoint);
    }

    [Fact]
    public void A_target_that_is_a_name_stays_one()
    {
        Assert.Equal(new DnsEndPoint("example.com", 443), HttpText.RequestHead("CONNECT example.com:443 HTTP/1.0\n\n").Target!.EndPoint);
    }

    [Theory]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\n\n", true)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\nConnection: x, Close\n\n", false)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\nProxy-Connection: close\n\n", false)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\nProxy-Connection: keep-alive\n\n", true)]
    [InlineData("GET http://h/ HTTP/1.0\nConnection: keep-alive\n\n", false)]
    public void Whether_another_may_follow_is_read(string text, bool keepsOpen) => Assert.Equal(keepsOpen, HttpText.RequestHead(text).KeepsOpen);

    [Theory]
    // Lines.
    [InlineData("GET http://h/ HTTP/1.1\nHost:h\nA: b\r\rX", 0)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\nA: b\rc\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\n b: c\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\n\tb\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\n Host: h\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost : h\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost\t: h\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\n: b\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\nno colon\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\na b: c\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\na(b): c\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\n\u00e4: c\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\na\0: c\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\na: b\0c\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\na: b\u007fc\n\n", 400)]
    [InlineData("\n\nGET http://h/ HTTP/1.1\nHost: h\n\n", 400)]
    // The first line.
    [InlineData("GET  http://h/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h/  HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h/ x HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET\thttp://h/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h/\t HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h/\u0001 HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData(" GET http://h/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h/\n\n", 400)]
    [InlineData("G@T http://h/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.1 \nHost: h\n\n", 400)]
    [InlineData("GET http://h/ http/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.10\nHost: h\n\n", 400)]
    [InlineData("GET http://h/ HTTP/1.2\nHost: h\n\n", 505)]
    [InlineData("GET http://h/ HTTP/2.0\nHost: h\n\n", 505)]
    [InlineData("PRI * HTTP/2.0\n\nSM\n\n", 505)]
    // The target.
    [InlineData("GET https://h/ HTTP/1.1\nHost: h\n\n", 501)]
    [InlineData("GET ftp://h/ HTTP/1.1\nHost: h\n\n", 501)]
    [InlineData("GET h/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http:/h/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http:///a HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://:80/a HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h:/a HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h:0/a HTTP/1.1\nHost: h:0\n\n", 400)]
    [InlineData("GET http://h:65536/a HTTP/1.1\nHost: h:65536\n\n", 400)]
    [InlineData("GET http://h:+80/a HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h:8:0/a HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://user@h/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://u:p@h/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h\\@x/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://h%2f/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://[::1/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://[::1]x/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://[10.0.0.1]/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://[fe80::1%25eth0]/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://::1/ HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET http://0x7f.1/ HTTP/1.1\nHost: 0x7f.1\n\n", 400)]
    [InlineData("GET http://10.1/ HTTP/1.1\nHost: 10.1\n\n", 400)]
    [InlineData("GET http://h/#x HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("GET * HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("OPTIONS * HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("CONNECT h HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("CONNECT h: HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("CONNECT :443 HTTP/1.1\nHost: h\n\n", 400)]
    [InlineData("CONNECT u@h:443 HTTP/1.1\nHost: h:443\n\n", 400)]
    [InlineData("CONNECT http://h:443 HTTP/1.1\nHost: h:443\n\n", 400)]
    [InlineData("CONNECT h:443/ HTTP/1.1\nHost: h:443\n\n", 400)]
    [InlineData("CONNECT /x HTTP/1.1\nHost: h:443\n\n", 400)]
    [InlineData("CONNECT ::1:443 HTTP/1.0\n\n", 400)]
    // The framing.
    [InlineData("CONNECT h:443 HTTP/1.1\nHost: h\nContent-Length: 1\n\n", 400)]
    [InlineData("CONNECT h:443 HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n", 400)]
    [InlineData("POST http://h/ HTTP/1.1\nHost: h\nContent-Length: 5\nTransfer-Encoding: chunked\n\n", 400)]
    [InlineData("POST http://h/ HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 5\n\n", 400)]
    [InlineData("POST http://h/ HTTP/1.0\nTransfer-Encoding: chunked\n\n", 400)]
    [InlineData("POST http://h/ HTTP/1.1\nHost: h\nTransfer-Encoding: gzip, chunked\n\n", 501)]
    public void What_is_wrong_is_refused_with_a_status_and_a_reason(string text, int status)
    {
        var parsed = HttpText.Request(text);
        Assert.Equal(status, parsed.Code);
        Assert.Equal(0, parsed.Length);
        Assert.Equal(status == 0, parsed.Fault is null);
    }

    [Theory]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\r\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\n\r\n")]
    [InlineData("GET http://h/ HTTP/1.1\r\nHost: h\nA: b")]
    [InlineData("GET http://h/ HTTP/1.1\n")]
    [InlineData("\nGET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("GET http://h/ HTTP/1.1\r\nHost: h\r\nA: b\n\nGET http://g/ HTTP/1.1\r\nHost: g\r\n\r\n")]
    public void A_line_feed_alone_ends_no_line(string text) => Assert.Equal(400, HttpRequestHead.Read(Encoding.Latin1.GetBytes(text)).Code);

    [Theory]
    [InlineData("GET http://h/ HTTP/1.1\n\n")]
    [InlineData("GET / HTTP/1.1\n\n")]
    [InlineData("CONNECT h:443 HTTP/1.1\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h\nHost: h\n\n")]
    [InlineData("GET http://h/ HTTP/1.0\nHost: h\nHost: h\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost:\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost: g\n\n")]
    [InlineData("GET http://h/ HTTP/1.0\nHost: g\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h:81\n\n")]
    [InlineData("GET http://h:81/ HTTP/1.1\nHost: h\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h, g\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost: h g\n\n")]
    [InlineData("GET http://h/ HTTP/1.1\nHost: u@h\n\n")]
    [InlineData("GET / HTTP/1.1\nHost: h/\n\n")]
    [InlineData("CONNECT h:443 HTTP/1.1\nHost: g:443\n\n")]
    [InlineData("CONNECT h:443 HTTP/1.1\nHost: h:80\n\n")]
    public void A_Host_that_is_missing_repeated_or_contradicts_the_target_is_refused(string text)
    {
        var parsed = HttpText.Request(text);
        Assert.Equal(400, parsed.Code);
        Assert.Contains("Host", parsed.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_in_any_pieces_is_the_same_head()
    {
        foreach (var text in good)
        {
            byte[] bytes = [.. HttpText.Bytes(text), .. "GET http://other/"u8];
            var length = HttpText.Bytes(text).Length;
            for (var known = 0; known < length; known++)
                Assert.True(HttpRequestHead.Read(bytes.AsSpan(0, known)).NeedsMore, $"{text} at {known}");
            for (var known = length; known <= bytes.Length; known++)
            {
                var parsed = HttpRequestHead.Read(bytes.AsSpan(0, known));
                Assert.Equal((length, HttpText.RequestHead(text).Path), (parsed.Length, parsed.Value!.Path));
            }
        }
    }

    [Fact]
    public void What_is_no_HTTP_is_refused_before_a_line_ends()
    {
        Assert.Equal(400, HttpRequestHead.Read([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]).Code);
        Assert.Equal(400, HttpRequestHead.Read(Encoding.ASCII.GetBytes(new string('A', 33))).Code);
        Assert.True(HttpRequestHead.Read(Encoding.ASCII.GetBytes(new string('A', 32))).NeedsMore);
    }

    [Fact]
    public void Head_target_and_number_of_fields_are_bounded()
    {
        Assert.True(HttpText.Request(Get(target: HttpRequestHead.MostTargetBytes)).IsWhole);
        Assert.Equal(414, HttpText.Request(Get(target: HttpRequestHead.MostTargetBytes + 1)).Code);
        Assert.Equal(414, HttpText.Request($"GET http://h/{new string('a', HttpRequestHead.MostTargetBytes + 64)}").Code);

        Assert.True(HttpText.Request(Get(fields: HttpFields.MostFields)).IsWhole);
        Assert.Equal(431, HttpText.Request(Get(fields: HttpFields.MostFields + 1)).Code);

        var spare = HttpRequestHead.MostBytes - HttpText.Bytes(Get(value: 0)).Length;
        Assert.True(HttpText.Request(Get(value: spare)).IsWhole);
        Assert.Equal(431, HttpText.Request(Get(value: spare + 1)).Code);
        Assert.Equal(431, HttpRequestHead.Read([.. "GET http://h/ HTTP/1.1\r\nA: "u8, .. new byte[HttpRequestHead.MostBytes]]).Code);

        static string Get(int target = 9, int fields = 2, int value = 1) =>
            $"GET http://h/{new string('a', target - 9)} HTTP/1.1\nHost: h\n{string.Concat(Enumerable.Repeat("B: c\n", fields - 2))}A: {new string('a', value)}\n\n";
    }

    [Theory, Seeds(2)]
    public void Whatever_comes_it_is_a_head_or_not_and_nothing_worse(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = HttpText.Mutate(HttpText.Bytes(good[random.Next(good.Length)]), random);
            if (round % 5 == 0)
                random.NextBytes(bytes);
            var parsed = HttpRequestHead.Read(bytes);
            Assert.InRange(parsed.Length, 0, bytes.Length);
            Assert.Equal(parsed.Fault is null, parsed.Code == 0);
            if (!parsed.IsWhole)
                continue;
            // One that is taken is written anew as one that says the same, and is whole where it was.
            Assert.EndsWith("\r\n\r\n", Encoding.Latin1.GetString(bytes, 0, parsed.Length), StringComparison.Ordinal);
            if (parsed.Value is not { Form: HttpTargetForm.Absolute, Path: not "*" } head)
                continue;
            var writer = new System.Buffers.ArrayBufferWriter<byte>();
            HttpHop.WriteRequest(head, closes: false, writer);
            var again = HttpRequestHead.Read(writer.WrittenSpan);
            Assert.Equal((writer.WrittenCount, head.Path, head.Framing), (again.Length, again.Value!.Path, again.Value.Framing));
            Assert.True(head.Target!.IsSameAs(again.Value.Host!));
        }
    }
}
