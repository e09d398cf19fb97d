using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class LoginPenaltiesTests
{
    private static readonly TimeSpan each = TimeSpan.FromSeconds(5);

    private readonly ManualTime time = new();
    private readonly LoginPenalties penalties;

    public LoginPenaltiesTests() => penalties = new LoginPenalties(time);

    [Fact]
    public void Three_failures_may_be_owed_and_time_pays_them()
    {
        Fail("192.0.2.1", 3);
        Assert.False(Refuses("192.0.2.1"));
        Fail("192.0.2.1", 1);
        Assert.True(Refuses("192.0.2.1"));
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.True(Refuses("192.0.2.1"));
        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.False(Refuses("192.0.2.1"));
        // It still owes the three.
        Fail("192.0.2.1", 1);
        Assert.True(Refuses("192.0.2.1"));
    }

    [Fact]
    public void Whoever_never_stops_may_come_back_within_ten_minutes()
    {
        Fail("192.0.2.1", 10_000);
        time.Advance(TimeSpan.FromSeconds(584));
        Assert.True(Refuses("192.0.2.1"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(Refuses("192.0.2.1"));
    }

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.2", false), InlineData("192.0.2.1", "::ffff:192.0.2.1", true), InlineData("2001:db8::1", "2001:db8:0:ff::2", true), InlineData("2001:db8::1", "2001:db8:0:100::1", false)]
    public void A_source_is_an_address_and_of_IPv6_what_one_customer_has(string one, string other, bool isSame)
    {
        Fail(one, 4);
        Assert.Equal(isSame, Refuses(other));
    }

    [Fact]
    public void Ten_thousand_are_known_at_the_most_and_the_worst_stay_known()
    {
        Fail("192.0.2.1", 10);
        for (uint i = 0; i < 20_000; i++)
            penalties.Add(new AddressKey(i, true), each, each);
        Assert.Equal(10_000, penalties.Count);
        Assert.True(Refuses("192.0.2.1"));
        // Whose time is over makes room for another.
        time.Advance(TimeSpan.FromSeconds(5));
        Fail("192.0.2.2", 1);
        Assert.Equal(2, penalties.Count);
    }

    private void Fail(string client, int times)
    {
        for (var i = 0; i < times; i++)
            penalties.Add(Key(client), each, each);
    }

    private bool Refuses(string client) => penalties.Refuses(Key(client), each);

    private static AddressKey Key(string address) => AddressKey.Of(IPAddress.Parse(address))!.Value;
}
