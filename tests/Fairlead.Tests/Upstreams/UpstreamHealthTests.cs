namespace Fairlead.Tests;

public sealed class UpstreamHealthTests
{
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1), tick = TimeSpan.FromTicks(1), start = TimeSpan.FromHours(1);

    [Theory, InlineData(1), InlineData(3), InlineData(5)]
    public void So_many_failures_in_a_row_take_it_down(int fall)
    {
        var health = new UpstreamHealth(new HealthRules(2, fall, null));
        for (var round = 0; round < 3; round++)
        {
            for (var i = 1; i < fall; i++)
                health = health.Failed(start);
            Assert.True(health.IsUp);
            health = health.Succeeded();
        }
        for (var i = 1; i <= fall; i++)
        {
            Assert.True(health.IsUp);
            health = health.Failed(start);
        }
        Assert.False(health.IsUp);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(4)]
    public void So_many_successes_in_a_row_bring_it_up(int rise)
    {
        var health = new UpstreamHealth(new HealthRules(rise, 1, null)).Failed(start);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 1; i < rise; i++)
                health = health.Succeeded();
            Assert.False(health.IsUp);
            health = health.Failed(start);
        }
        for (var i = 1; i <= rise; i++)
        {
            Assert.False(health.IsUp);
            health = health.Succeeded();
        }
        Assert.True(health.IsUp);
    }

    [Fact]
    public void What_changes_nothing_is_the_same_object()
    {
        var health = new UpstreamHealth(new HealthRules(2, 1, null));
        Assert.Same(health, health.Succeeded());
        Assert.Same(health, health.TrialEnded());
        var down = health.Failed(start);
        Assert.Same(down, down.Failed(start + second));
    }

    [Fact]
    public void Without_checks_three_failures_take_it_down_and_after_ten_seconds_one_client_may_try()
    {
        var health = new UpstreamHealth(HealthRules.Of(null)).Failed(start).Failed(start);
        Assert.True(health.IsUp);
        health = health.Failed(start);
        Assert.False(health.IsUp);
        Assert.False(health.IsTrialDue(start + (10 * second) - tick));
        Assert.True(health.IsTrialDue(start + (10 * second)));
        Assert.False(health.TrialBegun().IsTrialDue(start + (100 * second)));
        Assert.True(health.TrialBegun().Succeeded().IsUp);
    }

    [Fact]
    public void A_trial_that_fails_makes_the_ten_seconds_begin_anew()
    {
        var trial = start + (10 * second);
        var health = Down().TrialBegun().Failed(trial);
        Assert.False(health.IsUp);
        Assert.False(health.IsTrialDue(trial + (10 * second) - tick));
        Assert.True(health.IsTrialDue(trial + (10 * second)));
    }

    [Fact]
    public void A_trial_that_says_nothing_lets_the_next_try()
    {
        var health = Down().TrialBegun();
        Assert.False(health.IsTrialDue(start + (10 * second)));
        Assert.True(health.TrialEnded().IsTrialDue(start + (10 * second)));
    }

    [Fact]
    public void With_checks_no_client_tries_it()
    {
        var health = new UpstreamHealth(HealthRules.Of(new HealthConfig { Fall = 1 })).Failed(start);
        Assert.False(health.IsUp);
        Assert.False(health.IsTrialDue(start + TimeSpan.FromDays(1)));
    }

    [Fact]
    public void The_rules_are_those_of_the_configuration()
    {
        Assert.Equal(new HealthRules(5, 7, null), HealthRules.Of(new HealthConfig { Rise = 5, Fall = 7 }));
        Assert.Equal(new HealthRules(1, 3, 10 * second), HealthRules.Of(null));
    }

    private static UpstreamHealth Down() => new UpstreamHealth(HealthRules.Unchecked).Failed(start).Failed(start).Failed(start);
}
