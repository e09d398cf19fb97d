namespace Fairlead.Tests.Config;

public class ProtocolRulesTests
{
    [Theory]
    [InlineData("", "off", "5m", "60s")]
    [InlineData("idle: 2m", "2m", "2m", "60s")]
    [InlineData("idle: 30s", "30s", "30s", "30s")]
    [InlineData("idle: off", "off", "off", "60s")]
    [InlineData("unanswered: 5s", "off", "5m", "5s")]
    [InlineData("idle: 10m, unanswered: 3m", "10m", "10m", "3m")]
    public void Silence_ends_a_session_later_when_it_was_answered(string timeouts, string stream, string answered, string unanswered)
    {
        var read = Yaml.Forward($$"""forwards: [{ listen: ":53/tcp+udp", to: "a:53", timeouts: { {{timeouts}} } }]""").Timeouts;

        Assert.Equal((Duration.Parse(stream), Duration.Parse(answered), Duration.Parse(unanswered)), (read.StreamIdle, read.DatagramIdle, read.DatagramUnanswered));
    }

    [Theory]
    [InlineData("", 5000)]
    [InlineData("sessions_per_second: 7", 7)]
    [InlineData("sessions_per_second: off", null)]
    public void New_sessions_of_UDP_are_limited_unless_that_is_off(string limits, int? expected)
    {
        Assert.Equal(expected, Yaml.Forward($$"""forwards: [{ listen: ":53/udp", to: "a:53", limits: { {{limits}} } }]""").Limits.DatagramSessionsPerSecond);
    }

    [Theory]
    [InlineData(":53", PortProtocols.Tcp)]
    [InlineData(":53/tcp", PortProtocols.Tcp)]
    [InlineData(":53/udp", PortProtocols.Udp)]
    [InlineData(":53/tcp+udp", PortProtocols.Tcp | PortProtocols.Udp)]
    [InlineData("unix:/run/a.sock", PortProtocols.Tcp)]
    public void A_listen_has_the_protocols_that_are_written_or_TCP(string listen, PortProtocols expected)
    {
        var forward = Yaml.Forward($$"""forwards: [{ listen: "{{listen}}", to: "a:53" }]""");

        Assert.Equal(expected, forward.Protocols);
        Assert.Equal(expected, ForwardConfig.ProtocolsOf(forward.Listen[0]));
    }

    [Fact]
    public void A_listen_of_TCP_is_the_same_whether_that_is_written_or_not()
    {
        var (with, without) = (new ForwardConfig { Listen = [Endpoint.Parse(":80/tcp")] }, new ForwardConfig { Listen = [Endpoint.Parse(":80")] });

        Assert.Equal(without, with);
        Assert.True(ConfigChange.Between([without], [with]).IsNothing);
        Assert.Equal(":80", with.Title);
    }

    [Theory]
    [InlineData("a:53", true, true)]
    [InlineData("a:53/tcp", true, false)]
    [InlineData("a:53/udp", false, true)]
    [InlineData("a:53/tcp+udp", true, true)]
    [InlineData("unix:/run/a.sock", true, false)]
    public void A_target_takes_its_own_protocols_or_all_that_are_listened_for(string target, bool tcp, bool udp)
    {
        var upstream = new UpstreamConfig(Endpoint.Parse(target));

        Assert.Equal((tcp, udp), (upstream.Takes(PortProtocols.Tcp), upstream.Takes(PortProtocols.Udp)));
        Assert.Equal(target, upstream.ToString());
    }

    [Theory]
    [InlineData("""listen: ":53/tcp+udp", to: ["a:53", "b:53/udp"]""")]
    [InlineData("""listen: ":53/tcp+udp", to: ["a:53/tcp", "a:53/udp"]""")]
    [InlineData("""listen: ":53/tcp+udp", to: ["unix:/run/a.sock", "a:53/udp"]""")]
    [InlineData("""listen: [":53", ":5000-5010/udp"], to: ["a:53/tcp", "a:6000-6010/udp"]""")]
    [InlineData("""listen: [":53/tcp", ":54/udp"], to: ["127.0.0.1:53/udp", "127.0.0.1:54/tcp"]""")]
    [InlineData("""listen: [":53/udp", "unix:/run/in.sock"], to: "a:53" """)]
    [InlineData("""listen: ":53/tcp+udp", routes: [{ from: any, to: ["a:53/tcp", "b:53/udp"] }]""")]
    [InlineData("""listen: ":53/udp", to: "a:53", affinity: source, responses: 1, proxy_protocol: { send: v2, udp: each }""")]
    [InlineData("""listen: ":53/tcp+udp", to: "a:53", health: {}, affinity: source, limits: { accepts_per_second: 1 }, timeouts: { half_closed: 1s }""")]
    public void TCP_and_UDP_of_one_forward_may_go_different_ways(string forward) => Assert.Empty(Yaml.Errors($"forwards: [{{ {forward} }}]"));

    [Fact]
    public void Forwards_that_were_built_by_hand_are_checked_like_written_ones()
    {
        var stream = new ForwardConfig { Name = "a", Listen = [Endpoint.Parse(":80")], To = [new(Endpoint.Parse("a:80"))] };

        Assert.Equal(
        [
            "forward 'a': affinity is for UDP, which nothing is listened on for; leave it out, or listen on a port with /udp",
            "forward 'a': responses is for UDP, which nothing is listened on for; leave it out, or listen on a port with /udp",
        ], ForwardRules.Check([stream with { Affinity = AffinityKind.Source, Responses = 1, ProxyProtocol = new() { Send = ProxyHeader.V2 } }]));
        Assert.Equal(["forward 'a': target a:53/tcp is for TCP, which nothing is listened on for; leave /tcp out, or write it behind the listen's port"],
            ForwardRules.Check([stream with { Listen = [new PortEndpoint("", new PortRange(53), PortProtocols.Udp)], To = [new(new PortEndpoint("a", new PortRange(53), PortProtocols.Tcp))] }]));
        // Limits and timeouts may be those of all forwards.
        Assert.Empty(ForwardRules.Check([stream with { Limits = new() { SessionsPerSecond = 7 }, Timeouts = new() { Unanswered = TimeSpan.FromSeconds(5) } }]));
    }

    [Fact]
    public void An_unanswered_session_that_outlives_an_answered_one_is_warned_of()
    {
        const string Yaml1 = "forwards: [{ listen: \":53/udp\", to: \"a:53\", timeouts: { idle: 30s, unanswered: 2m } }]";

        Assert.Equal("f.yaml:1:80: warning: unanswered is 2m, and a session that was answered has 30s (idle), though whoever forges addresses makes unanswered ones", Assert.Single(Yaml.Read(Yaml1).Warnings));
    }
}
