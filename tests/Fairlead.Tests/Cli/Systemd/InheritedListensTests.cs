using Fairlead.Cli;

namespace Fairlead.Tests.Cli.Systemd;

public class InheritedListensTests
{
    private const int Self = 4711;

    [Fact]
    public void Sockets_have_their_names_from_descriptor_3_on()
    {
        var listens = InheritedListens.Read("4711", "3", "web:mail:web", Self, out var warning);

        Assert.Equal([new("web", 3), new("mail", 4), new("web", 5)], listens);
        Assert.Null(warning);
    }

    [Fact]
    public void Sockets_without_names_are_unknown()
    {
        Assert.Equal([new("unknown", 3), new("unknown", 4)], InheritedListens.Read("4711", "2", null, Self, out var warning));
        Assert.Null(warning);
    }

    [Fact]
    public void An_empty_name_is_a_name() => Assert.Equal([new("", 3)], InheritedListens.Read("4711", "1", "", Self, out _));

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("4711", null, "web")]
    [InlineData(null, "1", "web")]
    [InlineData("4712", "1", "web")]
    [InlineData("4712", "nonsense", "web")]
    [InlineData("4711", "0", null)]
    [InlineData("4711", "0", "")]
    public void What_is_not_meant_for_this_process_is_left_alone(string? pid, string? count, string? names)
    {
        Assert.Empty(InheritedListens.Read(pid, count, names, Self, out var warning));
        Assert.Null(warning);
    }

    [Theory]
    [InlineData("", "1", null, "LISTEN_PID is '', not a process id: no inherited socket is used")]
    [InlineData("-1", "1", null, "LISTEN_PID is '-1', not a process id: no inherited socket is used")]
    [InlineData("4711\u001b", "1", null, "LISTEN_PID is '4711\\u001b', not a process id: no inherited socket is used")]
    [InlineData("4711", "", null, "LISTEN_FDS is '', not a number: no inherited socket is used")]
    [InlineData("4711", "-1", null, "LISTEN_FDS is '-1', not a number: no inherited socket is used")]
    [InlineData("4711", " 1", null, "LISTEN_FDS is ' 1', not a number: no inherited socket is used")]
    [InlineData("4711", "99999999999999999999", null, "LISTEN_FDS is '99999999999999999999', not a number: no inherited socket is used")]
    [InlineData("4711", "4097", null, "LISTEN_FDS is 4097, and at most 4096 are taken: no inherited socket is used")]
    [InlineData("4711", "18446744073709551615", null, "LISTEN_FDS is 18446744073709551615, and at most 4096 are taken: no inherited socket is used")]
    [InlineData("4711", "2", "web", "LISTEN_FDNAMES has 1 names for 2 sockets: no inherited socket is used")]
    [InlineData("4711", "1", "web:mail", "LISTEN_FDNAMES has 2 names for 1 sockets: no inherited socket is used")]
    [InlineData("4711", "0", "web", "LISTEN_FDNAMES has 1 names for 0 sockets: no inherited socket is used")]
    [InlineData("4711", "2", "web:a\nb", "LISTEN_FDNAMES has 'a\\u000ab', which is not a name: no inherited socket is used")]
    public void Bad_values_give_a_warning_and_no_socket(string pid, string count, string? names, string expected)
    {
        Assert.Empty(InheritedListens.Read(pid, count, names, Self, out var warning));
        Assert.Equal(expected, warning);
    }

    [Fact]
    public void A_name_has_at_most_255_characters()
    {
        Assert.Single(InheritedListens.Read("4711", "1", new string('n', 255), Self, out _));
        Assert.Empty(InheritedListens.Read("4711", "1", new string('n', 256), Self, out var warning));
        Assert.Contains("which is not a name", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void As_many_sockets_as_are_taken_at_most_are_taken() => Assert.Equal(4096, InheritedListens.Read("4711", "4096", null, Self, out _).Count);

    [Fact]
    public void A_descriptor_that_is_not_open_is_warned_of_and_the_variables_are_gone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors are numbered on Linux.");
        Environment.SetEnvironmentVariable("LISTEN_PID", $"{Environment.ProcessId}");
        Environment.SetEnvironmentVariable("LISTEN_FDS", $"{InheritedListens.Limit}");
        Environment.SetEnvironmentVariable("LISTEN_FDNAMES", string.Join(':', Enumerable.Repeat("web", InheritedListens.Limit)));

        Assert.Empty(Take(out var warning));

        Assert.Matches(@"^LISTEN_FDS says 4096, but descriptor \d+ is not open: no inherited socket is used$", warning);
        foreach (var name in new[] { "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES" })
            Assert.Null(Environment.GetEnvironmentVariable(name));
        Assert.Empty(Take(out warning));
        Assert.Null(warning);
    }

    private static IReadOnlyList<InheritedListen> Take(out string? warning)
    {
        warning = null;
        return OperatingSystem.IsLinux() ? InheritedListens.Take(out warning) : [];
    }
}
