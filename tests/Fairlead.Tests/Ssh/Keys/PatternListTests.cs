using System.Text;
using System.Text.RegularExpressions;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

public sealed class PatternListTests
{
    [Theory]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("*", "", true)]
    [InlineData("**", "", true)]
    [InlineData("?", "", false)]
    [InlineData("a*b*c", "abc", true)]
    [InlineData("a*b*c", "axxbyybzzc", true)]
    [InlineData("a*b*c", "axxbyybzz", false)]
    [InlineData("*a", "aaa", true)]
    [InlineData("?*?", "a", false)]
    [InlineData("?*?", "ab", true)]
    [InlineData("[a]", "a", false)]
    public void A_pattern_is_a_text_from_beginning_to_end(string pattern, string text, bool isMatch) => Assert.Equal(isMatch, PatternList.IsMatch(pattern, text));

    [Theory, Seeds(2)]
    public void Patterns_match_what_regular_expressions_do(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++)
        {
            var pattern = Some("ab*?", random);
            var text = Some("ab", random);
            var expected = Regex.IsMatch(text, "^" + Regex.Escape(pattern).Replace(@"\*", ".*", StringComparison.Ordinal).Replace(@"\?", ".", StringComparison.Ordinal) + "$");
            Assert.True(PatternList.IsMatch(pattern, text) == expected, $"{pattern} {text}");
        }
    }

    [Fact]
    public void The_worst_pattern_of_a_line_comes_to_an_end()
    {
        var pattern = new StringBuilder().Insert(0, "*a", 8000).Append('b').ToString();

        Assert.False(PatternList.IsMatch(pattern, new string('a', 1024)));
        Assert.False(PatternList.IsMatch("*" + new string('a', 1000) + "b", new string('a', 16_000)));
    }

    private static string Some(string characters, Random random) => new([.. Enumerable.Range(0, random.Next(9)).Select(_ => characters[random.Next(characters.Length)])]);
}
