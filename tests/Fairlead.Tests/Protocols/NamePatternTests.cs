namespace Fairlead.Tests;

public sealed class NamePatternTests
{
    [Theory]
    [InlineData("example.com", "example.com", true)]
    [InlineData("Example.COM.", "example.com", true)]
    [InlineData("example.com", "www.example.com", false)]
    [InlineData("example.com", "example.org", false)]
    [InlineData("example.com", "xexample.com", false)]
    [InlineData("example.com", "", false)]
    [InlineData("*.example.com", "www.example.com", true)]
    [InlineData("*.example.com", "a.b.c.example.com", true)]
    [InlineData("*.Example.com", "www.example.com", true)]
    [InlineData("*.example.com", "example.com", false)]
    [InlineData("*.example.com", ".example.com", false)]
    [InlineData("*.example.com", "wwwexample.com", false)]
    [InlineData("*.example.com", "www.example.com.evil.org", false)]
    [InlineData("*.local", "printer.local", true)]
    [InlineData("localhost", "localhost", true)]
    [InlineData("my_service.internal", "my_service.internal", true)]
    public void A_name_is_meant_or_not(string pattern, string name, bool isMeant) => Assert.Equal(isMeant, NamePattern.Parse(pattern).Matches(name));

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("*.")]
    [InlineData("*.*.example.com")]
    [InlineData("www.*.com")]
    [InlineData("*example.com")]
    [InlineData(".example.com")]
    [InlineData("example..com")]
    [InlineData("-example.com")]
    [InlineData("exa mple.com")]
    [InlineData("example.com/path")]
    [InlineData("bücher.example")]
    [InlineData("192.0.2.1")]
    [InlineData("*.0.2.1")]
    [InlineData("::1")]
    [InlineData("fe80::1%eth0")]
    [InlineData("ex\u001bample.com")]
    public void What_is_no_pattern_is_refused_with_the_remedy(string pattern)
    {
        var error = Assert.Throws<FormatException>(() => NamePattern.Parse(pattern));
        Assert.StartsWith("name ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', error.Message);
    }

    [Fact]
    public void Patterns_that_mean_the_same_are_equal_and_are_shown_as_they_are_written()
    {
        Assert.Equal(NamePattern.Parse("*.Example.com."), NamePattern.Parse("*.example.com"));
        Assert.NotEqual(NamePattern.Parse("*.example.com"), NamePattern.Parse("example.com"));
        Assert.Equal("*.example.com", NamePattern.Parse("*.Example.com.").ToString());
        Assert.Equal("example.com", NamePattern.Parse("EXAMPLE.com").ToString());
    }
}
