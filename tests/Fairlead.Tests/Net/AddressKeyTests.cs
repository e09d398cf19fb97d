using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

public sealed class AddressKeyTests
{
    private static AddressKey Key(string address) => AddressKey.Of(IPAddress.Parse(address))!.Value;

    [Theory]
    [InlineData("0.0.0.0"), InlineData("10.1.2.3"), InlineData("255.255.255.255"), InlineData("::"), InlineData("::1"), InlineData("2001:db8::dead:beef")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void An_address_comes_back_as_it_was(string address)
    {
        Assert.Equal(IPAddress.Parse(address), Key(address).ToAddress());
        Assert.Equal(address, Key(address).ToString());
    }

    [Fact]
    public void Families_are_apart_but_IPv4_in_the_clothes_of_IPv6_is_IPv4()
    {
        Assert.NotEqual(Key("0.0.0.1"), Key("::1"));
        Assert.Equal(Key("10.1.2.3"), Key("::ffff:10.1.2.3"));
        Assert.Equal(32, Key("::ffff:10.1.2.3").Length);
        Assert.NotEqual(Key("10.1.2.3"), Key("::fffe:10.1.2.3"));
    }

    [Fact]
    public void A_zone_makes_no_difference() => Assert.Equal(Key("fe80::1"), Key("fe80::1%7"));

    [Fact]
    public void No_address_has_no_key() => Assert.Null(AddressKey.Of(null));

    [Theory]
    [InlineData("10.1.2.3", 0, "0.0.0.0"), InlineData("10.1.2.3", 8, "10.0.0.0"), InlineData("10.1.2.3", 31, "10.1.2.2"), InlineData("10.1.2.3", 32, "10.1.2.3")]
    [InlineData("2001:db8:1:2ff::9", 0, "::"), InlineData("2001:db8:1:2ff::9", 56, "2001:db8:1:200::"), InlineData("2001:db8:1:2ff::9", 128, "2001:db8:1:2ff::9")]
    public void A_mask_leaves_the_network(string address, int prefixLength, string network)
    {
        Assert.Equal(Key(network), Key(address).Masked(prefixLength));
        Assert.True(Key(address).IsIn(Key(network), prefixLength));
        Assert.True(Key(address).IsIn(Key(address), prefixLength));
    }

    [Fact]
    public void An_address_outside_is_not_in_a_network()
    {
        Assert.False(Key("10.2.0.0").IsIn(Key("10.1.0.0"), 16));
        Assert.False(Key("::").IsIn(Key("0.0.0.0"), 0));
    }

    [Theory, InlineData("10.1.2.3", 33), InlineData("::1", 129), InlineData("::1", -1)]
    public void A_mask_of_no_such_length_is_refused(string address, int prefixLength)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Key(address).Masked(prefixLength));
    }
}
