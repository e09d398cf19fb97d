namespace Fairlead.Tests.Config;

public class ForwardRulesTests
{
    [Theory]
    [InlineData("8080:a:80", "8080:b:80", "forward :8080 to b:80: :8080 is listened on by forward :8080 to a:80 already; give one of them another port or address")]
    [InlineData("8080:a:80", "127.0.0.1:8080:b:80", "forward 127.0.0.1:8080 to b:80: 127.0.0.1:8080 is listened on by forward :8080 to a:80 already as :8080 (every address includes this one); give one of them another port or address")]
    [InlineData("[::]:8080:a:80", "127.0.0.1:8080:b:80", "forward 127.0.0.1:8080 to b:80: 127.0.0.1:8080 is listened on by forward [::]:8080 to a:80 already as [::]:8080 (every address includes this one); give one of them another port or address")]
    [InlineData("0.0.0.0:8080:a:80", "127.0.0.1:8080:b:80", "forward 127.0.0.1:8080 to b:80: 127.0.0.1:8080 is listened on by forward 0.0.0.0:8080 to a:80 already as 0.0.0.0:8080 (0.0.0.0 is every IPv4 address); give one of them another port or address")]
    [InlineData("localhost:8080:a:80", "127.0.0.1:8080:b:80", "forward 127.0.0.1:8080 to b:80: 127.0.0.1:8080 is listened on by forward localhost:8080 to a:80 already as localhost:8080 (localhost is both 127.0.0.1 and ::1); give one of them another port or address")]
    [InlineData("8000-8010:a:80", "127.0.0.1:8005-8020:b:80", "forward 127.0.0.1:8005-8020 to b:80: 127.0.0.1:8005-8020 is listened on by forward :8000-8010 to a:80 already as :8000-8010 (both have ports 8005-8010; every address includes this one); give one of them another port or address")]
    [InlineData("127.0.0.1:8010:a:80", "127.0.0.1:8000-8010:b:80", "forward 127.0.0.1:8000-8010 to b:80: 127.0.0.1:8000-8010 is listened on by forward 127.0.0.1:8010 to a:80 already as 127.0.0.1:8010 (both have port 8010); give one of them another port or address")]
    [InlineData("53:a:53/udp", "53:b:53/tcp+udp", "forward :53/tcp+udp to b:53: :53/tcp+udp is listened on by forward :53/udp to a:53 already; give one of them another port or address")]
    [InlineData("unix:/run/a:a:80", "unix:/run/../run/a:b:80", "forward unix:/run/../run/a to b:80: unix:/run/../run/a is listened on by forward unix:/run/a to a:80 already; give one of them another path")]
    public void Two_forwards_cannot_listen_on_the_same(string first, string second, string error)
    {
        Assert.Equal([error], ForwardRules.Check([ForwardConfig.Parse(first), ForwardConfig.Parse(second)]));
    }

    [Theory]
    [InlineData("localhost:8080:a:80", "[::1]:8080:b:80")]
    [InlineData("[::ffff:127.0.0.1]:8080:a:80", "127.0.0.1:8080:b:80")]
    [InlineData("Host.example:8080:a:80", "host.example.:8080:b:80")]
    [InlineData("host.example:8080:a:80", "8080:b:80")]
    [InlineData("[fe80::1%eth0]:8080:a:80", "[fe80::1%eth0]:8080:b:80")]
    public void Different_words_for_the_same_address_are_the_same(string first, string second)
    {
        Assert.Single(ForwardRules.Check([ForwardConfig.Parse(first), ForwardConfig.Parse(second)]));
        Assert.Single(ForwardRules.Check([ForwardConfig.Parse(second), ForwardConfig.Parse(first)]));
    }

