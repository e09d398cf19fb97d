namespace Fairlead.Tests.Config;

public class PlanTests
{
    private static readonly Configuration configuration = Yaml.Read("forwards: [{ listen: [\":1-10\", \"localhost:80\", \"unix:/run/a\"], to: \"a:80\" }]").Configuration;

    [Fact]
    public void The_descriptor_limit_says_how_many_sessions_there_may_be()
    {
        var plan = Plan.Of(configuration, descriptorLimit: 1024, descriptorsAtStart: 30, loops: 4, isLinux: true);

        Assert.Equal((351, "(1024 descriptors - 112 for the program and its admin API - 49 listening - 32 kept back - 128 for 64 pipes) / 2 for each session = 351"), (plan.Sessions, plan.Arithmetic));
        Assert.Empty(plan.Warnings);
        // With more loops than descriptors allow, the loops share each listening socket.
        Assert.Contains("- 13 listening -", Plan.Of(configuration, 1024, 30, loops: 16, isLinux: true).Arithmetic);
    }

    [Fact]
    public void What_does_not_run_takes_no_descriptors()
    {
        var portable = configuration with { Admin = null, Forwards = [configuration.Forwards[0] with { Engine = EngineKind.Portable }] };

        Assert.StartsWith("(1024 descriptors - 66 for the program - 13 listening - 32 kept back - 0 for 0 pipes)", Plan.Of(portable, 1024, 30, 4, true).Arithmetic, StringComparison.Ordinal);
    }

    [Fact]
    public void A_limit_of_the_process_below_it_holds_and_one_above_it_is_warned_of()
    {
        var (low, high) = (configuration with { Limits = new() { Connections = 100 } }, configuration with { Limits = new() { Connections = 500 } });

        Assert.Equal((100, "limits.connections; the descriptor limit has room for 357"), Plan.Of(low, 1024, 30, 16, true) is var plan ? (plan.Sessions, plan.Arithmetic) : default);
        Assert.Equal((357, "limits.connections is 500, and the descriptor limit has room for 357; raise it (ulimit -Hn, LimitNOFILE= in a unit)"), Plan.Of(high, 1024, 30, 16, true) is var other ? (other.Sessions, Assert.Single(other.Warnings)) : default);
    }

    [Fact]
    public void No_room_at_all_is_warned_of()
    {
        var plan = Plan.Of(configuration, descriptorLimit: 64, descriptorsAtStart: 30, loops: 4, isLinux: true);

        Assert.Equal(
            "the descriptor limit of 64 leaves no room for a session: the program itself needs 112, 13 are for listening and 8 are kept back; listen on fewer ports, or raise the limit (ulimit -Hn, or LimitNOFILE= in its unit)",
            Assert.Single(plan.Warnings));
    }

    [Fact]
    public void A_listen_of_both_protocols_is_two_sockets_and_a_session_of_UDP_one_descriptor()
    {
        var both = Yaml.Read("forwards: [{ listen: [\":1-10/tcp+udp\", \"localhost:80/udp\"], to: \"a:80\" }]").Configuration;

        var plan = Plan.Of(both, descriptorLimit: 1024, descriptorsAtStart: 50, loops: 4, isLinux: true);

        Assert.Equal("(1024 descriptors - 132 for the program and its admin API - 88 listening - 32 kept back - 128 for 64 pipes) / 2 for each session = 322; each has a place, and one of UDP uses one descriptor only", plan.Arithmetic);
        Assert.Equal([(":1-10", "tcp"), (":1-10/udp", "udp"), ("localhost:80/udp", "udp")], plan.Listens.Select(listen => (listen.Listen, listen.Protocol)));
    }

    [Fact]
    public void Each_protocol_shows_the_upstreams_that_it_has()
    {
        var plan = PlanOf("""{ listen: ":53/tcp+udp", routes: [{ from: 10.0.0.0/8, to: ["a:53", "b:53/udp"] }] }""");

        Assert.Equal([("tcp", "a:53"), ("tcp", "reset"), ("udp", "a:53, b:53/udp round-robin"), ("udp", "dropped")], plan.Listens.Select(listen => (listen.Protocol, listen.To)));
        Assert.Equal("unix", Assert.Single(PlanOf("""{ listen: "unix:/run/a.sock", to: "a:80" }""").Listens).Protocol);
    }

    [Theory]
    [InlineData(":53/udp", "", "")]
    [InlineData(":53/udp", "timeouts: { idle: 5m, unanswered: 60s }, limits: { sessions_per_second: 5000 }", "")]
    [InlineData(":53/udp", "timeouts: { idle: 30s }", "timeouts.idle 30s 5m, timeouts.unanswered 30s 1m")]
    [InlineData(":53/udp", "timeouts: { unanswered: 5s }, limits: { sessions_per_second: off }, responses: 1", "limits.sessions_per_second off 5000, timeouts.unanswered 5s 1m, responses 1 0")]
    [InlineData(":53/tcp+udp", "timeouts: { idle: 10m }", "timeouts.idle 10m off, 5m for UDP")]
    [InlineData(":53", "timeouts: { idle: off }", "")]
    [InlineData(":53", "timeouts: { idle: 30s }", "timeouts.idle 30s off")]
    public void Bounds_are_those_of_the_protocol(string listen, string keys, string expected)
    {
        var bounds = PlanOf($$"""{ listen: "{{listen}}", to: "a:53", {{keys}} }""").Bounds;

        Assert.Equal(expected, string.Join(", ", bounds.Select(bound => $"{bound.Key} {bound.Value} {bound.Default}")));
    }

