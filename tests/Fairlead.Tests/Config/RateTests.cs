namespace Fairlead.Tests.Config;

public class RateTests
{
    [Theory]
    [InlineData("20MB/s", 20_000_000, "20MB/s")]
    [InlineData("160Mbit/s", 20_000_000, "20MB/s")]
    [InlineData("1MiB/s", 1048576, "1MiB/s")]
    [InlineData("64 KiB/s", 65536, "64KiB/s")]
    [InlineData("8Kibit/s", 1024, "1KiB/s")]
    [InlineData("12bit/s", 1, "1B/s")]
    [InlineData("1500kB/s", 1_500_000, "1500kB/s")]
    [InlineData("7B/s", 7, "7B/s")]
    [InlineData("1TB/s", 1_000_000_000_000, "1TB/s")]
    public void A_rate_is_read_and_written(string text, long bytes, string shortest)
    {
        Assert.Equal(bytes, Rate.Parse(text));
        Assert.Equal(shortest, Rate.ToText(bytes));
    }
}
