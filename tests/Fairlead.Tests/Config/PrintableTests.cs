namespace Fairlead.Tests.Config;

public class PrintableTests
{
    [Theory]
    [InlineData("plain text ~", "plain text ~")]
    [InlineData("grüße 中文 😀", "grüße 中文 😀")]
    [InlineData("a\\b", "a\\b")]
    [InlineData("a\nb\r\t\0\x1b[31m\x7f", "a\\u000ab\\u000d\\u0009\\u0000\\u001b[31m\\u007f")]
    [InlineData("c1 \u0085\u009b", "c1 \\u0085\\u009b")]
    [InlineData("bidi \u202e\u2066\u200f\u061c", "bidi \\u202e\\u2066\\u200f\\u061c")]
    [InlineData("lines \u2028\u2029", "lines \\u2028\\u2029")]
    [InlineData("invisible \u200b\ufeff\U000e0041", "invisible \\u200b\\ufeff\\U000e0041")]
    public void What_could_do_harm_is_escaped_and_nothing_else(string text, string shown) => Assert.Equal(shown, Printable.Escape(text));

    [Fact]
    public void Half_a_pair_is_escaped() => Assert.Equal("lone \\ud800 x \\udc00", Printable.Escape("lone \ud800 x \udc00"));

    [Fact]
    public void A_text_that_needs_nothing_is_returned_itself()
    {
        var text = new string('x', 255);

        Assert.Same(text, Printable.Escape(text));
    }

    [Fact]
    public void A_long_text_is_cut_at_255() => Assert.Equal(new string('x', 254) + "…", Printable.Escape(new string('x', 256)));

    [Fact]
    public void A_cut_splits_neither_an_escape_nor_a_pair()
    {
        for (var lead = 240; lead < 256; lead++)
        {
            var escape = Printable.Escape(new string('x', lead) + "\n\n\n");
            var pair = Printable.Escape(new string('x', lead) + "😀😀😀😀😀😀😀😀");

            Assert.Matches(@"^x+(\\u000a)*…?$", escape);
            Assert.Matches("^x+(\ud83d\ude00)*…?$", pair);
            Assert.InRange(escape.Length, 250, 255);
            Assert.InRange(pair.Length, 254, 255);
        }
    }

    [Fact]
    public void What_just_fits_is_not_cut() => Assert.Equal(new string('x', 249) + "\\u000a", Printable.Escape(new string('x', 249) + "\n"));
}
