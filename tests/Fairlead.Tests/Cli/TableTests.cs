using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public class TableTests
{
    [Fact]
    public void Numbers_are_right_aligned_and_no_line_ends_in_blanks()
    {
        var table = new Table(new Column("NAME"), new Column("COUNT", IsNumber: true), new Column("TO"));
        table.Add("a", "5", "x");
        table.Add("long name", "12,345");
        table.Add("b", "", "y");

        Assert.Equal(
            [
                "NAME        COUNT  TO",
                "a               5  x",
                "long name  12,345",
                "b                  y",
            ], table.Lines(null, hasColour: false));
    }

    [Fact]
    public void Wide_and_combining_letters_line_up()
    {
        var table = new Table(new Column("NAME"), new Column("N", IsNumber: true));
        table.Add("日本", "1");
        table.Add("e\u0301a", "2");
        table.Add("🦆x", "3");

        Assert.Equal(["NAME  N", "日本  1", "e\u0301a    2", "🦆x   3"], table.Lines(null, hasColour: false));
    }

    [Fact]
    public void The_widest_texts_are_cut_first_and_whole_columns_go_when_that_is_not_enough()
    {
        var table = new Table(new("NAME", Least: 4), new("TO", Least: 6), new("KIND", Leaves: 1), new("EXTRA", Leaves: 2), new("N", IsNumber: true));
        table.Add("web", "a-long-host.example.com:8080", "native", "extra", "1");

        Assert.Equal("web   a-long-host.example.com:8080  native  extra  1", table.Lines(60, false).Last());
        Assert.Equal("web   a-long-host.example.com:…  native  extra  1", table.Lines(49, false).Last());
        Assert.Equal("web   a-lon…  native  1", table.Lines(23, false).Last());
        Assert.Equal("web   a-lon…  1", table.Lines(15, false).Last());
        Assert.All(Enumerable.Range(15, 50), width => Assert.All(table.Lines(width, false), line => Assert.True(TextWidth.Of(line) <= width)));
    }

    [Fact]
    public void A_column_that_leaves_first_goes_before_a_text_is_cut()
    {
        var table = new Table(new("TO", Least: 4), new("ENGINE", Leaves: Table.LeavesFirst));
        table.Add("10.0.0.5:80", "native");

        Assert.Equal("10.0.0.5:80", table.Lines(18, false).Last());
    }

    [Fact]
    public void Colour_takes_no_room()
    {
        var table = new Table(new Column("A"), new Column("B"));
        table.Add(new Cell("x", Ink.Red), new Cell("y"));
        table.Add("long", "z");

        Assert.Equal(["\e[2mA\e[0m     \e[2mB\e[0m", "\e[31mx\e[0m     y", "long  z"], table.Lines(null, hasColour: true));
    }

    [Theory]
    [InlineData("abc", 3, "abc")]
    [InlineData("abcd", 3, "ab…")]
    [InlineData("日本語", 5, "日本…")]
    [InlineData("日本語", 4, "日…")]
    [InlineData("abc", 1, "…")]
    [InlineData("abc", 0, "")]
    public void A_text_is_cut_by_what_it_takes(string text, int width, string expected) => Assert.Equal(expected, TextWidth.Cut(text, width));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1.00 kB")]
    [InlineData(1234, "1.23 kB")]
    [InlineData(12_345, "12.3 kB")]
    [InlineData(99_949, "99.9 kB")]
    [InlineData(99_950, "100 kB")]
    [InlineData(999_499, "999 kB")]
    [InlineData(999_500, "1.00 MB")]
    [InlineData(98_765_432_100, "98.8 GB")]
    [InlineData(long.MaxValue, "9.22 EB")]
    public void Bytes_have_three_digits(long bytes, string expected) => Assert.Equal(expected, Human.Bytes(bytes));

    [Theory]
    [InlineData(-5, "0s")]
    [InlineData(0, "0s")]
    [InlineData(59, "59s")]
    [InlineData(60, "1m")]
    [InlineData(75, "1m 15s")]
    [InlineData(7500, "2h 5m")]
    [InlineData(273_600, "3d 4h")]
    public void Ages_have_two_units(int seconds, string expected) => Assert.Equal(expected, Human.Age(TimeSpan.FromSeconds(seconds)));
}
