namespace Fairlead;

/// <summary>Which new connections from outside can come to a point of a ruleset, as far as the rules alone tell.</summary>
internal enum Reach
{
    Nobody,

    /// <summary>Only those whose source address is one of a few.</summary>
    SomeSources,

    /// <summary>Those from anywhere, perhaps within a limit or by one of the interfaces.</summary>
    Anybody,
}

/// <summary>Who takes a condition's branch and who does not; where it cannot be told, anybody may do either.</summary>
/// <param name="Hit">Whom it holds for.</param>
/// <param name="Miss">Whom it does not hold for.</param>
internal readonly record struct Match(Reach Hit, Reach Miss)
{
    public static readonly Match Always = new(Reach.Anybody, Reach.Nobody);
    public static readonly Match Never = new(Reach.Nobody, Reach.Anybody);
    public static readonly Match Perhaps = new(Reach.Anybody, Reach.Anybody);

    /// <summary>The source is one of some addresses; who comes from outside in general has another.</summary>
    public static readonly Match BySource = new(Reach.SomeSources, Reach.Anybody);

    public Match Not => new(Miss, Hit);

    public static Match If(bool holds) => holds ? Always : Never;

    public Match And(Match other) => new(Hit.AtMost(other.Hit), Miss.AtLeast(other.Miss));

    public Match Or(Match other) => new(Hit.AtLeast(other.Hit), Miss.AtMost(other.Miss));
}

internal static class Reaches
{
    public static Reach AtMost(this Reach reach, Reach limit) => reach < limit ? reach : limit;

    public static Reach AtLeast(this Reach reach, Reach floor) => reach > floor ? reach : floor;
}
