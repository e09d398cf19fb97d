using System.Net;
using System.Text;

namespace Fairlead.Tests.Protocols.Socks;

public sealed class SocksDatagramHeaderTests
{
    public static TheoryData<byte[], string> Headers => new()
    {
        { [0, 0, 0, 1, 10, 0, 0, 5, 0, 53], "10.0.0.5:53" },
        { [0, 0, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 53], "[2001:db8::1]:53" },
        { [0, 0, 0, 3, 11, .. "example.org"u8, 0, 53], "example.org:53" },
    };

    [Theory, MemberData(nameof(Headers))]
    public void A_header_is_read_and_written(byte[] header, string address)
    {
        for (var length = 0; length < header.Length; length++)
        {
            Assert.Equal(0, SocksDatagramHeader.Measure(header.AsSpan(0, length)));
            ParserCheck.Wrong(SocksDatagramHeader.Read, "the datagram has no whole header", header[..length]);
        }
        foreach (var payload in new[] { "", "x", "some more" })
        {
            var datagram = (byte[])[.. header, .. Encoding.ASCII.GetBytes(payload)];
            var read = SocksDatagramHeader.Read(datagram);
            Assert.Equal((header.Length, header.Length), (read.Length, SocksDatagramHeader.Measure(datagram)));
            Assert.Equal((0, address), (read.Value.Fragment, Destination.ToText(read.Value.Address)));
            var written = new byte[SocksDatagramHeader.MostBytes];
            Assert.Equal(header, written[..SocksDatagramHeader.Write(read.Value.Address, written)]);
        }
    }

    [Fact]
    public void The_longest_header_has_room_for_it()
    {
        byte[] header = [0, 0, 0, 3, 255, .. new byte[255].Select(_ => (byte)'a'), 0, 53];
        Assert.Equal(SocksDatagramHeader.MostBytes, header.Length);
        Assert.Equal(header.Length, SocksDatagramHeader.Measure(header));
        Assert.Equal(header, Written(new DnsEndPoint(new string('a', 255), 53)));
    }

    [Fact]
    public void A_fragment_is_told_from_what_stands_alone() => Assert.Equal(0x81, SocksDatagramHeader.Read([0, 0, 0x81, 1, 10, 0, 0, 5, 0, 53, 1]).Value.Fragment);

    [Fact]
    public void A_name_that_is_an_address_becomes_one() =>
        Assert.Equal(IPEndPoint.Parse("127.0.0.1:53"), SocksDatagramHeader.Read([0, 0, 0, 3, 9, .. "127.0.0.1"u8, 0, 53]).Value.Address);

    [Fact]
    public void What_is_wrong_is_told()
    {
        ParserCheck.Wrong(SocksDatagramHeader.Read, "the datagram has no whole header", 0, 1, 0, 1, 10, 0, 0, 5, 0, 53);
        ParserCheck.Wrong(SocksDatagramHeader.Read, "the datagram has no whole header", 0, 0, 0, 2, 10, 0, 0, 5, 0, 53);
        ParserCheck.Wrong(SocksDatagramHeader.Read, "the host is empty", 0, 0, 0, 3, 0, 0, 53);
    }

    [Theory, Seeds(2)]
    public void Nothing_that_comes_breaks_the_parser(int seed)
    {
        ParserCheck.Fuzz(SocksDatagramHeader.Read, seed, [0, 0, 0, 1, 10, 0, 0, 5, 0, 53, 1, 2, 3], [0, 0, 0, 3, 11, .. "example.org"u8, 0, 53, 1]);
    }

    private static byte[] Written(EndPoint address)
    {
        var written = new byte[SocksDatagramHeader.MostBytes];
        return written[..SocksDatagramHeader.Write(address, written)];
    }
}
