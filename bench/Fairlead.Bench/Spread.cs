namespace Fairlead.Bench;

/// <summary>The middle of some values, and the range that holds eight of ten.</summary>
readonly record struct Spread(double Median, double Low, double High)
{
    /// <summary>Null when no value is there. A value that is not a number is a round without one.</summary>
    public static Spread? Of(IEnumerable<double> values)
    {
        var sorted = values.Where(double.IsFinite).Order().ToArray();
        return sorted.Length == 0 ? null : new(Quantile(sorted, 0.5), Quantile(sorted, 0.1), Quantile(sorted, 0.9));
    }

    /// <summary>The ratios within each round, where both sides have a value: what the machine does to a whole round falls out.</summary>
    public static Spread? OfRatios(IReadOnlyList<double> values, IReadOnlyList<double> others) =>
        Of(values.Zip(others, (value, other) => value / other));

    /// <summary>Interpolates between the two neighbours.</summary>
    static double Quantile(double[] sorted, double q)
    {
        var place = q * (sorted.Length - 1);
        var below = (int)place;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