    [Theory]
    [InlineData("8080:a:80", "8081:a:80")]
    [InlineData("0:a:80", "0:a:80")]
    [InlineData("127.0.0.1:8080:a:80", "127.0.0.2:8080:b:80")]
    [InlineData("localhost:8080:a:80", "127.0.0.2:8080:b:80")]
    [InlineData("0.0.0.0:8080:a:80", "[::1]:8080:b:80")]
    [InlineData("0.0.0.0:8080:a:80", "host.example:8080:b:80")]
    [InlineData("[fe80::1%eth0]:8080:a:80", "[fe80::1%eth1]:8080:b:80")]
    [InlineData("8000-8010:a:80", "8011-8020:b:80")]
    [InlineData("53:a:53", "53:a:53/udp")]
    [InlineData("8000-8010:a:80/udp", "127.0.0.1:8005:a:80")]
    [InlineData("unix:/run/a:a:80", "unix:/run/b:a:80")]
    public void Listens_that_do_not_meet_are_left_alone(string first, string second)
    {
        Assert.Empty(ForwardRules.Check([ForwardConfig.Parse(first), ForwardConfig.Parse(second)]));
    }

    [Fact]
    public void One_forward_cannot_listen_twice_on_the_same()
    {
        var forward = Sound with { Name = "web", Listen = [Endpoint.Parse(":80"), Endpoint.Parse("localhost:80")] };

        Assert.Equal(["forward 'web': localhost:80 is listened on by the same forward already as :80 (every address includes this one); give one of them another port or address"], ForwardRules.Check([forward]));
    }

    [Fact]
    public void Every_error_is_told_and_each_once()
    {
        var errors = ForwardRules.Check(
        [
            Sound with { Name = "Web", Listen = [Endpoint.Parse(":81")], To = [new(Endpoint.Parse("a:0/udp"))] },
            Sound with { Name = "x", Listen = [] },
            Sound with { Name = "x", Listen = [Endpoint.Parse(":82")], Timeouts = new() { Connect = TimeSpan.Zero, Idle = TimeSpan.FromDays(25), HalfClosed = TimeSpan.FromSeconds(-1), Drain = TimeSpan.Zero } },
            Sound with { Name = "y" },
            Sound with { Name = "z" },
        ]);

        Assert.Equal(
        [
            "forward 'Web': name has to be 1 to 63 of the characters a-z, 0-9 and '-', like web-1",
            "forward 'Web': target port 0 cannot be connected to; write the port that the target listens on, from 1 to 65535",
            "forward 'Web': target a:0/udp is for UDP, which nothing is listened on for; leave /udp out, or write it behind the listen's port",
            "forward 'x': listens nowhere; write where connections arrive, like :8080",
            "forward 'x': connect timeout is 0s; write a longer one, or off for none",
            "forward 'x': idle timeout is 25d; it is at most 24d, or off for none",
            "forward 'x': half-closed timeout is -1s; write a longer one, or off for none",
            "forward 'x': another forward has this name; give each its own",
            "forward 'z': :80 is listened on by forward 'y' already; give one of them another port or address",
        ], errors);
    }

    [Fact]
    public void Endpoints_that_were_built_by_hand_are_checked_like_written_ones()
    {
        var errors = ForwardRules.Check(
        [
            Sound with { Name = "a", Listen = [new PortEndpoint("ho st", new PortRange(5, 4))] },
            Sound with { Name = "b", Listen = [new UnixEndpoint("")], To = [new(new PortEndpoint("", new PortRange(70000)))] },
        ]);

        Assert.Equal(
        [
            "forward 'a': listen host 'ho st' has a space; a name has letters, digits, '-', '_' and dots",
            "forward 'a': listen ports '5-4' are not ports; write a number from 1 to 65535, or a range like 8000-8010",
            "forward 'b': listen Unix path is missing; write the socket's path behind unix:, like unix:/run/app.sock",
            "forward 'b': target ports '70000' are not ports; write a number from 1 to 65535, or a range like 8000-8010",
            "forward 'b': target host is missing; write its name or address, or 127.0.0.1 for this machine",
        ], errors);
    }

    [Fact]
    public void Ten_thousand_equal_listens_are_one_error_each_at_most()
    {
        var forwards = Enumerable.Range(0, 10_000).Select(i => Sound with { Listen = [new PortEndpoint("", new PortRange(1 + (i % 5000)))] }).ToList();

        Assert.Equal(5000, ForwardRules.Check(forwards).Count);
    }

    private static ForwardConfig Sound => new() { Listen = [Endpoint.Parse(":80")], To = [new(Endpoint.Parse("a:80"))] };
}
