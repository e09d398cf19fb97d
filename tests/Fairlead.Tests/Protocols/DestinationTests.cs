using System.Net;

namespace Fairlead.Tests.Protocols;

public sealed class DestinationTests
{
    [Theory]
    [InlineData("10.0.0.5", "10.0.0.5:80")]
    [InlineData("127.0.0.1.", "127.0.0.1:80")]
    [InlineData("2001:db8::1", "[2001:db8::1]:80")]
    [InlineData("::ffff:10.0.0.5", "10.0.0.5:80")]
    public void A_host_that_can_be_read_as_an_address_is_one(string host, string expected)
    {
        var target = Assert.IsType<IPEndPoint>(Destination.Read(host, 80, out var fault));
        Assert.Null(fault);
        Assert.Equal(expected, target.ToString());
        Assert.Equal(expected, Destination.ToText(target));
    }

    [Theory, InlineData("example.org"), InlineData("localhost"), InlineData("a_b.example."), InlineData("1.example")]
    public void Any_other_host_is_a_name(string host)
    {
        Assert.Equal(new DnsEndPoint(host, 443), Destination.Read(host, 443, out var fault));
        Assert.Null(fault);
        Assert.Equal($"{host}:443", Destination.ToText(new DnsEndPoint(host, 443)));
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("a b", "'a b' has a space; a name has letters, digits, '-', '_' and dots")]
    [InlineData("a\nb", "'a\\u000ab' has a control character; a name has letters, digits, '-', '_' and dots")]
    [InlineData("0x7f.1", "'0x7f.1' ends in a number but is not an IPv4 address; write an address like 10.0.0.5, or a name that ends in letters")]
    [InlineData("[::1]", "'[::1]' is not an IPv6 address; write one like [2001:db8::5] or [fe80::1%eth0]")]
    public void A_host_that_is_neither_is_told_why(string host, string expected)
    {
        Assert.Null(Destination.Read(host, 80, out var fault));
        Assert.Equal(expected, fault);
    }
}
