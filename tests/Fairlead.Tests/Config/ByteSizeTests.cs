namespace Fairlead.Tests.Config;

public sealed class ByteSizeTests
{
    [Theory, InlineData("0B", 0), InlineData("1B", 1), InlineData("64KiB", 64 << 10), InlineData("1 MiB", 1 << 20), InlineData("1GiB", 1 << 30), InlineData("1536KiB", 1536 << 10)]
    public void A_size_is_read_and_written(string text, int bytes)
    {
        Assert.Equal(bytes, ByteSize.Parse(text));
        Assert.Equal(text.Replace(" ", "", StringComparison.Ordinal), ByteSize.ToText(bytes));
    }

    [Theory, InlineData(""), InlineData("64"), InlineData("KiB"), InlineData("64K"), InlineData("64kB"), InlineData("1.5MiB"), InlineData("-1B"), InlineData("1MB"), InlineData("1\u001bB")]
    public void What_is_none_is_told_how_to_write_one(string text) => Assert.Contains("like 64KiB", Assert.Throws<FormatException>(() => ByteSize.Parse(text)).Message, StringComparison.Ordinal);

    [Theory, InlineData("2GiB"), InlineData("2147483648B"), InlineData("99999999999999999999GiB")]
    public void What_is_too_much_is_refused(string text) => Assert.Throws<FormatException>(() => ByteSize.Parse(text));
}
