namespace Fairlead.Tests.Protocols;

/// <summary>What holds for every parser of what a stranger sends.</summary>
internal static class ParserCheck
{
    /// <summary>The bytes are a value, no beginning of them is, and what follows them is left alone.</summary>
    public static T Whole<T>(Parse<T> parse, params byte[] bytes)
    {
        for (var length = 0; length < bytes.Length; length++)
            Assert.True(parse(bytes.AsSpan(0, length)) is { NeedsMore: true, IsWhole: false, Fault: null }, $"Of {bytes.Length} bytes, {length} were not too few.");
        var whole = parse(bytes);
        Assert.Null(whole.Fault);
        Assert.Equal(bytes.Length, whole.Length);
        var more = parse([.. bytes, .. bytes]);
        Assert.Equal(bytes.Length, more.Length);
        Assert.Equal(whole.Value, more.Value);
        return whole.Value!;
    }

    /// <summary>The bytes are wrong, for this reason; all that comes before is not known to be.</summary>
    public static void Wrong<T>(Parse<T> parse, string fault, params byte[] bytes)
    {
        var wrong = parse(bytes);
        Assert.Equal((fault, 0, false, false), (wrong.Fault, wrong.Length, wrong.IsWhole, wrong.NeedsMore));
    }

    /// <summary>Whatever the bytes are, something is made of them that a terminal can be shown, and no more is consumed than there was.</summary>
    public static void Fuzz<T>(Parse<T> parse, int seed, params byte[][] good)
    {
        var random = new Random(seed);
        for (var i = 0; i < 4000; i++)
        {
            var bytes = random.Next(4) == 0 ? Traffic.RandomBytes(random.Next(600), random.Next()) : Mutation.Of(random, good[random.Next(good.Length)], least: 1);
            var parsed = parse(bytes);
            Assert.InRange(parsed.Length, 0, bytes.Length);
            Assert.Equal(1, (parsed.IsWhole ? 1 : 0) + (parsed.NeedsMore ? 1 : 0) + (parsed.Fault is null ? 0 : 1));
            Assert.False(parsed.Fault?.Any(char.IsControl) ?? false, parsed.Fault);
        }
    }
}
