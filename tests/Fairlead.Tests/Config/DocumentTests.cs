using System.Text.RegularExpressions;

namespace Fairlead.Tests.Config;

/// <summary>Configurations that the documents show are such as can be run.</summary>
public sealed partial class DocumentTests
{
    private static string Root => KeyTableTests.Root();

    public static TheoryData<string> Documents() => [.. Names()];

    [Theory, MemberData(nameof(Documents))]
    public void Each_configuration_in_it_can_be_read(string document)
    {
        Environment.SetEnvironmentVariable("PASSWORD", "of the document");

        Assert.All(Blocks(Path.Combine(Root, document)), block => Assert.Empty(Yaml.Errors(block)));
    }

    [Fact]
    public void Those_of_tunnels_have_configurations() => Assert.Superset(new HashSet<string> { "README.md", "docs/hub.md", "docs/ssh.md" }, Names().ToHashSet());

    private static IEnumerable<string> Names() => Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md").Append(Path.Combine(Root, "README.md"))
        .Where(path => Blocks(path).Any()).Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal);

    // Others are a part of one, for the reader to put where it belongs.
    private static IEnumerable<string> Blocks(string path) =>
        Block().Matches(File.ReadAllText(path)).Select(block => block.Groups[1].Value).Where(block => block.StartsWith("forwards:", StringComparison.Ordinal) || block.StartsWith("hub:", StringComparison.Ordinal));

    [GeneratedRegex("^```yaml\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();
}
