using System.Net;
using System.Text;

namespace Fairlead.Tests.Protocols.Socks;

public sealed class Socks5Tests
{
    private static readonly byte[] v4 = [5, 1, 0, 1, 10, 0, 0, 5, 0, 80];
    private static readonly byte[] v6 = [5, 2, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255];
    private static readonly byte[] named = [5, 1, 0, 3, 11, .. "example.org"u8, 1, 187];

    [Theory]
    [InlineData(new byte[] { 5, 1, 0 }, Socks5Methods.Open)]
    [InlineData(new byte[] { 5, 1, 2 }, Socks5Methods.UserPassword)]
    [InlineData(new byte[] { 5, 3, 2, 1, 0 }, Socks5Methods.Open | Socks5Methods.UserPassword)]
    [InlineData(new byte[] { 5, 2, 1, 0x80 }, Socks5Methods.None)]
    [InlineData(new byte[] { 5, 0 }, Socks5Methods.None)]
    internal void A_greeting_is_read_with_the_methods_that_are_understood(byte[] greeting, Socks5Methods expected) =>
        Assert.Equal(expected, ParserCheck.Whole(Socks5Login.ReadGreeting, greeting));

    [Fact]
    public void A_greeting_may_offer_all_methods_that_there_are()
    {
        byte[] greeting = [5, 255, .. Enumerable.Range(1, 255).Select(i => (byte)i)];
        Assert.Equal(Socks5Methods.UserPassword, ParserCheck.Whole(Socks5Login.ReadGreeting, greeting));
        Assert.Equal(Socks5Login.MostGreetingBytes, greeting.Length);
    }

    [Theory, InlineData("me", "secret"), InlineData("", ""), InlineData("Zoë", "pass:word\0")]
    public void A_user_and_a_password_are_read_as_they_were_written(string user, string password)
    {
        var bytes = Socks5Login.Credentials(user, Encoding.UTF8.GetBytes(password));
        Assert.Equal(new Socks5Credentials(user, password), ParserCheck.Whole(Socks5Login.ReadCredentials, bytes));
    }

    [Fact]
    public void A_user_and_a_password_have_255_bytes_at_the_most()
    {
        var longest = Socks5Login.Credentials(new string('u', 255), Encoding.UTF8.GetBytes(new string('p', 255)));
        Assert.Equal(new Socks5Credentials(new string('u', 255), new string('p', 255)), ParserCheck.Whole(Socks5Login.ReadCredentials, longest));
        Assert.Equal(Socks5Login.MostCredentialsBytes, longest.Length);
        Assert.Equal([1, 2, (byte)'m', (byte)'e', 1, (byte)'x'], Socks5Login.Credentials("me", "x"u8));
    }

    [Fact]
    public void A_password_is_not_shown() => Assert.Equal("me\\u000a:***", new Socks5Credentials("me\n", "secret").ToString());

    [Fact]
    public void The_answers_to_a_login_are_read_as_they_were_written()
    {
        foreach (var method in new byte[] { Socks5Login.Open, Socks5Login.UserPassword, Socks5Login.NoAcceptableMethods, 1 })
            Assert.Equal(method, ParserCheck.Whole(Socks5Login.ReadMethod, Socks5Login.Method(method)));
        Assert.True(ParserCheck.Whole(Socks5Login.ReadStatus, Socks5Login.Status(isTaken: true)));
        Assert.False(ParserCheck.Whole(Socks5Login.ReadStatus, Socks5Login.Status(isTaken: false)));
        Assert.False(ParserCheck.Whole(Socks5Login.ReadStatus, 1, 0xFF));
        Assert.True(ParserCheck.Whole(Socks5Login.ReadStatus, 5, 0));
        foreach (var methods in new[] { Socks5Methods.None, Socks5Methods.Open, Socks5Methods.UserPassword, Socks5Methods.Open | Socks5Methods.UserPassword })
            Assert.Equal(methods, ParserCheck.Whole(Socks5Login.ReadGreeting, Socks5Login.Greeting(methods)));
    }

