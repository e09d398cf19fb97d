namespace Fairlead.Tests.Config;

public sealed class AlgorithmListTests
{
    private static readonly string[] usual = ["a1", "a2", "b1"], known = ["a1", "a2", "b1", "old"];

    [Theory]
    [InlineData("a2,a1", "a2 a1")]
    [InlineData("b1", "b1")]
    [InlineData("a1,a1", "a1")]
    [InlineData("+old", "a1 a2 b1 old")]
    [InlineData("+a2", "a1 a2 b1")]
    [InlineData("-a*", "b1")]
    [InlineData("-a?,unknown", "b1")]
    [InlineData("^old,b1", "old b1 a1 a2")]
    public void Names_replace_the_usual_ones_or_change_them_as_in_ssh_config(string written, string expected) => Assert.Equal(expected, string.Join(' ', new AlgorithmList(written).Of(usual, known)));

    [Theory]
    [InlineData("b2", "'b2' is not in this version; did you mean 'a2'?; it has a1, a2, b1, old")]
    [InlineData("+aes128-cbc", "'aes128-cbc' is not in this version; it has a1, a2, b1, old")]
    [InlineData("-*", "'-*' leaves none; write at least one of a1, a2, b1, old")]
    [InlineData(",", "',' leaves none; write at least one of a1, a2, b1, old")]
    public void What_is_not_known_or_leaves_none_is_refused(string written, string expected) => Assert.Equal(expected, Assert.Throws<FormatException>(() => new AlgorithmList(written).Of(usual, known)).Message);
}
