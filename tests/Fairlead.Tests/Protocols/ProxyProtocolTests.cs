using System.Net;
using System.Text;

namespace Fairlead.Tests;

public sealed class ProxyProtocolTests
{
    private const string V2 = "0D0A0D0A000D0A515549540A";

    [Theory]
    [InlineData("192.0.2.1:1", "198.51.100.255:65535", "PROXY TCP4 192.0.2.1 198.51.100.255 1 65535\r\n")]
    [InlineData("[2001:db8::1]:56324", "[2001:db8::2]:443", "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n")]
    [InlineData("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("192.0.2.1:1", "[2001:db8::2]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n")]
    [InlineData("[fe80::1%3]:1", "[fe80::2%3]:2", "PROXY TCP6 fe80::1 fe80::2 1 2\r\n")]
    public void A_line_of_version_1_names_both_ends(string source, string destination, string line)
    {
        Assert.Equal(line, Encoding.ASCII.GetString(ProxyProtocolHeader.WriteV1(IPEndPoint.Parse(source), IPEndPoint.Parse(destination))));
    }

    [Fact]
    public void Who_has_no_address_is_unknown_or_local()
    {
        Assert.Equal("PROXY UNKNOWN\r\n"u8, ProxyProtocolHeader.WriteV1(null, IPEndPoint.Parse("192.0.2.1:1")));
        Assert.Equal("PROXY UNKNOWN\r\n"u8, ProxyProtocolHeader.WriteV1(IPEndPoint.Parse("192.0.2.1:1"), null));
        Assert.Equal(Convert.FromHexString(V2 + "20000000"), ProxyProtocolHeader.WriteV2Local());
    }

    [Theory]
    [InlineData("192.0.2.1:1", "198.51.100.2:443", "21 11 000C C0000201 C6336402 0001 01BB")]
    [InlineData("[::ffff:192.0.2.1]:1", "198.51.100.2:443", "21 11 000C C0000201 C6336402 0001 01BB")]
    [InlineData("[2001:db8::1]:1", "192.0.2.2:2", "21 21 0024 20010DB8000000000000000000000001 00000000000000000000FFFFC0000202 0001 0002")]
    public void A_header_of_version_2_names_both_ends(string source, string destination, string rest)
    {
        Assert.Equal(Convert.FromHexString(V2 + rest.Replace(" ", "", StringComparison.Ordinal)), ProxyProtocolHeader.WriteV2(IPEndPoint.Parse(source), IPEndPoint.Parse(destination), isDatagram: false));
    }

    public static TheoryData<string, byte[], string?, string?> Good => new()
    {
        { "v1 of IPv4", Line("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443"), "192.0.2.1:56324", "198.51.100.2:443" },
        { "v1 at its extremes", Line("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0"), "255.255.255.255:65535", "0.0.0.0:0" },
        { "v1 of IPv6", Line("PROXY TCP6 2001:db8::1 ::1 1 2"), "[2001:db8::1]:1", "[::1]:2" },
        { "v1 of the longest IPv6", Line("PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535".Replace("ffff:f...f:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", StringComparison.Ordinal)), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
        { "v1 of IPv4 in IPv6", Line("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2"), "192.0.2.1:1", "[2001:db8::1]:2" },
        { "v1 of nobody", Line("PROXY UNKNOWN"), null, null },
        { "v1 of nobody, with whatever", Line("PROXY UNKNOWN ffff:: zzz 99999 \x01"), null, null },
        { "v1 of nobody, as long as it may be", Line("PROXY UNKNOWN " + new string('x', 107 - 16)), null, null },
        { "v2 of IPv4", Binary("2111 000C C0000201 C6336402 DC04 01BB"), "192.0.2.1:56324", "198.51.100.2:443" },
        { "v2 of IPv6", Binary("2121 0024 20010DB8000000000000000000000001 00000000000000000000000000000001 0001 FFFF"), "[2001:db8::1]:1", "[::1]:65535" },
        { "v2 of IPv4 in IPv6", Binary("2121 0024 00000000000000000000FFFFC0000201 00000000000000000000FFFFC0000202 0001 0002"), "192.0.2.1:1", "192.0.2.2:2" },
        { "v2 with extensions", Binary("2111 0013 C0000201 C6336402 DC04 01BB 04 0004 00000000"), "192.0.2.1:56324", "198.51.100.2:443" },
        { "v2 with extensions that make no sense", Binary("2111 000D C0000201 C6336402 DC04 01BB FF"), "192.0.2.1:56324", "198.51.100.2:443" },
        { "v2 as long as it may be", Binary("2111 0FF0 C0000201 C6336402 DC04 01BB" + new string('0', 2 * (4080 - 12))), "192.0.2.1:56324", "198.51.100.2:443" },
        { "v2 of ourselves", Binary("2000 0000"), null, null },
        { "v2 of ourselves, with addresses", Binary("2011 000C C0000201 C6336402 DC04 01BB"), null, null },
        { "v2 of ourselves, with a family of the future", Binary("20FF 0002 0000"), null, null },
        { "v2 of nobody", Binary("2100 0000"), null, null },
        { "v2 of nobody, with bytes", Binary("2100 0003 010203"), null, null },
        { "v2 of an unknown family of streams", Binary("2101 0000"), null, null },
        { "v2 of IPv4 over who knows what", Binary("2110 0000"), null, null },
        { "v2 of a Unix socket", Binary("2131 00D8" + new string('0', 2 * 216)), null, null },
    };

    [Theory, MemberData(nameof(Good))]
    public void A_header_is_read_in_whatever_pieces_it_comes(string what, byte[] header, string? source, string? destination)
    {
        Assert.NotEmpty(what);
        for (var length = 0; length < header.Length; length++)
            Assert.Equal(new ProxyProtocolReading(ProxyProtocolState.NeedMore), ProxyProtocolReader.Read(header.AsSpan(0, length)));
        var expected = new ProxyProtocolReading(ProxyProtocolState.Complete, header.Length, Parse(source), Parse(destination));
        Assert.Equal(expected, ProxyProtocolReader.Read(header));

        // What the client says is not the header's.
        Assert.Equal(expected, ProxyProtocolReader.Read([.. header, .. "PROXY \r\n\0"u8]));
        Assert.Equal(expected, ProxyProtocolReader.Read([.. header, .. new byte[10_000]]));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n")]
    [InlineData("PROXZ")]
    [InlineData("proxy TCP4")]
    [InlineData("PROXY\r\n")]
    [InlineData("\r\n\r\n\x01")]
    [InlineData("PROXY \r\n")]
    [InlineData("PROXY TCP4\r\n")]
    [InlineData("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY UNKNOWNS\r\n")]
    [InlineData("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n")]
    [InlineData("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4 192.2 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP6 192.0.2.1 2001:db8::1 1 2\r\n")]
    [InlineData("PROXY TCP6 fe80::1%lo 2001:db8::1 1 2\r\n")]
    [InlineData("PROXY TCP6 [::1] ::1 1 2\r\n")]
    [InlineData("PROXY TCP4 example.com 192.0.2.2 1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 +2\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2 1 100000000000000000000\r\n")]
    [InlineData("PROXY TCP4 192.0.2.1 192.0.2.2  2\r\n")]
    public void What_is_no_header_is_told_with_its_reason(string text) => AssertWrong(Encoding.Latin1.GetBytes(text));

    [Theory]
    [InlineData("1111 000C C0000201 C6336402 DC04 01BB")] // version 1 in binary
    [InlineData("3111 000C C0000201 C6336402 DC04 01BB")]
    [InlineData("2211 000C C0000201 C6336402 DC04 01BB")] // a command of the future
    [InlineData("2112 000C C0000201 C6336402 DC04 01BB")] // UDP
    [InlineData("2122 0024")]
    [InlineData("2132 00D8")]
    [InlineData("2113 000C")]
    [InlineData("2141 000C")]
    [InlineData("21F1 000C")]
    [InlineData("2111 000B")] // too short for its addresses
    [InlineData("2111 0000")]
    [InlineData("2121 0023")]
    [InlineData("2131 00D7")]
    [InlineData("2111 0FF1")] // too long
    [InlineData("2000 FFFF")]
    public void A_binary_header_that_cannot_be_believed_is_refused_before_the_rest_has_come(string rest) => AssertWrong(Binary(rest));

    [Fact]
    public void A_line_without_an_end_is_refused_at_its_limit()
    {
        var line = Encoding.ASCII.GetBytes("PROXY TCP4 " + new string('1', 200));
        Assert.Equal(ProxyProtocolState.NeedMore, ProxyProtocolReader.Read(line.AsSpan(0, 106)).State);
        Assert.Equal(ProxyProtocolState.Wrong, ProxyProtocolReader.Read(line.AsSpan(0, 107)).State);
        AssertWrong(Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 108 - 16) + "\r\n"));
    }

    [Fact]
    public void What_was_written_is_read_back()
    {
        var random = new Random(1);
        for (var i = 0; i < 500; i++)
        {
            IPEndPoint source = RandomEndPoint(random), destination = RandomEndPoint(random);
            foreach (var header in new[] { ProxyProtocolHeader.WriteV1(source, destination), ProxyProtocolHeader.WriteV2(source, destination, isDatagram: false) })
                Assert.Equal(new ProxyProtocolReading(ProxyProtocolState.Complete, header.Length, source, destination), ProxyProtocolReader.Read(header));
        }
    }

    [Fact]
    public void Random_and_mutated_bytes_are_a_header_or_none_and_never_more()
    {
        var random = new Random(2);
        var good = Good.Select(row => row.Data.Item2).ToArray();
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = i % 4 == 0 ? Traffic.RandomBytes(random.Next(0, 300), i) : (byte[])good[random.Next(good.Length)].Clone();
            for (var mutations = random.Next(0, 4); mutations > 0 && bytes.Length > 0; mutations--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var whole = ProxyProtocolReader.Read(bytes);
            Assert.InRange(whole.Length, 0, Math.Min(bytes.Length, ProxyProtocolReader.MostV2));
            Assert.Equal(whole.State == ProxyProtocolState.Complete, whole.Length > 0);
            Assert.Equal(whole.State == ProxyProtocolState.Wrong, whole.Reason is not null);
            Assert.Equal(whole.Source is null, whole.Destination is null);

            // A beginning says the same, or that it needs more.
            var part = ProxyProtocolReader.Read(bytes.AsSpan(0, random.Next(bytes.Length + 1)));
            if (part.State != ProxyProtocolState.NeedMore)
                Assert.Equal((whole.State, whole.Length, whole.Source), (part.State, part.Length, part.Source));
        }
    }

    private static void AssertWrong(byte[] bytes)
    {
        var reading = ProxyProtocolReader.Read(bytes);
        Assert.Equal((ProxyProtocolState.Wrong, 0), (reading.State, reading.Length));
        Assert.NotEmpty(reading.Reason!);
        Assert.Null(reading.Source);
    }

    private static IPEndPoint RandomEndPoint(Random random)
    {
        var bytes = new byte[random.Next(2) == 0 ? 4 : 16];
        random.NextBytes(bytes);
        return new IPEndPoint(new IPAddress(bytes), random.Next(65536));
    }

    private static byte[] Line(string line) => Encoding.Latin1.GetBytes(line + "\r\n");

    private static byte[] Binary(string rest) => Convert.FromHexString(V2 + rest.Replace(" ", "", StringComparison.Ordinal));

    private static IPEndPoint? Parse(string? text) => text is null ? null : IPEndPoint.Parse(text);
}
