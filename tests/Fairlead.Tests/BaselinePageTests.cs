using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Fairlead.Tests;

/// <summary><c>docs/baseline.md</c> and <c>docs/ssh-security.md</c> name the tests that show what they say; here they are held to that.</summary>
public sealed partial class BaselinePageTests
{
    private static readonly string root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));

    private static readonly HashSet<string> tests = Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories)
        .SelectMany(file => Test().Matches(File.ReadAllText(file))).Select(test => test.Groups[1].Value).ToHashSet();

    [Fact]
    public void Every_rule_names_a_test_and_every_test_exists()
    {
        var rules = Page("baseline.md").Split("\n## ")[1..];

        Assert.NotEmpty(rules);
        Assert.All(rules, rule => Assert.True(Named().Count(rule) > 0, $"names no test: {rule.Split('\n')[0]}"));
        Assert.All(rules.SelectMany(rule => Named().Matches(rule)).Select(name => name.Groups[1].Value), name => Assert.Contains(name, tests));
    }

    [Fact]
    public void Every_test_exists_that_is_named_for_the_security_of_SSH()
    {
        var names = Named().Matches(Page("ssh-security.md")).Select(name => name.Groups[1].Value).ToList();

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Contains(name, tests));
    }

    private static string Page(string name) => File.ReadAllText(Path.Combine(root, "docs", name));

    [GeneratedRegex(@"public (?:async )?(?:void|Task) ([A-Z]\w*_\w+)\(")]
    private static partial Regex Test();

    [GeneratedRegex(@"`([A-Z]\w*_\w+)`")]
    private static partial Regex Named();

    private static string Here([CallerFilePath] string path = "") => path;
}
