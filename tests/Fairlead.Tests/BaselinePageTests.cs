using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Fairlead.Tests;

/// <summary><c>docs/baseline.md</c> names the tests that show what it says; here it is held to that.</summary>
public sealed partial class BaselinePageTests
{
    private static readonly string root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));

    [Fact]
    public void Every_rule_names_a_test_and_every_test_exists()
    {
        var tests = Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => Test().Matches(File.ReadAllText(file))).Select(test => test.Groups[1].Value).ToHashSet();
        var rules = File.ReadAllText(Path.Combine(root, "docs", "baseline.md")).Split("\n## ")[1..];

        Assert.NotEmpty(rules);
        Assert.All(rules, rule => Assert.True(Named().Count(rule) > 0, $"names no test: {rule.Split('\n')[0]}"));
        Assert.All(rules.SelectMany(rule => Named().Matches(rule)).Select(name => name.Groups[1].Value), name => Assert.Contains(name, tests));
    }

    [GeneratedRegex(@"public (?:async )?(?:void|Task) ([A-Z]\w*_\w+)\(")]
    private static partial Regex Test();

    [GeneratedRegex(@"`([A-Z]\w*_\w+)`")]
    private static partial Regex Named();

    private static string Here([CallerFilePath] string path = "") => path;
}
