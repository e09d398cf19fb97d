using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public class LogFormatTests
{
    [Theory]
    [InlineData(LogLevel.Debug, "debug ", "\e[2mdebug\e[0m ")]
    [InlineData(LogLevel.Information, "info  ", "\e[32minfo\e[0m  ")]
    [InlineData(LogLevel.Warning, "warn  ", "\e[33mwarn\e[0m  ")]
    [InlineData(LogLevel.Error, "error ", "\e[31merror\e[0m ")]
    public void Text_has_the_time_the_level_and_the_message(LogLevel level, string plain, string coloured)
    {
        var entry = new ProgramEntry(level, "e", "message");
        var time = entry.Time.ToLocalTime().ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);

        Assert.Equal($"{time} {plain}message\n", Line(new TextLogFormat(hasColour: false), entry));
        Assert.Equal($"{time} {coloured}message\n", Line(new TextLogFormat(hasColour: true), entry));
    }

    [Fact]
    public void Text_escapes_what_could_forge_a_line_or_move_the_cursor()
    {
        var line = Line(new TextLogFormat(hasColour: false), new ProgramEntry(LogLevel.Information, "e", "grüß\n15:00:00.000 error \e[2J\u202e"));

        Assert.EndsWith(" info  grüß\\u000a15:00:00.000 error \\u001b[2J\\u202e\n", line);
    }

    [Fact]
    public void A_long_message_is_written_whole()
    {
        Assert.Contains(new string('x', 5000), Line(new TextLogFormat(hasColour: false), new ProgramEntry(LogLevel.Information, "e", new string('x', 5000) + "\n")));
    }

    [Fact]
    public void Json_is_one_object_a_line_with_the_fields_behind_the_common_ones()
    {
        var entry = new ProgramEntry(LogLevel.Warning, "accept_paused", "it's \"paused\"", Field("count", 3), Field("bytes", 5_000_000_000L), Field("ratio", 0.5), Field("spliced", true), Field("name", "grüß"), Field("nothing", null));
        using var format = new JsonLogFormat();

        var time = entry.Time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fff", CultureInfo.InvariantCulture);
        Assert.Equal(
            $$"""{"time":"{{time}}Z","level":"warning","event":"accept_paused","message":"it's \"paused\"","count":3,"bytes":5000000000,"ratio":0.5,"spliced":true,"name":"grüß","nothing":null}""" + "\n",
            Line(format, entry));
        Assert.Equal(2, (Line(format, entry) + Line(format, entry)).Count(character => character == '\n'));
    }

    [Theory]
    [InlineData("\0\n\r\t\u001b[2J\u007f")]
    [InlineData("\u0085\u2028\u202e\ufeff")]
    [InlineData("quote \" backslash \\ slash / <b> & '")]
    [InlineData("中文 😀")]
    public void Any_text_is_valid_json_on_one_line(string text)
    {
        using var format = new JsonLogFormat();

        var line = Line(format, new ProgramEntry(LogLevel.Information, text, text, Field("text", text), Field(text, double.NaN)));

        using var parsed = JsonDocument.Parse(line);
        Assert.Equal(Printable.Escape(text), parsed.RootElement.GetProperty("message").GetString());
        Assert.Equal(Printable.Escape(text), parsed.RootElement.GetProperty("text").GetString());
        Assert.DoesNotContain(line[..^1], char.IsControl);
    }

    [Fact]
    public void Half_a_pair_is_valid_json_too()
    {
        using var format = new JsonLogFormat();

        using var parsed = JsonDocument.Parse(Line(format, new ProgramEntry(LogLevel.Information, "e", "\ud800", Field("text", "\udc00"))));
        Assert.Equal("\\ud800", parsed.RootElement.GetProperty("message").GetString());
    }

    private static KeyValuePair<string, object?> Field(string name, object? value) => KeyValuePair.Create(name, value);

    private static string Line(LogFormat format, LogEntry entry)
    {
        var output = new ArrayBufferWriter<byte>();
        format.Append(entry, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
