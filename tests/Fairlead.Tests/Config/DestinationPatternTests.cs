namespace Fairlead.Tests.Config;

public sealed class DestinationPatternTests
{
    [Theory]
    [InlineData("example.com")]
    [InlineData("*.example.com:443")]
    [InlineData("10.0.0.0/8")]
    [InlineData("10.0.0.0/8:80-90")]
    [InlineData("2001:db8::/32")]
    [InlineData("[2001:db8::/32]:443")]
    [InlineData(":25")]
    [InlineData("any")]
    public void A_pattern_is_shown_as_it_is_written(string text)
    {
        var pattern = DestinationPattern.Parse(text);

        Assert.Equal(text, pattern.ToString());
        Assert.Equal(pattern, DestinationPattern.Parse(pattern.ToString()));
    }

    [Theory]
    [InlineData("any:25", ":25")]
    [InlineData("*:25", ":25")]
    [InlineData("Example.COM.", "example.com")]
    [InlineData("[::1]", "::1")]
    [InlineData("[10.0.0.0/8]:80", "10.0.0.0/8:80")]
    public void Other_ways_to_write_it_mean_the_same(string text, string plain) => Assert.Equal(plain, DestinationPattern.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData(":0")]
    [InlineData(":70000")]
    [InlineData("example.com:http")]
    [InlineData("exa*mple.com")]
    [InlineData("10.0.0.1/8")]
    [InlineData("10.0.0.0/40")]
    [InlineData("[2001:db8::/32")]
    [InlineData("[::1]x")]
    [InlineData("under score!.com")]
    [InlineData("a:90-80")]
    public void What_is_no_pattern_is_refused_with_a_remedy(string text)
    {
        var refusal = Assert.Throws<FormatException>(() => DestinationPattern.Parse(text));

        Assert.Contains(";", refusal.Message, StringComparison.Ordinal);
    }
}
