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