    [Fact]
    public void Bounds_that_defaults_have_for_the_other_protocol_are_not_shown()
    {
        var plan = Plan.Of(Yaml.Read("""
            defaults: { limits: { accepts_per_second: 5, sessions_per_second: 6 }, timeouts: { half_closed: 1m, unanswered: 7s } }
            forwards: [{ name: a, listen: ":53", to: "a:53" }, { name: b, listen: ":53/udp", to: "a:53" }]
            """).Configuration, 1024, 50, 4, true);

        Assert.Equal(["a limits.accepts_per_second", "a timeouts.half_closed", "b limits.sessions_per_second", "b timeouts.unanswered"], plan.Bounds.Select(bound => $"{bound.Forward} {bound.Key}"));
    }

    [Fact]
    public void The_plan_says_what_tunnels_are_and_who_listens_and_dials_through_them()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var plan = Plan.Of(Yaml.Read("""
            forwards:
              - { name: a, listen: ":80", to: "a:80", via: [office, "http://p:3128"], routes: [{ from: 10.0.0.0/8, to: "b:80", via: [office, "socks5://p"] }] }
              - { name: b, listen: "localhost:81", at: "ssh://gw2:23", to: "127.0.0.1:81" }
              - { name: c, listen: "localhost:1080", to: dynamic, via: office }
            tunnels:
              office: { ssh: alice@gw, jump: ["bob@door", "[::1]:23"], host_key: SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3k, keepalive: off }
              pinned: { ssh: "alice@[::1]", host_key: SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3k, keepalive: 5s }
              new: { ssh: alice@gw, known_hosts: [/a, /b], accept_new: true }
            """).Configuration, 1024, 30, 4, true);

        Assert.Equal(
        [
            ("", "b:80 via office, socks5://p:1080"),
            ("", "a:80 via office, http://p:3128, which looks names up and decides what they mean"),
            ("ssh://gw2:23", "127.0.0.1:81"),
            ("", "where the client says (SOCKS, HTTP) via office, which looks names up and decides what they mean"),
        ], plan.Listens.Select(listen => (listen.At, listen.To)));
        var me = Environment.UserName;
        Assert.Equal(
        [
            new PlannedTunnel("office", "alice@gw:22", $"bob@door:22, {me}@[::1]:23", $"SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3k; on the way known_hosts {home}/.ssh/known_hosts", "off"),
            new PlannedTunnel("pinned", "alice@[::1]:22", "", "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3k", "5s × 3"),
            new PlannedTunnel("new", "alice@gw:22", "", "known_hosts /a, /b, and new ones", "15s × 3"),
            new PlannedTunnel("ssh://gw2:23", $"{me}@gw2:23", "", $"known_hosts {home}/.ssh/known_hosts", "15s × 3"),
        ], plan.Tunnels);
        Assert.Null(plan.Hub);
        // Four connections of tunnels, and no socket for what the far end listens on.
        Assert.StartsWith("(1024 descriptors - 116 for the program and its admin API - 12 listening -", plan.Arithmetic, StringComparison.Ordinal);
    }

    [Fact]
    public void The_plan_says_what_the_hub_is()
    {
        var hub = Plan.Of(Yaml.Read("hub: { authorized_keys: /k, listen: [\":2022\", \"localhost:22\", \"unix:/a\"], max_connections_per_key: 5 }").Configuration, 1024, 30, 4, true);

        Assert.Equal(new PlannedHub([":2022", "localhost:22", "unix:/a"], "/k", "made once and kept", "loopback, from 1024 up",
            "max_startups 100, max_startups_per_source 10, max_startups_per_prefix 25, login_grace 20s, login_penalty 5s, max_connections 1000, max_connections_per_source 100, max_connections_per_prefix 250, max_connections_per_key 5, max_channels 1000, window 32MiB, max_listens 32"), hub.Hub);
        Assert.Contains("- 4 listening -", hub.Arithmetic);
        Assert.Equal(("anywhere", "/a, /b"), PlannedHub.Of(new HubConfig { AuthorizedKeys = "/k", GatewayPorts = true, HostKeys = ["/a", "/b"] }) is var open ? (open.RemoteListens, open.HostKeys) : default);
    }

    private static Plan PlanOf(string forward) => Plan.Of(Yaml.Read($"forwards: [{forward}]").Configuration, 1024, 50, 4, true);

    [Theory]
    [InlineData(EngineKind.Auto, true, "native", "Linux")]
    [InlineData(EngineKind.Auto, false, "portable", "not Linux")]
    [InlineData(EngineKind.Native, true, "native", "as written")]
    [InlineData(EngineKind.Portable, true, "portable", "as written")]
    public void The_plan_says_which_engine_and_why(EngineKind engine, bool isLinux, string name, string why)
    {
        var written = configuration with { Forwards = [configuration.Forwards[0] with { Engine = engine }] };

        Assert.All(Plan.Of(written, 1024, 30, 4, isLinux).Listens, listen => Assert.Equal((name, why), (listen.Engine, listen.Why)));
    }

    [Fact]
    public void The_native_engine_is_for_Linux_only()
    {
        Assert.Empty(BoundRules.EngineFaults(EngineKind.Native, isLinux: true));
        Assert.Equal("engine native is for Linux only; write auto, or portable", Assert.Single(BoundRules.EngineFaults(EngineKind.Native, isLinux: false)).Message);
    }
}
