using System.Net;

namespace Fairlead.Tests;

public sealed class ConfigChangeTests
{
    private static ForwardConfig Web => ForwardConfig.Parse("8080:10.0.0.5:80") with
    {
        Name = "web",
        Allow = [IPNetwork.Parse("10.0.0.0/8")],
        Routes = [new RouteConfig { From = [IPNetwork.Parse("192.0.2.0/24")], To = [new(Endpoint.Parse("10.0.0.6:80")) { Weight = 2 }] }],
    };

    [Fact]
    public void Forwards_that_say_the_same_are_unchanged()
    {
        var change = ConfigChange.Between([Web], [Web]);
        Assert.True(change.IsNothing);
        Assert.Equal("nothing changed", change.ToString());
        Assert.Equal([Web], change.Unchanged);
    }

    [Fact]
    public void A_forward_is_the_same_when_its_name_is()
    {
        var moved = Web with { Listen = [Endpoint.Parse(":9090")] };
        var change = ConfigChange.Between([Web], [moved]);
        Assert.Equal([(Web, moved)], change.Changed);
        Assert.Empty(change.Added.Concat(change.Removed));
    }

    [Fact]
    public void Without_a_name_a_forward_is_the_same_when_its_listen_is()
    {
        var (old, other) = (ForwardConfig.Parse("8080:10.0.0.5:80"), ForwardConfig.Parse("8080:10.0.0.6:80"));
        Assert.Equal([(old, other)], ConfigChange.Between([old], [other]).Changed);
        var elsewhere = ForwardConfig.Parse("8081:10.0.0.5:80");
        var change = ConfigChange.Between([old], [elsewhere]);
        Assert.Equal([old], change.Removed);
        Assert.Equal([elsewhere], change.Added);
    }

    [Fact]
    public void Each_difference_is_found_however_deep()
    {
        ForwardConfig[] others =
        [
            Web with { To = [new(Endpoint.Parse("10.0.0.5:81"))] },
            Web with { Allow = null },
            Web with { Allow = [] },
            Web with { Routes = [Web.Routes[0] with { To = [Web.Routes[0].To[0] with { Weight = 3 }] }] },
            Web with { Limits = new ForwardLimits { Connections = 1 } },
            Web with { Timeouts = new ForwardTimeouts { Idle = TimeSpan.FromSeconds(1) } },
            Web with { Health = new HealthConfig() },
        ];
        Assert.All(others, other => Assert.Single(ConfigChange.Between([Web], [other]).Changed));
    }

    [Fact]
    public void The_lists_keep_the_order_in_which_forwards_are_written()
    {
        var forwards = Enumerable.Range(1, 6).Select(port => ForwardConfig.Parse($"{port}:h:80")).ToList();
        var change = ConfigChange.Between([.. forwards.Take(4)], [forwards[5], forwards[1], forwards[4], forwards[3] with { Limits = new ForwardLimits { Connections = 1 } }]);
        Assert.Equal([forwards[5], forwards[4]], change.Added);
        Assert.Equal([forwards[0], forwards[2]], change.Removed);
        Assert.Equal([forwards[1]], change.Unchanged);
        Assert.Equal("2 added, 2 removed, 1 changed, 1 unchanged", change.ToString());
    }
}