    [Fact]
    public void Requests_for_addresses_and_names_are_read()
    {
        Assert.Equal(new Socks5Request(SocksCommand.Connect, IPEndPoint.Parse("10.0.0.5:80")), ParserCheck.Whole(Socks5Request.Read, v4));
        Assert.Equal(new Socks5Request(SocksCommand.Bind, IPEndPoint.Parse("[2001:db8::1]:65535")), ParserCheck.Whole(Socks5Request.Read, v6));
        Assert.Equal(new Socks5Request(SocksCommand.Connect, new DnsEndPoint("example.org", 443)), ParserCheck.Whole(Socks5Request.Read, named));
    }

    [Fact]
    public void A_client_of_datagrams_need_not_say_where_he_will_send_from()
    {
        var anywhere = new Socks5Request(SocksCommand.UdpAssociate, SocksAddress.None);
        Assert.Equal(anywhere, ParserCheck.Whole(Socks5Request.Read, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0));
        // As PySocks writes it, and one with an empty name.
        Assert.Equal(anywhere, ParserCheck.Whole(Socks5Request.Read, [5, 3, 0, 3, 1, .. "0"u8, 200, 0]));
        Assert.Equal(anywhere, ParserCheck.Whole(Socks5Request.Read, 5, 3, 0, 3, 0, 0, 0));
        ParserCheck.Wrong(Socks5Request.Read, "the host '0' is neither an IPv4 address nor a name; write an address as four numbers, like 10.0.0.5", [5, 1, 0, 3, 1, .. "0"u8, 200, 0]);
    }

    [Fact]
    public void A_name_that_is_an_address_becomes_one()
    {
        Assert.Equal(IPEndPoint.Parse("127.0.0.1:80"), ParserCheck.Whole(Socks5Request.Read, [5, 1, 0, 3, 9, .. "127.0.0.1"u8, 0, 80]).Target);
        Assert.Equal(IPEndPoint.Parse("[::1]:80"), ParserCheck.Whole(Socks5Request.Read, [5, 1, 0, 3, 3, .. "::1"u8, 0, 80]).Target);
        Assert.Equal(IPEndPoint.Parse("10.0.0.5:80"), ParserCheck.Whole(Socks5Request.Read, [5, 1, 0, 3, 15, .. "::ffff:10.0.0.5"u8, 0, 80]).Target);
        Assert.Equal(IPEndPoint.Parse("10.0.0.5:80"), ParserCheck.Whole(Socks5Request.Read, [5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 5, 0, 80]).Target);
    }

    [Fact]
    public void An_unknown_command_is_kept_and_an_unknown_type_of_address_ends_the_request()
    {
        Assert.Equal(new Socks5Request(9, IPEndPoint.Parse("10.0.0.5:80")), ParserCheck.Whole(Socks5Request.Read, [5, 9, .. v4[2..]]));
        Assert.Equal(new Socks5Request(1, null), ParserCheck.Whole(Socks5Request.Read, 5, 1, 0, 2));
    }

    [Fact]
    public void The_longest_name_has_255_bytes_and_is_refused_for_what_it_is()
    {
        var name = string.Concat(Enumerable.Repeat($"{new string('a', 62)}.", 4)) + "b";
        byte[] longest = [5, 1, 0, 3, 253, .. Encoding.ASCII.GetBytes(name), 0, 80];
        Assert.Equal(new DnsEndPoint(name, 80), ParserCheck.Whole(Socks5Request.Read, longest).Target);
        byte[] longer = [5, 1, 0, 3, 255, .. new byte[255].Select(_ => (byte)'a'), 0, 80];
        Assert.Equal(Socks5Request.MostBytes, longer.Length);
        Assert.True(Socks5Request.Read(longer.AsSpan(0, longer.Length - 1)).NeedsMore);
        ParserCheck.Wrong(Socks5Request.Read, $"the host '{new string('a', 255)}' is 255 characters long; a name has at most 253", longer);
    }

