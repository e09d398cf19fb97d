namespace Fairlead.Tests.Config;

public class DurationTests
{
    [Theory]
    [InlineData("500ms", 500, "500ms")]
    [InlineData("10s", 10_000, "10s")]
    [InlineData("90s", 90_000, "90s")]
    [InlineData("120s", 120_000, "2m")]
    [InlineData("5m", 300_000, "5m")]
    [InlineData("1h", 3_600_000, "1h")]
    [InlineData("7d", 604_800_000, "7d")]
    [InlineData("0s", 0, "0s")]
    [InlineData("000000000000001s", 1000, "1s")]
    [InlineData("off", -1, "off")]
    public void A_duration_is_read_and_written(string text, int milliseconds, string written)
    {
        var duration = Duration.Parse(text);

        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), duration);
        Assert.Equal(written, Duration.ToText(duration));
    }

    [Theory]
    [InlineData("", "is not a duration")]
    [InlineData("ten", "is not a duration")]
    [InlineData("-1s", "is not a duration")]
    [InlineData("OFF", "is not a duration")]
    [InlineData("10", "has no unit")]
    [InlineData("10 s", "has the unit ' s', which is unknown")]
    [InlineData("10S", "has the unit 'S', which is unknown")]
    [InlineData("1.5s", "has the unit '.5s', which is unknown")]
    [InlineData("1h30m", "has the unit 'h30m', which is unknown")]
    public void Another_text_is_refused(string text, string complaint)
    {
        var error = Assert.Throws<FormatException>(() => Duration.Parse(text));

        Assert.Equal($"'{text}' {complaint}; write a whole number and a unit (ms, s, m, h, d), like 500ms or 10s, or off", error.Message);
    }

    [Theory]
    [InlineData("25d")]
    [InlineData("2073600001ms")]
    [InlineData("99999999999999999999999999d")]
    [InlineData("9999999999d")]
    public void Timers_bound_a_duration(string text)
    {
        var error = Assert.Throws<FormatException>(() => Duration.Parse(text));

        Assert.Equal($"'{text}' is too long: a duration is at most 24d; write off for one that never ends", error.Message);
    }
}
