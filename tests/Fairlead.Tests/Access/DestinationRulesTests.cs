using System.Net;

namespace Fairlead.Tests.Access;

public sealed class DestinationRulesTests
{
    private static readonly IPEndPoint own = new(IPAddress.Parse("192.0.2.1"), 1080);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("::")]
    [InlineData("169.254.169.254")]
    [InlineData("169.254.1.1")]
    [InlineData("fe80::1")]
    [InlineData("fe80::1%1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("ff02::1")]
    [InlineData("100.100.100.200")]
    [InlineData("::127.0.0.1")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("64:ff9b:1::7f00:1")]
    [InlineData("2002:7f00:1::")]
    public void Inner_addresses_are_refused_to_remote_clients_unless_named(string address)
    {
        var ip = IPAddress.Parse(address);
        var named = $"{(ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : new IPAddress(ip.GetAddressBytes()))}";

        Assert.False(Rules().Allows(ip, 80, null, isLocal: false));
        Assert.False(Rules(allow: ["any"]).Allows(ip, 80, null, isLocal: false));
        Assert.False(Rules(allow: ["0.0.0.0/0", "::/0"]).Allows(ip, 80, null, isLocal: false));
        Assert.False(Rules(allow: ["rebound.example"]).Allows(ip, 80, "rebound.example", isLocal: false));
        Assert.True(Rules(allow: [named]).Allows(ip, 80, null, isLocal: false));
        Assert.True(Rules().Allows(ip, 80, null, isLocal: true));
    }

    [Fact]
    public void Fairlead_s_own_listens_are_refused_to_remote_clients_unless_named()
    {
        Assert.False(Rules().Allows(own.Address, own.Port, null, isLocal: false));
        Assert.True(Rules().Allows(own.Address, own.Port + 1, null, isLocal: false));
        Assert.True(Rules().Allows(own.Address, own.Port, null, isLocal: true));
        Assert.True(Rules(allow: ["192.0.2.0/24:1080"]).Allows(own.Address, own.Port, null, isLocal: false));
    }

    [Fact]
    public void Localhost_counts_as_the_loopback_where_the_far_end_looks_names_up()
    {
        foreach (var name in (string[])["localhost", "a.localhost"])
        {
            Assert.False(Rules().AllowsFar(name, 80, isLocal: false));
            Assert.False(Rules(allow: ["any"]).AllowsFar(name, 80, isLocal: false));
            Assert.True(Rules(allow: [name]).AllowsFar(name, 80, isLocal: false));
            Assert.True(Rules().AllowsFar(name, 80, isLocal: true));
        }
        Assert.True(Rules().AllowsFar("notlocalhost", 80, isLocal: false));
    }

    [Theory]
    [InlineData("example.com", "example.com", 80, true)]
    [InlineData("example.com", "www.example.com", 80, false)]
    [InlineData("*.example.com", "www.example.com", 80, true)]
    [InlineData("*.example.com:443", "www.example.com", 80, false)]
    [InlineData(":443", "anything.example", 443, true)]
    [InlineData(":443", "anything.example", 80, false)]
    [InlineData("198.51.100.0/24", "www.example.com", 80, true)]
    [InlineData("198.51.100.0/24:81", "www.example.com", 80, false)]
    [InlineData("203.0.113.0/24", "www.example.com", 80, false)]
    public void Only_what_allow_to_holds_may_be_reached(string allowed, string name, int port, bool isAllowed)
    {
        Assert.Equal(isAllowed, Rules(allow: [allowed]).Allows(IPAddress.Parse("198.51.100.7"), port, name, isLocal: false));
        // And what deny_to holds may not, whatever else is allowed.
        Assert.Equal(!isAllowed, Rules(deny: [allowed], allow: ["any"]).Allows(IPAddress.Parse("198.51.100.7"), port, name, isLocal: false));
    }

    [Fact]
    public void Nobody_goes_anywhere_by_an_empty_allow_to() => Assert.False(Rules(allow: []).Allows(IPAddress.Parse("198.51.100.7"), 80, "a.example", isLocal: true));

    [Theory]
    [InlineData("a.example", 80, true)]
    [InlineData("b.example", 80, false)]
    public void What_cannot_be_allowed_is_not_looked_up(string name, int port, bool isAsked)
    {
        Assert.Equal(isAsked, Rules(allow: ["a.example"]).MayAsk(name, port));
        Assert.Equal(!isAsked, Rules(deny: ["a.example"]).MayAsk(name, port));
        // An address decides where a network is allowed.
        Assert.True(Rules(allow: ["198.51.100.0/24"]).MayAsk(name, port));
    }

    [Fact]
    public void A_mapped_address_is_the_address_that_it_stands_for()
    {
        Assert.False(Rules(deny: ["198.51.100.0/24"]).Allows(IPAddress.Parse("::ffff:198.51.100.7"), 80, null, isLocal: false));
        Assert.False(Rules(deny: ["::ffff:198.51.100.0/120"]).Allows(IPAddress.Parse("198.51.100.7"), 80, null, isLocal: false));
    }

    private static DestinationRules Rules(string[]? deny = null, string[]? allow = null)
    {
        return new DestinationRules([.. (deny ?? []).Select(DestinationPattern.Parse)], allow is null ? null : [.. allow.Select(DestinationPattern.Parse)], endPoint => endPoint.Equals(own));
    }
}