    [Fact]
    public void What_is_wrong_is_told()
    {
        ParserCheck.Wrong(Socks5Request.Read, "the version is 6, not 5", 6);
        ParserCheck.Wrong(Socks5Request.Read, "the host is empty", 5, 1, 0, 3, 0, 0, 80);
        ParserCheck.Wrong(Socks5Request.Read, "the host 'a\\u0000b' has a control character; a name has letters, digits, '-', '_' and dots", [5, 1, 0, 3, 3, .. "a\0b"u8, 0, 80]);
        ParserCheck.Wrong(Socks5Login.ReadGreeting, "the version is 71, not 5", [.. "GET"u8]);
        ParserCheck.Wrong(Socks5Login.ReadCredentials, "the version of the user and password is 5, not 1", 5);
        ParserCheck.Wrong(Socks5Login.ReadMethod, "it begins with 0x48, which no SOCKS5 server does", [.. "HTTP"u8]);
        ParserCheck.Wrong(Socks5Login.ReadStatus, "its word on the user and password begins with 0x00, not 0x01", 0);
        ParserCheck.Wrong(Socks5Reply.Read, "its reply begins with 0x00, not 0x05", 0);
        ParserCheck.Wrong(Socks5Reply.Read, "its reply has the address type 0x02, which is unknown", 5, 0, 0, 2);
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        foreach (var target in new EndPoint[] { IPEndPoint.Parse("10.0.0.5:80"), IPEndPoint.Parse("[2001:db8::1]:0"), new DnsEndPoint("example.org", 65535), SocksAddress.None })
            Assert.Equal(new Socks5Request(1, target), ParserCheck.Whole(Socks5Request.Read, Socks5Request.Write(SocksCommand.Connect, target)));
        Assert.Equal(v4, Socks5Request.Write(1, IPEndPoint.Parse("[::ffff:10.0.0.5]:80")));
        for (byte code = 0; code <= 8; code++)
            Assert.Equal(new Socks5Reply(code, IPEndPoint.Parse("[::1]:1080")), ParserCheck.Whole(Socks5Reply.Read, Socks5Reply.Write(code, IPEndPoint.Parse("[::1]:1080"))));
        Assert.Equal([5, 1, 0, 1, 0, 0, 0, 0, 0, 0], Socks5Reply.Write(SocksReplies.GeneralFailure));
    }

    [Fact]
    public void A_reply_may_tell_a_name_even_one_that_is_none_and_a_refusal_need_tell_nothing()
    {
        Assert.Equal(new Socks5Reply(0, new DnsEndPoint("relay.example", 1080)), ParserCheck.Whole(Socks5Reply.Read, [5, 0, 0, 3, 13, .. "relay.example"u8, 4, 56]));
        Assert.Equal(new Socks5Reply(5, SocksAddress.None), ParserCheck.Whole(Socks5Reply.Read, 5, 5, 0, 3, 0, 0, 0));
        Assert.Equal(new Socks5Reply(5, SocksAddress.None), ParserCheck.Whole(Socks5Reply.Read, 5, 5, 0, 0));
    }

    [Theory, Seeds(2)]
    public void Nothing_that_comes_breaks_the_parsers(int seed)
    {
        ParserCheck.Fuzz(Socks5Login.ReadGreeting, seed, [5, 1, 0], [5, 3, 0, 1, 2]);
        ParserCheck.Fuzz(Socks5Login.ReadCredentials, seed, Socks5Login.Credentials("me", "secret"u8));
        ParserCheck.Fuzz(Socks5Login.ReadMethod, seed, [5, 0], [5, 255]);
        ParserCheck.Fuzz(Socks5Login.ReadStatus, seed, [1, 0]);
        ParserCheck.Fuzz(Socks5Request.Read, seed, v4, v6, named);
        ParserCheck.Fuzz(Socks5Reply.Read, seed, v4, v6, named);
    }
}
