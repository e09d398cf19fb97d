using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class AccessListTests
{
    [Theory]
    [InlineData("", null, "203.0.113.9", true)]
    [InlineData("", "", "203.0.113.9", false)]
    [InlineData("", "10.0.0.0/8", "10.1.2.3", true)]
    [InlineData("", "10.0.0.0/8", "11.1.2.3", false)]
    [InlineData("", "10.0.0.0/8", "2001:db8::1", false)]
    [InlineData("10.1.0.0/16", null, "10.1.2.3", false)]
    [InlineData("10.1.0.0/16", null, "10.2.2.3", true)]
    [InlineData("10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", false)]
    [InlineData("10.1.0.0/16", "10.0.0.0/8", "10.2.2.3", true)]
    [InlineData("10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", false)]
    [InlineData("0.0.0.0/0,::/0", "10.0.0.0/8", "10.1.2.3", false)]
    [InlineData("", "0.0.0.0/0,::/0", "2001:db8::1", true)]
    [InlineData("", "2001:db8::/32", "2001:db8:ffff::1", true)]
    [InlineData("10.0.0.0/8", null, "::ffff:10.1.2.3", false)]
    public void Deny_comes_first_and_then_only_those_who_are_allowed(string deny, string? allow, string client, bool isLetIn)
    {
        var list = new AccessList(Networks(deny), allow is null ? null : Networks(allow));
        Assert.Equal(isLetIn, list.Allows(AddressKey.Of(IPAddress.Parse(client))));
    }

    [Fact]
    public void A_client_without_an_address_is_let_in()
    {
        Assert.True(new AccessList(Networks("0.0.0.0/0,::/0"), []).Allows(null));
    }

    private static List<IPNetwork> Networks(string list) => [.. list.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(IPNetwork.Parse)];
}
