using System.Text;

namespace Fairlead.Tests;

public sealed class HttpChunksTests
{
    private static readonly (string Body, string Payload)[] good =
    [
        ("0\n\n", ""),
        ("000\n\n", ""),
        ("5\nhello\n0\n\n", "hello"),
        ("0005\nhello\na\n0123456789\n0\n\n", "hello0123456789"),
        ("A;name=\"v;\u00e4\" ; x\n0123456789\n0;last\nX-Sum: 1\nY:\t2\n\n", "0123456789"),
        ("5\n0\n\n\n0\n\n", "0\r\n\r\n"),
    ];

    [Fact]
    public void A_body_ends_with_its_last_chunk_and_takes_nothing_that_follows()
    {
        foreach (var (body, payload) in good)
        {
            byte[] bytes = [.. Wire(body), .. "GET http://other/ HTTP/1.1\r\n"u8];
            for (var piece = 1; piece <= bytes.Length; piece++)
            {
                var (chunks, taken, said) = Feed(bytes, piece);
                Assert.True(chunks.IsComplete);
                Assert.Equal((Wire(body).Length, payload), (taken, said));
            }
        }
    }

    [Fact]
    public void A_body_is_complete_at_its_last_byte_and_not_before()
    {
        foreach (var (body, _) in good)
        {
            var bytes = Wire(body);
            for (var known = 0; known < bytes.Length; known++)
            {
                var (chunks, taken, _) = Feed(bytes[..known], 7);
                Assert.False(chunks.IsComplete);
                Assert.Equal((known, null), (taken, chunks.Fault));
            }
        }
    }

    [Theory]
    [InlineData("\n", 0)]
    [InlineData(" 5\nhello\n", 0)]
    [InlineData("5 \nhello\n", 1)]
    [InlineData("+5\nhello\n", 0)]
    [InlineData("-5\nhello\n", 0)]
    [InlineData("0x5\nhello\n", 1)]
    [InlineData("5\thello\n", 1)]
    [InlineData("5, 5\nhello\n", 1)]
    [InlineData("g\n", 0)]
    [InlineData(";x\n", 0)]
    [InlineData("5;a\u0001\n", 3)]
    [InlineData("5;a\0\n", 3)]
    [InlineData("8000000000000000\n", 15)]
    [InlineData("ffffffffffffffff\n", 15)]
    [InlineData("00000000000000005\n", 16)]
    [InlineData("10000000000000000\n", 16)]
    // Data.
    [InlineData("5\nhellox\n", 8)]
    [InlineData("3\nhello\n", 6)]
    [InlineData("5\nhello0\n\n", 8)]
    // Trailers.
    [InlineData("0\nno colon\n\n", 5)]
    [InlineData("0\n: a\n\n", 3)]
    [InlineData("0\n folded\n\n", 3)]
    [InlineData("0\nA : b\n\n", 4)]
    [InlineData("0\nA: b\0\n\n", 7)]
    [InlineData("0\nContent-Length: 5\n\n", 17)]
    [InlineData("0\ntransfer-encoding: chunked\n\n", 20)]
    [InlineData("0\nHost: h\n\n", 7)]
    [InlineData("0\nConnection: close\n\n", 13)]
    [InlineData("0\nProxy-Authorization: x\n\n", 22)]
    [InlineData("0\nUpgrade: x\n\n", 10)]
    public void What_another_reader_could_see_differently_is_wrong_at_that_byte(string body, int at)
    {
        var bytes = Wire(body);
        for (var piece = 1; piece <= bytes.Length; piece++)
        {
            var (chunks, taken, _) = Feed(bytes, piece);
            Assert.NotNull(chunks.Fault);
            Assert.False(chunks.IsComplete);
            Assert.Equal(at, taken);
        }
    }

    [Theory]
    [InlineData("5\nhello\r\n0\r\n\r\n", 1)]
    [InlineData("5\r\nhello\n0\r\n\r\n", 8)]
    [InlineData("5\r\nhello\r0\r\n\r\n", 9)]
    [InlineData("5\rhello", 2)]
    [InlineData("5;a\nhello", 3)]
    [InlineData("0\r\n\n", 3)]
    [InlineData("0\r\nA: b\n\r\n", 7)]
    [InlineData("0\r\nA: b\r\r\n", 8)]
    [InlineData("0\r\n\rx", 4)]
    public void Lines_end_in_CRLF(string body, int at)
    {
        var (chunks, taken, _) = Feed(Encoding.Latin1.GetBytes(body), 1);
        Assert.NotNull(chunks.Fault);
        Assert.Equal(at, taken);
    }

    [Fact]
    public void Extensions_and_trailers_are_bounded()
    {
        Assert.Null(Feed(Wire($"1;{new string('a', HttpChunks.MostExtensionBytes)}\n"), 100).Chunks.Fault);
        Assert.NotNull(Feed(Wire($"1;{new string('a', HttpChunks.MostExtensionBytes + 1)}"), 100).Chunks.Fault);
        Assert.Null(Feed(Wire($"0\n{Trailers(HttpChunks.MostTrailerBytes)}"), 100).Chunks.Fault);
        Assert.NotNull(Feed(Wire($"0\n{Trailers(HttpChunks.MostTrailerBytes + 1)}"), 100).Chunks.Fault);
        Assert.NotNull(Feed(Wire($"0\n{new string('a', HttpChunks.MostTrailerBytes + 1)}"), 100).Chunks.Fault);

        static string Trailers(int bytes) => $"{string.Concat(Enumerable.Repeat("A:bc\n", 100))}A:{new string('b', bytes - 402)}\n";
    }

    [Fact]
    public void The_largest_size_is_followed()
    {
        var chunks = new HttpChunks();
        Assert.Equal(18, chunks.Next("7fffffffffffffff\r\n"u8, out _));
        Assert.Equal(1000, chunks.Next(new byte[1000], out var isPayload));
        Assert.True(isPayload);
        Assert.Null(chunks.Fault);
    }

    [Theory, Seeds(2)]
    public void Whatever_comes_the_pieces_make_no_difference(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = HttpText.Mutate(Wire(good[random.Next(good.Length)].Body), random);
            var whole = Feed(bytes, int.MaxValue);
            var pieces = Feed(bytes, random.Next(1, 5));
            Assert.Equal((whole.Taken, whole.Payload, whole.Chunks.Fault, whole.Chunks.IsComplete), (pieces.Taken, pieces.Payload, pieces.Chunks.Fault, pieces.Chunks.IsComplete));
        }
    }

    private static byte[] Wire(string body) => HttpText.Bytes(body);

    private static (HttpChunks Chunks, int Taken, string Payload) Feed(byte[] bytes, int piece)
    {
        var chunks = new HttpChunks();
        var (at, payload) = (0, new StringBuilder());
        while (at < bytes.Length)
        {
            var end = (int)Math.Min(bytes.Length, (long)at + piece);
            var before = at;
            while (at < end && chunks.Next(bytes.AsSpan(at..end), out var isPayload) is var length and > 0)
            {
                if (isPayload)
                    payload.Append(Encoding.Latin1.GetString(bytes, at, length));
                at += length;
            }
            if (at < end)
                return (chunks, at, payload.ToString());
            Assert.True(at > before);
        }
        return (chunks, at, payload.ToString());
    }
}
