namespace Fairlead.Tests;

public sealed class HttpResponseHeadTests
{
    private static readonly string[] good =
    [
        "HTTP/1.1 200 OK\nContent-Length: 5\n\n",
        "HTTP/1.0 200 Connection established\n\n",
        "HTTP/1.1 404\n\n",
        "HTTP/1.1 599 \nA:b\n\n",
    ];

    [Theory]
    [InlineData("HTTP/1.1 200 OK\n\n", 200, "OK", false)]
    [InlineData("HTTP/1.0 407 Who are you?\n\n", 407, "Who are you?", true)]
    [InlineData("HTTP/1.1 204\n\n", 204, "", false)]
    [InlineData("HTTP/1.1 204 \n\n", 204, "", false)]
    public void A_status_is_read(string text, int status, string reason, bool isHttp10)
    {
        var head = HttpText.ResponseHead(text);
        Assert.Equal((status, reason, isHttp10), (head.Status, head.Reason, head.IsHttp10));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\nA : b\n\n")]
    [InlineData("HTTP/1.1 200 OK\nA: b\n c\n\n")]
    [InlineData("HTTP/1.1 200 O\0K\n\n")]
    [InlineData("HTTP/1.1 200\tOK\n\n")]
    [InlineData("HTTP/1.1 099 OK\n\n")]
    [InlineData("HTTP/1.1 20 OK\n\n")]
    [InlineData("HTTP/1.1 2000 OK\n\n")]
    [InlineData("HTTP/1.1 +20 OK\n\n")]
    [InlineData("HTTP/1.1  200 OK\n\n")]
    [InlineData("HTTP/1.2 200 OK\n\n")]
    [InlineData("HTTP/2 200 OK\n\n")]
    [InlineData("ICY 200 OK")]
    [InlineData("SSH-2.0-x\n")]
    [InlineData("\n\n")]
    [InlineData("\nHTTP/1.1 200 OK\n\n")]
    public void What_is_wrong_is_a_bad_gateway(string text)
    {
        var parsed = HttpResponseHead.Read(HttpText.Bytes(text));
        Assert.Equal((502, 0), (parsed.Code, parsed.Length));
    }

    [Fact]
    public void A_line_feed_alone_ends_no_line() => Assert.Equal(502, HttpResponseHead.Read("HTTP/1.1 200 OK\nA: b\n\n"u8).Code);

    [Fact]
    public void A_head_in_any_pieces_is_the_same_head()
    {
        foreach (var text in good)
        {
            byte[] bytes = [.. HttpText.Bytes(text), .. "HTTP/1.1 500"u8];
            var length = HttpText.Bytes(text).Length;
            for (var known = 0; known < length; known++)
                Assert.True(HttpResponseHead.Read(bytes.AsSpan(0, known)).NeedsMore, $"{text} at {known}");
            for (var known = length; known <= bytes.Length; known++)
                Assert.Equal((length, HttpText.ResponseHead(text).Status), (HttpResponseHead.Read(bytes.AsSpan(0, known)).Length, HttpResponseHead.Read(bytes.AsSpan(0, known)).Value!.Status));
        }
    }

    [Fact]
    public void A_head_is_bounded()
    {
        var spare = HttpResponseHead.MostBytes - HttpText.Bytes("HTTP/1.1 200 OK\nA: \n\n").Length;
        Assert.True(HttpResponseHead.Read(HttpText.Bytes($"HTTP/1.1 200 OK\nA: {new string('a', spare)}\n\n")).IsWhole);
        Assert.Equal(502, HttpResponseHead.Read(HttpText.Bytes($"HTTP/1.1 200 OK\nA: {new string('a', spare + 1)}\n\n")).Code);
    }

    [Theory, Seeds(2)]
    public void Whatever_comes_it_is_a_head_or_not_and_nothing_worse(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = HttpText.Mutate(HttpText.Bytes(good[random.Next(good.Length)]), random);
            var parsed = HttpResponseHead.Read(bytes);
            Assert.InRange(parsed.Length, 0, bytes.Length);
            Assert.Equal(parsed.Fault is null, parsed.Code == 0);
        }
    }
}
