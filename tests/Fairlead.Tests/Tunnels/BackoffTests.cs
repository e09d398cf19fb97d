namespace Fairlead.Tests;

public sealed class BackoffTests
{
    [Theory, InlineData(1, 1), InlineData(2, 2), InlineData(3, 4), InlineData(6, 32), InlineData(7, 60), InlineData(1000, 60)]
    public void It_doubles_up_to_a_minute_of_which_up_to_half_is_chance(int failures, int seconds)
    {
        Assert.Equal(TimeSpan.FromSeconds(seconds), Backoff.After(failures, 1));
        Assert.Equal(TimeSpan.FromSeconds(seconds / 2.0), Backoff.After(failures, 0));
    }
}
