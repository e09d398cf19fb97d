using System.Runtime.CompilerServices;
using System.Text;

namespace Fairlead.Tests.Config;

/// <summary>What broken files get, held by <c>broken.txt</c>. To accept a change, copy the file that the failure names.</summary>
public class BrokenFileTests
{
    private const string Title = "== ", End = "--";

    public static TheoryData<string> Titles() => [.. Cases().Select(entry => entry.Title)];

    [Theory, MemberData(nameof(Titles))]
    public void Every_error_is_told_with_its_place_and_its_remedy(string title)
    {
        var (_, yaml, expected) = Cases().Single(entry => entry.Title == title);

        var actual = Errors(yaml);

        Assert.True(expected == actual, $"expected:\n{expected}\nactual:\n{actual}\nall: {Proposal()}");
    }

    [Fact]
    public void There_are_at_least_sixty() => Assert.InRange(Cases().Count, 60, 1000);

    private static string Errors(string yaml)
    {
        try
        {
            Yaml.Read(yaml);
            return "";
        }
        catch (ConfigurationException refused)
        {
            Assert.NotEmpty(refused.Errors);
            return string.Concat(refused.Errors.Select(error => $"{error}\n"));
        }
    }

    private static List<(string Title, string Yaml, string Errors)> Cases()
    {
        var cases = new List<(string, string, string)>();
        foreach (var written in ("\n" + File.ReadAllText(Accepted())).Split($"\n{Title}").Skip(1))
        {
            var (title, rest) = Cut(written, "\n");
            var (yaml, errors) = ($"\n{rest}\n").Split($"\n{End}\n") is { Length: 2 } parts ? (parts[0], parts[1]) : throw new InvalidDataException(title);
            cases.Add((title, yaml.Length == 0 ? "" : $"{yaml[1..]}\n", errors.Trim() is "" ? "" : $"{errors.Trim()}\n"));
        }
        return cases;
    }

    private static string Proposal()
    {
        var text = new StringBuilder(Cut(File.ReadAllText(Accepted()), Title).Before);
        foreach (var (title, yaml, _) in Cases())
            text.Append($"{Title}{title}\n{yaml}{End}\n{Errors(yaml)}");
        var path = Path.Combine(AppContext.BaseDirectory, "broken.txt");
        File.WriteAllText(path, text.ToString());
        return path;
    }

    private static (string Before, string Behind) Cut(string text, string at) => text.IndexOf(at, StringComparison.Ordinal) is var found and >= 0 ? (text[..found], text[(found + at.Length)..]) : (text, "");

    private static string Accepted([CallerFilePath] string path = "") => Path.Combine(Path.GetDirectoryName(path)!, "broken.txt");
}
