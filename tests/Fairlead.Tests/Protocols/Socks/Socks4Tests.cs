using System.Net;
using System.Text;

namespace Fairlead.Tests.Protocols.Socks;

public sealed class Socks4Tests
{
    private static readonly byte[] connect = [4, 1, 0, 80, 10, 0, 0, 5, (byte)'m', (byte)'e', 0];
    private static readonly byte[] named = [4, 1, 1, 187, 0, 0, 0, 9, 0, .. "example.org\0"u8];

    [Fact]
    public void A_request_for_an_address_is_read() =>
        Assert.Equal(new Socks4Request(SocksCommand.Connect, new IPEndPoint(IPAddress.Parse("10.0.0.5"), 80), "me"), ParserCheck.Whole(Socks4.ReadRequest, connect));

    [Fact]
    public void A_request_for_a_name_is_read() =>
        Assert.Equal(new Socks4Request(SocksCommand.Connect, new DnsEndPoint("example.org", 443), ""), ParserCheck.Whole(Socks4.ReadRequest, named));

    [Fact]
    public void A_name_that_is_an_address_becomes_one()
    {
        Assert.Equal(IPEndPoint.Parse("127.0.0.1:443"), ParserCheck.Whole(Socks4.ReadRequest, [4, 1, 1, 187, 0, 0, 0, 1, 0, .. "127.0.0.1\0"u8]).Target);
        Assert.Equal(IPEndPoint.Parse("[::1]:443"), ParserCheck.Whole(Socks4.ReadRequest, [4, 1, 1, 187, 0, 0, 0, 1, 0, .. "::1\0"u8]).Target);
    }

    [Fact]
    public void Any_command_any_port_and_no_address_at_all_are_values()
    {
        Assert.Equal(new Socks4Request(SocksCommand.Bind, SocksAddress.None, ""), ParserCheck.Whole(Socks4.ReadRequest, 4, 2, 0, 0, 0, 0, 0, 0, 0));
        Assert.Equal(new Socks4Request(0xFF, IPEndPoint.Parse("255.255.255.255:65535"), ""), ParserCheck.Whole(Socks4.ReadRequest, 4, 0xFF, 255, 255, 255, 255, 255, 255, 0));
    }

    [Fact]
    public void A_user_and_a_name_have_255_bytes_at_the_most()
    {
        var user = new string('u', 255);
        var name = string.Concat(Enumerable.Repeat($"{new string('a', 62)}.", 4)) + "b";
        byte[] longest = [4, 1, 0, 80, 0, 0, 0, 1, .. Encoding.ASCII.GetBytes($"{user}\0{name}\0")];
        Assert.Equal(new Socks4Request(1, new DnsEndPoint(name, 80), user), ParserCheck.Whole(Socks4.ReadRequest, longest));
        Assert.InRange(longest.Length, 0, Socks4.MostRequestBytes);

        ParserCheck.Wrong(Socks4.ReadRequest, "the user is longer than 255 bytes", [4, 1, 0, 80, 10, 0, 0, 5, .. new byte[256].Select(_ => (byte)'u')]);
        ParserCheck.Wrong(Socks4.ReadRequest, "the host is longer than 255 bytes", [4, 1, 0, 80, 0, 0, 0, 1, 0, .. new byte[256].Select(_ => (byte)'h')]);
        Assert.True(Socks4.ReadRequest([4, 1, 0, 80, 10, 0, 0, 5, .. new byte[255].Select(_ => (byte)'u')]).NeedsMore);
    }

    [Fact]
    public void A_user_that_sends_on_and_on_is_refused_after_255_bytes() =>
        Assert.Equal("the user is longer than 255 bytes", Socks4.ReadRequest([4, 1, 0, 80, 10, 0, 0, 5, .. new byte[1 << 20].Select(_ => (byte)'u')]).Fault);

    [Fact]
    public void What_is_wrong_is_told()
    {
        ParserCheck.Wrong(Socks4.ReadRequest, "the version is 6, not 4", 6);
        ParserCheck.Wrong(Socks4.ReadRequest, "the host is empty", 4, 1, 0, 80, 0, 0, 0, 1, 0, 0);
        ParserCheck.Wrong(Socks4.ReadRequest, "the host 'a b' has a space; a name has letters, digits, '-', '_' and dots", [4, 1, 0, 80, 0, 0, 0, 1, 0, .. "a b\0"u8]);
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        foreach (var target in new EndPoint[] { IPEndPoint.Parse("192.0.2.7:65535"), IPEndPoint.Parse("1.2.3.4:0"), new DnsEndPoint("example.org", 80) })
        {
            foreach (var user in new[] { "", "me", "Zoë" })
                Assert.Equal(new Socks4Request(1, target, user), ParserCheck.Whole(Socks4.ReadRequest, Socks4.Request(SocksCommand.Connect, target, user)));
        }
        Assert.Equal(connect, Socks4.Request(1, IPEndPoint.Parse("10.0.0.5:80"), "me"));
        Assert.Equal(new Socks4Reply(0x5a, IPEndPoint.Parse("10.0.0.5:80")), ParserCheck.Whole(Socks4.ReadReply, Socks4.Reply(0x5a, IPEndPoint.Parse("10.0.0.5:80"))));
        Assert.Equal([0, 0x5b, 0, 0, 0, 0, 0, 0], Socks4.Reply(SocksReplies.Rejected));
        Assert.Equal([0, 0x5a, 0, 80, 0, 0, 0, 0], Socks4.Reply(SocksReplies.Granted, IPEndPoint.Parse("[::1]:80")));
        Assert.Equal([0, 0x5a, 0, 80, 10, 0, 0, 1], Socks4.Reply(SocksReplies.Granted, IPEndPoint.Parse("[::ffff:10.0.0.1]:80")));
    }

    [Fact]
    public void A_reply_begins_with_zero_or_with_the_version()
    {
        Assert.Equal(0x5b, ParserCheck.Whole(Socks4.ReadReply, 4, 0x5b, 0, 0, 0, 0, 0, 0).Code);
        ParserCheck.Wrong(Socks4.ReadReply, "it begins with 0x48, which no SOCKS4 reply does", [.. "HTTP/1.1"u8]);
    }

    [Theory, Seeds(2)]
    public void Nothing_that_comes_breaks_the_parsers(int seed)
    {
        ParserCheck.Fuzz(Socks4.ReadRequest, seed, connect, named);
        ParserCheck.Fuzz(Socks4.ReadReply, seed, Socks4.Reply(0x5a, IPEndPoint.Parse("10.0.0.5:80")));
    }
}
